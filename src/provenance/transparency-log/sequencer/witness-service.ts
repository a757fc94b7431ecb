/** A witness: signs that a log only grew since it last looked. https://c2sp.org/tlog-witness, with the steps of spec/transparency-log.md */
import { type Bytes, equalBytes, utf8 } from "../../../foundation/bytes.ts";
import type { Clock, Crypto } from "../../../foundation/crypto.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import type { WitnessMemory } from "../../../store/log-journal/log-journal.ts";
import { isConsistent } from "../proof/merkle-proof.ts";
import {
  checkSignatures,
  cosignedMessage,
  encodeCosignature,
  formatSignature,
} from "../proof/signed-note.ts";
import { TreeHasher } from "../proof/tree-hasher.ts";
import type { VerifierKey } from "../proof/verifier-key.ts";
import { parseWitnessRequest, type WitnessRequest } from "../proof/witness-request.ts";
import type { NoteSigner } from "./sequencer-parts.ts";

export interface WitnessParts {
  /** Of kind 4. */
  readonly signer: NoteSigner;
  /** Whose growth it watches. */
  readonly logs: readonly VerifierKey[];
  readonly memory: WitnessMemory;
  readonly crypto: Crypto;
  readonly clock: Clock;
}

export interface WitnessReply {
  readonly status: 200 | 400 | 403 | 404 | 409 | 422;
  readonly contentType: string;
  readonly body: Bytes;
}

const plain = "text/plain; charset=utf-8";

function refusal(status: WitnessReply["status"], text: string): WitnessReply {
  return { status, contentType: plain, body: utf8(`${text}\n`) };
}

function conflict(size: number): WitnessReply {
  return { status: 409, contentType: "text/x.tlog.size", body: utf8(`${size}\n`) };
}

/** @param body of add-checkpoint @throws ScansealError `io`, `storage-full` when it cannot remember */
export async function answerWitnessRequest(body: Bytes, parts: WitnessParts): Promise<WitnessReply> {
  // 1. The body.
  const request = readRequest(body);
  if (!request) return refusal(400, "This is no request of c2sp.org/tlog-witness.");
  const { oldSize, path, checkpoint } = request;
  // 2. The log.
  const keys = parts.logs.filter(({ name }) => name === checkpoint.origin);
  if (keys.length === 0) return refusal(404, "This log is not watched here.");
  // 3. Its signature.
  const { good, bad } = await checkSignatures(checkpoint.note, keys, parts.crypto);
  if (good.length === 0 || bad.length > 0) return refusal(403, "The log has not signed this.");
  // 4. Sizes.
  if (oldSize > checkpoint.size) return refusal(400, "The old size is above the new one.");
  // 5. What it cosigned last.
  const known = await parts.memory.witnessed(checkpoint.origin);
  if (oldSize !== (known?.size ?? 0)) return conflict(known?.size ?? 0);
  // 6. and 7. Nothing but growth.
  if (known && known.size === checkpoint.size && !equalBytes(known.root, checkpoint.root))
    return conflict(known.size);
  const hasher = new TreeHasher(parts.crypto);
  const isFromNothing = oldSize === 0;
  const isGrown = isFromNothing
    ? path.length === 0 && (checkpoint.size > 0 || equalBytes(checkpoint.root, hasher.empty()))
    : known !== undefined && isConsistent(known, checkpoint, path, hasher);
  if (!isGrown) return refusal(422, "The proof does not lead from the old checkpoint to this one.");
  // 8. Durable, and against what step 5 read: of two requests at once one loses.
  const head = { size: checkpoint.size, root: checkpoint.root };
  if (!(await parts.memory.remember(checkpoint.origin, known, head)))
    return conflict((await parts.memory.witnessed(checkpoint.origin))?.size ?? 0);
  return { status: 200, contentType: plain, body: utf8(await cosignature(request, parts)) };
}

async function cosignature({ checkpoint }: WitnessRequest, { signer, clock }: WitnessParts): Promise<string> {
  const time = Math.floor(clock.now() / 1000);
  const signature = await signer.sign(cosignedMessage(checkpoint.note.text, time));
  const { name, keyId } = signer.key;
  return formatSignature({ name, keyId, signature: encodeCosignature(time, signature) });
}

function readRequest(body: Bytes): WitnessRequest | undefined {
  try {
    return parseWitnessRequest(body);
  } catch (error) {
    if (error instanceof ScansealError && error.code === "log-structure") return undefined;
    throw error;
  }
}
