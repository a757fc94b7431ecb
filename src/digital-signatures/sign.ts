/** Making a DICOM Digital Signature (spec, "Signing"). Verifier-pure: the key is behind the `Signer` port, the caller splices. */
import { feedPlan, type PlanStep } from "../dicom/byte-plan.ts";
import { findElement, plainTextOf, unsignedShort } from "../dicom/elements.ts";
import { type NewElement, numberElement, textElement } from "../dicom/encode.ts";
import type { DataElement, DicomObject } from "../dicom/model.ts";
import type { Edit } from "../dicom/splice.ts";
import { type Tag, tags } from "../dicom/tags.ts";
import {
  explicitBigEndianUid,
  explicitLittleEndianUid,
  implicitLittleEndianUid,
} from "../dicom/transfer-syntax.ts";
import { vrTraits } from "../dicom/vr.ts";
import type { Bytes } from "../foundation/bytes.ts";
import type { Signer } from "../foundation/crypto.ts";
import { ScansealError } from "../foundation/errors.ts";
import { certificateTypeX509, macAlgorithmOf, signatureTags } from "./attributes.ts";
import { DcmtkBuffer } from "./dcmtk-truncation.ts";
import { holdsNulPaddedText, MacStream } from "./mac-stream.ts";
import { type PurposeCode, purposeCodes, purposeCodingScheme } from "./purpose-codes.ts";
import { isListedWhenSigning, isSignable } from "./signable.ts";
import { formatSignatureDateTime } from "./signature-date-time.ts";
import type { Location, SignatureProblem } from "./signature-fact.ts";
import { findSignatures } from "./signature-record.ts";

export interface SignatureRequest {
  /** Must be unique; a seal puts the name of its manifest here. */
  readonly signatureUid: string;
  /** Milliseconds since 1970-01-01T00:00:00Z. */
  readonly dateTimeMs: number;
  readonly purpose?: PurposeCode;
  /** Only these, all of which must be present and signable. Default: every element we list (`isListedWhenSigning`) that dcmsign hashes whole. */
  readonly tags?: readonly Tag[];
  /** An item of a sequence to sign instead of the data set. */
  readonly location?: Location;
  /** Default: the smallest that is free. */
  readonly macIdNumber?: number;
}

/** A signature but for its value: hash `plan` over `object.dataSource`, sign, `finish`. */
export interface PreparedSignature {
  readonly plan: readonly PlanStep[];
  readonly signedTags: readonly Tag[];
  /** Notes for the signer's operator: `text-nul-padded`. */
  readonly problems: readonly SignatureProblem[];
  /** The new item of (4FFE,0001): known before the hash, so it can be written while streaming. */
  readonly macParametersItem: readonly NewElement[];
  /** The new item of (FFFA,FFFA), given the signature value. */
  signatureItem(signature: Bytes): readonly NewElement[];
  /** What to splice: both items; items that were there stay byte for byte. */
  edits(signature: Bytes): readonly Edit[];
}

/** A 16-bit length holds this many tags of four bytes. */
const listedTagsMax = 16_383;
const macIdMax = 0xffff;

/**
 * @param object the elements as they will be written; private elements and signatures may still be added after this
 * @throws ScansealError `usage` for a request that does not fit the object, `not-sealable` when there is nothing to sign or too much
 */
export function prepareSignature(
  object: DicomObject,
  request: SignatureRequest,
  signer: Pick<Signer, "hash" | "certificate">,
): PreparedSignature {
  refuseUnfit(object, request.signatureUid);
  const location = request.location ?? [];
  const scope = scopeAt(object, location);
  const listed = request.tags ? requested(scope, request.tags) : defaultList(scope);
  const signedTags = listed.map((element) => element.tag);
  if (listed.length === 0) throw new ScansealError("not-sealable", "no element can be signed");
  if (listed.length > listedTagsMax)
    throw new ScansealError("not-sealable", "too many elements for one signature");
  const odd = listed.find(holdsOddText);
  if (odd) throw new ScansealError("not-sealable", "text of odd length cannot be signed", { tag: odd.tag });
  const macId = request.macIdNumber ?? freeMacId(scope);
  const macParametersItem: readonly NewElement[] = [
    numberElement(signatureTags.macIdNumber, "US", macId),
    textElement(signatureTags.macCalculationTransferSyntaxUid, "UI", macTransferSyntaxUid(object)),
    textElement(signatureTags.macAlgorithm, "CS", macAlgorithmOf(signer.hash)),
    numberElement(signatureTags.dataElementsSigned, "AT", ...signedTags),
  ];
  const head = signatureHead(macId, request);
  const purpose = request.purpose === undefined ? [] : [purposeSequence(request.purpose)];
  const stream = new MacStream();
  for (const element of listed) stream.add(element);
  for (const element of [...head, ...purpose]) stream.addNew(element);
  const signatureItem = (signature: Bytes): readonly NewElement[] => [
    ...head,
    { tag: signatureTags.certificateOfSigner, vr: "OB", value: signer.certificate },
    { tag: signatureTags.signature, vr: "OB", value: signature },
    ...purpose,
  ];
  return {
    plan: stream.steps(),
    signedTags,
    problems: listed.filter(holdsNulPaddedText).map(({ tag }) => ({ code: "text-nul-padded", tag })),
    macParametersItem,
    signatureItem,
    edits: (signature) => [
      appendItem(scope, location, tags.macParametersSequence, macParametersItem),
      appendItem(scope, location, tags.digitalSignaturesSequence, signatureItem(signature)),
    ],
  };
}

