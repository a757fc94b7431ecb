/** The certificate of an entry of the authority's ledger. */
import { fromBase64 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { IssuedEntry } from "../../keys/custody/authority-ledger.ts";
import { type Certificate, parseCertificate } from "../../keys/trust/certificate.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";

/** Undefined in ledgers of version 0.1.0, and where it cannot be read. */
export function certificateOf({ certificate }: IssuedEntry): Certificate | undefined {
  if (certificate === undefined) return undefined;
  try {
    return parseCertificate(fromBase64(certificate), nodeCrypto);
  } catch (error) {
    if (error instanceof ScansealError) return undefined;
    throw error;
  }
}
