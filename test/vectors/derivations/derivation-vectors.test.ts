/** The vectors hold: for what is written now, and for what was written when they were made. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { fromBase64, fromLatin1 } from "../../../src/foundation/bytes.ts";
import { ScansealError } from "../../../src/foundation/errors.ts";
import { parseCertificate } from "../../../src/keys/trust/certificate.ts";
import { nodeCrypto } from "../../../src/platform/node/crypto.ts";
import { decodeArchiveStatement } from "../../../src/provenance/manifest/archive-statement.ts";
import {
  correctionOpeningFault,
  decodeCorrectionOpening,
} from "../../../src/provenance/manifest/correction-opening.ts";
import { decodeCorrection } from "../../../src/provenance/manifest/correction-statement.ts";
import { openDerivation } from "../../../src/provenance/manifest/derivation.ts";
import { compareWithReceived } from "../../../src/provenance/manifest/receipt-check.ts";
import type { DetachedRecord } from "../../../src/provenance/manifest/record.ts";
import { openRecord } from "../../../src/provenance/manifest/record-envelope.ts";
import { decodeRecordFile } from "../../../src/provenance/manifest/record-file.ts";
import { dsseVerifies, read } from "../manifest/sealing.ts";
import { makeVectors } from "./generate.ts";
import vectorsJson from "./vectors.json" with { type: "json" };
import schema from "./vectors.schema.json" with { type: "json" };
import { type DerivationVector, type DerivationVectors, type RecordName, recordNames } from "./vectors.ts";

const { $schema: _, ...vectorsOnly } = vectorsJson;
const vectors = vectorsOnly as unknown as DerivationVectors;
const spkiOf = (der: Uint8Array): Uint8Array => parseCertificate(der, nodeCrypto).key.spki;
const ports = { crypto: nodeCrypto, spkiOf };

type Expected = DerivationVector["expected"];

async function correctionOutcome(record: DetachedRecord): Promise<Expected> {
  const { statement, signature } = await openRecord(record, decodeCorrection, ports);
  if (signature !== "valid") return { fault: "record-signature-invalid" };
  try {
    const opening = decodeCorrectionOpening(record.opening);
    return correctionOpeningFault(nodeCrypto, statement, opening) === undefined
      ? {}
      : { fault: "record-opening" };
  } catch {
    return { fault: "record-opening" };
  }
}

async function derivationOutcome(record: DetachedRecord): Promise<Expected> {
  const { statement, signature, made } = await openDerivation(record, ports);
  if (signature !== "valid") return { fault: "record-signature-invalid" };
  if (!made) return { fault: "record-opening" };
  const object = await read(fromBase64(vectors.object));
  const found = await compareWithReceived(object, made, statement.pixels.transferSyntax, ports);
  return found.matched === statement.leaves.count ? {} : { fault: "record-content" };
}

async function approvalOutcome(record: DetachedRecord): Promise<Expected> {
  const { signature } = await openRecord(record, decodeArchiveStatement, ports);
  return signature === "valid" ? {} : { fault: "record-signature-invalid" };
}

const outcomes: Readonly<Record<RecordName, (record: DetachedRecord) => Promise<Expected>>> = {
  correction: correctionOutcome,
  derivation: derivationOutcome,
  "archive-changes": approvalOutcome,
};

async function outcomeOf({ record: text, kind }: DerivationVector): Promise<Expected> {
  try {
    return await outcomes[kind](decodeRecordFile(fromLatin1(text), nodeCrypto).record);
  } catch (error) {
    if (error instanceof ScansealError && error.code === "seal-structure")
      return { fault: "record-structure" };
    throw error;
  }
}

describe("derivation vectors", () => {
  it("are what is made today, byte for byte", async () => {
    const certificate = fromBase64(vectors.certificate);
    const sign = (_message: Uint8Array, name: RecordName): Uint8Array =>
      fromBase64(vectors.signed[name].signature);
    expect(JSON.parse(JSON.stringify(await makeVectors({ certificate, sign })))).toEqual(vectorsOnly);
  });

  it("have the form of their schema", () => {
    expect(Object.keys(vectorsJson).filter((key) => !(key in schema.properties))).toEqual([]);
    const { required, properties } = schema.$defs.record;
    for (const row of vectors.records) {
      expect(Object.keys(row)).toEqual(expect.arrayContaining(required));
      expect(Object.keys(row).filter((key) => !(key in properties))).toEqual([]);
    }
  });

  it.each(recordNames)("%s: holds without our code, and says nothing of a patient", (name) => {
    const { payload, signature, opening } = vectors.signed[name];
    expect(dsseVerifies(payload, fromBase64(signature), spkiOf(fromBase64(vectors.certificate)))).toBe(true);
    for (const secret of ["Muster", "4711", "0815", "2.25.", "1200"]) expect(payload).not.toContain(secret);
    const seed = createHash("sha256").update(Buffer.from(vectors.seed, "hex")).digest("hex");
    if (opening !== "") expect(payload).toContain(`"seed":"${seed}"`);
  });

  it.each(vectors.records)("$name", async (vector) => {
    expect(await outcomeOf(vector)).toEqual(vector.expected);
  });
});
