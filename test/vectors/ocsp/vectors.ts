/** The form of vectors.json; vectors.schema.json says the same to others. */
import type { OcspStep } from "../../../src/keys/trust/ocsp.ts";

export interface OcspVector {
  readonly name: string;
  /** DER, base64. */
  readonly response: string;
  /** True: judged as the answer to a request with the common nonce. */
  readonly asked?: true;
  readonly expected: { readonly status: "good" | "revoked" | "unknown" } | { readonly step: OcspStep };
}

export interface OcspVectors {
  readonly about: string;
  /** DER, base64: the authority, and the device that it issued. */
  readonly anchor: string;
  readonly certificate: string;
  /** Hexadecimal. */
  readonly nonce: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly responses: readonly OcspVector[];
}
