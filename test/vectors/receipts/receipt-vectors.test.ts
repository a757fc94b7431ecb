/** The vectors hold: for what is written now, and for what was written when they were made. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { fromBase64 } from "../../../src/foundation/bytes.ts";
import { ScansealError } from "../../../src/foundation/errors.ts";
import { parseCertificate } from "../../../src/keys/trust/certificate.ts";
import { nodeCrypto } from "../../../src/platform/node/crypto.ts";
import { compareWithReceived, openReceipt } from "../../../src/provenance/manifest/receipt-check.ts";
import { decodeRecordFile } from "../../../src/provenance/manifest/record-file.ts";
import { dsseVerifies, read } from "../manifest/sealing.ts";
import { makeVectors } from "./generate.ts";
import vectorsJson from "./vectors.json" with { type: "json" };
import schema from "./vectors.schema.json" with { type: "json" };
import type { ReceiptVector, ReceiptVectors } from "./vectors.ts";

const { $schema: _, ...vectorsOnly } = vectorsJson;
const vectors = vectorsOnly as unknown as ReceiptVectors;
const spkiOf = (der: Uint8Array): Uint8Array => parseCertificate(der, nodeCrypto).key.spki;
const ports = { crypto: nodeCrypto, spkiOf };

async function outcomeOf({ record: text, object }: ReceiptVector): Promise<ReceiptVector["expected"]> {
  try {
    const { record } = decodeRecordFile(Buffer.from(text, "latin1"), nodeCrypto);
    const { statement, signature, received } = await openReceipt(record, ports);
    if (signature === "signer-not-named" || signature === "key-unusable") return { fault: "record-signer" };
    if (signature !== "valid") return { fault: "record-signature-invalid" };
    if (!received) return { fault: "record-opening" };
    const committedAs = statement.pixels.transferSyntax;
    const found = await compareWithReceived(await read(fromBase64(object)), received, committedAs, ports);
    const { changed, added, frames } = found;
    const named = { changed, added, framesChanged: frames.changed };
    const some = Object.entries(named).filter(([, list]) => list.length > 0);
    return some.length === 0 ? {} : { fault: "record-content", ...Object.fromEntries(some) };
  } catch (error) {
    if (error instanceof ScansealError && error.code === "seal-structure")
      return { fault: "record-structure" };
    throw error;
  }
}

describe("receipt vectors", () => {
  it("are what is made today, byte for byte", async () => {
    const key = {
      certificate: fromBase64(vectors.certificate),
      sign: () => fromBase64(vectors.signature),
    };
    expect(JSON.parse(JSON.stringify(await makeVectors(key)))).toEqual(vectorsOnly);
  });

  it("have the form of their schema", () => {
    expect(Object.keys(vectorsJson).filter((key) => !(key in schema.properties))).toEqual([]);
    const { required, properties } = schema.$defs.receipt;
    for (const row of vectors.receipts) {
      expect(Object.keys(row)).toEqual(expect.arrayContaining(required));
      expect(Object.keys(row).filter((key) => !(key in properties))).toEqual([]);
    }
  });

  it("hold without our code: node's own verify over PAE, and plain SHA-256", () => {
    const { payload, signature, certificate, opening } = vectors;
    expect(dsseVerifies(payload, fromBase64(signature), spkiOf(fromBase64(certificate)))).toBe(true);
    const digest = createHash("sha256").update(Buffer.from(opening, "hex")).digest("hex");
    expect(payload).toContain(`"opening":"${digest}"`);
    // Nothing of the patient, and nothing that could be guessed.
    for (const secret of ["Muster", "4711", "2.25.1234567890", "Elsewhere"])
      expect(payload).not.toContain(secret);
  });

  it.each(vectors.receipts)("$name", async (vector) => {
    expect(await outcomeOf(vector)).toEqual(vector.expected);
  });
});
