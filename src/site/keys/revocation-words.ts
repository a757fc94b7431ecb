/** RFC 5280 5.3.1: the reasons a site gives, as people write them. */
import type { RevocationReason } from "../../keys/trust/revocation.ts";

export type RevocationWord =
  | "key-compromise"
  | "superseded"
  | "cessation"
  | "affiliation-changed"
  | "privilege-withdrawn";

export const revocationWords: Readonly<Record<RevocationWord, RevocationReason>> = {
  "key-compromise": "keyCompromise",
  superseded: "superseded",
  cessation: "cessationOfOperation",
  "affiliation-changed": "affiliationChanged",
  "privilege-withdrawn": "privilegeWithdrawn",
};
