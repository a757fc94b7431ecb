/** Asking witnesses for cosignatures. https://c2sp.org/tlog-witness */
import { type Bytes, latin1, tryUtf8 } from "../../../foundation/bytes.ts";
import { decimalOf } from "../proof/log-text.ts";
import { type NoteSignature, parseSignatures } from "../proof/signed-note.ts";
import type { VerifierKey } from "../proof/verifier-key.ts";

export type WitnessAnswer =
  | { readonly kind: "signed"; readonly signatures: readonly NoteSignature[] }
  /** It has cosigned this size last. */
  | { readonly kind: "size"; readonly size: number }
  /** No answer, or one that says no: tried again with the next checkpoint. */
  | { readonly kind: "failed"; readonly why: string };

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

export function witnessAnswer(status: number, body: Bytes): WitnessAnswer {
  if (status === 409) {
    const size = decimalOf(latin1(body).replace(/\n$/, ""));
    return size === undefined ? { kind: "failed", why: "409 without a size" } : { kind: "size", size };
  }
  if (status !== 200) return { kind: "failed", why: `status ${status}` };
  try {
    return { kind: "signed", signatures: parseSignatures(tryUtf8(body) ?? "") };
  } catch {
    return { kind: "failed", why: "an answer that is no signature" };
  }
}
