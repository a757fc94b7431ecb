/** Whether a record's signer may sign such records: now, or when this site first kept the record (time class T2). */
import type { Bytes } from "../../foundation/bytes.ts";
import type { Role } from "../../keys/trust/roles.ts";
import type { EvidencePorts } from "./collect.ts";
import type { TrustFact, TrustResult } from "./evidence.ts";

/** What may have become so only after the record was made. */
const later: ReadonlySet<TrustResult> = new Set<TrustResult>(["certificate-expired", "certificate-revoked"]);

/**
 * A record of a key that ended stands where this site kept it before: its receipts outlive the certificates. A key that was in other hands is believed for nothing on
 * our own clock alone (spec/keys-and-certificates.md).
 * @param digest the record's @throws ScansealError `io`
 */
export async function recordSigner(
  certificate: Bytes,
  role: Role,
  digest: string,
  { trust, records }: Pick<EvidencePorts, "trust" | "records">,
): Promise<TrustFact> {
  const fact = await trust.judge(certificate, role);
  if (!later.has(fact.result) || !records) return fact;
  const trustedTime = await records.firstSeen(digest);
  return trustedTime === undefined
    ? fact
    : trust.judgeAt(certificate, role, { trustedTime, timeClass: "T2" });
}
