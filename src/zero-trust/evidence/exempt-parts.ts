/**
 * What no commitment covers, looked at by its own rules (spec/commitments.md, "What is not covered"): the items that carry signatures,
 * offset tables that point at nothing, and the VR on the wire. Names only, never values.
 */
import { lookup } from "../../dicom/dictionary/dictionary.ts";
import { resolveImplicitVr } from "../../dicom/dictionary/implicit-vr.ts";
import { findElement, unsignedShort } from "../../dicom/elements.ts";
import { sequenceItems } from "../../dicom/implicit-items.ts";
import type { DataElement, DicomObject, Item } from "../../dicom/model.ts";
import { isPrivate, type Tag, tagHex, tags } from "../../dicom/tags.ts";
import {
  explicitBigEndianUid,
  explicitLittleEndianUid,
  implicitLittleEndianUid,
} from "../../dicom/transfer-syntax.ts";
import { signatureTags } from "../../digital-signatures/attributes.ts";
import type { SignatureFact } from "../../digital-signatures/signature-fact.ts";
import { isGroupLength } from "../../provenance/manifest/canonical-value.ts";
import type { ContentClaim } from "../../provenance/manifest/content-claim.ts";
import { classOfAttribute } from "./attribute-classes.ts";
import type { AttributeChange, ContentEvidence } from "./evidence.ts";
import { selectivelyLostVrs } from "./lost-vrs.ts";

/** PS3.3 C.12.1.1.3, first part: outside every signature's byte stream, so its form is checked. */
const macParameterTags: ReadonlySet<Tag> = new Set<Tag>([
  signatureTags.macIdNumber,
  signatureTags.macCalculationTransferSyntaxUid,
  signatureTags.macAlgorithm,
  signatureTags.dataElementsSigned,
]);

/** PS3.3 C.12.1.1.3, second part. */
const signatureItemTags: ReadonlySet<Tag> = new Set<Tag>([
  signatureTags.macIdNumber,
  signatureTags.digitalSignatureUid,
  signatureTags.digitalSignatureDateTime,
  signatureTags.certificateType,
  signatureTags.certificateOfSigner,
  signatureTags.signature,
  signatureTags.certifiedTimestampType,
  signatureTags.certifiedTimestamp,
  signatureTags.digitalSignaturePurposeCodeSequence,
]);

interface Change {
  readonly path: string;
  readonly kind: AttributeChange["kind"];
}

export interface ExemptContext {
  readonly object: DicomObject;
  readonly statement: { readonly pixels: Pick<ContentClaim["pixels"], "transferSyntax"> };
  /** The signature that names the manifest, when there is exactly one. */
  readonly binding: SignatureFact | undefined;
}

/** Differences from what sealing writes, in parts of the object that neither signature nor commitments cover. */
export function exemptPartChanges(context: ExemptContext): AttributeChange[] {
  const { object } = context;
  const changes: Change[] = [
    ...offsetTables(object),
    ...macSyntax(context),
    ...orderInDoubt(object, context.binding),
  ];
  const signed = signedTags(context.binding);
  const reencoded = context.binding?.result === "valid" && context.binding.otherSign === true;
  for (const element of object.elements) {
    const trust = signed.has(element.tag) ? (reencoded ? "re-encoded" : "signed") : "open";
    visit({ element, siblings: object.elements, prefix: "", vr: trust }, changes);
  }
  changes.push(...unusedMacItems(object.elements));
  // Under a valid signature, what is UN now was UN at sealing.
  if (context.binding?.result !== "valid") {
    for (const path of selectivelyLostVrs(object.elements)) changes.push({ path, kind: "changed" });
  }
  return changes.map((change) => ({
    ...change,
    attributeClass: classOfAttribute(change.path),
    transcodeByProduct: false,
    isIrregular: true,
  }));
}

/** Adds them to what the commitments found. Where an attribute differs in both, neither a transcoder nor a correction accounts for it. */
export function withExemptParts(
  content: ContentEvidence,
  exempt: readonly AttributeChange[],
): ContentEvidence {
  if (exempt.length === 0) return content;
  const odd = new Set(exempt.map(({ path }) => path));
  const known = new Set(content.attributes.map(({ path }) => path));
  const marked = content.attributes.map(
    (change): AttributeChange =>
      odd.has(change.path) ? { ...change, transcodeByProduct: false, isIrregular: true } : change,
  );
  return { ...content, attributes: [...marked, ...exempt.filter(({ path }) => !known.has(path))] };
}

/** Tags whose element a valid signature covers. */
function signedTags(binding: SignatureFact | undefined): ReadonlySet<Tag> {
  if (binding?.result !== "valid" || !binding.signedTags || !binding.coverage) return new Set();
  return new Set(binding.coverage.nestedUncovered.length > 0 ? [] : binding.signedTags);
}

/** Nesting is bounded by the reader. Values of private elements are opaque. */
interface Visited {
  readonly element: DataElement;
  readonly siblings: readonly DataElement[];
  readonly prefix: string;
  /** Whether the VR on the wire is signed; re-encoded: signed, but some elements have got another one since. */
  readonly vr: "signed" | "re-encoded" | "open";
}

