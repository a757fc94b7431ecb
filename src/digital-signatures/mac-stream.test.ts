import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { feedPlan, type PlanStep } from "../dicom/byte-plan.ts";
import { encodePart10, type NewElement, numberElement, textElement } from "../dicom/encode.ts";
import type { DataElement } from "../dicom/model.ts";
import { readDicom } from "../dicom/read.ts";
import {
  explicitBigEndianUid,
  explicitLittleEndianUid,
  implicitLittleEndianUid,
} from "../dicom/transfer-syntax.ts";
import { MemorySource } from "../foundation/byte-source.ts";
import { type Bytes, concatBytes, fromLatin1, latin1, toHex } from "../foundation/bytes.ts";
import { holdsNulPaddedText, MacStream, type MacStreamOptions, normalisedText } from "./mac-stream.ts";
import { isSignable } from "./signable.ts";

const identity: readonly NewElement[] = [
  textElement(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7"),
  textElement(0x00080018, "UI", "2.25.1"),
];

interface Streamed {
  readonly plan: readonly PlanStep[];
  readonly bytes: Bytes;
}

async function stream(
  elements: readonly NewElement[],
  syntax: string = explicitLittleEndianUid,
  options: MacStreamOptions = {},
): Promise<Streamed> {
  const object = await readDicom(new MemorySource(encodePart10([...identity, ...elements], syntax)));
  const mac = new MacStream(options);
  for (const element of object.elements.slice(identity.length)) if (isSignable(element)) mac.add(element);
  const parts: Bytes[] = [];
  await feedPlan(mac.steps(), object.dataSource, (bytes) => void parts.push(bytes.slice()));
  return { plan: mac.steps(), bytes: concatBytes(parts) };
}

async function hexOf(...elements: readonly NewElement[]): Promise<string> {
  return toHex((await stream(elements)).bytes);
}

describe("the MAC stream", () => {
  it("writes short and long headers", async () => {
    expect(await hexOf(textElement(0x00080060, "CS", "CT"))).toBe("080060004353" + "0200" + "4354");
    expect(await hexOf({ tag: 0x00281201, vr: "OW", value: Uint8Array.of(1, 2) })).toBe(
      "280001124f570000020000000102",
    );
  });

  it("writes sequences and items without lengths, and always the sequence's delimiter", async () => {
    const item = [textElement(0x00081160, "IS", "1")];
    expect(await hexOf({ tag: 0x00081140, vr: "SQ", items: [item, []] })).toBe(
      "080040115351" + "0000" + "feff00e0" + "08006011495302003120" + "feff00e0" + "feffdde0",
    );
    expect(await hexOf({ tag: 0x00081140, vr: "SQ", items: [] })).toBe("0800401153510000feffdde0");
  });

  it("leaves unsignable children out and refuses sequences that hold UN", async () => {
    const padding: NewElement = { tag: 0xfffcfffc, vr: "OB", value: new Uint8Array(2) };
    expect(await hexOf({ tag: 0x00081140, vr: "SQ", items: [[padding]] })).toBe(
      "0800401153510000feff00e0feffdde0",
    );
    const unknown: NewElement = { tag: 0x00091001, vr: "UN", value: new Uint8Array(2) };
    const creator = textElement(0x00090010, "LO", "SOMEBODY");
    expect(await hexOf({ tag: 0x00081140, vr: "SQ", items: [[creator, unknown]] })).toBe("");
  });

  it("gives one literal for many small elements and one range for a bulk value", async () => {
    const rows = Array.from({ length: 200 }, (_, i) => textElement(0x00400100 + i, "LO", `value ${i}`));
    const pixels: NewElement = { tag: 0x00420011, vr: "OB", value: new Uint8Array(70_001).fill(7) };
    const { plan } = await stream([...rows, pixels]);
    expect(plan.map((step) => step instanceof Uint8Array)).toEqual([true, false]);
    const { plan: swapped } = await stream(
      [{ tag: 0x00281201, vr: "OW", value: new Uint8Array(70_000) }],
      explicitBigEndianUid,
    );
    expect(swapped).toMatchObject([{}, { length: 70_000, swap: 2 }]);
  });

  it("writes a short VR of more than 65,535 bytes as UN", async () => {
    const { bytes } = await stream(
      [textElement(0x00204000, "LT", "x".repeat(70_000))],
      implicitLittleEndianUid,
    );
    expect(toHex(bytes.subarray(0, 12))).toBe("20000040554e000070110100");
    expect(bytes.length).toBe(12 + 70_000);
  });

  it("is the same whatever the encoding of the file", async () => {
    const text = fc.string({ unit: fc.constantFrom("A", "b", "7", " ", "^"), maxLength: 40 });
    const element = fc.oneof(
      text.map((value) => textElement(0x00100010, "PN", value)),
      fc.double({ noNaN: true }).map((n) => numberElement(0x00189073, "FD", n)),
      fc.float({ noNaN: true }).map((n) => numberElement(0x00700022, "FL", n)),
      fc.nat(65_535).map((n) => numberElement(0x00181310, "US", n, n >> 1)),
      fc.nat().map((n) => numberElement(0x00280009, "AT", n)),
      fc
        .uint8Array({ maxLength: 300 })
        .map((b): NewElement => ({ tag: 0x00281201, vr: "OW", value: b.subarray(0, b.length & ~1) })),
    );
    const set = fc.uniqueArray(element, { selector: ({ tag }) => tag, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(set, async (elements) => {
        const explicit = toHex((await stream(elements)).bytes);
        expect(toHex((await stream(elements, explicitBigEndianUid)).bytes)).toBe(explicit);
        expect(toHex((await stream(elements, implicitLittleEndianUid)).bytes)).toBe(explicit);
      }),
      { numRuns: 100 },
    );
  });
});

describe("text", () => {
  it.each([
    ["LO", "  Lead & trail  ", "  Lead & trail"],
    ["LO", "   ", ""],
    ["LO", "ACME \0", "ACME \0"],
    ["UI", "1.2.3 ", "1.2.3"],
    ["UI", "1.2 .3\0\0", "1.2.3"],
    ["DS", " 1.0  ", " 1.0"],
  ] as const)("%s %j is normalised to %j", (vr, written, normalised) => {
    expect(latin1(normalisedText(vr, fromLatin1(written)))).toBe(normalised);
  });

  it("raw text stays as it stands", async () => {
    const { bytes } = await stream([textElement(0x00080060, "CS", "CT  ")], explicitLittleEndianUid, {
      rawText: true,
    });
    expect(latin1(bytes)).toBe("\b\0`\0CS\x04\0CT  ");
  });

  it("NUL padding is noticed at any depth, but not in UIDs", () => {
    const element = (vr: DataElement["vr"], text: string): DataElement => ({
      tag: 0x00080070,
      vr,
      vrOnWire: vr,
      encoding: { explicit: true, bigEndian: false },
      offset: 0,
      valueOffset: 8,
      length: text.length,
      undefinedLength: false,
      end: 8 + text.length,
      value: fromLatin1(text),
    });
    const nul = element("LO", "ACME \0 ");
    expect(holdsNulPaddedText(nul)).toBe(true);
    expect(holdsNulPaddedText(element("UI", "1.2\0"))).toBe(false);
    expect(holdsNulPaddedText(element("LO", "ACME"))).toBe(false);
    const item = { offset: 0, undefinedLength: false, elements: [nul], end: 0 };
    expect(holdsNulPaddedText({ ...element("SQ", ""), items: [item] })).toBe(true);
  });
});
