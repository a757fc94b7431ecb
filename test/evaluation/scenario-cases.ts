/** Scenarios 15 and 18 to 51 that need neither watermark, log nor gateway: the attack, on a sealed object's bytes. */
import { insertOverlay, stripSeal } from "../../src/attack-lab/forgeries.ts";
import { findElement } from "../../src/dicom/elements.ts";
import { encodeElement, type NewElement, numberElement, textElement } from "../../src/dicom/encode.ts";
import type { DicomObject } from "../../src/dicom/model.ts";
import type { Edit } from "../../src/dicom/splice.ts";
import { type Tag, tags } from "../../src/dicom/tags.ts";
import type { Vr } from "../../src/dicom/vr.ts";
import { type Bytes, concatBytes, fromLatin1, u32le } from "../../src/foundation/bytes.ts";
import { corpusBytes } from "./corpus-files.ts";
import { edited, parse } from "./fixture.ts";
import { SeededRandom } from "./seeded-random.ts";

/** A sealed object, and a sibling sealed by the same device. */
export interface Material {
  readonly bytes: Bytes;
  readonly object: DicomObject;
  readonly sibling: DicomObject;
}

export interface ScenarioCase {
  readonly scenario: number;
  readonly what: string;
  /** The corpus file it is done to; a CT slice in explicit VR little endian where none is named. */
  readonly base?: string;
  readonly attack: (material: Material) => Bytes | Promise<Bytes>;
}

/** Its serial number is the enrolled device's. */
export const enrolledBase = "multiframe/siemens-xa10-enhanced-6_1.dcm";
export const usualBase = "transfer-syntax/small/CT_small.dcm";
const enhanced = enrolledBase;
const explicitLittle = { explicit: true, bigEndian: false } as const;

const put = (element: NewElement, parent?: readonly number[]): Edit =>
  parent ? { kind: "put", element, parent } : { kind: "put", element };
const text = (tag: Tag, vr: Vr, value: string, parent?: readonly number[]): Edit =>
  put(textElement(tag, vr, value), parent);

type Attack = ScenarioCase["attack"];
const splice =
  (...edits: readonly Edit[]): Attack =>
  ({ bytes }) =>
    edited(bytes, edits);

/** Raw bytes put in front of, or behind, an element. */
const beside =
  (tag: Tag, where: "before" | "after", make: (object: DicomObject) => Bytes): Attack =>
  ({ bytes, object }) => {
    const element = findElement(object.elements, tag)!;
    const at = where === "before" ? element.offset : element.end;
    return concatBytes([bytes.subarray(0, at), make(object), bytes.subarray(at)]);
  };
const copyOf =
  (tag: Tag) =>
  (object: DicomObject): Bytes => {
    const element = findElement(object.elements, tag)!;
    return encodeElement(
      { tag, vr: element.vr, value: element.value ?? new Uint8Array(element.length) },
      explicitLittle,
    );
  };
const inPlace =
  (tag: Tag, bytesOf: (object: DicomObject) => Bytes): Attack =>
  ({ bytes, object }) => {
    const element = findElement(object.elements, tag)!;
    return concatBytes([bytes.subarray(0, element.offset), bytesOf(object), bytes.subarray(element.end)]);
  };

/** The seal of one object in another. */
export function withSealOf(object: DicomObject, sealed: DicomObject): Promise<Edit[]> {
  const bearers = stripSeal(sealed).map((edit) => (edit.kind === "remove" ? edit.path[0] : 0));
  return Promise.all(
    bearers.map(async (tag) => {
      const element = findElement(sealed.elements, tag)!;
      if (element.items)
        return {
          kind: "put" as const,
          element: {
            tag,
            vr: "SQ" as const,
            items: element.items.map(({ elements }) => elements.map(copied)),
          },
        };
      const value = element.value ?? (await sealed.dataSource.read(element.valueOffset, element.length));
      return put({ tag, vr: element.vr, value });
    }),
  ).then((edits) => [
    ...stripSeal(object).filter((edit) => edit.kind === "remove" && !bearers.includes(edit.path[0])),
    ...edits,
  ]);
}

