/** Trust in signers, as evidence: one judgement a certificate, at one time, against one trust store. */
import type { Bytes } from "../../foundation/bytes.ts";
import type { TrustFact } from "./evidence.ts";

export interface TrustJudge {
  /** Milliseconds since 1970: the time of verification. */
  readonly now: number;
  judge(certificate: Bytes): Promise<TrustFact>;
  /** SubjectPublicKeyInfo. @throws ScansealError `certificate-invalid` */
  spkiOf(certificate: Bytes): Bytes;
  /** Undefined for a certificate that cannot be read. */
  validityOf(certificate: Bytes): { readonly notBefore: number; readonly notAfter: number } | undefined;
  /** The enrolled device of that serial number (0018,1000). */
  deviceOfSerial(serial: string): string | undefined;
}
