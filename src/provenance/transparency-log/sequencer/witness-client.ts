/** Asking witnesses for cosignatures. https://c2sp.org/tlog-witness */
import type { Bytes } from "../../../foundation/bytes.ts";
import type { VerifierKey } from "../proof/verifier-key.ts";
import { type WitnessAnswer, witnessAnswer } from "../proof/witness-request.ts";

export interface Witness {
  readonly key: VerifierKey;
  /** Never throws. @param request the body of add-checkpoint */
  ask(request: Bytes): Promise<WitnessAnswer>;
}

/** A checkpoint must not wait for a witness that is away. */
const answerMsMax = 5_000;
/** Some signature lines. */
const answerBytesMax: number = 64 * 1024;

/** @param url the witness' submission prefix */
export function httpWitness(key: VerifierKey, url: string): Witness {
  const address = `${url.replace(/\/+$/, "")}/add-checkpoint`;
  return {
    key,
    async ask(request) {
      try {
        const response = await fetch(address, {
          method: "POST",
          body: request as Uint8Array<ArrayBuffer>,
          headers: { "content-type": "text/plain; charset=utf-8" },
          redirect: "error",
          signal: AbortSignal.timeout(answerMsMax),
        });
        return witnessAnswer(response.status, await boundedBody(response));
      } catch (error) {
        return { kind: "failed", why: error instanceof Error ? error.name : "unknown" };
      }
    },
  };
}

async function boundedBody(response: Response): Promise<Bytes> {
  const parts: Bytes[] = [];
  let total = 0;
  for await (const part of response.body ?? []) {
    total += part.length;
    if (total > answerBytesMax) throw new RangeError("the answer is too large");
    parts.push(part);
  }
  return Buffer.concat(parts);
}
