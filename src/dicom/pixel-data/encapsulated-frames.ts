/** Which fragments of encapsulated pixel data belong to which frame (PS3.5 annex A.4). */
import { type Bytes, viewOf } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { findElement } from "../elements.ts";
import type { DataElement, DicomObject, Fragment } from "../model.ts";
import { tags } from "../tags.ts";
import type { PixelCodec } from "../transfer-syntax.ts";

export interface EncapsulatedFrame {
  /** At least one. */
  readonly fragments: readonly Fragment[];
  /** Bytes of the codestream: all bytes of the fragments, or without the pad where the Extended Offset Table Lengths say so. */
  readonly length: number;
}

/** How frames were told apart. */
export type FrameMapping =
  | "extended-offset-table"
  | "basic-offset-table"
  | "fragment-per-frame"
  | "single-frame"
  | "codestream-starts";

/** An item's tag and length. */
const itemHeaderBytes = 8;

/**
 * In this order: the Extended Offset Table, the Basic Offset Table, as many fragments as frames, one frame, and last, for codestreams
 * with a marker at their start and end (JPEG, JPEG-LS, JPEG 2000), a new frame wherever a fragment starts a codestream after one that ended.
 * @throws ScansealError `encapsulation-invalid` when a table contradicts the fragments or the count of frames does not come out
 */
export async function mapFragments(
  object: DicomObject,
  element: DataElement,
  numberOfFrames: number,
): Promise<{ frames: EncapsulatedFrame[]; mapping: FrameMapping }> {
  const [basicTable, ...fragments] = element.fragments ?? [];
  if (basicTable === undefined || fragments.length === 0) throw invalid("no fragments", element);
  if (fragments.length < numberOfFrames) throw invalid("fewer fragments than frames", element);
  const extended = await extendedTable(object, element, fragments, numberOfFrames);
  if (extended !== undefined) {
    if (basicTable.length !== 0) throw invalid("both offset tables are filled", element);
    return { frames: extended, mapping: "extended-offset-table" };
  }
  if (basicTable.length > 0) {
    if (basicTable.length !== 4 * numberOfFrames)
      throw invalid("the Basic Offset Table has another size than the frames need", element);
    const table = viewOf(await object.dataSource.read(basicTable.valueOffset, basicTable.length));
    const offsets = Array.from({ length: numberOfFrames }, (_, i) => table.getUint32(4 * i, true));
    return { frames: framesAt(offsets, fragments, element), mapping: "basic-offset-table" };
  }
  if (fragments.length === numberOfFrames) {
    return {
      frames: fragments.map((fragment) => frameOf([fragment], element)),
      mapping: "fragment-per-frame",
    };
  }
  if (numberOfFrames === 1) return { frames: [frameOf(fragments, element)], mapping: "single-frame" };
  const frames = await framesByStarts(object, element, fragments);
  if (frames.length !== numberOfFrames)
    throw invalid("the codestreams found are not as many as the frames", element);
  return { frames, mapping: "codestream-starts" };
}

/** PS3.3 C.7.6.3.1.8: 64-bit offsets and lengths; each frame is one fragment. */
async function extendedTable(
  object: DicomObject,
  element: DataElement,
  fragments: readonly Fragment[],
  numberOfFrames: number,
): Promise<EncapsulatedFrame[] | undefined> {
  const offsets = findElement(object.elements, tags.extendedOffsetTable);
  const lengths = findElement(object.elements, tags.extendedOffsetTableLengths);
  if (offsets === undefined && lengths === undefined) return undefined;
  if (offsets?.length !== 8 * numberOfFrames || lengths?.length !== 8 * numberOfFrames) {
    throw invalid("the Extended Offset Table has another size than the frames need", offsets ?? element);
  }
  if (fragments.length !== numberOfFrames)
    throw invalid("an Extended Offset Table with fragmented frames", offsets);
  const starts = await numbers64(object, offsets);
  const sizes = await numbers64(object, lengths);
  const first = fragments[0]!.valueOffset;
  return fragments.map((fragment, i) => {
    const size = sizes[i]!;
    // Fragments have even length; the length in the table is without the pad.
    if (starts[i] !== fragment.valueOffset - first || size < 1 || size + (size % 2) !== fragment.length) {
      throw invalid("the Extended Offset Table contradicts the fragments", offsets);
    }
    return { fragments: [fragment], length: size };
  });
}

