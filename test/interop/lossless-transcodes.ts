/** Every lossless change of transfer syntax that DCMTK, GDCM and Orthanc can do. */
import { inflateRawSync } from "node:zlib";
import { type Bytes, viewOf } from "../../src/foundation/bytes.ts";
import { type Operation, operations, steps } from "../evaluation/benign-operations.ts";
import type { NetworkPeers } from "../evaluation/network-peers.ts";

const predictors = [1, 2, 3, 4, 5, 6, 7];

/** What a Transcode's result is in. */
const syntax = {
  implicit: "1.2.840.10008.1.2",
  explicit: "1.2.840.10008.1.2.1",
  deflated: "1.2.840.10008.1.2.1.99",
  big: "1.2.840.10008.1.2.2",
  jpegLossless: "1.2.840.10008.1.2.4.57",
  jpegLosslessSv1: "1.2.840.10008.1.2.4.70",
  jpegLs: "1.2.840.10008.1.2.4.80",
  jpeg2000: "1.2.840.10008.1.2.4.90",
  htj2k: "1.2.840.10008.1.2.4.201",
  rle: "1.2.840.10008.1.2.5",
} as const;

export interface Transcode extends Operation {
  /** Transfer syntax UID of the result. Undefined: native, and which one is the software's choice. */
  readonly to: string | undefined;
}

function into(to: keyof typeof syntax, operation: Operation): Transcode {
  return { ...operation, to: syntax[to] };
}

const there: readonly Transcode[] = [
  into("implicit", steps("dcmconv, implicit little endian", ["dcmconv", "+ti"])),
  into("explicit", steps("dcmconv, explicit little endian", ["dcmconv", "+te"])),
  into("big", steps("dcmconv, big endian", ["dcmconv", "+tb"])),
  into("deflated", steps("dcmconv, deflated", ["dcmconv", "+td"])),
  into("rle", steps("dcmcrle, RLE", ["dcmcrle"])),
  into("jpegLosslessSv1", steps("dcmcjpeg, JPEG lossless SV1", ["dcmcjpeg", "+e1"])),
  ...predictors.map((n) =>
    into(
      "jpegLossless",
      steps(`dcmcjpeg, JPEG lossless, predictor ${n}`, ["dcmcjpeg", "+el", "+sv", `${n}`]),
    ),
  ),
  into("jpegLs", steps("dcmcjpls, JPEG-LS", ["dcmcjpls", "+el"])),
  into("jpegLs", steps("dcmcjpls, JPEG-LS by sample", ["dcmcjpls", "+el", "+is"])),
  into("jpegLs", steps("dcmcjpls, JPEG-LS by plane", ["dcmcjpls", "+el", "+in"])),
  into("implicit", steps("gdcmconv, implicit little endian", ["gdcmconv", "--implicit"])),
  into("explicit", steps("gdcmconv, explicit little endian", ["gdcmconv", "--explicit"])),
  into("deflated", steps("gdcmconv, deflated", ["gdcmconv", "--deflated"])),
  into("rle", steps("gdcmconv, RLE", ["gdcmconv", "--rle"])),
  into("jpegLosslessSv1", steps("gdcmconv, JPEG lossless SV1", ["gdcmconv", "--jpeg"])),
  into("jpegLs", steps("gdcmconv, JPEG-LS", ["gdcmconv", "--jpegls"])),
  into("jpeg2000", steps("gdcmconv, JPEG 2000", ["gdcmconv", "--j2k"])),
];

