/** What a case is, and how honest signatures for it are made. */
import type { NewElement } from "../../../src/dicom/encode.ts";
import { type Tag, tags } from "../../../src/dicom/tags.ts";
import { type SignatureRequest, signDataSet } from "../../../src/digital-signatures/sign.ts";
import type { SignatureFact, SignatureProblemCode } from "../../../src/digital-signatures/signature-fact.ts";
import type { Bytes } from "../../../src/foundation/bytes.ts";
import type { HashName } from "../../../src/foundation/crypto.ts";
import {
  type CaseKey,
  edited,
  file,
  header,
  nativePixels,
  open,
  signatureElements,
  signerOf,
  withElements,
} from "./objects.ts";

export type CaseKeyName = "P-256" | "other P-256" | "P-384" | "P-521" | "RSA-3072" | "RSA-1024";
export type CaseKeys = Readonly<Record<CaseKeyName, CaseKey>>;

/** What a fact must say; codes of problems exactly, coverage where given. */
export interface ExpectedFact {
  readonly result: SignatureFact["result"];
  readonly computed?: SignatureFact["computed"];
  readonly encoding?: SignatureFact["encoding"];
  readonly problems?: readonly SignatureProblemCode[];
  readonly uncovered?: readonly Tag[];
  readonly requiredUncovered?: readonly Tag[];
  readonly disguised?: readonly Tag[];
  readonly absent?: readonly Tag[];
}

export interface Case {
  readonly name: string;
  /** What was done to the object or its signature; empty for honest ones. */
  readonly attack: string;
  /** What it would bring the attacker. */
  readonly effect: string;
  readonly bytes: Bytes;
  readonly expected: readonly ExpectedFact[];
}

export const request: SignatureRequest = {
  signatureUid: "2.25.777",
  dateTimeMs: Date.UTC(2024, 1, 29, 12),
  purpose: 14,
};
export const image: readonly NewElement[] = withElements(header, nativePixels);
export const rleUid = "1.2.840.10008.1.2.5";
export const jpegLsUid = "1.2.840.10008.1.2.4.80";
export const whole: ExpectedFact = {
  result: "valid",
  encoding: "as-written",
  problems: [],
  uncovered: [],
  absent: [],
};
export const macParameters: Tag = tags.macParametersSequence;
export const signatures: Tag = tags.digitalSignaturesSequence;

export async function signed(
  elements: readonly NewElement[],
  syntax: string,
  key: CaseKey,
  hash: HashName = "SHA-256",
  change: Partial<SignatureRequest> = {},
): Promise<Bytes> {
  const object = await open(file(elements, syntax));
  const { edits } = await signDataSet(object, { ...request, ...change }, signerOf(key, hash));
  return edited(file(elements, syntax), ...edits);
}

/** Signed in one encoding, put into another. */
export async function carried(
  from: readonly [readonly NewElement[], string],
  to: readonly [readonly NewElement[], string],
  key: CaseKey,
): Promise<Bytes> {
  const object = await open(file(...from));
  const { edits } = await signDataSet(object, request, signerOf(key, "SHA-256"));
  return file(withElements(to[0], ...signatureElements(edits)), to[1]);
}
