/** The form of vectors.json; vectors.schema.json says the same to others. */
import type { TimeStampStep } from "../../../src/keys/trust/time-stamp.ts";

export interface TimeStampVector {
  readonly name: string;
  /** What is wrong with it; for refusals. */
  readonly attack?: string;
  /** DER, base64; in the order in which they are handed over. Those before the last are renewed by it. */
  readonly tokens: readonly string[];
  /** Where another than the common one. */
  readonly message?: string;
  readonly nonce?: string;
  readonly policies?: readonly string[];
  /** Milliseconds since 1970, where another than the common one. */
  readonly now?: number;
  readonly isRevoked?: true;
  readonly expected: {
    /** Milliseconds since 1970. */
    readonly genTime?: number;
    readonly accuracy?: number;
    readonly policy?: string;
    readonly serial?: string;
    /** The step that refuses it. */
    readonly step?: TimeStampStep;
  };
}

export interface TimeStampVectors {
  readonly about: string;
  /** DER, base64. */
  readonly anchor: string;
  /** Of the anchor, DER, base64: names the authority's certificate as compromised. Only for vectors that say so. */
  readonly revocationList: string;
  /** What is stamped, hexadecimal. */
  readonly message: string;
  readonly now: number;
  readonly tokens: readonly TimeStampVector[];
}
