/** Writes one data set in every way other software might: the test's own encoder, so that leaves are compared with more than our writer. */

import { swapped } from "../../../src/dicom/byte-plan.ts";
import { encodeMeta, encodeTag, type NewElement } from "../../../src/dicom/encode.ts";
import type { Encoding } from "../../../src/dicom/model.ts";
import { isPrivate, isPrivateCreator, type Tag, tags } from "../../../src/dicom/tags.ts";
import {
  explicitBigEndianUid,
  explicitLittleEndianUid,
  implicitLittleEndianUid,
} from "../../../src/dicom/transfer-syntax.ts";
import { type Vr, vrTraits } from "../../../src/dicom/vr.ts";
import { type Bytes, concatBytes, fromLatin1, u32le } from "../../../src/foundation/bytes.ts";

export interface Variant {
  readonly name: string;
  readonly syntax: string;
  readonly encoding: Encoding;
  /** Sequences and items end with delimiters. */
  readonly undefinedLengths: boolean;
  /** Private elements are written as UN, as software does that does not know them. */
  readonly privateAsUn: boolean;
  /** Standard sequences are written as UN of defined length. */
  readonly sequencesAsUn: boolean;
  /** Retired group lengths, where they are right. */
  readonly groupLengths: boolean;
}

const implicit: Encoding = { explicit: false, bigEndian: false };
const explicit: Encoding = { explicit: true, bigEndian: false };
const big: Encoding = { explicit: true, bigEndian: true };
const plain = { undefinedLengths: false, privateAsUn: false, sequencesAsUn: false, groupLengths: false };

export const variants: readonly Variant[] = [
  { name: "implicit", syntax: implicitLittleEndianUid, encoding: implicit, ...plain },
  {
    name: "implicit, undefined lengths",
    syntax: implicitLittleEndianUid,
    encoding: implicit,
    ...plain,
    undefinedLengths: true,
  },
  { name: "explicit", syntax: explicitLittleEndianUid, encoding: explicit, ...plain },
  {
    name: "explicit, undefined lengths, group lengths",
    syntax: explicitLittleEndianUid,
    encoding: explicit,
    ...plain,
    undefinedLengths: true,
    groupLengths: true,
  },
  { name: "big endian", syntax: explicitBigEndianUid, encoding: big, ...plain },
  {
    name: "private elements as UN",
    syntax: explicitLittleEndianUid,
    encoding: explicit,
    ...plain,
    privateAsUn: true,
  },
  {
    name: "sequences and private elements as UN",
    syntax: explicitLittleEndianUid,
    encoding: explicit,
    ...plain,
    privateAsUn: true,
    sequencesAsUn: true,
  },
];

/** A Part 10 file. Numbers in `elements` are little endian. */
export function encodeVariant(elements: readonly NewElement[], variant: Variant): Bytes {
  const value = (tag: Tag): Bytes => elements.find((e) => e.tag === tag)?.value ?? new Uint8Array(0);
  return concatBytes([
    encodeMeta(value(tags.sopClassUid), value(tags.sopInstanceUid), variant.syntax),
    encodeLevel(elements, variant, variant.encoding),
  ]);
}

function encodeLevel(elements: readonly NewElement[], variant: Variant, encoding: Encoding): Bytes {
  const sorted = [...elements].sort((a, b) => a.tag - b.tag);
  const groups = new Map<number, Bytes[]>();
  for (const element of sorted) {
    const group = element.tag >>> 16;
    groups.set(group, [...(groups.get(group) ?? []), encodeOne(element, variant, encoding)]);
  }
  return concatBytes(
    [...groups].flatMap(([group, parts]) => {
      const length = parts.reduce((sum, part) => sum + part.length, 0);
      if (!variant.groupLengths) return parts;
      return [header((group << 16) >>> 0, "UL", 4, encoding), number(length, encoding), ...parts];
    }),
  );
}

function encodeOne(element: NewElement, variant: Variant, encoding: Encoding): Bytes {
  const { tag, vr, items } = element;
  const hidden =
    encoding.explicit &&
    ((variant.privateAsUn && isPrivate(tag) && !isPrivateCreator(tag)) ||
      (variant.sequencesAsUn && items !== undefined && !isPrivate(tag)));
  // What is hidden in UN is implicit VR little endian inside.
  const inner = hidden ? implicit : encoding;
  const undefinedLength = variant.undefinedLengths && !hidden;
  const value = items
    ? concatBytes(items.map((item) => encodeItem(item, variant, inner, undefinedLength)))
    : ordered(element.value ?? new Uint8Array(0), vr, inner);
  const written: Vr = hidden ? "UN" : vr;
  if (!items || !undefinedLength) return concatBytes([header(tag, written, value.length, encoding), value]);
  const end = concatBytes([encodeTag(tags.sequenceDelimitation, encoding), u32le(0)]);
  return concatBytes([header(tag, written, 0xffffffff, encoding), value, end]);
}

function encodeItem(
  item: readonly NewElement[],
  variant: Variant,
  encoding: Encoding,
  undefinedLength: boolean,
): Bytes {
  const content = encodeLevel(item, variant, encoding);
  const tag = encodeTag(tags.item, encoding);
  if (!undefinedLength) return concatBytes([tag, number(content.length, encoding), content]);
  const end = encodeTag(tags.itemDelimitation, encoding);
  return concatBytes([tag, number(0xffffffff, encoding), content, end, u32le(0)]);
}

function ordered(value: Bytes, vr: Vr, encoding: Encoding): Bytes {
  return encoding.bigEndian ? swapped(value, vrTraits[vr].width) : value;
}

function number(n: number, encoding: Encoding): Bytes {
  return encoding.bigEndian ? swapped(u32le(n), 4) : u32le(n);
}

function header(tag: Tag, vr: Vr, length: number, encoding: Encoding): Bytes {
  const start = encodeTag(tag, encoding);
  if (!encoding.explicit) return concatBytes([start, u32le(length)]);
  if (vrTraits[vr].longLength)
    return concatBytes([start, fromLatin1(vr), new Uint8Array(2), number(length, encoding)]);
  const short = u32le(length).subarray(0, 2);
  return concatBytes([start, fromLatin1(vr), encoding.bigEndian ? swapped(short, 2) : short]);
}
