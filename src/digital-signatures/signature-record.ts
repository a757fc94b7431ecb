/** Finding signatures in an object and reading their two items, strictly: spec steps 1 to 4. */
import { lookup } from "../dicom/dictionary/dictionary.ts";
import { findElement, plainText, plainTextOf, trimmedLatin1, unsignedShort } from "../dicom/elements.ts";
import { sequenceItems } from "../dicom/implicit-items.ts";
import type { DataElement, DicomObject, Item } from "../dicom/model.ts";
import { type Tag, tags } from "../dicom/tags.ts";
import { explicitBigEndianUid, implicitLittleEndianUid } from "../dicom/transfer-syntax.ts";
import { isVr } from "../dicom/vr.ts";
import type { ByteSource } from "../foundation/byte-source.ts";
import type { Bytes } from "../foundation/bytes.ts";
import { certificateTypeX509, isMacAlgorithm, type MacAlgorithm, signatureTags } from "./attributes.ts";
import type { Location, SignatureProblem, SignatureProblemCode } from "./signature-fact.ts";
import {
  readSignerCertificate,
  type SignerCertificate,
  signatureWithoutPadding,
} from "./signer-certificate.ts";

/** A signature item where it stands. */
export interface FoundSignature {
  readonly location: Location;
  readonly index: number;
  /** The elements it may cover: the data set's or the enclosing item's. */
  readonly scope: readonly DataElement[];
  /** Undefined when (FFFA,FFFA) is no readable sequence. */
  readonly item: Item | undefined;
  readonly offset: number;
}

/** What could be read; complete when `problems` is empty. */
export interface SignatureRecord {
  readonly problems: readonly SignatureProblem[];
  readonly uid?: string;
  readonly dateTime?: string;
  readonly macIdNumber?: number;
  readonly macAlgorithm?: MacAlgorithm;
  readonly macTransferSyntaxUid?: string;
  readonly signedTags?: readonly Tag[];
  readonly certificate?: SignerCertificate;
  /** Without its pad byte. */
  readonly signature?: Bytes;
  /** An attribute of the signature's own that arrived as UN. */
  readonly vrLost?: Tag;
  readonly purpose?: { readonly code: string; readonly scheme: string; readonly meaning: string };
  readonly timestamp?: { readonly type: string; readonly token: Bytes };
}

/** A certificate with its extensions takes 1 to 3 KiB, a time stamp token with its chain up to 20. */
const opaqueBytesMax = 65_536;

/** Step 1. Document order; what stands below Original Attributes Sequence is a record of the past and signs nothing here. */
export function findSignatures(object: DicomObject): FoundSignature[] {
  const found: FoundSignature[] = [];
  const visit = (scope: readonly DataElement[], location: Location): void => {
    for (const element of scope) {
      if (element.tag === tags.digitalSignaturesSequence)
        found.push(...signaturesOf(element, scope, location));
      else if (element.items && element.tag !== signatureTags.originalAttributesSequence) {
        // The reader bounds the depth.
        element.items.forEach((item, n) => {
          visit(item.elements, [...location, { tag: element.tag, item: n }]);
        });
      }
    }
  };
  visit(object.elements, []);
  return found;
}

function signaturesOf(
  sequence: DataElement,
  scope: readonly DataElement[],
  location: Location,
): readonly FoundSignature[] {
  const items = sequenceItems(sequence);
  if (!items) return [{ location, index: 0, scope, item: undefined, offset: sequence.offset }];
  return items.map((item, index) => ({ location, index, scope, item, offset: item.offset }));
}

