/** Marked objects, and what is left of their marks after other software has had them. */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import type { DicomObject } from "../../src/dicom/model.ts";
import { frameSamples } from "../../src/dicom/pixel-data/frame-samples.ts";
import { framesOf } from "../../src/dicom/pixel-data/frames.ts";
import { planesOf } from "../../src/dicom/pixel-data/sample-planes.ts";
import { readDicom } from "../../src/dicom/read.ts";
import { writeToBytes } from "../../src/dicom/splice.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { ScansealError } from "../../src/foundation/errors.ts";
import { checkStrippedFrame, type StrippedFrame } from "../../src/invisible-watermark/canonical-form.ts";
import { checkFrame, type FrameCheck, type KeyOf } from "../../src/invisible-watermark/check.ts";
import type { PlanarFrame } from "../../src/invisible-watermark/frame.ts";
import { keySigner } from "../../src/keys/custody/device-keys.ts";
import type { CodecPool } from "../../src/platform/node/codecs/codec-pool.ts";
import { nodeCrypto, nodeRandom } from "../../src/platform/node/crypto.ts";
import { InlineFrameMarker } from "../../src/sealing/frame-marking.ts";
import { markObject } from "../../src/sealing/object-marking.ts";
import type { Operation } from "../evaluation/benign-operations.ts";

const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
const publicKeyInfo = new Uint8Array(pair.publicKey.export({ type: "spki", format: "der" }));
const signer = keySigner(pair.privateKey, randomBytes(64), "SHA-256");

/** One device marks them all. */
export const keyOf: KeyOf = () => publicKeyInfo;

/** Fails where a frame cannot be marked. */
export async function markedBytes(file: Bytes, codecs: CodecPool): Promise<Bytes> {
  const object = await readDicom(new MemorySource(file));
  const mark = await markObject(object, {
    ...{ crypto: nodeCrypto, random: nodeRandom, decoder: codecs, encoder: codecs, signer },
    marker: new InlineFrameMarker(nodeCrypto),
    keys: { locatorKey: nodeRandom.bytes(32), recoveryKey: nodeRandom.bytes(32) },
    refuse: () => undefined,
  });
  if ("reason" in mark) throw new Error(mark.reason);
  return writeToBytes(object, mark.edits);
}

/** GDCM and Orthanc leave a byte behind a deflated data set. */
const read = (file: Bytes): Promise<DicomObject> =>
  readDicom(new MemorySource(file), { tolerate: new Set(["trailing-bytes"]) });

/** @returns why there are none */
async function planesIn(file: Bytes, codecs: CodecPool): Promise<PlanarFrame[] | string> {
  try {
    const frames = await framesOf(await read(file));
    const all: PlanarFrame[] = [];
    for (let i = 0; i < (frames?.attributes.numberOfFrames ?? 0); i++) {
      const samples = await frameSamples(frames!, i, codecs);
      const planes = "reason" in samples ? samples : planesOf(frames!.attributes, samples);
      if ("reason" in planes) return planes.reason;
      all.push(planes);
    }
    return all;
  } catch (error) {
    if (error instanceof ScansealError) return error.code;
    throw error;
  }
}

/**
 * `declined`: the software does not do that. `other form`: every sample has its value, but the object says otherwise how many bits they have; as files
 * without metadata they are intact. `tool`: the software changes samples of the unmarked original as well. `lost`: it kept those, and the mark is not intact.
 */
export interface Survival {
  readonly result: "intact" | "declined" | "other form" | "tool" | "lost";
  /** Of the file that came back. */
  readonly transferSyntaxUid?: string;
  readonly detail?: string;
}

export async function survivalOf(
  operation: Operation,
  original: Bytes,
  marked: Bytes,
  work: string,
  codecs: CodecPool,
): Promise<Survival> {
  const after = await operation.apply(marked, work, []);
  if (after === undefined) return { result: "declined" };
  const frames = await planesIn(after, codecs);
  const before = (await planesIn(marked, codecs)) as PlanarFrame[];
  if (typeof frames !== "string" && frames.length === before.length) {
    const { uid: transferSyntaxUid } = (await read(after)).transferSyntax;
    if (await areIntact(frames, (frame) => checkFrame(frame, nodeCrypto, keyOf))) {
      return { result: "intact", transferSyntaxUid };
    }
    const detail = differenceOf(before, frames);
    if (await areIntact(frames, (frame) => checkStrippedFrame(strippedOf(frame), nodeCrypto, keyOf))) {
      return { result: "other form", transferSyntaxUid, ...(detail && { detail }) };
    }
  }
  const control = await operation.apply(original, work, []);
  const originals = (await planesIn(original, codecs)) as PlanarFrame[];
  const changed = control && differenceOf(originals, await planesIn(control, codecs));
  return changed
    ? { result: "tool", detail: changed }
    : { result: "lost", detail: differenceOf(before, frames) ?? "" };
}

async function areIntact(
  frames: readonly PlanarFrame[],
  check: (frame: PlanarFrame) => Promise<FrameCheck>,
): Promise<boolean> {
  const checks = await Promise.all(frames.map(check));
  return checks.every(({ facts }) => facts.found && facts.intact);
}

/** Stored values, without what the attributes say of them. */
function strippedOf({ width, height, bits, signed, planes }: PlanarFrame): StrippedFrame {
  const lowest = signed ? -(2 ** (bits - 1)) : 0;
  return {
    width,
    height,
    planes: planes.map((plane) => Int32Array.from(plane, (sample) => sample + lowest)),
  };
}

/** What differs, in words; undefined: nothing. */
function differenceOf(
  before: readonly PlanarFrame[],
  after: readonly PlanarFrame[] | string,
): string | undefined {
  if (typeof after === "string") return `not read: ${after}`;
  const [one, other] = [before[0]!, after[0]];
  if (!other || before.length !== after.length) return "another number of frames";
  for (const field of ["width", "height", "bits", "signed", "colour"] as const) {
    if (one[field] !== other[field]) return `${field} ${one[field]} became ${other[field]}`;
  }
  let differing = 0;
  for (const [i, frame] of before.entries()) {
    for (const [c, plane] of frame.planes.entries()) {
      const now = after[i]!.planes[c]!;
      for (let k = 0; k < plane.length; k++) if (plane[k] !== now[k]) differing++;
    }
  }
  return differing === 0 ? undefined : `${differing} samples changed`;
}
