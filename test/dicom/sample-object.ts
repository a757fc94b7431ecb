/** Data sets generated for tests, with an encoder of their own: what the reader says is compared with what was meant. */
import fc from "fast-check";
import type { DataElement, Encoding } from "../../src/dicom/model.ts";
import { type Vr, vrTraits } from "../../src/dicom/vr.ts";
import { type Bytes, concatBytes, fromLatin1 } from "../../src/foundation/bytes.ts";

export interface SampleElement {
  readonly tag: number;
  readonly vr: Vr;
  /** Numbers little endian; even. */
  readonly value?: Bytes;
  readonly items?: readonly SampleItem[];
  readonly undefinedLength?: boolean;
  /** A sequence written as UN of undefined length: its items are implicit VR little endian. */
  readonly asUn?: boolean;
  readonly fragments?: readonly Bytes[];
}

export interface SampleItem {
  readonly elements: readonly SampleElement[];
  readonly undefinedLength: boolean;
}

const implicitLittle: Encoding = { explicit: false, bigEndian: false };

function number(value: number, bytes: 2 | 4, encoding: Encoding): Bytes {
  const out = new Uint8Array(bytes);
  const view = new DataView(out.buffer);
  if (bytes === 2) view.setUint16(0, value, !encoding.bigEndian);
  else view.setUint32(0, value, !encoding.bigEndian);
  return out;
}

function tagBytes(tag: number, encoding: Encoding): Bytes {
  return concatBytes([number(tag >>> 16, 2, encoding), number(tag & 0xffff, 2, encoding)]);
}

/** An element's header; `vr` is left out in implicit VR. */
export function sampleHeader(tag: number, vr: string, length: number, encoding: Encoding): Bytes {
  const parts = [tagBytes(tag, encoding)];
  if (!encoding.explicit) parts.push(number(length, 4, encoding));
  else if (vrTraits[vr as Vr]?.longLength === false) {
    parts.push(fromLatin1(vr), number(length, 2, encoding));
  } else parts.push(fromLatin1(vr), new Uint8Array(2), number(length, 4, encoding));
  return concatBytes(parts);
}

function wireValue(element: SampleElement, encoding: Encoding): Bytes {
  const value = element.value ?? new Uint8Array(0);
  const { width } = vrTraits[element.vr];
  if (!encoding.bigEndian || width === 1) return value;
  const out = value.slice();
  for (let at = 0; at + width <= out.length; at += width) out.subarray(at, at + width).reverse();
  return out;
}

export function encodeSample(elements: readonly SampleElement[], encoding: Encoding): Bytes {
  return concatBytes(elements.map((element) => encodeOne(element, encoding)));
}

function encodeOne(element: SampleElement, encoding: Encoding): Bytes {
  const { tag, vr } = element;
  const end = [tagBytes(0xfffee0dd, encoding), new Uint8Array(4)];
  if (element.fragments) {
    const items = element.fragments.flatMap((f) => [sampleItem(f.length, encoding), f]);
    return concatBytes([sampleHeader(tag, vr, 0xffffffff, encoding), ...items, ...end]);
  }
  if (!element.items) {
    const value = wireValue(element, encoding);
    return concatBytes([sampleHeader(tag, vr, value.length, encoding), value]);
  }
  const inner = element.asUn ? implicitLittle : encoding;
  const content = concatBytes(element.items.map((item) => encodeItem(item, inner)));
  const head = (length: number): Bytes => sampleHeader(tag, element.asUn ? "UN" : vr, length, encoding);
  if (!element.undefinedLength && !element.asUn) return concatBytes([head(content.length), content]);
  return concatBytes([head(0xffffffff), content, tagBytes(0xfffee0dd, inner), new Uint8Array(4)]);
}

export function sampleItem(length: number, encoding: Encoding): Bytes {
  return concatBytes([tagBytes(0xfffee000, encoding), number(length, 4, encoding)]);
}

