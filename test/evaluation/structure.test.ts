/** What is around and between the values: headers, lengths, order, offset tables, blocks of private elements, padding. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { rewriteObject } from "../../src/attack-lab/rewrites.ts";
import { findElement } from "../../src/dicom/elements.ts";
import {
  encodeElement,
  encodeItem,
  type NewElement,
  numberElement,
  textElement,
} from "../../src/dicom/encode.ts";
import type { DicomObject } from "../../src/dicom/model.ts";
import type { Edit } from "../../src/dicom/splice.ts";
import { type Tag, tags } from "../../src/dicom/tags.ts";
import { deflatedUid, explicitLittleEndianUid } from "../../src/dicom/transfer-syntax.ts";
import { type Bytes, concatBytes, fromLatin1, u16le, u32le } from "../../src/foundation/bytes.ts";
import { describePeer } from "../peers.ts";
import { corpusBytes } from "./corpus-files.ts";
import { edited, newSite, outcome, parse, type Site } from "./fixture.ts";

const explicitLittle = { explicit: true, bigEndian: false } as const;
/** A CT slice in explicit VR little endian; what the table's functions are given. */
interface Sealed {
  readonly bytes: Bytes;
  readonly object: DicomObject;
}
type Attack = (sealed: Sealed) => Bytes | Promise<Bytes>;

const put = (element: NewElement, parent?: readonly number[]): Edit =>
  parent ? { kind: "put", element, parent } : { kind: "put", element };
const splice =
  (...edits: Edit[]): Attack =>
  ({ bytes }) =>
    edited(bytes, edits);

/** The two letters of the element's VR in the file. */
const withVr =
  (tag: Tag, vr: string): Attack =>
  ({ bytes, object }) => {
    const { offset } = findElement(object.elements, tag)!;
    const out = bytes.slice();
    out.set(fromLatin1(vr), offset + 4);
    return out;
  };
const withoutSignature =
  (attack: Attack): Attack =>
  async (sealed) => {
    const bytes = await edited(await attack(sealed), [
      { kind: "remove", path: [tags.macParametersSequence] },
      { kind: "remove", path: [tags.digitalSignaturesSequence] },
    ]);
    return bytes;
  };

/** The element's bytes moved to another place of the file. */
function moved({ bytes, object }: Sealed, tag: Tag, before: Tag): Bytes {
  const element = findElement(object.elements, tag)!;
  const target = findElement(object.elements, before)!;
  const own = bytes.subarray(element.offset, element.end);
  const rest = concatBytes([bytes.subarray(0, element.offset), bytes.subarray(element.end)]);
  const at = target.offset > element.offset ? target.offset - own.length : target.offset;
  return concatBytes([rest.subarray(0, at), own, rest.subarray(at)]);
}

function inMeta({ bytes, object }: Sealed, element: Bytes): Bytes {
  const length = object.metaEnd - 144 + element.length;
  return concatBytes([
    bytes.subarray(0, 140),
    u32le(length),
    bytes.subarray(144, object.metaEnd),
    element,
    bytes.subarray(object.metaEnd),
  ]);
}

const deflated =
  (change: (bytes: Bytes) => Bytes): Attack =>
  async ({ object }) =>
    change(await rewriteObject(object, { transferSyntaxUid: deflatedUid }));

const none: Attack = ({ bytes }) => bytes;
const blank = { tag: 0x00104000, vr: "LT", value: fromLatin1("x ") } as const;

