/** Files of the corpus in a lossless codec, and their canonical frames. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { feedPlan } from "../../src/dicom/byte-plan.ts";
import { canonicalFrame } from "../../src/dicom/pixel-data/canonical-frames.ts";
import type { FrameDecoder } from "../../src/dicom/pixel-data/decoder.ts";
import type { PixelFrames } from "../../src/dicom/pixel-data/frames.ts";
import type { ReadOptions } from "../../src/dicom/read.ts";
import { type Bytes, concatBytes } from "../../src/foundation/bytes.ts";
import { peerPath } from "../peers.ts";

/** What old files and the peers' own output get wrong beside the pixels. */
export const lenient: ReadOptions = {
  tolerate: new Set([
    "meta-invalid",
    "uid-invalid",
    "uid-mismatch",
    "value-invalid",
    "vr-mismatch",
    "length-odd",
    "trailing-bytes",
  ]),
};

export interface CodedFile {
  /** In the corpus. */
  readonly file: string;
  readonly path: string;
  readonly syntax: string;
}

const losslessSyntax = /^1\.2\.840\.10008\.1\.2\.(4\.(57|70|80|90|91|201|202)|5|8\.1)$/;
/** With the irreversible transform. */
const lossy = "radiograph/mammogram-mg1-j2k-lossy.dcm";

/** Well-formed images in a syntax that we encode. */
export function losslessFiles(): CodedFile[] {
  const [head, ...lines] = readFileSync(join(peerPath("corpus"), "INDEX.tsv"), "utf8")
    .trim()
    .split("\n");
  const names = head!.split("\t");
  const column = (line: string, name: string): string => line.split("\t")[names.indexOf(name)]!;
  return lines
    .filter((line) => losslessSyntax.test(column(line, "transfer_syntax")) && column(line, "dims") !== "")
    .map((line) => column(line, "file"))
    .filter((file) => !file.startsWith("malformed/") && file !== lossy)
    .map((file) => {
      const line = lines.find((other) => column(other, "file") === file)!;
      return { file, path: join(peerPath("corpus"), file), syntax: column(line, "transfer_syntax") };
    });
}

/** All frames, in order. */
export async function canonicalFramesOf(frames: PixelFrames, decoder: FrameDecoder): Promise<Bytes[]> {
  const all: Bytes[] = [];
  for (let i = 0; i < frames.attributes.numberOfFrames; i++) {
    const parts: Bytes[] = [];
    const step = await canonicalFrame(frames, i, decoder);
    await feedPlan([step], frames.object.dataSource, (part) => void parts.push(part));
    all.push(concatBytes(parts));
  }
  return all;
}
