/** Lookup tables of images: Modality and VOI LUT (PS3.3 C.11.1.1, C.11.2.1.1), palettes (C.7.6.3.1.5) and their segmented form (C.7.9.2). */
import { swapped } from "../../dicom/byte-plan.ts";
import { findElement } from "../../dicom/elements.ts";
import type { DataElement, DicomObject } from "../../dicom/model.ts";
import { formatTag, type Tag } from "../../dicom/tags.ts";
import { type Bytes, viewOf } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";

export interface LookupTable {
  /** The value that the first entry is for; all below have the first entry, all beyond the last one the last. */
  readonly first: number;
  readonly entries: Uint16Array;
  /** Bits of an entry, 8 to 16. */
  readonly bits: number;
}

export interface LookupTableTags {
  readonly descriptor: Tag;
  readonly data: Tag;
  readonly segmented?: Tag;
}

/** The descriptor's first number is of 16 bits, 0 for 65536. */
const entriesMax = 65_536;
/** Entries of 16 bits; a segmented table is shorter than what it stands for. */
const tableBytesMax = 2 * entriesMax;

/**
 * @param isSigned the first mapped value is in two's complement where its VR does not say so
 * @throws ScansealError `value-invalid` where the data is not what the descriptor says, `io`
 */
export async function lookupTable(
  object: DicomObject,
  elements: readonly DataElement[],
  names: LookupTableTags,
  isSigned: boolean,
): Promise<LookupTable> {
  const descriptor = findElement(elements, names.descriptor);
  if (descriptor?.value?.length !== 6) throw invalid(names.descriptor);
  const view = viewOf(descriptor.value);
  const isLittle = !descriptor.encoding.bigEndian;
  const count = view.getUint16(0, isLittle) || entriesMax;
  const isFirstSigned = descriptor.vrOnWire === undefined ? isSigned : descriptor.vr === "SS" || isSigned;
  const first = isFirstSigned ? view.getInt16(2, isLittle) : view.getUint16(2, isLittle);
  const bits = view.getUint16(4, isLittle);
  if (bits < 8 || bits > 16) throw invalid(names.descriptor);
  const data = findElement(elements, names.data);
  const segmented = names.segmented === undefined ? undefined : findElement(elements, names.segmented);
  if (data) return { first, bits, entries: plainEntries(await wordsOf(object, data), count, bits, data.tag) };
  if (!segmented) throw invalid(names.data);
  const units = unitsOf(await wordsOf(object, segmented), bits);
  return { first, bits, entries: segmentedEntries(units, count, bits === 8 ? 1 : 2, segmented.tag) };
}

/** The entry for a value; fractions belong to the entry below them. */
export function entryFor({ first, entries }: LookupTable, value: number): number {
  const at = Math.floor(value) - first;
  // What is no number has the first entry.
  return entries[at > 0 ? Math.min(at, entries.length - 1) : 0]!;
}

/** Little endian. */
async function wordsOf(object: DicomObject, element: DataElement): Promise<Bytes> {
  const { length, value, valueOffset, encoding, tag } = element;
  if (length > tableBytesMax || length % 2 !== 0 || element.undefinedLength) throw invalid(tag);
  const bytes = value ?? (await object.dataSource.read(valueOffset, length));
  return encoding.bigEndian ? swapped(bytes, 2) : bytes;
}

/** Entries are words, but 8-bit ones may be packed two to a word (PS3.3 C.7.6.3.1.6). */
function plainEntries(bytes: Bytes, count: number, bits: number, tag: Tag): Uint16Array {
  if (bytes.length === 2 * count) return unitsOf(bytes, 16);
  if (bits === 8 && bytes.length === count + (count % 2)) return unitsOf(bytes, 8).subarray(0, count);
  throw invalid(tag);
}

function unitsOf(bytes: Bytes, bits: number): Uint16Array {
  if (bits === 8) return Uint16Array.from(bytes);
  const view = viewOf(bytes);
  return Uint16Array.from({ length: bytes.length / 2 }, (_, i) => view.getUint16(2 * i, true));
}

/** PS3.3 C.7.9.2: runs of entries, straight lines, and references to earlier segments. */
function segmentedEntries(units: Uint16Array, count: number, unitBytes: 1 | 2, tag: Tag): Uint16Array {
  const out = new Uint16Array(count);
  let filled = 0;
  const unit = (at: number): number => {
    const value = units[at];
    if (value === undefined) throw invalid(tag);
    return value;
  };
  const put = (value: number): void => {
    if (filled === count) throw invalid(tag);
    out[filled++] = value;
  };
  /** A discrete or linear segment at `at`. @returns where the next one is */
  const expand = (at: number): number => {
    const [opcode, length] = [unit(at), unit(at + 1)];
    // Without entries there would be no bound to how many there are.
    if (length === 0) throw invalid(tag);
    if (opcode === 0) {
      for (let i = 0; i < length; i++) put(unit(at + 2 + i));
      return at + 2 + length;
    }
    if (opcode !== 1 || filled === 0) throw invalid(tag);
    const [from, to] = [out[filled - 1]!, unit(at + 2)];
    for (let i = 1; i <= length; i++) put(Math.round(from + ((to - from) * i) / length));
    return at + 3;
  };
  let at = 0;
  while (filled < count) {
    if (unit(at) !== 2) {
      at = expand(at);
      continue;
    }
    // An offset in bytes, of 32 bits, its least significant part first.
    let offset = 0;
    for (let i = 4 / unitBytes - 1; i >= 0; i--) offset = offset * 256 ** unitBytes + unit(at + 2 + i);
    let from = offset / unitBytes;
    if (!Number.isInteger(from)) throw invalid(tag);
    for (let i = unit(at + 1); i > 0; i--) from = expand(from);
    at += 2 + 4 / unitBytes;
  }
  return out;
}

function invalid(tag: Tag): ScansealError {
  return new ScansealError("value-invalid", `${formatTag(tag)}: a lookup table that is none`, { tag });
}