function visit({ element, siblings, prefix, vr }: Visited, changes: Change[]): void {
  const { tag } = element;
  if (isPrivate(tag)) return;
  const path = prefix + tagHex(tag);
  const allowed =
    tag === tags.macParametersSequence
      ? macParameterTags
      : tag === tags.digitalSignaturesSequence
        ? signatureItemTags
        : undefined;
  const items = allowed ? sequenceItems(element) : element.items;
  const usual = vr === "signed" || (vr === "open" ? isUsualVr(element) : isDerivedVr(element, siblings));
  if (!usual) changes.push({ path, kind: "changed" });
  // Anything but a sequence carries bytes that nobody reads as signatures.
  if (allowed && !items && element.length > 0) changes.push({ path, kind: "added" });
  items?.forEach((item, index) => {
    for (const child of item.elements) {
      const childPath = `${path}/${index}/`;
      if (isGroupLength(child)) continue;
      if (allowed && !allowed.has(child.tag))
        changes.push({ path: childPath + tagHex(child.tag), kind: "added" });
      else visit({ element: child, siblings: item.elements, prefix: childPath, vr }, changes);
    }
  });
}

/** The dictionary's, or UN as software without a dictionary writes it. A viewer that follows another VR shows another value, or none. */
function isUsualVr({ tag, vrOnWire }: DataElement): boolean {
  if (vrOnWire === undefined || vrOnWire === "UN") return true;
  const vr = lookup(tag)?.vr;
  return vr === undefined || vr.split(" or ").includes(vrOnWire);
}

/** "US or SS" follows Pixel Representation, as software writes it anew after implicit VR; the other one may have another sign. */
function isDerivedVr({ tag, vrOnWire }: DataElement, siblings: readonly DataElement[]): boolean {
  if (vrOnWire === undefined || lookup(tag)?.vr !== "US or SS") return true;
  const u16 = (of: Tag): number | undefined => unsignedShort(findElement(siblings, of));
  return vrOnWire === resolveImplicitVr(tag, { u16, privateCreator: () => undefined });
}

/**
 * Words written as bytes in big endian: DCMTK reads them as they stand, pydicom turns them (PS3.5 annex A.3 asks for OW). Signed so, they
 * were sealed so.
 */
function orderInDoubt({ elements }: DicomObject, binding: SignatureFact | undefined): Change[] {
  if (binding?.result === "valid" && binding.encoding === "as-written") return [];
  const pixels = findElement(elements, tags.pixelData);
  if (!pixels?.encoding.bigEndian || pixels.vrOnWire !== "OB") return [];
  const bits = unsignedShort(findElement(elements, tags.bitsAllocated)) ?? 0;
  return bits > 8 ? [{ path: tagHex(tags.pixelData), kind: "changed" }] : [];
}

/** Offset tables beside native pixels point at nothing. */
function offsetTables({ elements }: DicomObject): Change[] {
  if (findElement(elements, tags.pixelData)?.fragments) return [];
  return [tags.extendedOffsetTable, tags.extendedOffsetTableLengths]
    .filter((tag) => findElement(elements, tag))
    .map((tag) => ({ path: tagHex(tag), kind: "added" }));
}

/** PS3.3 C.12.1.1.3.1.1 lets it be chosen; sealing writes the one the pixels were in. */
function macSyntax({ object, statement, binding }: ExemptContext): Change[] {
  if (binding?.macTransferSyntaxUid === undefined) return [];
  const sealedAs = statement.pixels.transferSyntax;
  const implied = sealedAs === implicitLittleEndianUid || sealedAs === explicitBigEndianUid;
  const expected = implied ? explicitLittleEndianUid : sealedAs;
  if (binding.macTransferSyntaxUid === expected) return [];
  const items = itemsAt(object.elements, tags.macParametersSequence);
  const index = items.findIndex(({ elements }) => macIdOf(elements) === binding.macIdNumber);
  return [{ path: `4FFE0001/${index}/04000010`, kind: "changed" }];
}

/** MAC parameters that no signature of the data set names. */
function unusedMacItems(elements: readonly DataElement[]): Change[] {
  const signatures = itemsAt(elements, tags.digitalSignaturesSequence);
  const used = new Set(signatures.map((item) => macIdOf(item.elements)));
  const parameters = itemsAt(elements, tags.macParametersSequence);
  return parameters.flatMap((item, index) =>
    // Without signatures, what is left of a removed one.
    signatures.length === 0 || used.has(macIdOf(item.elements))
      ? []
      : [{ path: `4FFE0001/${index}/04000005`, kind: "added" as const }],
  );
}

function itemsAt(elements: readonly DataElement[], tag: Tag): readonly Item[] {
  const sequence = findElement(elements, tag);
  return (sequence && sequenceItems(sequence)) ?? [];
}

function macIdOf(elements: readonly DataElement[]): number | undefined {
  return unsignedShort(findElement(elements, signatureTags.macIdNumber));
}