export interface DataSetSignature {
  readonly edits: readonly Edit[];
  readonly signedTags: readonly Tag[];
  readonly problems: readonly SignatureProblem[];
}

/**
 * Signs the data set, or the item at `request.location`. The bulk data is read once.
 * @throws ScansealError as `prepareSignature`, and what the signer and the source throw
 */
export async function signDataSet(
  object: DicomObject,
  request: SignatureRequest,
  signer: Signer,
): Promise<DataSetSignature> {
  const prepared = prepareSignature(object, request, signer);
  const operation = signer.start();
  await feedPlan(prepared.plan, object.dataSource, (bytes) => operation.update(bytes));
  const { signedTags, problems } = prepared;
  return { edits: prepared.edits(await operation.sign()), signedTags, problems };
}

function signatureHead(macId: number, request: SignatureRequest): readonly NewElement[] {
  return [
    numberElement(signatureTags.macIdNumber, "US", macId),
    textElement(signatureTags.digitalSignatureUid, "UI", request.signatureUid),
    textElement(signatureTags.digitalSignatureDateTime, "DT", formatSignatureDateTime(request.dateTimeMs)),
    textElement(signatureTags.certificateType, "CS", certificateTypeX509),
  ];
}

function purposeSequence(code: PurposeCode): NewElement {
  return {
    tag: signatureTags.digitalSignaturePurposeCodeSequence,
    vr: "SQ",
    items: [
      [
        textElement(signatureTags.codeValue, "SH", String(code)),
        textElement(signatureTags.codingSchemeDesignator, "SH", purposeCodingScheme),
        textElement(signatureTags.codeMeaning, "LO", purposeCodes[code]),
      ],
    ],
  };
}

/** Implicit VR and big endian are signed as explicit VR little endian; every other syntax as itself (also the deflated one). */
function macTransferSyntaxUid(object: DicomObject): string {
  const { uid } = object.transferSyntax;
  return uid === implicitLittleEndianUid || uid === explicitBigEndianUid ? explicitLittleEndianUid : uid;
}

function defaultList(scope: readonly DataElement[]): readonly DataElement[] {
  const peer = new DcmtkBuffer();
  return scope.filter((element) => isListedWhenSigning(element, scope) && peer.passWhole(element));
}

function requested(scope: readonly DataElement[], wanted: readonly Tag[]): readonly DataElement[] {
  return [...new Set(wanted)]
    .sort((a, b) => a - b)
    .map((tag) => {
      const element = findElement(scope, tag);
      if (!element || !isSignable(element))
        throw new ScansealError("usage", "an element to sign is absent or cannot be signed", { tag });
      return element;
    });
}

function scopeAt(object: DicomObject, location: Location): readonly DataElement[] {
  let scope = object.elements;
  for (const { tag, item } of location) {
    const inner = findElement(scope, tag)?.items?.[item];
    if (!inner) throw new ScansealError("usage", "no such item to sign", { tag });
    scope = inner.elements;
  }
  return scope;
}

function refuseUnfit(object: DicomObject, uid: string): void {
  // Other software would read, and hash, the elements in another order than they stand in.
  const disorder = object.tolerated.find(({ code }) => code === "tag-order");
  if (disorder) {
    const { tag, offset } = disorder;
    throw new ScansealError("not-sealable", "elements out of order cannot be signed", { tag, offset });
  }
  const known = findSignatures(object).some(
    ({ item }) => item && plainTextOf(item.elements, signatureTags.digitalSignatureUid) === uid,
  );
  if (known) throw new ScansealError("usage", "a signature of that UID is already there");
}

/** Over both sequences: a signature whose parameters were lost must not get new ones. */
function freeMacId(scope: readonly DataElement[]): number {
  const used = new Set<number | undefined>();
  for (const sequence of [tags.macParametersSequence, tags.digitalSignaturesSequence]) {
    for (const item of findElement(scope, sequence)?.items ?? [])
      used.add(unsignedShort(findElement(item.elements, signatureTags.macIdNumber)));
  }
  let id = 0;
  while (used.has(id)) id++;
  if (id > macIdMax) throw new ScansealError("not-sealable", "no MAC ID number is free");
  return id;
}

function appendItem(
  scope: readonly DataElement[],
  location: Location,
  sequence: Tag,
  item: readonly NewElement[],
): Edit {
  if (location.length === 0) return { kind: "append-item", sequence, item };
  if (findElement(scope, sequence))
    throw new ScansealError("unsupported", "a second signature of an item cannot be written", {
      tag: sequence,
    });
  const parent = location.flatMap((step) => [step.tag, step.item]);
  return { kind: "put", parent, element: { tag: sequence, vr: "SQ", items: [item] } };
}

/** DCMTK pads such text with a NUL on reading and hashes that, so no two readers agree on it. The reader bounds the depth. */
function holdsOddText(element: DataElement): boolean {
  if (element.items) return element.items.some((item) => item.elements.some(holdsOddText));
  return vrTraits[element.vr].text && element.length % 2 === 1;
}