const attacks: readonly (readonly [what: string, attack: Attack, expected: string])[] = [
  ["nothing", none, "verified: hidden-bytes @0; hidden-bytes (FFFC,FFFC)"],
  // VR letters. Under the signature they are signed; without it a VR that is neither the dictionary's nor UN is a change.
  ["DS written as LO", withVr(0x00281052, "LO"), "altered: attribute-changed (0028,1052)"],
  [
    "DS written as LO, signature removed",
    withoutSignature(withVr(0x00281052, "LO")),
    "altered: attribute-changed (0028,1052)",
  ],
  [
    "PN written as LO, signature removed",
    withoutSignature(withVr(0x00100010, "LO")),
    "altered: attribute-changed (0010,0010)",
  ],
  ["US written as SS", withVr(0x00280120, "US"), "altered: attribute-changed (0028,0120)"],
  ["Rows written as SS", withVr(0x00280010, "SS"), "malformed: vr-mismatch (0028,0010)"],
  ["Pixel Data written as OB", withVr(tags.pixelData, "OB"), "verified"],
  [
    "the same, signature removed",
    withoutSignature(withVr(tags.pixelData, "OB")),
    "verified: signature-missing",
  ],
  // Elements that a signature cannot reach.
  [
    "an overlay as UN",
    splice(put({ tag: 0x60003000, vr: "UN", value: new Uint8Array(32).fill(255) })),
    "altered: attribute-added (6000,3000)",
  ],
  [
    "an unknown tag",
    splice(put({ tag: 0x00091000, vr: "UN", value: new Uint8Array(4) })),
    "altered: attribute-",
  ],
  [
    "a window as UN",
    splice(put({ tag: 0x00281050, vr: "UN", value: fromLatin1("40") })),
    "altered: attribute-added (0028,1050)",
  ],
  [
    "an icon",
    splice(put({ tag: 0x00880200, vr: "SQ", items: [[numberElement(0x00280010, "US", 2)]] })),
    "altered: attribute-added (0088,0200)",
  ],
  [
    "offset tables beside native pixels",
    splice(put({ tag: tags.extendedOffsetTable, vr: "OV", value: new Uint8Array(64).fill(7) })),
    "altered: attribute-added (7FE0,0001)",
  ],
  // Private blocks.
  [
    "a second block in group 0071",
    splice(
      put(textElement(0x00710020, "LO", "ACME")),
      put({ tag: 0x00712001, vr: "OB", value: new Uint8Array(8) }),
    ),
    "altered: attribute-added 0071[ACME]01",
  ],
  [
    "our creator twice",
    splice(put(textElement(0x00710020, "LO", "SCANSEAL 1.0"))),
    "malformed: seal-structure (0071,0020)",
  ],
  [
    "an unknown element in our block",
    splice(put({ tag: 0x00711009, vr: "OB", value: new Uint8Array(8) })),
    "malformed: seal-structure (0071,1009)",
  ],
  [
    "late evidence of no known type",
    splice(put({ tag: 0x00711001, vr: "OB", value: Uint8Array.of(4, 0, 0, 0, 1, 1, 0, 0) })),
    "altered: envelope-invalid",
  ],
  [
    "a private creator renamed",
    splice(put(textElement(0x00190010, "LO", "ACME"))),
    "altered: attribute-added 0019[ACME]",
  ],
  [
    "a private creator without a block",
    splice(put(textElement(0x00190030, "LO", "ACME"))),
    "altered: attribute-added 0019[ACME]",
  ],
  [
    "a private block in an item of nobody's",
    splice(put({ tag: 0x00191099, vr: "LO", value: fromLatin1("hi") })),
    "altered: attribute-added 0019[GEMS_ACQU_01]99",
  ],
  // Around the signature.
  [
    "an element in the MAC parameters",
    splice(put(blank, [tags.macParametersSequence, 0])),
    "altered: attribute-added 4FFE0001/0/00104000",
  ],
  [
    "an element in the signature item",
    splice(put(blank, [tags.digitalSignaturesSequence, 0])),
    "altered: attribute-added FFFAFFFA/0/00104000",
  ],
  [
    "MAC parameters that no signature names",
    splice({
      kind: "append-item",
      sequence: tags.macParametersSequence,
      item: [numberElement(0x04000005, "US", 9), numberElement(0x04000020, "AT", 0x00100010)],
    }),
    "verified-with-changes: attribute-added 4FFE0001/1/04000005",
  ],
  [
    "another MAC syntax",
    splice(put(textElement(0x04000010, "UI", "1.2.840.10008.1.2.4.90"), [tags.macParametersSequence, 0])),
    "verified-with-changes: attribute-changed 4FFE0001/0/04000010",
  ],
  [
    "the signatures as one opaque value",
    splice(
      { kind: "remove", path: [tags.digitalSignaturesSequence] },
      put({ tag: tags.digitalSignaturesSequence, vr: "OB", value: new Uint8Array(64) }),
    ),
    "untrusted: attribute-added (FFFA,FFFA)",
  ],
  [
    "the MAC parameters as one opaque value",
    splice(
      { kind: "remove", path: [tags.macParametersSequence] },
      put({ tag: tags.macParametersSequence, vr: "OB", value: new Uint8Array(64) }),
    ),
    "altered: signature-malformed",
  ],
  // Lengths and order.
  ["two elements in the wrong order", (s) => moved(s, 0x00100010, 0x00100030), "malformed: tag-order"],
  [
    "an element twice",
    ({ bytes, object }) => {
      const e = findElement(object.elements, 0x00100010)!;
      return concatBytes([bytes.subarray(0, e.end), bytes.subarray(e.offset)]);
    },
    "malformed: tag-duplicate (0010,0010)",
  ],
  ["a group length that is right", ({ bytes, object }) => groupLength(bytes, object, 0), "verified"],
  [
    "a group length that is wrong",
    ({ bytes, object }) => groupLength(bytes, object, 1),
    "verified: hidden-bytes @0; hidden-bytes (FFFC,FFFC); hidden-bytes (0010,0000)",
  ],
  [
    "a group length that is none",
    splice(put({ tag: 0x00100000, vr: "UL", value: new Uint8Array(8) })),
    "altered: attribute-added (0010,0000)",
  ],
  ["Length to End", splice(put(numberElement(0x00080001, "UL", 4711))), "verified"],
  [
    "Length to End that is none",
    splice(put({ tag: 0x00080001, vr: "UL", value: new Uint8Array(8) })),
    "altered: attribute-added (0008,0001)",
  ],
  [
    "padding inside an item",
    splice(put({ tag: tags.dataSetTrailingPadding, vr: "OB", value: fromLatin1("data") }, [0x00101002, 0])),
    "verified: hidden-bytes @0; hidden-bytes (FFFC,FFFC); hidden-bytes (FFFC,FFFC)",
  ],
  [
    "padding inside items in a private value",
    async ({ bytes }) =>
      edited(bytes, [put({ tag: 0x00191098, vr: "UN", value: privateItems(fromLatin1("data")) })]),
    "altered: attribute-added 0019[GEMS_ACQU_01]98; hidden-bytes @0; hidden-bytes (FFFC,FFFC); hidden-bytes (FFFC,FFFC)",
  ],
  [
    "a signature in Original Attributes",
    splice(
      put({
        tag: 0x04000561,
        vr: "SQ",
        items: [[{ tag: tags.digitalSignaturesSequence, vr: "SQ", items: [[blank]] }]],
      }),
    ),
    "altered: attribute-added (0400,0561)",
  ],
  [
    "undefined lengths",
    ({ object }) =>
      rewriteObject(object, { transferSyntaxUid: explicitLittleEndianUid, undefinedLengths: true }),
    "verified",
  ],
  // Beside the data set.
  [
    "private information in the file meta",
    (s) =>
      inMeta(
        s,
        concatBytes([
          encodeElement(textElement(0x00020100, "UI", "1.2.3"), explicitLittle),
          encodeElement({ tag: 0x00020102, vr: "OB", value: fromLatin1("data") }, explicitLittle),
        ]),
      ),
    "verified: hidden-bytes @0; hidden-bytes (FFFC,FFFC); hidden-bytes (0002,0102)",
  ],
  ["bytes after the data set", ({ bytes }) => concatBytes([bytes, u16le(0x1234)]), "malformed"],
  ["deflated", deflated((b) => b), "verified"],
  [
    "deflated, a byte after the stream",
    deflated((b) => concatBytes([b, Uint8Array.of(1, 2)])),
    "malformed: trailing-bytes",
  ],
  [
    "deflated, padding that is not zero",
    deflated((b) => concatBytes([b, Uint8Array.of(0, 7)])),
    "malformed: trailing-bytes",
  ],
];