function copied(element: DicomObject["elements"][number]): NewElement {
  const { tag, vr, items, value } = element;
  return items
    ? { tag, vr, items: items.map((item) => item.elements.map(copied)) }
    : { tag, vr, value: value! };
}

function metaWith(extra: Bytes): Attack {
  return ({ bytes, object }) =>
    concatBytes([
      bytes.subarray(0, 140),
      u32le(object.metaEnd - 144 + extra.length),
      bytes.subarray(144, object.metaEnd),
      extra,
      bytes.subarray(object.metaEnd),
    ]);
}

function withSyntax(uid: string): Attack {
  return ({ bytes, object }) => {
    const element = findElement(object.meta, tags.transferSyntaxUid)!;
    const changed = encodeElement(textElement(tags.transferSyntaxUid, "UI", uid), explicitLittle);
    return concatBytes([
      bytes.subarray(0, 140),
      u32le(object.metaEnd - 144 + changed.length - (element.end - element.offset)),
      bytes.subarray(144, element.offset),
      changed,
      bytes.subarray(element.end),
    ]);
  };
}

const perFrame = 0x52009230;

async function framesSwapped({ bytes, object }: Material): Promise<Bytes> {
  const sequence = findElement(object.elements, perFrame)!;
  const [first, second] = sequence.items!;
  return concatBytes([
    bytes.subarray(0, first!.offset),
    bytes.subarray(second!.offset, second!.end),
    bytes.subarray(first!.offset, first!.end),
    bytes.subarray(second!.end),
  ]);
}

const lut = put({
  tag: 0x00283000,
  vr: "SQ",
  items: [
    [
      numberElement(0x00283002, "US", 2, 0, 16),
      textElement(0x00283004, "LO", "HU"),
      { tag: 0x00283006, vr: "US", value: new Uint8Array(4) },
    ],
  ],
});

