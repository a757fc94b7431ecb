/** Schema of capture-manifest.json. */
export interface ManifestVectors {
  readonly description: string;
  /** 32 bytes, hexadecimal. */
  readonly seed: string;
  /** Milliseconds since 1970. */
  readonly sealedAt: number;
  /** DER, base64. */
  readonly certificate: string;
  /** Of the envelope: DER ECDSA-Sig-Value, base64. */
  readonly signature: string;
  /** Before sealing: a Part 10 file, base64. */
  readonly object: string;
  readonly expected: {
    /** In path order; `value` (hexadecimal) for attributes. */
    readonly leaves: readonly { path: string; vr: string; value?: string; commitment: string }[];
    readonly root: string;
    /** Content of xx04, base64: its deflate stream is one of many that are right. */
    readonly table: string;
    readonly payload: string;
    readonly signatureUid: string;
    /** Content of xx00. */
    readonly envelope: string;
    readonly sealedObject: string;
  };
  /** Sealed objects that were tampered with, and what a verifier must say of each. */
  readonly refused: readonly RefusedVector[];
}

export interface RefusedVector {
  readonly name: string;
  readonly attack: string;
  /** What a verifier that misses it would do. */
  readonly effect: string;
  readonly object: string;
  /** `error`: the code thrown. Otherwise facts, as far as they matter. */
  readonly expected: {
    readonly error?: string;
    readonly rootBy?: string;
    readonly seed?: string;
    readonly table?: string;
    readonly signatures?: readonly string[];
    readonly boundBy?: readonly number[];
    readonly changed?: readonly string[];
    readonly added?: readonly string[];
    readonly removed?: readonly string[];
    readonly framesChanged?: readonly number[];
  };
}
