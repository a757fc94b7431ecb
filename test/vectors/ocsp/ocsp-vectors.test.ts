/** The vectors hold, for what is read now; and openssl says the same of the believed ones. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { fromBase64, fromHex } from "../../../src/foundation/bytes.ts";
import { encodePem } from "../../../src/keys/trust/pem.ts";
import { SignerRecognition } from "../../../src/keys/trust/signer-recognition.ts";
import { createTrustStore } from "../../../src/keys/trust/trust-store.ts";
import { nodeCrypto } from "../../../src/platform/node/crypto.ts";
import { itWithPeer, peerPath } from "../../peers.ts";
import { makeVectors } from "./generate.ts";
import vectorsJson from "./vectors.json" with { type: "json" };
import schema from "./vectors.schema.json" with { type: "json" };
import type { OcspVector, OcspVectors } from "./vectors.ts";

const folder = mkdtempSync(join(tmpdir(), "scanseal-ocsp-vectors-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
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

  itWithPeer("openssl", "openssl ocsp -respin says the same of those that are believed", () => {
    const write = (name: string, content: string | Uint8Array): string => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    };
    const anchor = write("anchor.pem", encodePem("CERTIFICATE", fromBase64(vectors.anchor)));
    const device = write("device.pem", encodePem("CERTIFICATE", fromBase64(vectors.certificate)));
    const at = ["-attime", String(vectors.now / 1000)];
    for (const { name, response, expected } of vectors.responses) {
      if (!("status" in expected)) continue;
      // It looks for the identifier that it would write itself.
      const hash = name.includes("SHA-256") ? ["-sha256"] : [];
      const about = [...hash, "-issuer", anchor, "-cert", device, "-CAfile", anchor, "-no_nonce", ...at];
      const args = ["ocsp", "-respin", write("response.der", fromBase64(response)), ...about];
      const { stdout, stderr } = spawnSync(peerPath("openssl"), args, { encoding: "utf8" });
      expect(stderr, name).toContain("Response verify OK");
      expect(stdout.split("\n"), name).toContainEqual(expect.stringMatching(`${expected.status}$`));
    }
  });

  it("made anew they hold too", async () => {
    const anew = makeVectors();
    expect(anew.responses.map(({ name }) => name)).toEqual(vectors.responses.map(({ name }) => name));
    for (const vector of anew.responses)
      expect({ [vector.name]: await outcomeOf(vector, anew) }).toEqual({ [vector.name]: vector.expected });
  });
});
