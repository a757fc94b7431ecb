/** The form of vectors.json; vectors.schema.json says the same to others. */
import type { ListFault } from "../../../src/provenance/manifest/series-check.ts";

/** A record and what its check says. */
export interface SeriesVector {
  readonly name: string;
  /** What somebody tries, and what would come of it; for refusals. */
  readonly attack?: string;
  readonly effect?: string;
  readonly kind: "series" | "study";
  /** Base64. */
  readonly envelope: string;
  /** Text. */
  readonly opening: string;
  readonly expected:
    | {
        readonly digest: string;
        readonly version: number;
        readonly state: "open" | "closed" | null;
        readonly count: number;
      }
    | { readonly fault: ListFault; readonly detail: string };
}

export interface SeriesVectors {
  readonly about: string;
  /** DER in base64. */
  readonly certificate: string;
  /** SHA-256 of what was signed, hexadecimal -> signature in base64: ECDSA gives another one each time. */
  readonly signatures: Readonly<Record<string, string>>;
  readonly records: readonly SeriesVector[];
}
