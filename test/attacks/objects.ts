/** Small objects with known content, and an attacker's tools: other pixels, another syntax, another envelope. No device key is used here. */
import { findElement } from "../../src/dicom/elements.ts";
import {
  encodeElement,
  encodeHeader,
  encodeItem,
  encodeMeta,
  encodePart10,
  encodeTag,
  type NewElement,
  numberElement,
  padded,
  textElement,
} from "../../src/dicom/encode.ts";
import type { Edit } from "../../src/dicom/splice.ts";
import { writeToBytes } from "../../src/dicom/splice.ts";
import { type Tag, tags } from "../../src/dicom/tags.ts";
import { explicitLittleEndianUid } from "../../src/dicom/transfer-syntax.ts";
import { type Bytes, concatBytes, u32le } from "../../src/foundation/bytes.ts";
import { containersOf, newContainers } from "../../src/provenance/manifest/containers.ts";
import { decodeEnvelope, type Envelope, encodeEnvelope } from "../../src/provenance/manifest/envelope.ts";
import { edited, outcome, parse, type Site } from "../evaluation/fixture.ts";

export const rleUid = "1.2.840.10008.1.2.5";
export const explicitLittle = { explicit: true, bigEndian: false } as const;
export const side = 32;
const samples = side * side;

export const put = (element: NewElement, parent?: readonly number[]): Edit =>
  parent ? { kind: "put", element, parent } : { kind: "put", element };
const remove = (tag: Tag): Edit => ({ kind: "remove", path: [tag] });
/** The DICOM signature gone; the manifest stays. */
export const withoutSignature: readonly Edit[] = [
  remove(tags.macParametersSequence),
  remove(tags.digitalSignaturesSequence),
];

/** A gradient with a bright disc: the "lesion". 16-bit words. */
export function wordsOf(value: (i: number) => number): Bytes {
  const out = new Uint8Array(2 * samples);
  const view = new DataView(out.buffer);
  for (let i = 0; i < samples; i++) view.setUint16(2 * i, value(i) & 0xffff, true);
  return out;
}

function isLesion(i: number): boolean {
  return ((i % side) - 12) ** 2 + (Math.floor(i / side) - 14) ** 2 < 20;
}

const gradient = (i: number): number => 1000 + (i % side) * 10 + Math.floor(i / side) * 3;
export const lesionWords: Bytes = wordsOf((i) => gradient(i) + (isLesion(i) ? 700 : 0));
export const lesionBytes: Bytes = Uint8Array.from(
  { length: samples },
  (_, i) => (i % side) * 4 + Math.floor(i / side) + (isLesion(i) ? 80 : 0),
);

export const eightBits: readonly NewElement[] = [
  numberElement(0x00280100, "US", 8),
  numberElement(0x00280101, "US", 8),
  numberElement(0x00280102, "US", 7),
];

