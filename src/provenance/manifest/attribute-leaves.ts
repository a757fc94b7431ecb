/** One leaf per attribute: spec/commitments.md, "Leaves". Frames are in frame-leaves.ts. */
import { feedPlan, type PlanStep, planLength } from "../../dicom/byte-plan.ts";
import { lookup } from "../../dicom/dictionary/dictionary.ts";
import { beginsWithItem, implicitItems } from "../../dicom/implicit-items.ts";
import { elementsMax, nestingReportMax, textBytesMax } from "../../dicom/limits.ts";
import type { DataElement, DicomObject, Item } from "../../dicom/model.ts";
import { isPrivate, type Tag, tags } from "../../dicom/tags.ts";
import { isVr, vrTraits } from "../../dicom/vr.ts";
import type { ByteSource } from "../../foundation/byte-source.ts";
import { type Bytes, concatBytes, u32le } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { Leaf, StreamedValue } from "../disclosure/commitment.ts";
import {
  bulkPlan,
  canonicalOpaque,
  canonicalValue,
  fragmentsPlan,
  isGroupLength,
  itemsPlan,
  unknownVr,
} from "./canonical-value.ts";
import { creatorTagOf, ElementNames } from "./leaf-path.ts";

/** VR text of a leaf by its path, for a table that was written with another edition of the dictionary. */
export type VrByPath = (path: string) => string | undefined;

/** Elements of the data set, with all that is in them, whose leaves are wanted. */
type TopLevelFilter = (tag: Tag) => boolean;

/** A standard sequence or private value that arrived as UN is looked into up to here; a larger one is one opaque value. */
const opaqueBytesMax = 16 << 20;
/** And all of them together up to here, for they are read into memory. */
const opaqueTotalBytesMax = 64 << 20;

/** Never leaves, at any level: they hold the seal, or change without meaning (PS3.15 and DESIGN 3). */
const neverLeaves: ReadonlySet<Tag> = new Set<Tag>([
  tags.macParametersSequence,
  tags.digitalSignaturesSequence,
  tags.dataSetTrailingPadding,
]);

/** (0008,0001), retired: how long the data set is, in one 32-bit number. */
function isLengthToEnd({ tag, length, items }: DataElement): boolean {
  return tag === 0x00080001 && length === 4 && !items;
}

/** At the top level the frames are the leaves, and the offset tables only say where they begin. */
const pixelTags: ReadonlySet<Tag> = new Set<Tag>([
  tags.pixelData,
  tags.floatPixelData,
  tags.doubleFloatPixelData,
  tags.extendedOffsetTable,
  tags.extendedOffsetTableLengths,
]);

/**
 * The attribute leaves of an object, unsorted. Values in memory are ready; bulk values are streamed when committed.
 * @throws ScansealError `limit-length` for a private creator or path beyond the limits
 */
export async function attributeLeaves(
  object: DicomObject,
  options: { readonly vrAt?: VrByPath | undefined; readonly isAsked?: TopLevelFilter } = {},
): Promise<Leaf[]> {
  const walk = new LeafWalk(object.dataSource, options.vrAt);
  walk.dataSet(object.elements, options.isAsked);
  await walk.finish();
  return walk.leaves;
}

class LeafWalk {
  readonly leaves: Leaf[] = [];
  readonly #source: ByteSource;
  readonly #vrAt: VrByPath | undefined;
  #opaqueBytes = 0;
  /** Values that must be read before it is known what they are. */
  readonly #waiting: (() => Promise<void>)[] = [];

  constructor(source: ByteSource, vrAt: VrByPath | undefined) {
    this.#source = source;
    this.#vrAt = vrAt;
  }

  async finish(): Promise<void> {
    // The list grows while it is worked off.
    for (let i = 0; i < this.#waiting.length; i++) await this.#waiting[i]!();
  }

  dataSet(elements: readonly DataElement[], isAsked: TopLevelFilter = () => true): void {
    const names = new ElementNames(elements);
    const seal = names.sealCreatorTag;
    for (const element of elements) {
      const { tag } = element;
      if (pixelTags.has(tag) || !isAsked(tag)) continue;
      if (seal !== undefined && (tag === seal || (isPrivate(tag) && creatorTagOf(tag) === seal))) continue;
      this.#element(element, names, "", 0);
    }
  }

  #element(element: DataElement, names: ElementNames, prefix: string, depth: number): void {
    const { tag } = element;
    if (isGroupLength(element) || neverLeaves.has(tag) || isLengthToEnd(element)) return;
    const component = names.component(tag);
    if (component === undefined) return;
    const path = prefix + component;
    const vr = this.#vrAt?.(path) ?? (isPrivate(tag) ? unknownVr : (lookup(tag)?.vr ?? unknownVr));
    if (vr === "SQ") this.#sequence(element, path, depth);
    else if (vr === unknownVr) this.#opaque(element, path, depth);
    else this.#plain(element, path, vr, depth);
  }

