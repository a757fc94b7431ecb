/** DICOM Digital Signatures as evidence: each fact with the trust in its signer and what it binds. */
import type { DicomObject } from "../../dicom/model.ts";
import { elementOf, formatTag, groupOf, isPrivateCreator, type Tag, tagHex } from "../../dicom/tags.ts";
import { traitsOfMacAlgorithm } from "../../digital-signatures/attributes.ts";
import { checkSignatures } from "../../digital-signatures/check.ts";
import type { Coverage, Location, SignatureFact } from "../../digital-signatures/signature-fact.ts";
import type { Crypto } from "../../foundation/crypto.ts";
import { sealGroup } from "../../provenance/manifest/leaf-path.ts";
import type { SignatureEvidence, TrustFact } from "./evidence.ts";

/** "" for the data set, "00081140/0" for an item. */
function locationText(location: Location): string {
  return location.map(({ tag, item }) => `${tagHex(tag)}/${item}`).join("/");
}

/** Our own block is covered by the manifest that the signature's UID names, not by the signature itself. */
function isSealElement(tag: Tag, creatorTag: Tag | undefined): boolean {
  if (creatorTag === undefined || groupOf(tag) !== sealGroup) return false;
  return isPrivateCreator(tag) ? tag === creatorTag : elementOf(tag) >>> 8 === elementOf(creatorTag);
}

function uncoveredTags(coverage: Coverage | undefined, creatorTag: Tag | undefined): readonly Tag[] {
  if (!coverage) return [];
  const all = [
    ...coverage.uncovered,
    ...coverage.uncoveredPrivate,
    ...coverage.nestedUncovered,
    ...coverage.absent,
  ];
  return all.filter((tag) => !isSealElement(tag, creatorTag));
}

function problemText(fact: SignatureFact): string {
  const problems = fact.problems.map(({ code, tag }) =>
    tag === undefined ? code : `${code} ${formatTag(tag)}`,
  );
  const key = fact.key ? `${fact.key.algorithm} ${fact.key.bits}` : "no usable key";
  return [`${key}, ${fact.macAlgorithm ?? "no hash"}: ${fact.result}`, ...problems].join("; ");
}

/** The algorithm comes from the trust record, never from the object. */
function isAllowed({ macAlgorithm }: SignatureFact, trust: TrustFact): boolean {
  return macAlgorithm !== undefined && trust.hashes.includes(traitsOfMacAlgorithm(macAlgorithm).hash);
}

export interface SignatureContext {
  readonly crypto: Crypto;
  readonly trustOf: (certificate: string) => Promise<TrustFact>;
  /** The manifest's Digital Signature UID and certificate (base64 DER), when there is a manifest. */
  readonly manifest:
    | { readonly signatureUid: string; readonly certificate: string; readonly creatorTag: Tag }
    | undefined;
}

export interface CheckedSignatures {
  readonly facts: readonly SignatureFact[];
  readonly evidence: readonly SignatureEvidence[];
}

export async function checkObjectSignatures(
  object: DicomObject,
  context: SignatureContext,
): Promise<CheckedSignatures> {
  const facts = await checkSignatures(object, { crypto: context.crypto });
  const { manifest } = context;
  const evidence: SignatureEvidence[] = [];
  for (const fact of facts) {
    const location = locationText(fact.location);
    const bound = manifest !== undefined && location === "" && fact.uid === manifest.signatureUid;
    const trust = fact.certificate === undefined ? undefined : await context.trustOf(fact.certificate);
    evidence.push({
      location,
      uid: fact.uid ?? "",
      result:
        fact.result === "valid" && trust?.result === "trusted" && !isAllowed(fact, trust)
          ? "weak"
          : fact.result,
      algorithm: fact.key ? `${fact.key.algorithm} ${fact.macAlgorithm ?? ""}`.trim() : "unknown",
      detail: problemText(fact),
      signedAt: fact.dateTimeMs === undefined ? undefined : new Date(fact.dateTimeMs).toISOString(),
      trust,
      bindsManifest: bound && fact.certificate === manifest.certificate,
      uncovered: uncoveredTags(fact.coverage, manifest?.creatorTag).map(formatTag),
    });
  }
  return { facts, evidence };
}
