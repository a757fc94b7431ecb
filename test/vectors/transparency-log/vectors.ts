/** The form of vectors.json; vectors.schema.json says the same to others. */
import type { LogStep } from "../../../src/provenance/transparency-log/proof/verification.ts";

/** A proof, checked under the policy at the time `now`. */
export interface ProofVector {
  readonly name: string;
  /** What somebody tries, and what would come of it; for refusals. */
  readonly attack?: string;
  readonly effect?: string;
  /** The whole proof. */
  readonly proof: string;
  /** Hexadecimal. */
  readonly entry: string;
  readonly policy: string;
  /** Seconds since 1970. */
  readonly now: number;
  readonly expected:
    | { readonly ok: true; readonly index: number; readonly protection: string; readonly time?: number }
    | { readonly ok: false; readonly step: LogStep };
}

/** An opening and its entry. */
export interface EntryVector {
  readonly name: string;
  readonly kind: string;
  readonly salt: string;
  readonly content: string;
  readonly entry: string;
}

/** The content of a `seals` entry, and one image's place in it. */
export interface SealsVector {
  readonly payloadDigests: readonly string[];
  readonly content: string;
  readonly index: number;
  readonly path: readonly string[];
}

/** A proof as late evidence has it, for the manifest with that payload digest, checked under the policy at the time `now`. */
export interface SealProofVector {
  readonly name: string;
  /** Hexadecimal. */
  readonly proof: string;
  readonly payloadDigest: string;
  readonly policy: string;
  /** Seconds since 1970. */
  readonly now: number;
  readonly expected: {
    readonly state: "proven" | "invalid" | "unknown-log";
    readonly step?: string;
    readonly origin?: string;
    readonly index?: number;
    readonly witnessed?: boolean;
    readonly at?: string;
  };
}

/** Texts that a parser must refuse. */
export interface RefusedText {
  readonly name: string;
  readonly format: "note" | "checkpoint" | "proof" | "policy" | "witness-request" | "verifier-key";
  readonly text: string;
}

/** What a witness that remembers `size` and `root` (size 0: nothing) answers. */
export interface WitnessVector {
  readonly name: string;
  readonly size: number;
  readonly root: string;
  readonly request: string;
  readonly status: number;
}

export interface LogVectors {
  readonly about: string;
  readonly log: string;
  readonly witnesses: readonly string[];
  readonly tree: readonly { readonly size: number; readonly root: string }[];
  readonly entries: readonly EntryVector[];
  readonly seals: SealsVector;
  readonly proofs: readonly ProofVector[];
  readonly sealProofs: readonly SealProofVector[];
  readonly refused: readonly RefusedText[];
  readonly witness: readonly WitnessVector[];
}
