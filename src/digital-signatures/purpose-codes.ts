/** Digital Signature Purpose, PS3.16 CID 7007: codes of ASTM E2084. */

export const purposeCodingScheme = "ASTM-sigpurpose";

/** By Code Value; the meanings are those of the context group. */
export const purposeCodes = {
  1: "Author's Signature",
  2: "Coauthor's Signature",
  3: "Co-participant's Signature",
  4: "Transcriptionist/Recorder Signature",
  5: "Verification Signature",
  6: "Validation Signature",
  7: "Consent Signature",
  8: "Signature Witness Signature",
  9: "Event Witness Signature",
  10: "Identity Witness Signature",
  11: "Consent Witness Signature",
  12: "Interpreter Signature",
  13: "Review Signature",
  14: "Source Signature",
  15: "Addendum Signature",
  16: "Modification Signature",
  17: "Administrative (Error/Edit) Signature",
  18: "Timestamp Signature",
} as const;

/** 14 suits a modality or the sealer beside it, 16 an authorised edit. */
export type PurposeCode = keyof typeof purposeCodes;
