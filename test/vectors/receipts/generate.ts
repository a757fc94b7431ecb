/**
 * Makes vectors.json: `node test/vectors/receipts/generate.ts`. The key is made for the occasion and thrown away; its signature stays, so that
 * everything else can be made again byte for byte.
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type NewElement, textElement } from "../../../src/dicom/encode.ts";
import { writeToBytes } from "../../../src/dicom/splice.ts";
import { tags } from "../../../src/dicom/tags.ts";
import { type Bytes, toBase64, toHex } from "../../../src/foundation/bytes.ts";
import { nodeCrypto } from "../../../src/platform/node/crypto.ts";
import { decodeEnvelope, encodeEnvelope } from "../../../src/provenance/manifest/envelope.ts";
import { makeReceipt } from "../../../src/provenance/manifest/receipt.ts";
import type { DetachedRecord } from "../../../src/provenance/manifest/record.ts";
import { encodeRecordFile } from "../../../src/provenance/manifest/record-file.ts";
import { encodeVariant, variants } from "../manifest/encodings.ts";
import { makeKey, type VectorKey } from "../manifest/generate.ts";
import { sampleElements, samplePixels } from "../manifest/sample-object.ts";
import { read, signerOf } from "../manifest/sealing.ts";
import type { ReceiptVector, ReceiptVectors } from "./vectors.ts";

const seed = Uint8Array.from({ length: 32 }, (_, i) => 255 - i);
const receivedAt = Date.UTC(2026, 1, 1, 8, 30, 0, 125);

export async function makeVectors({ certificate, sign }: VectorKey): Promise<ReceiptVectors> {
  let signature = new Uint8Array(0);
  const signer = signerOf(certificate, (message) => {
    signature = new Uint8Array(sign(message));
    return signature;
  });
  const file = encodeVariant(sampleElements(), variants.find(({ name }) => name === "explicit")!);
  const { record, subjects } = await makeReceipt(
    {
      object: await read(file),
      source: "CD reader",
      basis: "import",
      operator: "A. Radiographer",
      origin: "CD, St. Elsewhere",
      asUnsealed: false,
      irregular: [{ path: "50000106", kind: "changed" }],
      software: { name: "scanseal", version: "0.1.0" },
    },
    { crypto: nodeCrypto, random: { bytes: () => seed }, clock: { now: () => receivedAt }, signer },
  );
  const fileOf = (changed: Partial<DetachedRecord>): string =>
    Buffer.from(encodeRecordFile({ record: { ...record, ...changed }, subjects })).toString("latin1");
  const payload = decodeEnvelope(record.envelope).payload;
  return {
    about: "A receipt with fixed seed, clock and signature, and what is done to it: spec/receipts.md.",
    seed: toHex(seed),
    receivedAt: new Date(receivedAt).toISOString(),
    certificate: toBase64(certificate),
    signature: toBase64(signature),
    payload: Buffer.from(payload).toString("latin1"),
    opening: toHex(record.opening),
    receipts: [
      ...(await honest(file)).map((one) => ({ ...one, record: fileOf({}) })),
      ...recordAttacks(record, fileOf).map((one) => ({ ...one, object: toBase64(file) })),
    ],
  };
}

async function honest(file: Bytes): Promise<Omit<ReceiptVector, "record">[]> {
  const put = async (element: NewElement): Promise<string> =>
    toBase64(await writeToBytes(await read(file), [{ kind: "put", element }]));
  const pixels = samplePixels.slice();
  pixels[50]! ^= 1;
  return [
    { name: "unchanged", object: toBase64(file), expected: {} },
    {
      name: "one-bit",
      attack: "one bit of one sample of the second frame",
      effect: "a changed image passes as received",
      object: await put({ tag: tags.pixelData, vr: "OW", value: pixels }),
      expected: { fault: "record-content", framesChanged: [1] },
    },
    {
      name: "patient-swapped",
      attack: "(0010,0020) replaced",
      effect: "another patient's image passes as received",
      object: await put(textElement(tags.patientId, "LO", "0815")),
      expected: { fault: "record-content", changed: ["00100020"] },
    },
    {
      name: "attribute-added",
      attack: "a laterality added",
      effect: "what was not there is read as if it had been",
      object: await put(textElement(0x00200060, "CS", "L")),
      expected: { fault: "record-content", added: ["00200060"] },
    },
  ];
}

function recordAttacks(record: DetachedRecord, fileOf: FileOf): Omit<ReceiptVector, "object">[] {
  return [...envelopeAttacks(record, fileOf), ...openingAttacks(record, fileOf)];
}

type FileOf = (changed: Partial<DetachedRecord>) => string;

function envelopeAttacks(record: DetachedRecord, fileOf: FileOf): Omit<ReceiptVector, "object">[] {
  const envelope = decodeEnvelope(record.envelope);
  const [own] = envelope.signatures;
  const text = (bytes: Bytes): string => Buffer.from(bytes).toString("latin1");
  const edited = (from: string, to: string): Bytes =>
    encodeEnvelope({ ...envelope, payload: Buffer.from(text(envelope.payload).replace(from, to)) });
  const flippedSignature = own!.signature.map((byte, i) =>
    i === own!.signature.length - 1 ? byte ^ 1 : byte,
  );
  return [
    {
      name: "source-relabelled",
      attack: "the source's name replaced in the statement",
      effect: "the object is said to come from elsewhere",
      record: fileOf({ envelope: edited("CD reader", "Main PACS") }),
      expected: { fault: "record-signature-invalid" },
    },
    {
      name: "predated",
      attack: "received a year earlier",
      effect: "it seems to be older than the device's enrolment",
      record: fileOf({ envelope: edited("2026-02-01T", "2025-02-01T") }),
      expected: { fault: "record-signature-invalid" },
    },
    {
      name: "admission-with-operator",
      attack: "basis changed to one that nobody answers for",
      effect: "a parser that does not look passes a statement nobody makes",
      record: fileOf({ envelope: edited('"basis":"import"', '"basis":"admission"') }),
      expected: { fault: "record-structure" },
    },
    {
      name: "duplicate-key",
      attack: "a second basis after the first",
      effect: "parsers differ on which counts",
      record: fileOf({ envelope: edited('"basis":"import"', '"basis":"baseline","basis":"import"') }),
      expected: { fault: "record-structure" },
    },
    {
      name: "signature-flipped",
      attack: "the last bit of the signature flipped",
      effect: "anything is signed",
      record: fileOf({
        envelope: encodeEnvelope({
          ...envelope,
          signatures: [{ keyId: own!.keyId, signature: flippedSignature }],
        }),
      }),
      expected: { fault: "record-signature-invalid" },
    },
    {
      name: "second-signer",
      attack: "the signature stands twice",
      effect: "one of several signers is believed for all",
      record: fileOf({ envelope: encodeEnvelope({ ...envelope, signatures: [own!, own!] }) }),
      expected: { fault: "record-signer" },
    },
  ];
}

function openingAttacks(record: DetachedRecord, fileOf: FileOf): Omit<ReceiptVector, "object">[] {
  const opening = (at: number): Bytes => record.opening.map((byte, i) => (i === at ? byte ^ 1 : byte));
  const uidAt = 4;
  const originAt = Buffer.from(record.opening).indexOf("Elsewhere");
  return [
    {
      name: "opening-of-another",
      attack: "a digit of the SOP Instance UID in the opening changed",
      effect: "the receipt is filed under another object",
      record: fileOf({ opening: opening(uidAt) }),
      expected: { fault: "record-opening" },
    },
    {
      name: "origin-rewritten",
      attack: "the origin's text changed",
      effect: "the operator is said to have written something else",
      record: fileOf({ opening: opening(originAt) }),
      expected: { fault: "record-opening" },
    },
    {
      name: "opening-cut",
      attack: "the last commitment of the table cut off",
      effect: "a frame is not compared",
      record: fileOf({ opening: record.opening.subarray(0, -16) }),
      expected: { fault: "record-opening" },
    },
    {
      name: "file-with-white-space",
      attack: "a space in the file",
      effect: "two files of one record",
      record: fileOf({}).replace('"kind"', ' "kind"'),
      expected: { fault: "record-structure" },
    },
  ];
}

if (import.meta.main) {
  const target = fileURLToPath(new URL("vectors.json", import.meta.url));
  const vectors = { $schema: "./vectors.schema.json", ...(await makeVectors(makeKey())) };
  writeFileSync(target, `${JSON.stringify(vectors, undefined, 1)}\n`);
}
