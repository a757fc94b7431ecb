/** Object identifiers by the name of their standard. */

/** RFC 5280 4.2 and 5.2 */
export const extensionOid = {
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  crlNumber: "2.5.29.20",
  reasonCode: "2.5.29.21",
  invalidityDate: "2.5.29.24",
  nameConstraints: "2.5.29.30",
  crlDistributionPoints: "2.5.29.31",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  /** X.509 9.5.2.8: the list keeps certificates after their expiry. */
  expiredCertsOnCrl: "2.5.29.60",
} as const;

/** RFC 5280 4.2.1.12 */
export const commonKeyPurposeOid = {
  any: "2.5.29.37.0",
  tlsServer: "1.3.6.1.5.5.7.3.1",
  tlsClient: "1.3.6.1.5.5.7.3.2",
  timeStamping: "1.3.6.1.5.5.7.3.8",
  ocspSigning: "1.3.6.1.5.5.7.3.9",
} as const;

/** RFC 5480, RFC 3279, RFC 4055 */
export const keyOid = {
  ec: "1.2.840.10045.2.1",
  p256: "1.2.840.10045.3.1.7",
  p384: "1.3.132.0.34",
  rsa: "1.2.840.113549.1.1.1",
} as const;

/** FIPS 180-4 functions (RFC 5754); SHA-1 only names what is found otherwise too. */
export const digestOid = {
  sha1: "1.3.14.3.2.26",
  sha256: "2.16.840.1.101.3.4.2.1",
  sha384: "2.16.840.1.101.3.4.2.2",
  sha512: "2.16.840.1.101.3.4.2.3",
} as const;

/** RFC 6960 4.2.1, 4.2.2.2.1, 4.4.1 */
export const ocspOid = {
  basic: "1.3.6.1.5.5.7.48.1.1",
  nonce: "1.3.6.1.5.5.7.48.1.2",
  noCheck: "1.3.6.1.5.5.7.48.1.5",
} as const;

/** RFC 5652, RFC 3161, RFC 2634, RFC 5035 */
export const cmsOid = {
  signedData: "1.2.840.113549.1.7.2",
  timeStampInfo: "1.2.840.113549.1.9.16.1.4",
  contentType: "1.2.840.113549.1.9.3",
  messageDigest: "1.2.840.113549.1.9.4",
  signingCertificate: "1.2.840.113549.1.9.16.2.12",
  signingCertificateV2: "1.2.840.113549.1.9.16.2.47",
} as const;

/** X.520 */
export const attributeOid = {
  commonName: "2.5.4.3",
  serialNumber: "2.5.4.5",
  country: "2.5.4.6",
  locality: "2.5.4.7",
  state: "2.5.4.8",
  organization: "2.5.4.10",
  organizationalUnit: "2.5.4.11",
} as const;

/**
 * Scanseal's own arc: 2.25 and the integer of the UUID be651fad-8196-41d5-bd40-1adc3b6bab03 (X.667 section 7), made at random
 * for this purpose. `.1` holds key purposes, `.2` subject attributes (spec/keys-and-certificates.md).
 */
export const scansealArc = "2.25.253078383683121077648228979304055941891";

/** Subject attribute: the AE title the device calls from (UTF8String). */
export const aeTitleOid: string = `${scansealArc}.2.1`;

/** Subject attribute: which key of the device this is, from 1, in decimal (UTF8String). */
export const keyEpochOid: string = `${scansealArc}.2.2`;