/** Step 2: signature UIDs that name more than one signature of the object. */
export function duplicateUids(found: readonly FoundSignature[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const twice = new Set<string>();
  for (const { item } of found) {
    const value = item && findElement(item.elements, signatureTags.digitalSignatureUid)?.value;
    if (!value) continue;
    // Whatever VR it arrived with.
    const uid = trimmedLatin1(value);
    if (seen.has(uid)) twice.add(uid);
    seen.add(uid);
  }
  return twice;
}

type Fields = { -readonly [K in keyof SignatureRecord]: SignatureRecord[K] };

/** Reads one signature: collects every problem instead of stopping at the first. */
class RecordReader {
  readonly problems: SignatureProblem[] = [];
  readonly fields: Fields = { problems: this.problems };
  readonly #source: ByteSource;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  problem(code: SignatureProblemCode, tag?: Tag): undefined {
    this.problems.push(tag === undefined ? { code } : { code, tag });
    return undefined;
  }

  text(elements: readonly DataElement[], tag: Tag): string | undefined {
    const element = findElement(elements, tag);
    if (!element) return this.problem("attribute-missing", tag);
    const text = plainText(element);
    return text === undefined || text === "" ? this.problem("attribute-invalid", tag) : text;
  }

  short(elements: readonly DataElement[], tag: Tag): number | undefined {
    const element = findElement(elements, tag);
    if (!element) return this.problem("attribute-missing", tag);
    return unsignedShort(element) ?? this.problem("attribute-invalid", tag);
  }

  async opaque(elements: readonly DataElement[], tag: Tag): Promise<Bytes | undefined> {
    const element = findElement(elements, tag);
    if (!element) return this.problem("attribute-missing", tag);
    const readable = element.vr === "OB" && element.length > 0 && element.length <= opaqueBytesMax;
    if (!readable || element.fragments) return this.problem("attribute-invalid", tag);
    return element.value ?? (await this.#source.read(element.valueOffset, element.length));
  }

  /**
   * Software without a dictionary writes UN for all it copies from implicit VR, the attributes of signatures too. They are read by
   * the dictionary's VR; the byte stream that was signed had others, so that nothing can be computed.
   */
  async named(elements: readonly DataElement[]): Promise<readonly DataElement[]> {
    const out: DataElement[] = [];
    for (const element of elements) {
      const vr = element.vr === "UN" ? lookup(element.tag)?.vr : undefined;
      if (vr === undefined || !isVr(vr) || vr === "SQ" || element.length > opaqueBytesMax) out.push(element);
      else {
        const value = element.value ?? (await this.#source.read(element.valueOffset, element.length));
        // PS3.5 section 6.2.2: UN is little endian in every transfer syntax.
        out.push({ ...element, vr, value, encoding: { ...element.encoding, bigEndian: false } });
        this.fields.vrLost ??= element.tag;
      }
    }
    return out;
  }

  /** Step 3. */
  async signatureItem(elements: readonly DataElement[]): Promise<void> {
    const { fields } = this;
    const uid = this.text(elements, signatureTags.digitalSignatureUid);
    if (uid !== undefined) fields.uid = uid;
    const dateTime = this.text(elements, signatureTags.digitalSignatureDateTime);
    if (dateTime !== undefined) fields.dateTime = dateTime;
    const type = this.text(elements, signatureTags.certificateType);
    if (type !== undefined && type !== certificateTypeX509)
      this.problem("certificate-type-unknown", signatureTags.certificateType);
    const der = await this.opaque(elements, signatureTags.certificateOfSigner);
    const value = await this.opaque(elements, signatureTags.signature);
    const certificate = der && readSignerCertificate(der);
    if (der && !certificate) this.problem("certificate-unreadable", signatureTags.certificateOfSigner);
    if (certificate) {
      fields.certificate = certificate;
      const signature = value && signatureWithoutPadding(value, certificate);
      if (signature) fields.signature = signature;
      else if (value) this.problem("attribute-invalid", signatureTags.signature);
    }
    this.#purpose(elements);
    await this.#timestamp(elements);
  }

  #purpose(elements: readonly DataElement[]): void {
    const code = findElement(elements, signatureTags.digitalSignaturePurposeCodeSequence)?.items?.[0]
      ?.elements;
    if (!code) return;
    this.fields.purpose = {
      code: plainTextOf(code, signatureTags.codeValue) ?? "",
      scheme: plainTextOf(code, signatureTags.codingSchemeDesignator) ?? "",
      meaning: plainTextOf(code, signatureTags.codeMeaning) ?? "",
    };
  }

  async #timestamp(elements: readonly DataElement[]): Promise<void> {
    if (!findElement(elements, signatureTags.certifiedTimestamp)) return;
    const token = await this.opaque(elements, signatureTags.certifiedTimestamp);
    const type = plainTextOf(elements, signatureTags.certifiedTimestampType) ?? "";
    if (token) this.fields.timestamp = { type, token };
  }

  /** Step 4. */
  async macParameters(scope: readonly DataElement[], macId: number): Promise<void> {
    const named: (readonly DataElement[])[] = [];
    const sequence = findElement(scope, tags.macParametersSequence);
    for (const item of (sequence && sequenceItems(sequence)) ?? []) {
      const elements = await this.named(item.elements);
      if (unsignedShort(findElement(elements, signatureTags.macIdNumber)) === macId) named.push(elements);
    }
    const elements = named[0];
    if (!elements) {
      this.problem("mac-parameters-missing", tags.macParametersSequence);
      return;
    }
    if (named.length > 1) this.problem("mac-id-duplicate", signatureTags.macIdNumber);
    const algorithm = this.text(elements, signatureTags.macAlgorithm);
    if (algorithm !== undefined) {
      if (isMacAlgorithm(algorithm)) this.fields.macAlgorithm = algorithm;
      else this.problem("attribute-invalid", signatureTags.macAlgorithm);
    }
    const syntax = this.text(elements, signatureTags.macCalculationTransferSyntaxUid);
    if (syntax !== undefined) {
      this.fields.macTransferSyntaxUid = syntax;
      // PS3.3 C.12.1.1.3.1.1: explicit VR and little endian.
      if (syntax === implicitLittleEndianUid || syntax === explicitBigEndianUid)
        this.problem("attribute-invalid", signatureTags.macCalculationTransferSyntaxUid);
    }
    this.#signedTags(elements);
  }

  #signedTags(elements: readonly DataElement[]): void {
    const list = findElement(elements, signatureTags.dataElementsSigned);
    const listed = list?.vr === "AT" ? attributeTags(list) : undefined;
    if (listed) this.fields.signedTags = listed;
    else this.problem(list ? "attribute-invalid" : "attribute-missing", signatureTags.dataElementsSigned);
  }
}

