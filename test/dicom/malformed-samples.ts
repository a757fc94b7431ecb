/** One small file, or more, for every code the reader can refuse an object with. */
import { deflateRaw } from "pako";
import type { Encoding } from "../../src/dicom/model.ts";
import type { ReadOptions } from "../../src/dicom/read.ts";
import {
  deflatedUid,
  explicitBigEndianUid,
  explicitLittleEndianUid,
  implicitLittleEndianUid,
} from "../../src/dicom/transfer-syntax.ts";
import { type Bytes, concatBytes, fromLatin1, u16le, u32le } from "../../src/foundation/bytes.ts";
import type { LimitCode, MalformedCode } from "../../src/foundation/errors.ts";
import { encodeSample, type SampleElement, sampleHeader, sampleItem, samplePart10 } from "./sample-object.ts";

export const explicitLittle: Encoding = { explicit: true, bigEndian: false };
export const implicitLittle: Encoding = { explicit: false, bigEndian: false };
export const jpegUid = "1.2.840.10008.1.2.4.50";

export interface MalformedSample {
  readonly code: MalformedCode | LimitCode;
  readonly what: string;
  readonly bytes: Bytes;
  readonly options?: ReadOptions;
}

export function text(tag: number, vr: SampleElement["vr"], value: string): SampleElement {
  return { tag, vr, value: fromLatin1(value) };
}

function us(tag: number, value: number): SampleElement {
  return { tag, vr: "US", value: u16le(value) };
}

export function file(elements: readonly SampleElement[], uid: string = explicitLittleEndianUid): Bytes {
  const encoding = { explicit: uid !== implicitLittleEndianUid, bigEndian: uid === explicitBigEndianUid };
  return samplePart10(encodeSample(elements, encoding), uid);
}

/** The data set's bytes as given. */
export function raw(...parts: readonly Bytes[]): Bytes {
  return samplePart10(concatBytes(parts), explicitLittleEndianUid);
}

/** Image attributes of rows x columns bytes, then whatever stands for the pixels. */
export function image(
  rows: number,
  columns: number,
  frames: string | undefined,
  ...rest: SampleElement[]
): SampleElement[] {
  return [
    us(0x00280002, 1),
    text(0x00280004, "CS", "MONOCHROME2 "),
    ...(frames === undefined ? [] : [text(0x00280008, "IS", frames)]),
    us(0x00280010, rows),
    us(0x00280011, columns),
    us(0x00280100, 8),
    us(0x00280101, 8),
    us(0x00280102, 7),
    us(0x00280103, 0),
    ...rest,
  ];
}

export function pixels(length: number): SampleElement {
  return { tag: 0x7fe00010, vr: "OB", value: new Uint8Array(length) };
}

function fragments(...all: readonly Bytes[]): SampleElement {
  return { tag: 0x7fe00010, vr: "OB", fragments: all };
}

const name = text(0x00100010, "PN", "A^B ");
const patientId = text(0x00100020, "LO", "ID");
const header = (tag: number, vr: string, length: number): Bytes =>
  sampleHeader(tag, vr, length, explicitLittle);
const one = encodeSample([name], explicitLittle);
const undefinedLength = 0xffffffff;

/** `levels` sequences of undefined length inside each other, never closed. */
function nested(levels: number): Bytes {
  const level = concatBytes([
    header(0x00400275, "SQ", undefinedLength),
    sampleItem(undefinedLength, explicitLittle),
  ]);
  return raw(...Array.from({ length: levels }, () => level));
}

function meta(...elements: readonly SampleElement[]): Bytes {
  return samplePart10(one, explicitLittleEndianUid, elements);
}

const syntax = text(0x00020010, "UI", `${explicitLittleEndianUid}\0`);

function wrongMetaLength(): Bytes {
  const bytes = file([name]).slice();
  bytes[140] = bytes[140]! + 2;
  return bytes;
}

function deflated(content: Bytes): Bytes {
  return samplePart10(content, deflatedUid);
}