function encodeItem(item: SampleItem, encoding: Encoding): Bytes {
  const content = encodeSample(item.elements, encoding);
  if (!item.undefinedLength) return concatBytes([sampleItem(content.length, encoding), content]);
  const end = [tagBytes(0xfffee00d, encoding), new Uint8Array(4)];
  return concatBytes([sampleItem(0xffffffff, encoding), content, ...end]);
}

/** A Part 10 file around an already encoded data set. `meta` replaces the usual group 0002 elements but the length. */
export function samplePart10(
  dataSet: Bytes,
  transferSyntaxUid: string,
  meta?: readonly SampleElement[],
): Bytes {
  const explicit: Encoding = { explicit: true, bigEndian: false };
  const uid = fromLatin1(
    transferSyntaxUid.padEnd(transferSyntaxUid.length + (transferSyntaxUid.length % 2), "\0"),
  );
  const group = encodeSample(meta ?? [{ tag: 0x00020010, vr: "UI", value: uid }], explicit);
  const length = encodeSample(
    [{ tag: 0x00020000, vr: "UL", value: number(group.length, 4, explicit) }],
    explicit,
  );
  return concatBytes([new Uint8Array(128), fromLatin1("DICM"), length, group, dataSet]);
}

/** What a data set says, without where it stands: comparable between a sample and its parsed index. */
export type Outline = readonly OutlineElement[];
export interface OutlineElement {
  readonly tag: number;
  readonly vr: Vr;
  readonly value?: string;
  readonly items?: readonly Outline[];
  readonly fragments?: readonly number[];
}

export function outlineOfSample(elements: readonly SampleElement[], encoding: Encoding): Outline {
  return elements.map((element) => {
    const { tag, vr } = element;
    if (element.fragments) return { tag, vr, fragments: element.fragments.map((f) => f.length) };
    if (element.items) {
      const inner = element.asUn ? implicitLittle : encoding;
      return { tag, vr, items: element.items.map((item) => outlineOfSample(item.elements, inner)) };
    }
    return { tag, vr, value: wireValue(element, encoding).toString() };
  });
}

export function outlineOf(elements: readonly DataElement[]): Outline {
  return elements.map((element) => {
    const { tag, vr } = element;
    if (element.fragments) return { tag, vr, fragments: element.fragments.map((f) => f.length) };
    if (element.items) return { tag, vr, items: element.items.map((item) => outlineOf(item.elements)) };
    return { tag, vr, value: element.value?.toString() ?? "bulk" };
  });
}

/** Standard tags whose VR the dictionary and DCMTK agree on, so that they read the same without a VR on the wire. */
export const tagsOfVr: Readonly<Partial<Record<Vr, readonly number[]>>> = {
  AE: [0x00080054, 0x00400001],
  AS: [0x00101010],
  AT: [0x00209165, 0x00280009],
  CS: [0x00080060, 0x00080008],
  DA: [0x00080020, 0x00100030],
  DS: [0x00101020, 0x00180050],
  DT: [0x0008002a, 0x0040a13a],
  FD: [0x00186054, 0x00189079],
  FL: [0x00180013, 0x0018605a],
  IS: [0x00082122, 0x00200013],
  LO: [0x00080070, 0x00080104],
  LT: [0x001021b0, 0x00104000],
  OB: [0x00142210, 0x00420011],
  OD: [0x00660022],
  OF: [0x00181638, 0x00221531],
  OL: [0x00660040],
  OW: [0x00281201, 0x00281202],
  PN: [0x00081048, 0x00100010],
  SH: [0x00080050, 0x00080100],
  SL: [0x00186020, 0x0040a162],
  SS: [0x00189219],
  ST: [0x00080081, 0x00080114],
  TM: [0x00080030, 0x00100032],
  UI: [0x00080014, 0x0008010c],
  UL: [0x00081161, 0x00186052],
  US: [0x00080304, 0x00189376],
  UT: [0x00100013, 0x0040a160],
};

const sequenceTags = [0x00081110, 0x00081115, 0x00081140, 0x00082218, 0x00321064, 0x00400275, 0x00409096];
const allVrs = (Object.keys(vrTraits) as Vr[]).filter((vr) => vr !== "SQ");

