/** The form of vectors.json; vectors.schema.json says the same to others. */
import type { RecordFault } from "../../../src/zero-trust/evidence/evidence.ts";

export interface ReceiptVector {
  readonly name: string;
  /** What somebody tries, and what would come of it; for refusals. */
  readonly attack?: string;
  readonly effect?: string;
  /** A `.record` file, whole. */
  readonly record: string;
  /** A Part 10 file, base64. */
  readonly object: string;
  readonly expected: {
    /** `record-structure` for files that are no record, too. */
    readonly fault?: RecordFault;
    readonly changed?: readonly string[];
    readonly added?: readonly string[];
    readonly framesChanged?: readonly number[];
  };
}

export interface ReceiptVectors {
  readonly about: string;
  /** 32 bytes, hexadecimal. */
  readonly seed: string;
  readonly receivedAt: string;
  /** DER, base64. */
  readonly certificate: string;
  /** Of the envelope: DER ECDSA-Sig-Value, base64. */
  readonly signature: string;
  readonly payload: string;
  /** Hexadecimal. */
  readonly opening: string;
  readonly receipts: readonly ReceiptVector[];
}
