/** The attributes of the Digital Signatures Macro (PS3.3 C.12.1.1.3), and their values. */
import type { Tag } from "../dicom/tags.ts";
import type { HashName, LegacyHashName } from "../foundation/crypto.ts";

export const signatureTags = {
  codeValue: 0x00080100,
  codingSchemeDesignator: 0x00080102,
  codeMeaning: 0x00080104,
  macIdNumber: 0x04000005,
  macCalculationTransferSyntaxUid: 0x04000010,
  macAlgorithm: 0x04000015,
  dataElementsSigned: 0x04000020,
  digitalSignatureUid: 0x04000100,
  digitalSignatureDateTime: 0x04000105,
  certificateType: 0x04000110,
  certificateOfSigner: 0x04000115,
  signature: 0x04000120,
  certifiedTimestampType: 0x04000305,
  certifiedTimestamp: 0x04000310,
  digitalSignaturePurposeCodeSequence: 0x04000401,
  originalAttributesSequence: 0x04000561,
} as const;

/** Attributes of the signature item that are outside the MAC stream: they are made after, or by, the signature. */
export const outsideMacStream: ReadonlySet<Tag> = new Set<Tag>([
  signatureTags.certificateOfSigner,
  signatureTags.signature,
  signatureTags.certifiedTimestampType,
  signatureTags.certifiedTimestamp,
]);

export const certificateTypeX509 = "X509_1993_SIG";

/** MAC Algorithm (0400,0015), PS3.3 C.12.1.1.3.1.2 and the terms of earlier editions. */
export type MacAlgorithm = "SHA256" | "SHA384" | "SHA512" | "SHA1" | "MD5" | "RIPEMD160";

export interface MacAlgorithmTraits {
  readonly hash: HashName | LegacyHashName;
  /** Recognised so that old signatures can be named; never accepted. */
  readonly legacy: boolean;
}

const algorithms: Readonly<Record<MacAlgorithm, MacAlgorithmTraits>> = {
  SHA256: { hash: "SHA-256", legacy: false },
  SHA384: { hash: "SHA-384", legacy: false },
  SHA512: { hash: "SHA-512", legacy: false },
  SHA1: { hash: "SHA-1", legacy: true },
  MD5: { hash: "MD5", legacy: true },
  RIPEMD160: { hash: "RIPEMD-160", legacy: true },
};

export function isMacAlgorithm(text: string): text is MacAlgorithm {
  return Object.hasOwn(algorithms, text);
}

export function traitsOfMacAlgorithm(algorithm: MacAlgorithm): MacAlgorithmTraits {
  return algorithms[algorithm];
}

const macAlgorithms: Readonly<Record<HashName, MacAlgorithm>> = {
  "SHA-256": "SHA256",
  "SHA-384": "SHA384",
  "SHA-512": "SHA512",
};

export function macAlgorithmOf(hash: HashName): MacAlgorithm {
  return macAlgorithms[hash];
}