async function numbers64(object: DicomObject, element: DataElement): Promise<number[]> {
  const view = viewOf(element.value ?? (await object.dataSource.read(element.valueOffset, element.length)));
  return Array.from({ length: element.length / 8 }, (_, i) => {
    const value = view.getBigUint64(8 * i, true);
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.POSITIVE_INFINITY : Number(value);
  });
}

/** PS3.5 annex A.4: offsets from the first byte after the Basic Offset Table to the item tag of each frame's first fragment. */
function framesAt(
  offsets: readonly number[],
  fragments: readonly Fragment[],
  element: DataElement,
): EncapsulatedFrame[] {
  const origin = fragments[0]!.valueOffset - itemHeaderBytes;
  const byOffset = new Map(
    fragments.map(({ valueOffset }, i) => [valueOffset - itemHeaderBytes - origin, i]),
  );
  const starts = offsets.map((offset) => {
    const index = byOffset.get(offset);
    if (index === undefined) throw invalid("the Basic Offset Table points beside the fragments", element);
    return index;
  });
  if (starts[0] !== 0) throw invalid("fragments before the first frame", element);
  return starts.map((start, i) => {
    const end = starts[i + 1] ?? fragments.length;
    if (end <= start) throw invalid("the Basic Offset Table is not ascending", element);
    return frameOf(fragments.slice(start, end), element);
  });
}

interface CodestreamMarks {
  readonly start: Bytes;
  readonly end: Bytes;
}

const jpegMarks: CodestreamMarks = { start: Uint8Array.of(0xff, 0xd8, 0xff), end: Uint8Array.of(0xff, 0xd9) };
/** SOC and SIZ, T.800 A.4.1 and A.5.1. */
const j2kMarks: CodestreamMarks = {
  start: Uint8Array.of(0xff, 0x4f, 0xff, 0x51),
  end: Uint8Array.of(0xff, 0xd9),
};

const marksByCodec: Partial<Record<PixelCodec, CodestreamMarks>> = {
  jpeg: jpegMarks,
  "jpeg-lossless": jpegMarks,
  "jpeg-ls": jpegMarks,
  "jpeg-2000": j2kMarks,
  htj2k: j2kMarks,
};

/** The last bytes of a fragment: an end marker and up to two bytes of padding. */
const tailBytes = 4;

async function framesByStarts(
  object: DicomObject,
  element: DataElement,
  fragments: readonly Fragment[],
): Promise<EncapsulatedFrame[]> {
  const marks = marksByCodec[object.transferSyntax.codec];
  if (marks === undefined) throw invalid("more fragments than frames and no offset table", element);
  const frames: Fragment[][] = [];
  let ended = true;
  for (const fragment of fragments) {
    const head = await object.dataSource.read(
      fragment.valueOffset,
      Math.min(marks.start.length, fragment.length),
    );
    const starts = head.length === marks.start.length && marks.start.every((byte, i) => head[i] === byte);
    if (ended && starts) frames.push([]);
    if (frames.length === 0) throw invalid("the first fragment does not start a codestream", element);
    frames.at(-1)!.push(fragment);
    const tailLength = Math.min(tailBytes, fragment.length);
    const tail = await object.dataSource.read(
      fragment.valueOffset + fragment.length - tailLength,
      tailLength,
    );
    ended = endsWith(tail, marks.end);
  }
  return frames.map((of) => frameOf(of, element));
}

/** Zeros after the mark are padding. */
function endsWith(tail: Bytes, mark: Bytes): boolean {
  let end = tail.length;
  while (end > 0 && tail[end - 1] === 0) end--;
  return end >= mark.length && mark.every((byte, i) => tail[end - mark.length + i] === byte);
}

function frameOf(fragments: readonly Fragment[], element: DataElement): EncapsulatedFrame {
  const length = fragments.reduce((sum, fragment) => sum + fragment.length, 0);
  if (length === 0) throw invalid("an empty frame", element);
  return { fragments, length };
}

function invalid(problem: string, element: DataElement): ScansealError {
  return new ScansealError("encapsulation-invalid", problem, { tag: element.tag, offset: element.offset });
}