function sampleValue(vr: Vr): fc.Arbitrary<Bytes> {
  const { text, width } = vrTraits[vr];
  const step = vr === "AT" ? 4 : Math.max(2, width);
  // White space inside a UID is refused.
  const least = vr === "UI" ? 0x21 : text ? 1 : 0;
  const bytes = fc.integer({ min: least, max: 255 });
  return fc
    .array(bytes, { maxLength: 40 })
    .map((all) => Uint8Array.from(all.slice(0, all.length - (all.length % step))));
}

const standardElement: fc.Arbitrary<SampleElement> = fc
  .constantFrom(...(Object.keys(tagsOfVr) as Vr[]))
  .chain((vr) =>
    fc.record({ tag: fc.constantFrom(...tagsOfVr[vr]!), vr: fc.constant(vr), value: sampleValue(vr) }),
  );

/** A private block: its creator, and elements of any VR (UN where none is on the wire). */
function privateBlock(explicit: boolean): fc.Arbitrary<SampleElement[]> {
  const element = fc
    .constantFrom(...(explicit ? allVrs : (["UN"] as const)))
    .chain((vr) =>
      fc.record({ low: fc.integer({ min: 0, max: 255 }), vr: fc.constant(vr), value: sampleValue(vr) }),
    );
  return fc
    .record({
      group: fc.constantFrom(0x0009, 0x0019, 0x0029, 0x7fe1),
      block: fc.integer({ min: 0x10, max: 0xff }),
      elements: fc.uniqueArray(element, { maxLength: 4, selector: (e) => e.low }),
    })
    .map(({ group, block, elements }) => [
      { tag: group * 0x10000 + block, vr: "LO" as const, value: fromLatin1("SAMPLE CREATOR 1") },
      ...elements.map(({ low, vr, value }) => ({ tag: group * 0x10000 + block * 256 + low, vr, value })),
    ]);
}

function ascending(elements: readonly SampleElement[]): SampleElement[] {
  return [...new Map(elements.map((e) => [e.tag, e])).values()].sort((a, b) => a.tag - b.tag);
}

/** A well-formed data set of up to `depth` levels of sequences, fitting the encoding, with at least one element. */
export function sampleDataSet(encoding: Encoding, depth = 3): fc.Arbitrary<SampleElement[]> {
  return sampleList(encoding, depth).map((elements) =>
    ascending([{ tag: 0x00080000, vr: "UL", value: Uint8Array.of(1, 2, 3, 4) }, ...elements]),
  );
}

function sampleList(encoding: Encoding, depth: number): fc.Arbitrary<SampleElement[]> {
  return fc
    .tuple(
      fc.array(standardElement, { maxLength: 5 }),
      fc.array(privateBlock(encoding.explicit), { maxLength: 2 }),
      depth > 0 ? fc.array(sampleSequence(encoding, depth - 1), { maxLength: 2 }) : fc.constant([]),
    )
    .map(([standard, blocks, sequences]) => ascending([...standard, ...blocks.flat(), ...sequences]));
}

function sampleSequence(encoding: Encoding, depth: number): fc.Arbitrary<SampleElement> {
  const plain = fc.record({
    tag: fc.constantFrom(...sequenceTags),
    vr: fc.constant("SQ" as const),
    items: sampleItems(encoding, depth),
    undefinedLength: fc.boolean(),
  });
  const unknown = fc.record({
    tag: fc.constantFrom(0x00091001, 0x00291002, 0x00400275),
    vr: fc.constant("SQ" as const),
    items: sampleItems(implicitLittle, depth),
    undefinedLength: fc.constant(true),
    asUn: fc.constant(true),
  });
  return encoding.explicit
    ? fc.oneof({ weight: 3, arbitrary: plain }, { weight: 1, arbitrary: unknown })
    : plain;
}

function sampleItems(encoding: Encoding, depth: number): fc.Arbitrary<SampleItem[]> {
  return fc.array(fc.record({ elements: sampleList(encoding, depth), undefinedLength: fc.boolean() }), {
    maxLength: 3,
  });
}