/** One item that holds padding with something in it. */
function privateItems(padding: Bytes): Bytes {
  const element = encodeElement(
    { tag: tags.dataSetTrailingPadding, vr: "OB", value: padding },
    { explicit: false, bigEndian: false },
  );
  return encodeItem(element, { explicit: false, bigEndian: false });
}

/** (0010,0000) before the patient's group, `off` by so much. */
function groupLength(bytes: Bytes, { elements }: DicomObject, off: number): Bytes {
  const group = elements.filter(({ tag }) => tag >>> 16 === 0x0010);
  const start = group[0]!.offset;
  const element = encodeElement(
    numberElement(0x00100000, "UL", group.at(-1)!.end - start + off),
    explicitLittle,
  );
  return concatBytes([bytes.subarray(0, start), element, bytes.subarray(start)]);
}

describePeer("corpus", "structure of a sealed file", () => {
  let site: Site;
  let sealed: Sealed;
  beforeAll(async () => {
    site = newSite();
    const bytes = await site.seal(corpusBytes("transfer-syntax/small/CT_small.dcm"));
    sealed = { bytes, object: await parse(bytes) };
  });
  afterAll(() => site.close());

  it.each(attacks)("%s", async (_what, attack, expected) => {
    const judged = await site.judge(await attack(sealed));
    expect(outcome(judged)).toContain(expected.split(": ")[0]);
    expect(`${judged.decision.verdict}:`).toBe(`${expected.split(": ")[0]}:`);
    expect(outcome(judged)).toContain(expected.split(": ").slice(1).join(": "));
  });
});
