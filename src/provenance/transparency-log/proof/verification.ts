/** The checks of spec/transparency-log.md, with its numbers. A failed check is data. */
import { type Bytes, equalBytes } from "../../../foundation/bytes.ts";
import type { Crypto } from "../../../foundation/crypto.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import { type Checkpoint, parseCheckpoint } from "./checkpoint.ts";
import { parseProof } from "./log-proof.ts";
import { inclusionRoot, isConsistent } from "./merkle-proof.ts";
import { checkSignatures } from "./signed-note.ts";
import { TreeHasher } from "./tree-hasher.ts";
import { quorumTime, type WitnessPolicy } from "./witness-policy.ts";

export type LogStep =
  | "proof-format"
  | "checkpoint-format"
  | "log-signature"
  | "witness-quorum"
  | "entry"
  | "inclusion"
  | "consistency";

export interface LogFailure {
  readonly ok: false;
  readonly step: LogStep;
  readonly message: string;
}

/** What zero witnesses mean, in words that every result carries. */
const unwitnessed = "not protected from site administrators";
export type LogProtection = "witnessed" | typeof unwitnessed;

export interface TrustedCheckpoint {
  readonly ok: true;
  readonly checkpoint: Checkpoint;
  readonly protection: LogProtection;
  /** Seconds since 1970 at which the quorum had cosigned: class T1. */
  readonly time: number | undefined;
}

export interface LogTrust {
  /** From elsewhere, never from the object, the proof or the log. */
  readonly policy: WitnessPolicy;
  readonly crypto: Crypto;
  /** Seconds since 1970. */
  readonly now: number;
}

function failure(step: LogStep, message: string): LogFailure {
  return { ok: false, step, message };
}

/** Malformed bytes become data; anything else is a bug and stays an exception. */
function parsed<T>(step: LogStep, parse: () => T): { readonly ok: true; readonly value: T } | LogFailure {
  try {
    return { ok: true, value: parse() };
  } catch (error) {
    if (error instanceof ScansealError && error.code === "log-structure") return failure(step, error.message);
    throw error;
  }
}

/** Steps 2 to 4. */
export async function verifyCheckpoint(
  bytes: Bytes,
  { policy, crypto, now }: LogTrust,
): Promise<TrustedCheckpoint | LogFailure> {
  // 2. Three lines, read strictly.
  const read = parsed("checkpoint-format", () => parseCheckpoint(bytes));
  if (!read.ok) return read;
  const { origin, note } = read.value;
  // 3. A log of the policy, by its name.
  const logs = policy.logs.map(({ key }) => key).filter(({ name }) => name === origin);
  if (logs.length === 0) return failure("log-signature", "the log is none of the policy's");
  const byLog = await checkSignatures(note, logs, crypto);
  if (byLog.bad.length > 0) return failure("log-signature", "the log's signature does not fit");
  if (byLog.good.length === 0) return failure("log-signature", "the log has not signed it");
  // 4. Its witnesses.
  const witnesses = policy.witnesses.map(({ key }) => key);
  const byWitnesses = await checkSignatures(note, witnesses, crypto);
  if (byWitnesses.bad.length > 0) return failure("witness-quorum", "a witness' signature does not fit");
  const time = quorumTime(policy, byWitnesses.good, now);
  if (time === undefined) return failure("witness-quorum", "too few witnesses have cosigned it");
  const isWitnessed = policy.quorum !== undefined;
  return {
    ok: true,
    checkpoint: read.value,
    protection: isWitnessed ? "witnessed" : unwitnessed,
    time: isWitnessed ? time : undefined,
  };
}

export interface LoggedEntry extends TrustedCheckpoint {
  readonly index: number;
}

/**
 * Steps 1 to 6: the entry is in a log that the policy believes.
 * @param proof `c2sp.org/tlog-proof@v1`
 * @param entry what the opening gave; undefined when it gave none (step 5)
 */
export async function verifyLogProof(
  proof: Bytes,
  entry: Bytes | undefined,
  trust: LogTrust,
): Promise<LoggedEntry | LogFailure> {
  // 1. The proof's own lines.
  const read = parsed("proof-format", () => parseProof(proof));
  if (!read.ok) return read;
  const { index, path, checkpoint: bytes } = read.value;
  const trusted = await verifyCheckpoint(bytes, trust);
  if (!trusted.ok) return trusted;
  const { size, root } = trusted.checkpoint;
  if (index >= size) return failure("checkpoint-format", "the entry's index is beyond the checkpoint");
  // 5. The entry is the caller's: it comes from the opening, never from the proof.
  if (entry === undefined) return failure("entry", "the opening does not lead to an entry");
  // 6. From the entry to the root.
  const hasher = new TreeHasher(trust.crypto);
  const reached = inclusionRoot(index, size, hasher.leaf(entry), path, hasher);
  if (!reached || !equalBytes(reached, root))
    return failure("inclusion", "the path does not lead from the entry to the checkpoint");
  return { ...trusted, index };
}

/** "Verifying that a log only grew", steps 2 and 3, of two checkpoints that were verified. */
export function verifyGrowth(
  older: Checkpoint,
  newer: Checkpoint,
  path: readonly Bytes[],
  crypto: Crypto,
): { readonly ok: true } | LogFailure {
  if (older.origin !== newer.origin) return failure("consistency", "the checkpoints are of two logs");
  const isGrown = isConsistent(older, newer, path, new TreeHasher(crypto));
  return isGrown
    ? { ok: true }
    : failure("consistency", "the newer checkpoint does not continue the older one");
}
