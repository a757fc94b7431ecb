/** Small objects to sign, and signatures no honest signer would make. */
import { createSign, type KeyObject } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import { feedPlan, type PlanStep } from "../../../src/dicom/byte-plan.ts";
import {
  encodeElement,
  encodeMeta,
  encodePart10,
  type NewElement,
  numberElement,
  textElement,
} from "../../../src/dicom/encode.ts";
import type { DicomObject } from "../../../src/dicom/model.ts";
import { readDicom } from "../../../src/dicom/read.ts";
import { type Edit, writeToBytes } from "../../../src/dicom/splice.ts";
import { type Tag, tags } from "../../../src/dicom/tags.ts";
import { deflatedUid } from "../../../src/dicom/transfer-syntax.ts";
import { outsideMacStream } from "../../../src/digital-signatures/attributes.ts";
import { MacStream } from "../../../src/digital-signatures/mac-stream.ts";
import { prepareSignature, type SignatureRequest } from "../../../src/digital-signatures/sign.ts";
import { MemorySource } from "../../../src/foundation/byte-source.ts";
import { type Bytes, concatBytes } from "../../../src/foundation/bytes.ts";
import type { HashName, LegacyHashName, Signer } from "../../../src/foundation/crypto.ts";
import { nodeHashNames } from "../../../src/platform/node/crypto.ts";

const ctImageStorage = "1.2.840.10008.5.1.4.1.1.2";
const sopInstanceUid = "2.25.314159265358979323846";
export const referencedImageSequence: Tag = 0x00081140;

const sampleText = (tag: Tag, vr: NewElement["vr"], text: string): NewElement => textElement(tag, vr, text);

/** A made-up CT slice of 8 x 8, without Pixel Data. */
export const header: readonly NewElement[] = [
  sampleText(0x00080005, "CS", "ISO_IR 192"),
  sampleText(0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL"),
  sampleText(tags.sopClassUid, "UI", ctImageStorage),
  sampleText(tags.sopInstanceUid, "UI", sopInstanceUid),
  sampleText(0x00080020, "DA", "20240229"),
  sampleText(tags.modality, "CS", "CT"),
  {
    tag: referencedImageSequence,
    vr: "SQ",
    items: [
      [sampleText(0x00081150, "UI", ctImageStorage), sampleText(0x00081155, "UI", "2.25.27182818")],
      [sampleText(0x00081150, "UI", ctImageStorage), sampleText(0x00081155, "UI", "2.25.1618")],
    ],
  },
  sampleText(tags.patientName, "PN", "Vector^Victor"),
  sampleText(tags.patientId, "LO", "V-1"),
  sampleText(tags.studyInstanceUid, "UI", "2.25.11"),
  sampleText(tags.seriesInstanceUid, "UI", "2.25.12"),
  numberElement(tags.samplesPerPixel, "US", 1),
  sampleText(tags.photometricInterpretation, "CS", "MONOCHROME2"),
  numberElement(tags.rows, "US", 8),
  numberElement(tags.columns, "US", 8),
  numberElement(tags.bitsAllocated, "US", 16),
  numberElement(tags.bitsStored, "US", 12),
  numberElement(tags.highBit, "US", 11),
  numberElement(tags.pixelRepresentation, "US", 0),
  sampleText(0x00281052, "DS", "-1024"),
  sampleText(0x00281053, "DS", "1"),
];

/** 64 samples of two bytes. */
export const pixels: Bytes = Uint8Array.from({ length: 128 }, (_, i) =>
  i % 2 === 0 ? (i * 37) & 255 : i & 7,
);
export const nativePixels: NewElement = { tag: tags.pixelData, vr: "OW", value: pixels };
export const encapsulatedPixels: NewElement = {
  tag: tags.pixelData,
  vr: "OB",
  frames: [pixels.subarray(0, 70)],
};

/** Elements of the same tag in `changes` take the place of those in `elements`. */
export function withElements(
  elements: readonly NewElement[],
  ...changes: readonly NewElement[]
): readonly NewElement[] {
  const changed = new Set(changes.map(({ tag }) => tag));
  return [...elements.filter(({ tag }) => !changed.has(tag)), ...changes].sort((a, b) => a.tag - b.tag);
}

export function file(elements: readonly NewElement[], transferSyntaxUid: string): Bytes {
  if (transferSyntaxUid !== deflatedUid) return encodePart10(elements, transferSyntaxUid);
  const explicit = { explicit: true, bigEndian: false };
  const deflated = deflateRawSync(concatBytes(elements.map((element) => encodeElement(element, explicit))));
  const meta = encodeMeta(
    elements.find(({ tag }) => tag === tags.sopClassUid)!.value!,
    elements.find(({ tag }) => tag === tags.sopInstanceUid)!.value!,
    deflatedUid,
  );
  return concatBytes([meta, deflated, new Uint8Array(deflated.length % 2)]);
}

export function open(bytes: Bytes): Promise<DicomObject> {
  return readDicom(new MemorySource(bytes));
}

export async function edited(bytes: Bytes, ...edits: readonly Edit[]): Promise<Bytes> {
  return writeToBytes(await open(bytes), edits);
}

/** The two sequences as elements, to be put into another encoding of the same object. */
export function signatureElements(edits: readonly Edit[]): readonly NewElement[] {
  return edits.flatMap((edit) =>
    edit.kind === "append-item" ? [{ tag: edit.sequence, vr: "SQ", items: [edit.item] } as const] : [],
  );
}

export interface CaseKey {
  readonly privateKey: KeyObject;
  readonly certificate: Bytes;
}

export function signerOf(key: CaseKey, hash: HashName): Signer {
  return {
    keyType: key.privateKey.asymmetricKeyType === "rsa" ? "RSA" : "EC-P256",
    keyBits: 0,
    hash,
    certificate: key.certificate,
    signatureBytesMax: 1024,
    start() {
      const operation = createSign(nodeHashNames[hash]);
      return {
        update: (bytes) => void operation.update(bytes),
        sign: async () => new Uint8Array(operation.sign(key.privateKey)),
      };
    },
  };
}

export interface Handmade {
  readonly hash: HashName | LegacyHashName;
  /** What (0400,0015) says. */
  readonly macAlgorithm: string;
  readonly rawText?: boolean;
}

/** A signature that our signer refuses to make: another hash, another algorithm name, text as it stands. */
export async function handmadeEdits(
  object: DicomObject,
  request: SignatureRequest,
  key: CaseKey,
  how: Handmade,
): Promise<readonly Edit[]> {
  const prepared = prepareSignature(object, request, { hash: "SHA-256", certificate: key.certificate });
  const stream = new MacStream({ rawText: how.rawText ?? false });
  for (const element of object.elements) if (prepared.signedTags.includes(element.tag)) stream.add(element);
  for (const element of prepared.signatureItem(new Uint8Array(0))) {
    if (!outsideMacStream.has(element.tag)) stream.addNew(element);
  }
  const operation = createSign(nodeHashNames[how.hash]);
  const plan: readonly PlanStep[] = stream.steps();
  await feedPlan(plan, object.dataSource, (bytes) => void operation.update(bytes));
  const edits = prepared.edits(new Uint8Array(operation.sign(key.privateKey)));
  return edits.map((edit) =>
    edit.kind === "append-item" && edit.sequence === tags.macParametersSequence
      ? { ...edit, item: withElements(edit.item, textElement(0x04000015, "CS", how.macAlgorithm)) }
      : edit,
  );
}
