/** Asks the responder of an authority whether a certificate is revoked (RFC 6960, over HTTP: appendix A). What it answers is checked in full. */
import type { Bytes } from "../../foundation/bytes.ts";
import type { Clock, Random } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { ocspRequest } from "../../keys/custody/ocsp-request.ts";
import { type Certificate, parseCertificate } from "../../keys/trust/certificate.ts";
import type { OcspFact } from "../../keys/trust/ocsp.ts";
import { ocspBytesMax } from "../../keys/trust/ocsp-response.ts";
import type { SignerRecognition } from "../../keys/trust/signer-recognition.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { postForAnswer } from "./authority-post.ts";

/** RFC 9654 2.1 */
const nonceBytes = 32;

export interface OcspSource {
  readonly url: string;
  readonly recognition: SignerRecognition;
  readonly clock: Clock;
  readonly random: Random;
}

export interface NewStatus {
  readonly response: Bytes;
  readonly fact: OcspFact;
}

/**
 * What the issuer says now of a certificate. The responder learns the certificate's serial number.
 * @param certificate DER
 * @throws ScansealError `network` when the responder cannot be had, `peer-rejected` when it knows nothing of the certificate, `peer-protocol`
 *   when its answer is none or does not hold
 */
export async function requestStatus(
  certificate: Bytes,
  issuer: Certificate,
  source: OcspSource,
): Promise<NewStatus> {
  const nonce = source.random.bytes(nonceBytes);
  const { serial } = parseCertificate(certificate, nodeCrypto);
  const response = await postForAnswer(source.url, ocspRequest(serial, issuer, nonce, nodeCrypto), {
    peer: "the OCSP responder",
    requestType: "application/ocsp-request",
    answerType: "application/ocsp-response",
    answer: "an OCSP response",
    answerBytesMax: ocspBytesMax,
  });
  const now = source.clock.now();
  const fact = await source.recognition.revocationStatus(response, certificate, { now, request: { nonce } });
  if (!fact.ok) {
    const isRefusal = fact.step === "status";
    const text = isRefusal ? fact.detail : `its answer does not hold (step ${fact.step}: ${fact.detail})`;
    throw new ScansealError(isRefusal ? "peer-rejected" : "peer-protocol", `the OCSP responder: ${text}`);
  }
  if (fact.status === "unknown")
    throw new ScansealError("peer-rejected", "the OCSP responder does not know the certificate");
  return { response, fact };
}
