/** One bit of one frame. */
import type { DicomObject } from "../../src/dicom/model.ts";
import { framesOf } from "../../src/dicom/pixel-data/frames.ts";
import { writeToBytes } from "../../src/dicom/splice.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { ScansealError } from "../../src/foundation/errors.ts";
import type { Judged } from "./fixture.ts";
import { type Mutation, patched } from "./mutation.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** Whether exactly this frame is named, or, where frames cannot be told apart, the pixel data. */
function namesFrame(index: number): (judged: Judged) => boolean {
  return ({ decision, evidence }) => {
    const frames = decision.findings.flatMap(({ location }) => location.frames ?? []);
    if (frames.length === 1 && frames[0] === index) return true;
    const whole = evidence.content?.attributes.some(({ path }) => path.startsWith("7FE0")) === true;
    return frames.length === 0 && whole;
  };
}

/** Offsets of the bits that belong to a frame alone: (byte in the data source, bit mask). */
type BitChoice = (random: SeededRandom) => { readonly offset: number; readonly mask: number };

async function choices(object: DicomObject): Promise<readonly BitChoice[]> {
  const pixels = await layoutOf(object);
  if (!pixels) return wholeValue(object);
  const { layout } = pixels;
  if (layout.kind === "native") {
    const { offset, frameBits, swap } = layout;
    return Array.from({ length: pixels.attributes.numberOfFrames }, (_, index) => (random: SeededRandom) => {
      const bit = index * frameBits + random.below(frameBits);
      const byte = bit >>> 3;
      // In a swapped word the byte of a bit is its neighbour.
      const inWord = swap === 1 ? byte : byte - (byte % swap) + swap - 1 - (byte % swap);
      return { offset: offset + inWord, mask: 1 << (bit & 7) };
    });
  }
  if (layout.kind === "video") return wholeValue(object);
  return layout.frames.map(({ fragments }) => (random: SeededRandom) => {
    const fragment = fragments[random.below(fragments.length)]!;
    return { offset: fragment.valueOffset + random.below(fragment.length), mask: 1 << random.below(8) };
  });
}

async function layoutOf(object: DicomObject): ReturnType<typeof framesOf> {
  try {
    return await framesOf(object);
  } catch (error) {
    if (error instanceof ScansealError) return undefined;
    throw error;
  }
}

function wholeValue(object: DicomObject): readonly BitChoice[] {
  const pixels = object.elements.find(({ tag }) => tag >>> 16 === 0x7fe0 && (tag & 0xffff) >= 8);
  if (!pixels) return [];
  const ranges = pixels.fragments?.slice(1).filter(({ length }) => length > 0) ?? [pixels];
  if (ranges.every(({ length }) => length === 0)) return [];
  return [
    (random) => {
      const range = ranges[random.below(ranges.length)]!;
      return { offset: range.valueOffset + random.below(range.length), mask: 1 << random.below(8) };
    },
  ];
}

export async function frameMutations(
  object: DicomObject,
  random: SeededRandom,
  frames: number,
): Promise<Mutation[]> {
  const all = (await choices(object)).map((choose, index) => ({ choose, index }));
  return random.sample(all, frames).map(({ choose, index }) => {
    const { offset, mask } = choose(random);
    return {
      what: `flip a bit of frame ${index} at ${offset}`,
      group: "frame, one bit" as const,
      make: () => withFlip(object, offset, mask),
      verdicts: ["altered", "malformed"] as const,
      named: namesFrame(index),
    };
  });
}

/** `offset` is in the data source: inside a deflated data set the pixel data is put anew. */
async function withFlip(object: DicomObject, offset: number, mask: number): Promise<Bytes> {
  if (!object.transferSyntax.deflated) {
    const bytes = await object.source.read(0, object.source.size);
    return patched(bytes, offset, (byte) => byte ^ mask);
  }
  const pixels = object.elements.find(({ tag }) => tag >>> 16 === 0x7fe0 && (tag & 0xffff) >= 8)!;
  const value = await object.dataSource.read(pixels.valueOffset, pixels.length);
  const element = {
    tag: pixels.tag,
    vr: pixels.vr,
    value: patched(value, offset - pixels.valueOffset, (b) => b ^ mask),
  };
  return writeToBytes(object, [{ kind: "put", element }]);
}
