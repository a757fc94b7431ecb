/** What is said of stapled revocation statuses: spec/keys-and-certificates.md, section 6. A revocation itself is a matter of trust. */
import type { Evidence } from "../evidence/evidence.ts";
import { finding } from "./finding.ts";
import type { Finding } from "./verdict.ts";

/** Of a signer whose authority is not known here nothing more is to be said. */
const unknownStep = "issuer";

/** It proves nothing, and takes nothing away: whoever has an object can put such a thing into it. */
export function revocationFindings({ revocation }: Evidence): Finding[] {
  const faults = (revocation?.faults ?? []).filter(({ step }) => step !== unknownStep);
  return faults.map(({ step, isInObject }) => {
    const where = isInObject ? "in the object" : "kept beside the object";
    return finding("revocation-status-invalid", {}, `an OCSP response ${where} fails at step ${step}`);
  });
}
