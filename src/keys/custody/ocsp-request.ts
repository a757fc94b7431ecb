/** OCSP requests (RFC 6960 4.1), written. */
import { type Bytes, fromHex } from "../../foundation/bytes.ts";
import type { Crypto } from "../../foundation/crypto.ts";
import type { Certificate } from "../trust/certificate.ts";
import { digestOid, ocspOid } from "../trust/object-identifiers.ts";
import { issuerDigests } from "../trust/ocsp.ts";
import { der, derInteger, derNull, derOctets, derOid, derSequence } from "./der-writer.ts";

/** OCSPRequest for one certificate. SHA-1 is the one function that every responder takes (RFC 5019 2.1.1). @param serial as in `Certificate` */
export function ocspRequest(serial: string, issuer: Certificate, nonce: Bytes, crypto: Crypto): Bytes {
  const { issuerName, issuerKey } = issuerDigests(issuer, "SHA-1", crypto);
  const id = derSequence(
    derSequence(derOid(digestOid.sha1), derNull()),
    derOctets(issuerName),
    derOctets(issuerKey),
    derInteger(fromHex(serial)),
  );
  const extension = derSequence(derOid(ocspOid.nonce), derOctets(derOctets(nonce)));
  return derSequence(derSequence(derSequence(derSequence(id)), der(0xa2, derSequence(extension))));
}
