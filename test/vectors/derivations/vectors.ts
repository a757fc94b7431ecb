/** The form of vectors.json; vectors.schema.json says the same to others. */
import type { RecordFault } from "../../../src/zero-trust/evidence/evidence.ts";

export const recordNames = ["correction", "derivation", "archive-changes"] as const;
export type RecordName = (typeof recordNames)[number];

export interface SignedVector {
  /** Of the envelope: DER ECDSA-Sig-Value, base64. */
  readonly signature: string;
  readonly payload: string;
  /** Hexadecimal. */
  readonly opening: string;
}

export interface DerivationVector {
  readonly name: string;
  readonly kind: RecordName;
  /** What somebody tries, and what would come of it; for refusals. */
  readonly attack?: string;
  readonly effect?: string;
  /** A `.record` file, whole. */
  readonly record: string;
  /** Without one the record holds, as far as it can be told without trust and object. */
  readonly expected: { readonly fault?: RecordFault };
}

export interface DerivationVectors {
  readonly about: string;
  /** 32 bytes, hexadecimal. */
  readonly seed: string;
  readonly at: string;
  /** DER, base64. */
  readonly certificate: string;
  readonly signed: Readonly<Record<RecordName, SignedVector>>;
  /** The object that the derivation is about: Part 10, base64. */
  readonly object: string;
  readonly records: readonly DerivationVector[];
}
