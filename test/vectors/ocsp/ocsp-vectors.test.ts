/** The vectors hold, for what is read now. */
import { describe, expect, it } from "vitest";
import { fromBase64, fromHex } from "../../../src/foundation/bytes.ts";
import { SignerRecognition } from "../../../src/keys/trust/signer-recognition.ts";
import { createTrustStore } from "../../../src/keys/trust/trust-store.ts";
import { nodeCrypto } from "../../../src/platform/node/crypto.ts";
import { makeVectors } from "./generate.ts";
import vectorsJson from "./vectors.json" with { type: "json" };
import schema from "./vectors.schema.json" with { type: "json" };
import type { OcspVector, OcspVectors } from "./vectors.ts";

const vectors = vectorsJson as unknown as OcspVectors;

async function outcomeOf(
  { response, asked }: OcspVector,
  { anchor, certificate, nonce, now }: OcspVectors = vectors,
): Promise<OcspVector["expected"]> {
  const anchors = [{ certificate: fromBase64(anchor), label: "" }];
  const recognition = new SignerRecognition(createTrustStore({ anchors }, nodeCrypto), nodeCrypto);
  const request = asked ? { nonce: fromHex(nonce) } : undefined;
  const question = { now, request };
  const result = await recognition.revocationStatus(fromBase64(response), fromBase64(certificate), question);
  return result.ok ? { status: result.status } : { step: result.step };
}

describe("OCSP vectors", () => {
  it("have the form of their schema", () => {
    expect(Object.keys(vectorsJson).filter((key) => !(key in schema.properties))).toEqual([]);
    const { required, properties } = schema.$defs.response;
    const { status, step } = properties.expected.properties;
    for (const row of vectors.responses) {
      expect(Object.keys(row)).toEqual(expect.arrayContaining(required));
      expect(Object.keys(row).filter((key) => !(key in properties))).toEqual([]);
      expect([...status.enum, ...step.enum]).toContain(Object.values(row.expected)[0]);
    }
  });

  it.each(vectors.responses)("$name", async (vector) => {
    expect(await outcomeOf(vector)).toEqual(vector.expected);
  });

  it("made anew they hold too", async () => {
    const anew = makeVectors();
    expect(anew.responses.map(({ name }) => name)).toEqual(vectors.responses.map(({ name }) => name));
    for (const vector of anew.responses)
      expect({ [vector.name]: await outcomeOf(vector, anew) }).toEqual({ [vector.name]: vector.expected });
  });
});
