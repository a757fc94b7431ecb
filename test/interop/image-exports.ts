/** Ways out of DICOM that keep every sample: PNG files without metadata. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bytes } from "../../src/foundation/bytes.ts";
import type { StrippedFrame } from "../../src/invisible-watermark/canonical-form.ts";
import { type PngImage, readPng } from "../../src/platform/node/png.ts";
import type { Operation } from "../evaluation/benign-operations.ts";
import type { NetworkPeers } from "../evaluation/network-peers.ts";
import { type PeerName, peerPath } from "../peers.ts";
import { storedIn } from "./lossless-transcodes.ts";

/** pydicom's samples as they are, written by hand: 8 or 16 bits, grey or RGB; negative ones moved by half of the range, or in two's complement. */
const pydicomPng = `
import sys, struct, zlib, numpy, pydicom
d = pydicom.dcmread(sys.argv[1])
a = d.pixel_array
if d.get("NumberOfFrames", 1) > 1: a = a[0]
wide = a.dtype.itemsize == 2
if a.dtype.kind == "i": a = (a.astype("i4") + 32768).astype("u2") if sys.argv[3] == "moved" else a.astype("u2")
rows = b"".join(b"\\0" + row.astype(">u2" if wide else "u1").tobytes() for row in a)
def chunk(kind, body): return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
head = struct.pack(">IIBBBBB", a.shape[1], a.shape[0], 16 if wide else 8, 2 if a.ndim == 3 else 0, 0, 0, 0)
open(sys.argv[2], "wb").write(b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
`;

function program(
  name: string,
  tool: PeerName,
  options: (from: string, to: string) => readonly string[],
): Operation {
  return {
    name,
    peers: [tool],
    apply: async (bytes, work) => {
      const [from, to] = [join(work, "export.dcm"), join(work, "export.png")];
      writeFileSync(from, bytes);
      rmSync(to, { force: true });
      const run = spawnSync(peerPath(tool), options(from, to), { stdio: "ignore", timeout: 60_000 });
      return run.status === 0 && existsSync(to) ? new Uint8Array(readFileSync(to)) : undefined;
    },
  };
}

export const toolExports: readonly Operation[] = [
  program("dcm2pnm, PNG of 16 bits", "dcm2pnm", (from, to) => ["-M", "-W", "+on2", from, to]),
  program("dcm2pnm, PNG of 8 bits", "dcm2pnm", (from, to) => ["-M", "-W", "+on", from, to]),
  program("pydicom, PNG", "pydicom", (from, to) => ["-c", pydicomPng, from, to, "moved"]),
  program("pydicom, PNG, two's complement", "pydicom", (from, to) => [
    "-c",
    pydicomPng,
    from,
    to,
    "as it is",
  ]),
];

export function orthancExports(orthanc: Pick<NetworkPeers, "request">): readonly Operation[] {
  return ["image-uint8", "image-uint16", "image-int16"].map((kind) => ({
    name: `Orthanc, ${kind}`,
    peers: ["Orthanc"],
    apply: async (bytes) => {
      const id = await storedIn(orthanc, bytes);
      if (id === undefined) return undefined;
      const image = await orthanc.request("GET", `/instances/${id}/${kind}`, undefined, "image/png");
      await orthanc.request("DELETE", `/instances/${id}`);
      return image;
    },
  }));
}

export function strippedPng(png: Bytes): StrippedFrame {
  const { width, height, channels, samples }: PngImage = readPng(png);
  const planes = Array.from({ length: channels }, (_, c) =>
    Int32Array.from({ length: width * height }, (_, i) => samples[i * channels + c]!),
  );
  return { width, height, planes };
}
