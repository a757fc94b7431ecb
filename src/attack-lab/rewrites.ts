/**
 * What other software does to an object without changing what it says: another native transfer syntax, other length encodings.
 * For demonstration and evaluation; nothing on an object's own path re-serialises it.
 */
import { deflateRaw } from "pako";
import { swapped } from "../dicom/byte-plan.ts";
import { findElement } from "../dicom/elements.ts";
import { encodeHeader, encodeItem, encodeMeta, encodeTag } from "../dicom/encode.ts";
import type { DataElement, DicomObject, Encoding, Item } from "../dicom/model.ts";
import { tags } from "../dicom/tags.ts";
import { transferSyntaxOf } from "../dicom/transfer-syntax.ts";
import { vrTraits } from "../dicom/vr.ts";
import { type Bytes, concatBytes } from "../foundation/bytes.ts";
import { ScansealError } from "../foundation/errors.ts";

export interface Rewrite {
  readonly transferSyntaxUid: string;
  /** Sequences and items with delimiters in place of lengths (PS3.5 section 7.5). */
  readonly undefinedLengths?: boolean;
}

const undefinedLength = 0xffffffff;

/** @throws ScansealError `usage` for encapsulated pixel data or an encapsulated target */
export async function rewriteObject(object: DicomObject, rewrite: Rewrite): Promise<Bytes> {
  const syntax = transferSyntaxOf(rewrite.transferSyntaxUid);
  if (!syntax || syntax.encapsulated || object.transferSyntax.encapsulated) {
    throw new ScansealError("usage", "only native transfer syntaxes are rewritten");
  }
  const writer = new Rewriter(object, syntax.encoding, rewrite.undefinedLengths === true);
  const body = await writer.elements(object.elements);
  const bytesOf = (tag: number): Bytes => findElement(object.elements, tag)?.value ?? new Uint8Array(0);
  const meta = encodeMeta(bytesOf(tags.sopClassUid), bytesOf(tags.sopInstanceUid), syntax.uid);
  if (!syntax.deflated) return concatBytes([meta, body]);
  const deflated = deflateRaw(body);
  return concatBytes([meta, deflated, new Uint8Array(deflated.length % 2)]);
}

class Rewriter {
  readonly #object: DicomObject;
  readonly #encoding: Encoding;
  readonly #undefinedLengths: boolean;

  constructor(object: DicomObject, encoding: Encoding, undefinedLengths: boolean) {
    this.#object = object;
    this.#encoding = encoding;
    this.#undefinedLengths = undefinedLengths;
  }

  /** Nesting is bounded by the reader. */
  async elements(elements: readonly DataElement[]): Promise<Bytes> {
    const parts: Bytes[] = [];
    for (const element of elements) parts.push(await this.#element(element));
    return concatBytes(parts);
  }

  async #element(element: DataElement): Promise<Bytes> {
    const { tag, vr, items } = element;
    if (items) return this.#sequence(element, items);
    const raw = element.value ?? (await this.#object.dataSource.read(element.valueOffset, element.length));
    const width = vrTraits[vr].width;
    const turned = element.encoding.bigEndian !== this.#encoding.bigEndian && width > 1;
    return concatBytes([
      encodeHeader(tag, vr, raw.length, this.#encoding),
      turned ? swapped(raw, width) : raw,
    ]);
  }

  async #sequence({ tag }: DataElement, items: readonly Item[]): Promise<Bytes> {
    const encoding = this.#encoding;
    const parts: Bytes[] = [];
    for (const item of items) parts.push(this.#item(await this.elements(item.elements)));
    const content = concatBytes(parts);
    if (!this.#undefinedLengths)
      return concatBytes([encodeHeader(tag, "SQ", content.length, encoding), content]);
    const delimiter = concatBytes([encodeTag(tags.sequenceDelimitation, encoding), new Uint8Array(4)]);
    return concatBytes([encodeHeader(tag, "SQ", undefinedLength, encoding), content, delimiter]);
  }

  #item(content: Bytes): Bytes {
    if (!this.#undefinedLengths) return encodeItem(content, this.#encoding);
    const open = concatBytes([encodeTag(tags.item, this.#encoding), new Uint8Array(4).fill(0xff)]);
    return concatBytes([open, content, encodeTag(tags.itemDelimitation, this.#encoding), new Uint8Array(4)]);
  }
}