/** Ascending, without duplicates: neither order nor repetition has a meaning (spec, "Which elements"). */
function attributeTags(list: DataElement): readonly Tag[] | undefined {
  const { value } = list;
  if (!value || value.length === 0 || value.length % 4 !== 0) return undefined;
  const little = list.encoding.bigEndian ? 0 : 1;
  const listed: Tag[] = [];
  let ascending = true;
  for (let at = 0; at < value.length; at += 4) {
    const group = (value[at + little]! << 8) | value[at + 1 - little]!;
    const element = (value[at + 2 + little]! << 8) | value[at + 3 - little]!;
    const tag = group * 0x10000 + element;
    if (tag <= (listed.at(-1) ?? -1)) ascending = false;
    listed.push(tag);
  }
  return ascending ? listed : [...new Set(listed)].sort((a, b) => a - b);
}

/** Steps 3 and 4. @throws ScansealError `io` only */
export async function readSignature(
  found: FoundSignature,
  duplicates: ReadonlySet<string>,
  source: ByteSource,
): Promise<SignatureRecord> {
  const reader = new RecordReader(source);
  if (!found.item) {
    reader.problem("signatures-unreadable", tags.digitalSignaturesSequence);
    return reader.fields;
  }
  const elements = await reader.named(found.item.elements);
  await reader.signatureItem(elements);
  if (duplicates.has(reader.fields.uid ?? ""))
    reader.problem("signature-uid-duplicate", signatureTags.digitalSignatureUid);
  const macId = reader.short(elements, signatureTags.macIdNumber);
  if (macId !== undefined) {
    reader.fields.macIdNumber = macId;
    await reader.macParameters(found.scope, macId);
  }
  return reader.fields;
}
