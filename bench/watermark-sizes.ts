/**
 * What marking costs in storage: the first frame of every corpus object that can be marked, encoded before and after in each lossless transfer syntax.
 *
 *   node bench/watermark-sizes.ts
 */
import { generateKeyPairSync, sign } from "node:crypto";
import { plainTextOf } from "../src/dicom/elements.ts";
import { frameSamples } from "../src/dicom/pixel-data/frame-samples.ts";
import { framesOf } from "../src/dicom/pixel-data/frames.ts";
import { readDicom } from "../src/dicom/read.ts";
import { tags } from "../src/dicom/tags.ts";
import { MemorySource } from "../src/foundation/byte-source.ts";
import { ScansealError } from "../src/foundation/errors.ts";
import { signatureFromDer, withLowS } from "../src/invisible-watermark/ecdsa-signature.ts";
import { noiseShareMax } from "../src/invisible-watermark/invisibility.ts";
import { CodecPool } from "../src/platform/node/codecs/codec-pool.ts";
import { nodeCrypto } from "../src/platform/node/crypto.ts";
import { InlineFrameMarker } from "../src/sealing/frame-marking.ts";
import { corpusBytes, corpusFiles, tolerancesFor } from "../test/evaluation/corpus-files.ts";

const syntaxes: readonly (readonly [string, string])[] = [
  ["RLE", "1.2.840.10008.1.2.5"],
  ["JPEG lossless", "1.2.840.10008.1.2.4.70"],
  ["JPEG-LS", "1.2.840.10008.1.2.4.80"],
  ["JPEG 2000", "1.2.840.10008.1.2.4.90"],
  ["HTJ2K", "1.2.840.10008.1.2.4.201"],
];

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const keys = {
  keyId: new Uint8Array(8),
  locatorKey: new Uint8Array(32).fill(7),
  recoveryKey: new Uint8Array(32).fill(9),
};
const signer = async (bytes: Uint8Array): Promise<Uint8Array> =>
  withLowS(signatureFromDer(new Uint8Array(sign("sha256", bytes, privateKey)))!);
const codecs = new CodecPool();
const marker = new InlineFrameMarker(nodeCrypto);

/** Growth in percent, by "modality, bits" and by syntax. */
const growth = new Map<string, Map<string, number[]>>();

async function measure(file: string): Promise<void> {
  const options = { tolerate: new Set(tolerancesFor(file)) };
  const object = await readDicom(new MemorySource(corpusBytes(file)), options);
  const frames = await framesOf(object);
  if (!frames) return;
  const { attributes } = frames;
  const samples = await frameSamples(frames, 0, codecs);
  if ("reason" in samples) return;
  const job = { attributes, samples, keys, contentId: new Uint8Array(16), frameNo: 0, noiseShareMax };
  const marked = await marker.mark(job, signer);
  if ("reason" in marked) return;
  const modality = plainTextOf(object.elements, tags.modality) ?? "none";
  const name = `${modality}, ${attributes.bitsStored > 8 ? "more than 8" : "8"} bits`;
  const row = growth.get(name) ?? new Map<string, number[]>();
  growth.set(name, row);
  for (const [syntax, transferSyntaxUid] of syntaxes) {
    const size = async (content: Uint8Array): Promise<number> =>
      (await codecs.encode({ transferSyntaxUid, attributes, samples: content })).codestream.length;
    const percent = 100 * ((await size(marked.samples)) / (await size(samples)) - 1);
    row.set(syntax, [...(row.get(syntax) ?? []), percent]);
  }
}

for (const { file } of corpusFiles()) {
  try {
    await measure(file);
  } catch (error) {
    if (!(error instanceof ScansealError)) throw error;
  }
}
await codecs.close();

const percentText = (values: readonly number[]): string => {
  const sorted = values.toSorted((a, b) => a - b);
  return `${sorted[sorted.length >> 1]!.toFixed(1)} (${sorted.at(-1)!.toFixed(1)})`;
};
console.log(`| growth in %, median (most) | objects | ${syntaxes.map(([name]) => name).join(" | ")} |`);
console.log(`| --- | ---: |${" ---: |".repeat(syntaxes.length)}`);
for (const [name, row] of [...growth].sort(([a], [b]) => a.localeCompare(b))) {
  const cells = syntaxes.map(([syntax]) => percentText(row.get(syntax) ?? [Number.NaN]));
  console.log(`| ${name} | ${row.get("RLE")?.length ?? 0} | ${cells.join(" | ")} |`);
}
