/** Signatures that must be found valid, or be told apart from altered ones. */
import { type NewElement, numberElement, textElement } from "../../../src/dicom/encode.ts";
import { tags } from "../../../src/dicom/tags.ts";
import {
  deflatedUid,
  explicitBigEndianUid,
  explicitLittleEndianUid,
  implicitLittleEndianUid,
} from "../../../src/dicom/transfer-syntax.ts";
import { signDataSet } from "../../../src/digital-signatures/sign.ts";
import type { Bytes } from "../../../src/foundation/bytes.ts";
import {
  type Case,
  type CaseKeys,
  carried,
  type ExpectedFact,
  image,
  jpegLsUid,
  request,
  rleUid,
  signed,
  whole,
} from "./case.ts";
import {
  type CaseKey,
  edited,
  encapsulatedPixels,
  file,
  handmadeEdits,
  header,
  open,
  pixels,
  referencedImageSequence,
  signerOf,
  withElements,
} from "./objects.ts";

function honest(name: string, bytes: Bytes, ...expected: readonly ExpectedFact[]): Case {
  return { name, attack: "", effect: "", bytes, expected };
}

export async function honestCases(keys: CaseKeys): Promise<readonly Case[]> {
  return [...(await asSigned(keys)), ...(await carriedElsewhere(keys["P-256"]))];
}

async function asSigned(keys: CaseKeys): Promise<readonly Case[]> {
  const p256 = keys["P-256"];
  const spaced = withElements(image, textElement(tags.patientName, "PN", "Vector^Victor   "));
  const rawObject = await open(file(spaced, explicitLittleEndianUid));
  const raw = { hash: "SHA-256", macAlgorithm: "SHA256", rawText: true } as const;
  const rawEdits = await handmadeEdits(rawObject, request, p256, raw);
  const once = await signed(image, explicitLittleEndianUid, p256);
  const twice = await signDataSet(
    await open(once),
    { ...request, signatureUid: "2.25.778" },
    signerOf(keys["P-384"], "SHA-384"),
  );
  const item = { location: [{ tag: referencedImageSequence, item: 1 }] };
  return [
    honest("explicit VR, P-256", once, whole),
    honest(
      "implicit VR, RSA-3072",
      await signed(image, implicitLittleEndianUid, keys["RSA-3072"], "SHA-512"),
      whole,
    ),
    honest("big endian, P-384", await signed(image, explicitBigEndianUid, keys["P-384"], "SHA-384"), whole),
    honest("deflated", await signed(image, deflatedUid, p256), whole),
    honest("encapsulated", await signed(withElements(header, encapsulatedPixels), rleUid, p256), whole),
    honest("two signatures", await edited(once, ...twice.edits), whole, whole),
    honest("an item", await signed(image, explicitLittleEndianUid, p256, "SHA-256", item), whole),
    honest("text hashed as it stands", await edited(file(spaced, explicitLittleEndianUid), ...rawEdits), {
      ...whole,
      encoding: "raw-text",
    }),
  ];
}

/** Signed in one encoding, found in another. */
async function carriedElsewhere(p256: CaseKey): Promise<readonly Case[]> {
  const bytePixels: NewElement = { tag: tags.pixelData, vr: "OB", value: pixels.subarray(0, 64) };
  const byteHeader = withElements(
    header,
    numberElement(tags.bitsAllocated, "US", 8),
    numberElement(tags.bitsStored, "US", 8),
    numberElement(tags.highBit, "US", 7),
  );
  const asBytes = withElements(byteHeader, bytePixels);
  return [
    honest(
      "explicit to implicit VR",
      await carried([image, explicitLittleEndianUid], [image, implicitLittleEndianUid], p256),
      whole,
    ),
    honest(
      "big endian to explicit VR",
      await carried([image, explicitBigEndianUid], [image, explicitLittleEndianUid], p256),
      whole,
    ),
    honest(
      "OB came back as OW",
      await carried([asBytes, explicitLittleEndianUid], [asBytes, implicitLittleEndianUid], p256),
      { ...whole, encoding: "other-vr" },
    ),
    honest(
      "native to RLE",
      await carried(
        [image, explicitLittleEndianUid],
        [withElements(header, encapsulatedPixels), rleUid],
        p256,
      ),
      { result: "transcoded" },
    ),
    honest(
      "RLE to JPEG-LS",
      await carried(
        [withElements(header, encapsulatedPixels), rleUid],
        [withElements(header, { ...encapsulatedPixels, frames: [pixels.subarray(2, 60)] }), jpegLsUid],
        p256,
      ),
      { result: "transcoded" },
    ),
  ];
}