const andBack: readonly Operation[] = [
  steps("dcmconv, big endian and back", ["dcmconv", "+tb"], ["dcmconv", "+te"]),
  steps("dcmconv, deflated and back", ["dcmconv", "+td"], ["dcmconv", "+te"]),
  steps("dcmcrle and dcmdrle", ["dcmcrle"], ["dcmdrle"]),
  steps("dcmcjpeg SV1 and dcmdjpeg", ["dcmcjpeg", "+e1"], ["dcmdjpeg"]),
  ...predictors.map((n) =>
    steps(`dcmcjpeg, predictor ${n}, and dcmdjpeg`, ["dcmcjpeg", "+el", "+sv", `${n}`], ["dcmdjpeg"]),
  ),
  steps("dcmcjpls and dcmdjpls", ["dcmcjpls", "+el"], ["dcmdjpls"]),
  steps("gdcmconv, native", ["gdcmconv", "--raw"]),
  steps("gdcmconv RLE and back", ["gdcmconv", "--rle"], ["gdcmconv", "--raw"]),
  steps("gdcmconv JPEG lossless and back", ["gdcmconv", "--jpeg"], ["gdcmconv", "--raw"]),
  steps("gdcmconv JPEG-LS and back", ["gdcmconv", "--jpegls"], ["gdcmconv", "--raw"]),
  steps("gdcmconv JPEG 2000 and back", ["gdcmconv", "--j2k"], ["gdcmconv", "--raw"]),
  steps("dcmcjpls, decoded by gdcmconv", ["dcmcjpls", "+el"], ["gdcmconv", "--raw"]),
  steps("gdcmconv JPEG-LS, decoded by dcmdjpls", ["gdcmconv", "--jpegls"], ["dcmdjpls"]),
  steps("dcmcjpeg, decoded by gdcmconv", ["dcmcjpeg", "+e1"], ["gdcmconv", "--raw"]),
  steps("gdcmconv JPEG lossless, decoded by dcmdjpeg", ["gdcmconv", "--jpeg"], ["dcmdjpeg"]),
  steps("dcmcrle, decoded by gdcmconv", ["dcmcrle"], ["gdcmconv", "--raw"]),
  steps(
    "RLE, JPEG lossless, JPEG-LS, JPEG 2000, native",
    ["dcmcrle"],
    ["dcmdrle"],
    ["dcmcjpeg", "+e1"],
    ["dcmdjpeg"],
    ["dcmcjpls", "+el"],
    ["dcmdjpls"],
    ["gdcmconv", "--j2k"],
    ["gdcmconv", "--raw"],
  ),
];

const openJph = operations.filter(({ name }) => name.startsWith("OpenJPH"));

export const toolTranscodes: readonly Transcode[] = [
  ...there,
  ...andBack.map((operation) => ({ ...operation, to: undefined })),
  ...openJph.map((operation) => into("htj2k", operation)),
];

/** What Orthanc transcodes to without plugins. */
const orthancSyntaxes: readonly (readonly [name: string, to: keyof typeof syntax])[] = [
  ["implicit little endian", "implicit"],
  ["explicit little endian", "explicit"],
  ["deflated", "deflated"],
  ["big endian", "big"],
  ["JPEG lossless", "jpegLossless"],
  ["JPEG lossless SV1", "jpegLosslessSv1"],
  ["JPEG-LS", "jpegLs"],
];

/** Through the archive: stored, asked for in another transfer syntax, and fetched. */
export function orthancTranscodes(orthanc: Pick<NetworkPeers, "request">): readonly Transcode[] {
  const transcode = async (bytes: Bytes, to: string): Promise<Bytes | undefined> => {
    const id = await storedIn(orthanc, bytes);
    if (id === undefined) return undefined;
    const request = { Transcode: to, Keep: ["SOPInstanceUID"], Force: true };
    const transcoded = await orthanc.request("POST", `/instances/${id}/modify`, request);
    await orthanc.request("DELETE", `/instances/${id}`);
    return transcoded;
  };
  const all = orthancSyntaxes.map(([name, to]): Transcode => {
    return into(to, {
      name: `Orthanc, ${name}`,
      peers: ["Orthanc"],
      apply: (bytes) => transcode(bytes, syntax[to]),
    });
  });
  const cut = into("deflated", {
    name: "Orthanc, deflated, cut where the deflated data end",
    peers: ["Orthanc"],
    apply: async (bytes) => {
      const file = await transcode(bytes, syntax.deflated);
      return file && cutBehindDeflated(file);
    },
  });
  return [...all, cut];
}

/** Orthanc 1.10 returns as many bytes as there were before deflating; those behind the deflated data are zeros. */
function cutBehindDeflated(file: Bytes): Bytes {
  // PS3.10 section 7.1: preamble, "DICM", and the length of what follows it in the group.
  const start = 144 + viewOf(file).getUint32(140, true);
  const { engine } = inflateRawSync(file.subarray(start), { info: true }) as unknown as {
    engine: { bytesWritten: number };
  };
  return file.slice(0, start + engine.bytesWritten + (engine.bytesWritten % 2));
}

export async function storedIn(
  orthanc: Pick<NetworkPeers, "request">,
  bytes: Bytes,
): Promise<string | undefined> {
  const answer = await orthanc.request("POST", "/instances", bytes);
  return answer && (JSON.parse(Buffer.from(answer).toString()) as { ID?: string }).ID;
}