  /** A standard sequence: a leaf for the number of items, and the leaves of the items. */
  #sequence(element: DataElement, path: string, depth: number): void {
    const parse = (value: Bytes): void => {
      const items = implicitItems(value, element.valueOffset, depth);
      if (items) this.#items(items, path, depth);
      else this.#add(path, "UN", value);
    };
    if (element.items || element.length === 0) this.#items(element.items ?? [], path, depth);
    else if (element.vr !== "UN") this.#plain(element, path, element.vr, depth);
    else if (element.value) parse(element.value);
    else if (this.#affordable(element)) this.#later(element, parse);
    else this.#addPlan(path, "UN", bulkPlan(element));
  }

  #items(items: readonly Item[], path: string, depth: number): void {
    if (depth > nestingReportMax) throw new ScansealError("limit-depth", "sequences nested too deeply");
    this.#add(path, "SQ", u32le(items.length));
    for (const [index, { elements }] of items.entries()) {
      const names = new ElementNames(elements);
      const prefix = `${path}/${index}/`;
      for (const element of elements) this.#element(element, names, prefix, depth + 1);
    }
  }

  /** A private value, or one of a tag that the dictionary does not know: bytes, or items in their one canonical encoding. */
  #opaque(element: DataElement, path: string, depth: number): void {
    const { value } = element;
    const structured = structuredPlan(element, depth);
    const parse = (raw: Bytes): void => {
      const bytes = canonicalValue(element, raw, unknownVr);
      if (beginsWithItem(bytes))
        this.#addPlan(path, unknownVr, canonicalOpaque(bytes, element.valueOffset, depth));
      else this.#add(path, unknownVr, bytes);
    };
    if (structured) this.#addPlan(path, unknownVr, structured);
    else if (value) parse(value);
    else {
      this.#waiting.push(async () => {
        const start = await this.#source.read(element.valueOffset, Math.min(8, element.length));
        if (!beginsWithItem(start) || !this.#affordable(element))
          this.#addPlan(path, unknownVr, bulkPlan(element));
        else parse(await this.#source.read(element.valueOffset, element.length));
      });
    }
  }

  #plain(element: DataElement, path: string, vr: string, depth: number): void {
    const { value } = element;
    // A sequence where the dictionary has none: one leaf, as for a private one.
    const structured = structuredPlan(element, depth);
    if (structured) this.#addPlan(path, vr, structured);
    else if (value) this.#add(path, vr, canonicalValue(element, value, vr));
    else if (!isVr(vr) || !vrTraits[vr].text) this.#addPlan(path, vr, bulkPlan(element));
    else {
      // Text that arrived as UN is not in memory, and its trailing blanks are known only at its end.
      if (element.length > textBytesMax)
        throw new ScansealError("limit-length", "a text value is too long", { tag: element.tag });
      this.#later(element, (bytes) => this.#add(path, vr, canonicalValue(element, bytes, vr)));
    }
  }

  #later(element: DataElement, then: (bytes: Bytes) => void): void {
    this.#waiting.push(async () => then(await this.#source.read(element.valueOffset, element.length)));
  }

  #affordable({ length }: DataElement): boolean {
    if (length > opaqueBytesMax || this.#opaqueBytes + length > opaqueTotalBytesMax) return false;
    this.#opaqueBytes += length;
    return true;
  }

  #addPlan(path: string, vr: string, plan: readonly PlanStep[]): void {
    const literals = plan.filter((step) => step instanceof Uint8Array);
    if (literals.length === plan.length) this.#add(path, vr, concatBytes(literals));
    else this.#add(path, vr, planValue(plan, this.#source));
  }

  #add(path: string, vr: string, value: Leaf["value"]): void {
    // The reader counted what it read; sequences wrapped into UN could unfold to millions.
    if (this.leaves.length >= elementsMax) throw new ScansealError("limit-elements", "too many attributes");
    this.leaves.push({ path, vr, value });
  }
}

function structuredPlan({ items, fragments }: DataElement, depth: number): PlanStep[] | undefined {
  return items ? itemsPlan(items, depth) : fragments ? fragmentsPlan(fragments) : undefined;
}

/** A value described by a plan over a source. */
export function planValue(plan: readonly PlanStep[], source: ByteSource): StreamedValue {
  return { length: planLength(plan), feed: (sink) => feedPlan(plan, source, sink) };
}