export const malformedSamples: readonly MalformedSample[] = [
  { code: "not-dicom", what: "empty", bytes: new Uint8Array(0) },
  { code: "not-dicom", what: "131 bytes", bytes: new Uint8Array(131) },
  { code: "preamble-missing", what: "no DICM", bytes: new Uint8Array(200) },
  { code: "meta-invalid", what: "group length wrong", bytes: wrongMetaLength() },
  {
    code: "meta-invalid",
    what: "no group length",
    bytes: concatBytes([
      new Uint8Array(128),
      fromLatin1("DICM"),
      encodeSample([syntax], explicitLittle),
      one,
    ]),
  },
  { code: "transfer-syntax-missing", what: "no (0002,0010)", bytes: meta(text(0x00020012, "UI", "1.2.3\0")) },
  { code: "transfer-syntax-unknown", what: "unknown UID", bytes: samplePart10(one, "1.2.3.4") },
  {
    code: "transfer-syntax-mismatch",
    what: "implicit in explicit",
    bytes: raw(encodeSample([name], implicitLittle)),
  },
  {
    code: "transfer-syntax-mismatch",
    what: "explicit in implicit",
    bytes: samplePart10(one, implicitLittleEndianUid),
  },
  {
    code: "transfer-syntax-mismatch",
    what: "native pixels in JPEG",
    bytes: file(image(1, 2, undefined, pixels(2)), jpegUid),
  },
  {
    code: "transfer-syntax-mismatch",
    what: "fragments in a native syntax",
    bytes: file(image(1, 2, undefined, fragments(new Uint8Array(0), new Uint8Array(2)))),
  },
  { code: "truncated", what: "no data set", bytes: raw() },
  {
    code: "truncated",
    what: "inside a text value",
    bytes: raw(header(0x00100010, "PN", 40), fromLatin1("A^B ")),
  },
  { code: "truncated", what: "inside a header", bytes: raw(one, header(0x00100020, "LO", 2).subarray(0, 5)) },
  {
    code: "truncated",
    what: "a 4 GiB value in a short file",
    bytes: raw(header(0x00420011, "OB", 0xfffffffe), new Uint8Array(64)),
  },
  { code: "truncated", what: "no delimiter", bytes: nested(1) },
  { code: "truncated", what: "the meta information's end", bytes: file([name]).subarray(0, 150) },
  {
    code: "truncated",
    what: "a deflate stream without end",
    bytes: deflated(deflateRaw(one).subarray(0, 6)),
  },
  { code: "tag-order", what: "descending", bytes: raw(encodeSample([patientId], explicitLittle), one) },
  { code: "tag-duplicate", what: "twice", bytes: raw(one, one) },
  {
    code: "tag-duplicate",
    what: "twice with others between",
    bytes: raw(one, encodeSample([patientId], explicitLittle), one),
    options: { tolerate: new Set(["tag-order"]) },
  },
  { code: "tag-forbidden", what: "group 0002 in the data set", bytes: raw(header(0x00040010, "US", 0)) },
  { code: "tag-forbidden", what: "(0009,0001)", bytes: raw(header(0x00090001, "LO", 0)) },
  { code: "tag-forbidden", what: "group FFFF", bytes: raw(header(0xffff0010, "LO", 0)) },
  { code: "vr-invalid", what: "no VR", bytes: raw(one, header(0x00100020, "zz", 0)) },
  {
    code: "vr-invalid",
    what: "reserved bytes",
    bytes: raw(
      one,
      header(0x00420011, "OB", 0).map((b, i) => (i === 6 ? 1 : b)),
    ),
  },
  {
    code: "vr-mismatch",
    what: "Rows as SS",
    bytes: file(
      image(1, 2, undefined, pixels(2)).map((e) => (e.tag === 0x00280010 ? { ...e, vr: "SS" as const } : e)),
    ),
  },
  { code: "length-odd", what: "odd text", bytes: raw(header(0x00100010, "PN", 3), fromLatin1("A^B")) },
  {
    code: "length-invalid",
    what: "FD of 4 bytes",
    bytes: raw(header(0x00189079, "FD", 4), new Uint8Array(4)),
  },
  {
    code: "length-invalid",
    what: "OB of undefined length that is no pixel data",
    bytes: raw(header(0x00420011, "OB", undefinedLength)),
  },
  {
    code: "length-invalid",
    what: "text of undefined length",
    bytes: raw(header(0x0040a160, "UT", undefinedLength)),
  },
  {
    code: "length-invalid",
    what: "four bytes left in an item",
    bytes: raw(header(0x00400275, "SQ", 12), sampleItem(4, explicitLittle), one),
  },
  {
    code: "length-invalid",
    what: "a fragment of undefined length",
    bytes: samplePart10(
      concatBytes([
        encodeSample(image(1, 2, undefined), explicitLittle),
        header(0x7fe00010, "OB", undefinedLength),
        sampleItem(undefinedLength, explicitLittle),
      ]),
      jpegUid,
    ),
  },
  {
    code: "length-exceeds-parent",
    what: "an item longer than its sequence",
    bytes: raw(header(0x00400275, "SQ", 12), sampleItem(100, explicitLittle), new Uint8Array(100)),
  },
  {
    code: "length-exceeds-parent",
    what: "an element longer than its item",
    bytes: raw(
      header(0x00400275, "SQ", 20),
      sampleItem(12, explicitLittle),
      header(0x00100010, "PN", 40),
      new Uint8Array(50),
    ),
  },
  {
    code: "length-exceeds-parent",
    what: "no delimiter inside a sequence of known length",
    bytes: raw(header(0x00400275, "SQ", 8), sampleItem(undefinedLength, explicitLittle), one),
  },
  { code: "delimiter-unexpected", what: "an item at top level", bytes: raw(sampleItem(0, explicitLittle)) },
  {
    code: "delimiter-unexpected",
    what: "a sequence delimiter in a sequence of known length",
    bytes: raw(header(0x00400275, "SQ", 8), u16le(0xfffe), u16le(0xe0dd), u32le(0), one),
  },
  {
    code: "delimiter-unexpected",
    what: "an item delimiter with a length",
    bytes: raw(
      header(0x00400275, "SQ", undefinedLength),
      sampleItem(undefinedLength, explicitLittle),
      u16le(0xfffe),
      u16le(0xe00d),
      u32le(2),
      one,
    ),
  },
  {
    code: "item-expected",
    what: "an element in a sequence",
    bytes: raw(header(0x00400275, "SQ", one.length), one),
  },
  {
    code: "item-expected",
    what: "an element between fragments",
    bytes: samplePart10(
      concatBytes([
        encodeSample(image(1, 2, undefined), explicitLittle),
        header(0x7fe00010, "OB", undefinedLength),
        one,
      ]),
      jpegUid,
    ),
  },
  { code: "trailing-bytes", what: "three bytes", bytes: raw(one, new Uint8Array(3)) },
  {
    code: "trailing-bytes",
    what: "after the deflate stream",
    bytes: deflated(concatBytes([deflateRaw(one), new Uint8Array(4)])),
  },
  { code: "pixel-length", what: "too short", bytes: file(image(4, 4, undefined, pixels(14))) },
  { code: "pixel-length", what: "too long", bytes: file(image(4, 4, undefined, pixels(18))) },
  { code: "pixel-attributes", what: "Rows is zero", bytes: file(image(0, 4, undefined, pixels(4))) },
  {
    code: "pixel-attributes",
    what: "two pixel data elements",
    bytes: file(
      image(1, 2, undefined, pixels(2)).toSpliced(8, 0, {
        tag: 0x7fe00008,
        vr: "OF",
        value: new Uint8Array(8),
      }),
    ),
  },
  {
    code: "encapsulation-invalid",
    what: "no fragments",
    bytes: file(image(1, 2, undefined, fragments(new Uint8Array(0))), jpegUid),
  },
  {
    code: "encapsulation-invalid",
    what: "the offset table points elsewhere",
    bytes: file(
      image(
        1,
        2,
        "2 ",
        fragments(Uint8Array.of(0, 0, 0, 0, 4, 0, 0, 0), new Uint8Array(2), new Uint8Array(2)),
      ),
      jpegUid,
    ),
  },
  { code: "value-invalid", what: "NUL inside a name", bytes: file([text(0x00100010, "PN", "A\0B^")]) },
  {
    code: "value-invalid",
    what: "a creator of 300 characters",
    bytes: file([text(0x00090010, "LO", "c".repeat(300))]),
  },
  { code: "uid-invalid", what: "leading zero", bytes: file([text(0x00080018, "UI", "1.02.3")]) },
  {
    code: "uid-mismatch",
    what: "another instance in the meta information",
    bytes: samplePart10(
      encodeSample([text(0x00080018, "UI", "1.2.3\0")], explicitLittle),
      explicitLittleEndianUid,
      [text(0x00020003, "UI", "1.2.4\0"), syntax],
    ),
  },
  { code: "deflate-invalid", what: "not deflate", bytes: deflated(new Uint8Array(64).fill(0xff)) },
  { code: "limit-depth", what: "17 levels", bytes: nested(17) },
  {
    code: "limit-depth",
    what: "33 levels in a report",
    bytes: concatBytes([
      file([text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.88.11\0")]),
      nested(33).subarray(nested(0).length),
    ]),
  },
  { code: "limit-elements", what: "100,001 elements", bytes: manyElements() },
  {
    code: "limit-items",
    what: "65,537 empty items",
    bytes: raw(
      header(0x00400275, "SQ", undefinedLength),
      ...Array.from({ length: 65_537 }, () => sampleItem(0, explicitLittle)),
    ),
  },
  {
    code: "limit-fragments",
    what: "4,097 fragments of one frame",
    bytes: file(
      image(1, 2, undefined, fragments(...Array.from({ length: 4_097 }, () => new Uint8Array(0)))),
      jpegUid,
    ),
  },
  {
    code: "limit-length",
    what: "17 MiB of text, claimed",
    bytes: raw(header(0x0040a160, "UT", 17 << 20), new Uint8Array(64)),
  },
  {
    code: "limit-length",
    what: "meta information of 128 KiB",
    bytes: meta({ tag: 0x00020102, vr: "OB", value: new Uint8Array(1 << 17) }),
  },
  {
    code: "limit-length",
    what: "texts together",
    bytes: raw(
      ...[0x0040a160, 0x0040a162, 0x0040a164].flatMap((tag) => [
        header(tag, "UT", 12 << 20),
        new Uint8Array(12 << 20).fill(0x41),
      ]),
    ),
  },
  { code: "limit-inflate", what: "2 MiB of zeros", bytes: deflated(deflateRaw(new Uint8Array(2 << 20))) },
];

function manyElements(): Bytes {
  const empty = header(0x00100010, "LO", 0);
  const all = new Uint8Array(empty.length * 100_001);
  const view = new DataView(all.buffer);
  for (let i = 0; i <= 100_000; i++) {
    all.set(empty, i * empty.length);
    view.setUint16(i * empty.length, 0x0010 + 2 * (i >> 15), true);
    view.setUint16(i * empty.length + 2, 0x0010 + (i & 0x7fff), true);
  }
  return raw(all);
}