export const scenarioCases: readonly ScenarioCase[] = [
  {
    scenario: 15,
    what: "declared lossy derivation, new UID, no seal",
    attack: async ({ object, bytes }) => edited(await derived(bytes), stripSeal(object)),
  },
  { scenario: 15, what: "the same with the parent's seal left in", attack: ({ bytes }) => derived(bytes) },
  { scenario: 18, what: "patient id", attack: splice(text(tags.patientId, "LO", "4711")) },
  { scenario: 18, what: "patient name", attack: splice(text(tags.patientName, "PN", "Other^Name")) },
  { scenario: 18, what: "birth date", attack: splice(text(0x00100030, "DA", "19500101")) },
  { scenario: 19, what: "patient position", attack: splice(text(0x00185100, "CS", "HFP")) },
  { scenario: 19, what: "orientation", attack: splice(text(0x00200037, "DS", "-1\\0\\0\\0\\1\\0")) },
  { scenario: 19, what: "laterality", attack: splice(text(0x00200060, "CS", "L")) },
  { scenario: 20, what: "rescale slope", attack: splice(text(0x00281053, "DS", "2")) },
  { scenario: 20, what: "rescale intercept", attack: splice(text(0x00281052, "DS", "-900")) },
  {
    scenario: 21,
    what: "window inserted",
    attack: splice(text(0x00281050, "DS", "9999"), text(0x00281051, "DS", "1")),
  },
  { scenario: 21, what: "Modality LUT inserted", attack: splice(lut) },
  { scenario: 21, what: "VOI LUT function inserted", attack: splice(text(0x00281056, "CS", "SIGMOID")) },
  { scenario: 22, what: "MONOCHROME1", attack: splice(text(0x00280004, "CS", "MONOCHROME1")) },
  { scenario: 22, what: "PixelRepresentation", attack: splice(put(numberElement(0x00280103, "US", 0))) },
  { scenario: 22, what: "palette", base: "odd/examples_palette.dcm", attack: inPlaceFlip(0x00281201) },
  {
    scenario: 22,
    what: "ICC profile inserted",
    attack: splice(put({ tag: 0x00282000, vr: "OB", value: new Uint8Array(128) })),
  },
  {
    scenario: 23,
    what: "opaque overlay",
    attack: splice(...insertOverlay(128, 128, { top: 30, left: 30, height: 40, width: 40 })),
  },
  {
    scenario: 23,
    what: "overlay data as UN",
    attack: splice(
      ...insertOverlay(128, 128, { top: 30, left: 30, height: 40, width: 40 }).map(
        (edit): Edit =>
          edit.kind === "put" && edit.element.tag === 0x60003000 ? put({ ...edit.element, vr: "UN" }) : edit,
      ),
    ),
  },
  { scenario: 24, what: "unsigned presentation state", attack: () => corpusBytes("non-image/pr-luts.dcm") },
  {
    scenario: 25,
    what: "icon inserted",
    attack: splice(
      put({
        tag: 0x00880200,
        vr: "SQ",
        items: [
          [
            numberElement(0x00280010, "US", 1),
            numberElement(0x00280011, "US", 1),
            { tag: 0x7fe00010, vr: "OW", value: new Uint8Array(2) },
          ],
        ],
      }),
    ),
  },
  { scenario: 26, what: "functional groups of two frames swapped", base: enhanced, attack: framesSwapped },
  {
    scenario: 26,
    what: "spacing changed",
    base: enhanced,
    attack: ({ bytes, object }) =>
      edited(
        bytes,
        [text(0x00280030, "DS", "9\\9", [0x52009230, 0, 0x00289110, 0])].filter(
          () => findElement(object.elements, perFrame) !== undefined,
        ),
      ),
  },
  { scenario: 27, what: "study date", attack: splice(text(0x00080020, "DA", "20200101")) },
  { scenario: 27, what: "acquisition date", attack: splice(text(0x00080022, "DA", "20200101")) },
  {
    scenario: 28,
    what: "PixelData before",
    attack: beside(tags.pixelData, "before", copyOf(tags.pixelData)),
  },
  { scenario: 28, what: "PixelData after", attack: beside(tags.pixelData, "after", copyOf(tags.pixelData)) },
  {
    scenario: 29,
    what: "PatientName twice",
    attack: beside(tags.patientName, "after", () =>
      encodeElement(textElement(tags.patientName, "PN", "Other^Name"), explicitLittle),
    ),
  },
  { scenario: 29, what: "Rows twice", attack: beside(tags.rows, "after", copyOf(tags.rows)) },
  {
    scenario: 29,
    what: "PatientName after PixelData",
    attack: beside(tags.pixelData, "after", () =>
      encodeElement(textElement(tags.patientName, "PN", "Other^Name"), explicitLittle),
    ),
  },
  { scenario: 29, what: "Rows out of order", attack: beside(tags.columns, "after", copyOf(tags.rows)) },
  {
    scenario: 30,
    what: "Float and integer PixelData",
    attack: beside(tags.pixelData, "before", () =>
      encodeElement(
        { tag: tags.floatPixelData, vr: "OF", value: new Uint8Array(4 * 128 * 128) },
        explicitLittle,
      ),
    ),
  },
  {
    scenario: 31,
    what: "an extra frame",
    attack: inPlace(tags.pixelData, (object) =>
      encodeElement(
        {
          tag: tags.pixelData,
          vr: "OW",
          value: new Uint8Array(2 * findElement(object.elements, tags.pixelData)!.length),
        },
        explicitLittle,
      ),
    ),
  },
  {
    scenario: 32,
    what: "trailing bytes",
    attack: ({ bytes }) => concatBytes([bytes, fromLatin1("trailing")]),
  },
  {
    scenario: 32,
    what: "private group after PixelData",
    attack: beside(tags.pixelData, "after", () =>
      concatBytes([
        encodeElement(textElement(0x7fe10010, "LO", "ACME"), explicitLittle),
        encodeElement({ tag: 0x7fe11001, vr: "OB", value: new Uint8Array(64) }, explicitLittle),
      ]),
    ),
  },
  { scenario: 33, what: "syntax says implicit", attack: withSyntax("1.2.840.10008.1.2") },
  { scenario: 33, what: "syntax says big endian", attack: withSyntax("1.2.840.10008.1.2.2") },
  { scenario: 33, what: "syntax says JPEG", attack: withSyntax("1.2.840.10008.1.2.4.70") },
  {
    scenario: 33,
    what: "(0002,0010) twice",
    attack: metaWith(
      encodeElement(textElement(tags.transferSyntaxUid, "UI", "1.2.840.10008.1.2"), explicitLittle),
    ),
  },
  {
    scenario: 34,
    what: "Rows as UL",
    attack: inPlace(tags.rows, () => encodeElement(numberElement(tags.rows, "UL", 128), explicitLittle)),
  },
  {
    scenario: 34,
    what: "Rows with two values",
    attack: inPlace(tags.rows, () => encodeElement(numberElement(tags.rows, "US", 128, 128), explicitLittle)),
  },
  {
    scenario: 34,
    what: "NUL in a name",
    attack: splice(put({ tag: tags.patientName, vr: "PN", value: fromLatin1("A^B\0Other^Name") })),
  },
  {
    scenario: 35,
    what: "cut at a seeded offset",
    attack: ({ bytes }) =>
      bytes.subarray(0, 2000 + new SeededRandom(usualBase, 35).below(bytes.length - 2100)),
  },
  {
    scenario: 35,
    what: "cut inside the pixel data",
    attack: ({ bytes, object }) =>
      bytes.subarray(0, findElement(object.elements, tags.pixelData)!.valueOffset + 999),
  },
  {
    scenario: 36,
    what: "the seal stripped",
    attack: ({ bytes, object }) => edited(bytes, stripSeal(object)),
  },
  {
    scenario: 36,
    what: "the seal stripped, from an enrolled device",
    base: enhanced,
    attack: ({ bytes, object }) => edited(bytes, stripSeal(object)),
  },
  {
    scenario: 36,
    what: "the seal and the serial number stripped",
    attack: ({ bytes, object }) =>
      edited(bytes, [...stripSeal(object), { kind: "remove", path: [0x00181000] }]),
  },
  {
    scenario: 38,
    what: "the seal of a sibling",
    attack: async ({ bytes, object, sibling }) => edited(bytes, await withSealOf(object, sibling)),
  },
  {
    scenario: 44,
    what: "replayed under a new accession number",
    attack: splice(text(0x00080050, "SH", "A4711")),
  },
  {
    scenario: 50,
    what: "an executable's preamble",
    attack: ({ bytes }) => concatBytes([fromLatin1("MZ"), bytes.subarray(2)]),
  },
  {
    scenario: 51,
    what: "HTML in a name",
    attack: splice(text(tags.patientName, "PN", "<script>x</script>")),
  },
  {
    scenario: 51,
    what: "a UID that is a path",
    attack: splice(text(tags.sopInstanceUid, "UI", "../../etc/passwd")),
  },
  { scenario: 51, what: "a Retrieve URL", attack: splice(text(0x00081190, "UR", "http://127.0.0.1/x")) },
];

