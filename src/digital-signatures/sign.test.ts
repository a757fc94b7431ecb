import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  file,
  header,
  nativePixels,
  open,
  withElements,
} from "../../test/vectors/digital-signatures/objects.ts";
import { encodePart10, type NewElement, numberElement, textElement } from "../dicom/encode.ts";
import { readDicom } from "../dicom/read.ts";
import { writeToBytes } from "../dicom/splice.ts";
import { tags } from "../dicom/tags.ts";
import { explicitLittleEndianUid, implicitLittleEndianUid } from "../dicom/transfer-syntax.ts";
import { MemorySource } from "../foundation/byte-source.ts";
import { concatBytes, latin1, toHex } from "../foundation/bytes.ts";
import { prepareSignature, type SignatureRequest, signDataSet } from "./sign.ts";
import { findSignatures } from "./signature-record.ts";

const signer = { hash: "SHA-256", certificate: new Uint8Array(3) } as const;
const request: SignatureRequest = { signatureUid: "2.25.1", dateTimeMs: Date.UTC(2026, 0, 2, 3, 4, 5, 67) };
const image = withElements(header, nativePixels);

async function listFor(...extra: readonly NewElement[]): Promise<readonly number[]> {
  const object = await open(file(withElements(image, ...extra), explicitLittleEndianUid));
  return prepareSignature(object, request, signer).signedTags;
}

describe("what is listed", () => {
  it("every standard element", async () => {
    expect(await listFor()).toEqual(image.map(({ tag }) => tag));
  });

  it("no private element, and no sequence that holds one DCMTK does not know", async () => {
    const creator = textElement(0x00090010, "LO", "NOBODY KNOWS");
    const value = textElement(0x00091001, "LO", "x");
    const sequence = (...items: readonly NewElement[]): NewElement => ({
      tag: 0x00081111,
      vr: "SQ",
      items: [items],
    });
    expect(await listFor(creator, value)).not.toContain(0x00091001);
    expect(await listFor(sequence(creator, value))).not.toContain(0x00081111);
    expect(await listFor(sequence(textElement(0x00081150, "UI", "1.2")))).toContain(0x00081111);
    // DCMTK's private dictionary has this one, so it survives an implicit hop.
    const known = [textElement(0x00090010, "LO", "GEMS_IDEN_01"), textElement(0x00091002, "SH", "CT01")];
    expect(await listFor(sequence(...known))).toContain(0x00081111);
  });

  it("no element newer than DCMTK's dictionary", async () => {
    // (0008,001C) Synthetic Data: in the standard since 2023.
    expect(await listFor(textElement(0x0008001c, "CS", "NO"))).not.toContain(0x0008001c);
  });

  it("no sequence that dcmsign would hash in part", async () => {
    const long = textElement(0x00080104, "LO", "x".repeat(60));
    const inner: NewElement = { tag: 0x00082218, vr: "SQ", items: Array.from({ length: 400 }, () => [long]) };
    const outer: NewElement = { tag: 0x00081111, vr: "SQ", items: [[inner]] };
    expect(await listFor(outer)).not.toContain(0x00081111);
    expect(await listFor({ tag: 0x00081111, vr: "SQ", items: inner.items! })).toContain(0x00081111);
  });

  it("what was asked for, or an error", async () => {
    const object = await open(file(image, explicitLittleEndianUid));
    const asked = { ...request, tags: [tags.pixelData, tags.modality, tags.modality] };
    expect(prepareSignature(object, asked, signer).signedTags).toEqual([tags.modality, tags.pixelData]);
    const absent = { ...request, tags: [0x00100040] };
    expect(() => prepareSignature(object, absent, signer)).toThrow(
      expect.objectContaining({ code: "usage" }),
    );
  });
});

