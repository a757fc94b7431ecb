/**
 * The library: reads a DICOM object strictly, collects evidence, and judges it. It does no I/O and needs neither Node nor a browser:
 * bytes, cryptography, codecs and time are given to it.
 *
 * @example
 * const judge = new TrustJudge(createTrustStore({ anchors }, crypto), crypto, Date.now());
 * const evidence = await collectEvidence(new MemorySource(bytes), { crypto, trust: judge });
 * const { verdict, findings } = decide(evidence, { mode: "enforce" });
 */
export { characterSetOf, displaySafe, displayText, type TextDecoding } from "./dicom/character-sets.ts";
export { editionOfStandard, lookup, uidName } from "./dicom/dictionary/dictionary.ts";
export type { DataElement, DicomObject, Item } from "./dicom/model.ts";
export type { FrameDecoder } from "./dicom/pixel-data/decoder.ts";
export { PushReader, type ReadOptions, readDicom, tolerableCodes } from "./dicom/read.ts";
export { checkSignatures } from "./digital-signatures/check.ts";
export type { SignatureFact } from "./digital-signatures/signature-fact.ts";
export { type ByteSource, MemorySource } from "./foundation/byte-source.ts";
export type { Crypto } from "./foundation/crypto.ts";
export { type ErrorCode, ScansealError } from "./foundation/errors.ts";
export { TimeStampTrust } from "./keys/trust/time-stamp.ts";
export { createTrustStore, type TrustStore, type TrustStoreContent } from "./keys/trust/trust-store.ts";
export { collectEvidence, type EvidencePorts } from "./zero-trust/evidence/collect.ts";
export type { Evidence } from "./zero-trust/evidence/evidence.ts";
export { TrustJudge } from "./zero-trust/evidence/trust-check.ts";
export { Admitted, admit } from "./zero-trust/policy/admitted.ts";
export { decide, type Policy } from "./zero-trust/policy/decide.ts";
export type { Decision, Finding, Verdict } from "./zero-trust/policy/verdict.ts";
