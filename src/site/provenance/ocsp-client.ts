/** Asks the responder of an authority whether a certificate is revoked (RFC 6960, over HTTP: appendix A). What it answers is checked in full. */
import { type Bytes, fromHex } from "../../foundation/bytes.ts";
import type { Clock, Random } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { der, derInteger, derNull, derOctets, derOid, derSequence } from "../../keys/custody/der-writer.ts";
import { type Certificate, parseCertificate } from "../../keys/trust/certificate.ts";
import { digestOid, ocspOid } from "../../keys/trust/object-identifiers.ts";
import { issuerDigests, type OcspFact } from "../../keys/trust/ocsp.ts";
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
  const response = await postForAnswer(source.url, ocspRequest(serial, issuer, nonce), {
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

/** OCSPRequest for one certificate. SHA-1 is the one function that every responder takes (RFC 5019 2.1.1). @param serial as in `Certificate` */
export function ocspRequest(serial: string, issuer: Certificate, nonce: Bytes): Bytes {
  const { issuerName, issuerKey } = issuerDigests(issuer, "SHA-1", nodeCrypto);
  const id = derSequence(
    derSequence(derOid(digestOid.sha1), derNull()),
    derOctets(issuerName),
    derOctets(issuerKey),
    derInteger(fromHex(serial)),
  );
  const extension = derSequence(derOid(ocspOid.nonce), derOctets(derOctets(nonce)));
  return derSequence(derSequence(derSequence(derSequence(id)), der(0xa2, derSequence(extension))));
}