describe("the items written", () => {
  it("hold what PS3.3 C.12.1.1.3 asks for", async () => {
    const object = await open(file(image, implicitLittleEndianUid));
    const prepared = prepareSignature(object, { ...request, purpose: 14 }, signer);
    const text = (items: readonly NewElement[], tag: number): string =>
      latin1(items.find((element) => element.tag === tag)!.value!);
    const item = prepared.signatureItem(Uint8Array.of(1, 2));
    expect(item.map(({ tag }) => tag)).toEqual([
      0x04000005, 0x04000100, 0x04000105, 0x04000110, 0x04000115, 0x04000120, 0x04000401,
    ]);
    expect(text(item, 0x04000105)).toBe("20260102030405.067000+0000");
    expect(text(item, 0x04000110)).toBe("X509_1993_SIG ");
    expect(text(prepared.macParametersItem, 0x04000010)).toBe(`${explicitLittleEndianUid}\0`);
    expect(text(item[6]!.items![0]!, 0x00080102)).toBe("ASTM-sigpurpose ");
  });

  it("take the smallest MAC ID number that is free in both sequences", async () => {
    const withIds = (tag: number, ...ids: readonly number[]): NewElement => ({
      tag,
      vr: "SQ",
      items: ids.map((id) => [numberElement(0x04000005, "US", id)]),
    });
    const used = [withIds(tags.macParametersSequence, 0, 2), withIds(tags.digitalSignaturesSequence, 1)];
    const object = await open(file(withElements(image, ...used), explicitLittleEndianUid));
    expect(prepareSignature(object, request, signer).macParametersItem[0]!.value).toEqual(
      Uint8Array.of(3, 0),
    );
  });

  it("leave what was there byte for byte, before the trailing padding", async () => {
    const padding: NewElement = { tag: tags.dataSetTrailingPadding, vr: "OB", value: new Uint8Array(6) };
    const bytes = file(withElements(image, padding), explicitLittleEndianUid);
    const sign = async (input: Uint8Array, signatureUid: string): Promise<Uint8Array> => {
      const object = await open(input);
      const fixed = { update: () => {}, sign: async () => new Uint8Array([0x30, 0, 0]) };
      const full = {
        ...signer,
        keyType: "EC-P256",
        keyBits: 256,
        signatureBytesMax: 72,
        start: () => fixed,
      } as const;
      const { edits } = await signDataSet(object, { ...request, signatureUid }, full);
      return writeToBytes(object, edits);
    };
    const once = await sign(bytes, "2.25.1");
    const twice = await sign(once, "2.25.2");
    const first = findSignatures(await open(once))[0]!.item!;
    const kept = findSignatures(await open(twice))[0]!.item!;
    expect(twice.subarray(kept.offset, kept.end)).toEqual(once.subarray(first.offset, first.end));
    expect((await open(twice)).elements.at(-1)!.tag).toBe(tags.dataSetTrailingPadding);
    await expect(sign(twice, "2.25.2")).rejects.toMatchObject({ code: "usage" });
  });
});

describe("the worked example of spec/dicom-digital-signature.md", () => {
  it("is what is hashed", async () => {
    const page = readFileSync(new URL("../../spec/dicom-digital-signature.md", import.meta.url), "utf8");
    const example = page.slice(page.indexOf("gives this stream"), page.indexOf("## What is written"));
    const hex = [...example.matchAll(/^ {4}((?:[0-9a-f]{4,} ?)+)/gm)].map(([, digits]) =>
      digits!.replaceAll(" ", ""),
    );
    const object = await open(file(image, implicitLittleEndianUid));
    const elements = object.elements.filter(({ tag }) => tag === tags.modality || tag === tags.patientId);
    const asked = { signatureUid: "2.25.777", dateTimeMs: Date.UTC(2024, 1, 29, 12) };
    const { plan } = prepareSignature({ ...object, elements }, asked, signer);
    expect(toHex(concatBytes(plan as Uint8Array[]))).toBe(hex.join(""));
    expect(hex).toHaveLength(6);
  });
});

describe("objects that are not signed", () => {
  it("elements out of order", async () => {
    const swapped = encodePart10(image, explicitLittleEndianUid);
    const tolerated = await readDicom(new MemorySource(swapped));
    const disordered = { ...tolerated, tolerated: [{ code: "tag-order", tag: tags.modality }] } as const;
    expect(() => prepareSignature(disordered, request, signer)).toThrow(
      expect.objectContaining({ code: "not-sealable" }),
    );
  });

  it("text of odd length", async () => {
    const bytes = file(image, explicitLittleEndianUid);
    const object = await open(bytes);
    const elements = object.elements.map((element) =>
      element.tag === tags.patientId
        ? { ...element, length: 3, value: element.value!.subarray(0, 3) }
        : element,
    );
    expect(() => prepareSignature({ ...object, elements }, request, signer)).toThrow(
      expect.objectContaining({ code: "not-sealable", tag: tags.patientId }),
    );
  });

  it("an item that is not there", async () => {
    const object = await open(file(image, explicitLittleEndianUid));
    const nowhere = { ...request, location: [{ tag: 0x00081140, item: 7 }] };
    expect(() => prepareSignature(object, nowhere, signer)).toThrow(
      expect.objectContaining({ code: "usage" }),
    );
  });
});
