/** What other people's software does to files every day without changing what they say. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rewriteObject } from "../../src/attack-lab/rewrites.ts";
import { explicitLittleEndianUid } from "../../src/dicom/transfer-syntax.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { type PeerName, peer, peerPath } from "../peers.ts";
import { parse, type Tolerances } from "./fixture.ts";
import { asHtj2k } from "./htj2k-encoder.ts";

export interface Operation {
  readonly name: string;
  readonly peers: readonly PeerName[];
  /** Undefined where the software declines: that syntax, that image. */
  readonly apply: (bytes: Bytes, work: string, tolerate: Tolerances) => Promise<Bytes | undefined>;
}

type Step = readonly [tool: PeerName, ...options: string[]];

/** One after the other, each reading what the one before wrote. */
export function steps(name: string, ...all: readonly Step[]): Operation {
  return {
    name,
    peers: all.map(([tool]) => tool),
    apply: async (bytes, work) => {
      let at = join(work, "0.dcm");
      writeFileSync(at, bytes);
      for (const [index, [tool, ...options]] of all.entries()) {
        const next = join(work, `${index + 1}.dcm`);
        rmSync(next, { force: true });
        const run = spawnSync(peerPath(tool), [...options, at, next], { stdio: "ignore", timeout: 60_000 });
        if (run.status !== 0 || !existsSync(next)) return undefined;
        at = next;
      }
      return new Uint8Array(readFileSync(at));
    },
  };
}

const own = (
  name: string,
  apply: (bytes: Bytes, tolerate: Tolerances) => Promise<Bytes | undefined>,
): Operation => ({ name, peers: [], apply: (bytes, _work, tolerate) => apply(bytes, tolerate) });

const pydicomSave = [
  "import sys, pydicom",
  "d = pydicom.dcmread(sys.argv[1])",
  "list(d.iterall()) if len(sys.argv) > 3 else None",
  "d.save_as(sys.argv[2])",
].join("\n");

function pydicom(name: string, ...options: readonly string[]): Operation {
  return {
    name,
    peers: ["pydicom"],
    apply: async (bytes, work) => {
      const [from, to] = [join(work, "p0.dcm"), join(work, "p1.dcm")];
      writeFileSync(from, bytes);
      rmSync(to, { force: true });
      const run = spawnSync(peerPath("pydicom"), ["-c", pydicomSave, from, to, ...options], {
        stdio: "ignore",
        timeout: 60_000,
      });
      return run.status === 0 && existsSync(to) ? new Uint8Array(readFileSync(to)) : undefined;
    },
  };
}

export const operations: readonly Operation[] = [
  steps("dcmconv, implicit", ["dcmconv", "+ti"]),
  steps("dcmconv, explicit", ["dcmconv", "+te"]),
  steps("dcmconv, big endian", ["dcmconv", "+tb"]),
  steps("dcmconv, deflated", ["dcmconv", "+td"]),
  steps("dcmconv, undefined lengths", ["dcmconv", "-e"]),
  steps("dcmconv, group lengths", ["dcmconv", "+g"]),
  steps("dcmconv, implicit and back", ["dcmconv", "+ti"], ["dcmconv", "+te"]),
  steps("dcmconv, big endian and back", ["dcmconv", "+tb"], ["dcmconv", "+ti"], ["dcmconv", "+te"]),
  steps("dcmcrle (RLE)", ["dcmcrle"]),
  steps("dcmcrle and back", ["dcmcrle"], ["dcmdrle"]),
  steps("dcmcjpls (JPEG-LS)", ["dcmcjpls", "+el"]),
  steps("dcmcjpls and back", ["dcmcjpls", "+el"], ["dcmdjpls"]),
  steps("dcmcjpeg (JPEG lossless SV1)", ["dcmcjpeg", "+e1"]),
  steps("dcmcjpeg and back", ["dcmcjpeg", "+e1"], ["dcmdjpeg"]),
  steps("dcmdjpls (decompress)", ["dcmdjpls"]),
  steps("dcmdrle (decompress)", ["dcmdrle"]),
  steps("dcmdjpeg (decompress)", ["dcmdjpeg"]),
  steps("gdcmconv, copy", ["gdcmconv"]),
  steps("gdcmconv, explicit", ["gdcmconv", "--explicit"]),
  steps("gdcmconv, implicit", ["gdcmconv", "--implicit"]),
  steps("gdcmconv --raw (decompress)", ["gdcmconv", "--raw"]),
  steps("gdcmconv --rle", ["gdcmconv", "--rle"]),
  steps("gdcmconv --jpegls", ["gdcmconv", "--jpegls"]),
  steps("gdcmconv --jpeg (lossless)", ["gdcmconv", "--jpeg"]),
  steps("gdcmconv --j2k", ["gdcmconv", "--j2k"]),
  steps("gdcmconv --j2k and back", ["gdcmconv", "--j2k"], ["gdcmconv", "--raw"]),
  own("OpenJPH (HTJ2K)", async (bytes, tolerate) => asHtj2k(await parse(bytes, tolerate))),
  own("undefined lengths everywhere", async (bytes, tolerate) => {
    const object = await parse(bytes, tolerate);
    if (object.transferSyntax.encapsulated) return undefined;
    return rewriteObject(object, { transferSyntaxUid: explicitLittleEndianUid, undefinedLengths: true });
  }),
  pydicom("pydicom read and save"),
  pydicom("pydicom, all elements read", "all"),
];

export function canRun({ peers }: Operation): boolean {
  return peers.every((name) => peer(name) !== undefined);
}
