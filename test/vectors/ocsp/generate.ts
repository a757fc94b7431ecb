/** Makes vectors.json: `node test/vectors/ocsp/generate.ts`. The keys are made for the occasion and thrown away. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { toBase64, toHex } from "../../../src/foundation/bytes.ts";
import { judgedAt } from "../../keys/forged-chains.ts";
import {
  believed,
  deviceCertificate,
  nonce,
  refused,
  refusedWhenAsked,
  rootCertificate,
} from "../../keys/ocsp-cases.ts";
import type { OcspVector, OcspVectors } from "./vectors.ts";

/** Their state or step is what spec/keys-and-certificates.md, section 6, says of how they were made. */
export function makeVectors(): OcspVectors {
  const good = believed.map(([status, name, bytes]) => ({
    name,
    response: toBase64(bytes),
    expected: { status: status as "good" },
  }));
  const bad = [...refused, ...refusedWhenAsked].map(
    ([step, name, bytes], i): OcspVector => ({
      name,
      response: toBase64(bytes),
      ...(i < refused.length ? {} : { asked: true }),
      expected: { step: step as "structure" },
    }),
  );
  return {
    about:
      "OCSP responses about one device, and what becomes of them: spec/keys-and-certificates.md, section 6.",
    anchor: toBase64(rootCertificate),
    certificate: toBase64(deviceCertificate),
    nonce: toHex(nonce),
    now: judgedAt,
    // What is only large says nothing more to others than the step's bound.
    responses: [...good, ...bad].filter(({ response }) => response.length < 10_000),
  };
}

if (import.meta.main) {
  const vectors = { $schema: "./vectors.schema.json", ...makeVectors() };
  const target = fileURLToPath(new URL("vectors.json", import.meta.url));
  writeFileSync(target, `${JSON.stringify(vectors, undefined, 1)}\n`);
}