/** New UID, declared lossy. The meta information follows, as a tool that derives would do. */
async function derived(bytes: Bytes): Promise<Bytes> {
  const object = await parse(bytes);
  const uid = findElement(object.meta, tags.mediaStorageSopInstanceUid)!;
  const out = bytes.slice();
  const last = uid.valueOffset + uid.length - 1;
  const digit = out[last] === 0 ? last - 1 : last;
  out[digit] = out[digit] === 0x31 ? 0x32 : 0x31;
  const other = out.subarray(uid.valueOffset, uid.valueOffset + uid.length);
  const elements = { tag: tags.sopInstanceUid, vr: "UI", value: other.slice() } as const;
  const own = findElement(object.elements, tags.sopInstanceUid)!;
  const mended = concatBytes([
    out.subarray(0, own.offset),
    encodeElement(elements, explicitLittle),
    out.subarray(own.end),
  ]);
  return edited(mended, [text(0x00282110, "CS", "01"), text(0x00080008, "CS", "DERIVED\\PRIMARY\\AXIAL")]);
}

function inPlaceFlip(tag: Tag): Attack {
  return ({ bytes, object }) => {
    const out = bytes.slice();
    const at = findElement(object.elements, tag)!.valueOffset + 3;
    out[at] = out[at]! ^ 0x40;
    return out;
  };
}
