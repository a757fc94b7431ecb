/** Whether the seal is in a transparency log that this verifier believes: steps of spec/transparency-log.md, "Proof of a seal". */
import { type Bytes, fromHex } from "../../foundation/bytes.ts";
import type { Crypto } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { LateEntry } from "../../provenance/manifest/late-evidence.ts";
import { parseCheckpoint } from "../../provenance/transparency-log/proof/checkpoint.ts";
import { parseProof } from "../../provenance/transparency-log/proof/log-proof.ts";
import { decodeSealProof, entryOfSeal } from "../../provenance/transparency-log/proof/seal-proof.ts";
import { verifyLogProof } from "../../provenance/transparency-log/proof/verification.ts";
import type { WitnessPolicy } from "../../provenance/transparency-log/proof/witness-policy.ts";
import type { LogEvidence } from "./evidence.ts";

export interface LogCheckRequest {
  readonly crypto: Crypto;
  /** Logs and witnesses that the verifier pinned; without it nothing can be believed. */
  readonly policy: WitnessPolicy | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** SHA-256 of the manifest's payload, hexadecimal. */
  readonly payloadDigest: string;
  /** In the object: whatever of it proves nothing is told. */
  readonly embedded: readonly LateEntry[];
  /** Beside the object. */
  readonly detached: readonly LateEntry[];
}

type Outcome = Omit<LogEvidence, "fault">;

/** The best proof that holds; and whether one in the object does not. */
export async function checkLogProofs(request: LogCheckRequest): Promise<LogEvidence> {
  let best: Outcome = { state: "unknown" };
  let fault: LogEvidence["fault"];
  for (const [place, entries] of [
    ["embedded", request.embedded],
    ["detached", request.detached],
  ] as const) {
    for (const { type, bytes } of entries) {
      if (type !== "log-proof") continue;
      const outcome = await checkOne(bytes, request);
      if (rankOf(outcome) > rankOf(best)) best = outcome;
      if (outcome.state === "invalid" && place === "embedded") fault ??= outcome.step;
    }
  }
  return { ...best, ...(fault === undefined ? {} : { fault }) };
}

function rankOf({ state, witnessed }: Outcome): number {
  if (state === "proven") return witnessed === true ? 4 : 3;
  return ["unknown", "invalid", "unknown-log"].indexOf(state);
}

async function checkOne(bytes: Bytes, request: LogCheckRequest): Promise<Outcome> {
  const { crypto, policy, now, payloadDigest } = request;
  try {
    // 1. Its own form.
    const sealProof = decodeSealProof(bytes);
    // 2. A log that is none of ours may be somebody's: it proves nothing here, and is told.
    const { origin } = parseCheckpoint(parseProof(sealProof.proof).checkpoint);
    if (!policy?.logs.some(({ key }) => key.name === origin)) return { state: "unknown-log", origin };
    // 3. From the manifest to the entry, 4. and from the entry to the checkpoint.
    const entry = entryOfSeal(sealProof, fromHex(payloadDigest), crypto);
    const trust = { policy, crypto, now: Math.floor(now / 1000) };
    const result = await verifyLogProof(sealProof.proof, entry, trust);
    if (!result.ok) return { state: "invalid", step: result.step, origin };
    const at = result.time === undefined ? undefined : new Date(result.time * 1000).toISOString();
    const witnessed = result.protection === "witnessed";
    return { state: "proven", origin, index: result.index, at, witnessed };
  } catch (error) {
    if (!(error instanceof ScansealError) || error.code !== "log-structure") throw error;
    return { state: "invalid", step: "proof-format" };
  }
}