/** A CT slice of 32 x 32; `other` replaces or adds elements. */
export function slice(
  other: readonly NewElement[] = [],
  pixels: Bytes = lesionWords,
  syntax: string = explicitLittleEndianUid,
): Bytes {
  const all: readonly NewElement[] = [
    textElement(0x00080005, "CS", "ISO_IR 100"),
    textElement(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2"),
    textElement(0x00080018, "UI", "1.2.826.0.1.3680043.9999.1"),
    textElement(0x00080020, "DA", "20260101"),
    textElement(0x00080060, "CS", "CT"),
    {
      tag: 0x00081140,
      vr: "SQ",
      items: [
        [
          textElement(0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.2"),
          textElement(0x00081155, "UI", "1.2.826.0.1.3680043.9999.7"),
        ],
      ],
    },
    textElement(0x00100010, "PN", "Sentinel^Patient"),
    textElement(0x00100020, "LO", "SENTINEL-4711"),
    textElement(0x00100030, "DA", "19450508"),
    textElement(0x00181000, "LO", "SN-0001"),
    textElement(0x0020000d, "UI", "1.2.826.0.1.3680043.9999.2"),
    textElement(0x0020000e, "UI", "1.2.826.0.1.3680043.9999.3"),
    textElement(0x00200052, "UI", "1.2.826.0.1.3680043.9999.4"),
    textElement(0x00200060, "CS", "L"),
    numberElement(0x00280002, "US", 1),
    textElement(0x00280004, "CS", "MONOCHROME2"),
    numberElement(0x00280010, "US", side),
    numberElement(0x00280011, "US", side),
    numberElement(0x00280100, "US", 16),
    numberElement(0x00280101, "US", 12),
    numberElement(0x00280102, "US", 11),
    numberElement(0x00280103, "US", 0),
    textElement(0x00281050, "DS", "40"),
    textElement(0x00281051, "DS", "400"),
    textElement(0x00281052, "DS", "-1024"),
    textElement(0x00281053, "DS", "1"),
    { tag: tags.pixelData, vr: "OW", value: pixels },
  ];
  const byTag = new Map([...all, ...other].map((element) => [element.tag, element]));
  return encodePart10([...byTag.values()], syntax);
}

/** RLE of 32 x 32 samples, literal runs only (PS3.5 annex G). */
export function rleFrame(pixels: Bytes, planes: number): Bytes {
  const segments = Array.from({ length: planes }, (_, plane) => {
    const out: number[] = [];
    for (let i = 0; i < samples; i += 128) {
      out.push(127);
      for (let k = i; k < i + 128; k++) out.push(pixels[k * planes + planes - 1 - plane]!);
    }
    return Uint8Array.from(out);
  });
  const offsets = segments.map((_, i) => 64 + i * segments[0]!.length);
  const header = concatBytes([u32le(planes), ...offsets.map(u32le), new Uint8Array(60 - 4 * planes)]);
  return concatBytes([header, ...segments]);
}

/** The object with encapsulated pixels in these fragments, no offset table, under another transfer syntax. */
export async function encapsulated(
  sealed: Bytes,
  fragments: readonly Bytes[],
  syntax: string,
  edits: readonly Edit[] = [],
): Promise<Bytes> {
  const object = await parse(sealed);
  const pixels = findElement(object.elements, tags.pixelData)!;
  const value = (tag: Tag): Bytes => findElement(object.elements, tag)!.value!;
  const bytes = concatBytes([
    encodeMeta(value(tags.sopClassUid), value(tags.sopInstanceUid), syntax),
    sealed.subarray(object.metaEnd, pixels.offset),
    fragmentsElement([new Uint8Array(0), ...fragments]),
    sealed.subarray(pixels.end),
  ]);
  return edited(bytes, edits);
}

/** Pixel Data of undefined length; the first fragment is the offset table. */
function fragmentsElement(fragments: readonly Bytes[]): Bytes {
  return concatBytes([
    encodeHeader(tags.pixelData, "OB", 0xffffffff, explicitLittle),
    ...fragments.map((fragment) => encodeItem(padded(fragment, "OB"), explicitLittle)),
    encodeTag(tags.sequenceDelimitation, explicitLittle),
    u32le(0),
  ]);
}

/** The object with elements replaced by raw bytes, so that the encoder does not have to know them. */
export async function withRaw(sealed: Bytes, raw: ReadonlyMap<Tag, Bytes>): Promise<Bytes> {
  const object = await parse(sealed);
  const kept = object.elements.filter(({ tag }) => !raw.has(tag));
  const parts = [
    ...kept.map(({ tag, offset, end }) => ({ tag, bytes: sealed.subarray(offset, end) })),
    ...[...raw].map(([tag, bytes]) => ({ tag, bytes })),
  ].sort((a, b) => a.tag - b.tag);
  return concatBytes([sealed.subarray(0, object.metaEnd), ...parts.map(({ bytes }) => bytes)]);
}

/** The bytes of one element where it stands. */
export async function rawOf(bytes: Bytes, tag: Tag): Promise<Bytes> {
  const element = findElement((await parse(bytes)).elements, tag)!;
  return bytes.subarray(element.offset, element.end);
}

export function elementBytes(element: NewElement): Bytes {
  return encodeElement(element, explicitLittle);
}

/** The object with its manifest envelope rewritten. */
export async function withEnvelope(sealed: Bytes, change: (envelope: Envelope) => Envelope): Promise<Bytes> {
  const object = await parse(sealed);
  const containers = (await containersOf(object))!;
  const envelope = encodeEnvelope(change(decodeEnvelope(containers.envelope!)));
  const elements = newContainers(containers.creatorTag, { envelope });
  return writeToBytes(
    object,
    elements.map((element) => put(element)),
  );
}

/** "altered: attribute-changed (0028,0102)" of the default route; the route that compares everything has to say the same. */
export async function verdictOf(site: Site, bytes: Bytes): Promise<string> {
  const quick = await site.judge(bytes);
  const deep = await site.judge(bytes, { deep: true });
  const [a, b] = [quick, deep].map((judged) => outcome(judged));
  return a === b ? a! : `the routes disagree: ${a} / ${b}`;
}
