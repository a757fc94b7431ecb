/** Writing is splicing: elements are inserted, replaced or removed; every other byte is copied as it stands. */
import { Deflate } from "pako";
import { type Bytes, concatBytes } from "../foundation/bytes.ts";
import { ScansealError } from "../foundation/errors.ts";
import { feedPlan, type PlanStep, planLength } from "./byte-plan.ts";
import {
  encodeElement,
  encodeHeader,
  encodeItem,
  encodeTag,
  type NewElement,
  planElement,
} from "./encode.ts";
import type { DataElement, DicomObject, Encoding, Item } from "./model.ts";
import { groupOf, type Tag, tags } from "./tags.ts";

/** Where an element stands: its tag, or sequence tag, item index from 0, tag, and so on. */
export type ElementPath = readonly [Tag, ...number[]];

export type Edit =
  /** Inserts the element, or replaces the one of its tag. `parent` names the sequence item it goes into. */
  | { readonly kind: "put"; readonly element: NewElement; readonly parent?: readonly number[] }
  /** Removes the element; nothing happens when it is absent. */
  | { readonly kind: "remove"; readonly path: ElementPath }
  /** Appends an item to a top-level sequence, which is created when absent; the items before it stay byte for byte. */
  | { readonly kind: "append-item"; readonly sequence: Tag; readonly item: readonly NewElement[] };

type Sink = (bytes: Bytes) => void | Promise<void>;

/** An edit seen from one level of the data set. */
interface LocalEdit {
  readonly tag: Tag;
  /** Steps below this level: item index, then tags and indices. Empty when the edit is at this level. */
  readonly rest: readonly number[];
  readonly edit: Edit;
}

const undefinedLength = 0xffffffff;

/** A group with edits loses its (gggg,0000): retired, optional, and now wrong (PS3.5 section 7.2). */
function dropsGroupLength(element: DataElement, editedGroups: ReadonlySet<number>): boolean {
  return (element.tag & 0xffff) === 0 && editedGroups.has(groupOf(element.tag));
}

function localEdits(edits: readonly Edit[]): LocalEdit[] {
  return edits.map((edit) => {
    if (edit.kind === "append-item") return { tag: edit.sequence, rest: [], edit };
    const path = edit.kind === "put" ? [...(edit.parent ?? []), edit.element.tag] : edit.path;
    if (groupOf(path[0]!) < 8)
      throw new ScansealError("usage", "not an element of a data set", { tag: path[0] });
    return { tag: path[0]!, rest: path.slice(1), edit };
  });
}

/**
 * The elements of one level with its edits, as a plan over the data source. `start` to `end` is all the level holds; elements that
 * a tolerance let stand out of order stay where they are.
 */
function planElements(
  elements: readonly DataElement[],
  edits: readonly LocalEdit[],
  encoding: Encoding,
  start: number,
  end: number,
): PlanStep[] {
  const inPlace = [...elements].sort((a, b) => a.offset - b.offset);
  const present = new Set(elements.map((element) => element.tag));
  const byTag = new Map<Tag, LocalEdit[]>();
  for (const edit of edits) {
    if (edit.edit.kind === "remove" && edit.rest.length === 0 && !present.has(edit.tag)) continue;
    byTag.set(edit.tag, [...(byTag.get(edit.tag) ?? []), edit]);
  }
  const editedGroups = new Set([...byTag.keys()].map(groupOf));
  const newTags = [...byTag.keys()].filter((tag) => !present.has(tag)).sort((a, b) => a - b);
  const plan: PlanStep[] = [];
  let copiedTo = start;
  const copyUpTo = (offset: number): void => {
    if (offset > copiedTo) plan.push({ offset: copiedTo, length: offset - copiedTo, swap: 1 });
    copiedTo = offset;
  };
  const insertBelow = (tag: number, offset: number): void => {
    while (newTags.length > 0 && newTags[0]! < tag) {
      copyUpTo(offset);
      plan.push(...planEdited(undefined, byTag.get(newTags.shift()!)!, encoding));
    }
  };
  for (const element of inPlace) {
    insertBelow(element.tag, element.offset);
    const here = byTag.get(element.tag);
    if (!here && !dropsGroupLength(element, editedGroups)) continue;
    copyUpTo(element.offset);
    copiedTo = element.end;
    if (here) plan.push(...planEdited(element, here, encoding));
  }
  insertBelow(Number.POSITIVE_INFINITY, inPlace.at(-1)?.end ?? start);
  copyUpTo(end);
  return plan;
}

/** What stands in place of one element after its edits. */
function planEdited(
  element: DataElement | undefined,
  edits: readonly LocalEdit[],
  encoding: Encoding,
): PlanStep[] {
  const nested = edits.filter((e) => e.rest.length > 0);
  if (nested.length > 0) {
    if (!element?.items || nested.length !== edits.length)
      throw new ScansealError("usage", "no such sequence to edit", { tag: edits[0]!.tag });
    return planSequence(element, planItems(element, nested));
  }
  const appended = edits.filter((e) => e.edit.kind === "append-item");
  if (appended.length > 0) {
    if (appended.length !== edits.length)
      throw new ScansealError("usage", "a sequence is either edited or replaced", { tag: edits[0]!.tag });
    const encoded = appended.map(({ edit }) =>
      edit.kind === "append-item"
        ? encodeNewItem(edit.item, element ? contentEncoding(element) : encoding)
        : new Uint8Array(0),
    );
    if (!element) {
      const content = concatBytes(encoded);
      return [encodeHeader(edits[0]!.tag, "SQ", content.length, encoding), content];
    }
    if (!element.items) throw new ScansealError("usage", "not a sequence", { tag: element.tag });
    const first = element.items[0]?.offset ?? element.valueOffset;
    const last = element.items.at(-1)?.end ?? first;
    return planSequence(element, [{ offset: first, length: last - first, swap: 1 }, ...encoded]);
  }
  const { edit } = edits.at(-1)!;
  return edit.kind === "put" ? planElement(edit.element, encoding) : [];
}

function encodeNewItem(item: readonly NewElement[], encoding: Encoding): Bytes {
  return encodeItem(concatBytes(item.map((child) => encodeElement(child, encoding))), encoding);
}

/** UN of undefined length holds implicit VR little endian, its delimiter too (PS3.5 section 6.2.2 note 4). */
function contentEncoding(sequence: DataElement): Encoding {
  return sequence.vrOnWire === "UN" ? { explicit: false, bigEndian: false } : sequence.encoding;
}

/** The sequence's header and delimiter around new content; it stays of undefined or defined length as it was. */
function planSequence(element: DataElement, content: readonly PlanStep[]): PlanStep[] {
  const vr = element.vrOnWire ?? "SQ";
  const { encoding } = element;
  if (!element.undefinedLength)
    return [encodeHeader(element.tag, vr, planLength(content), encoding), ...content];
  const delimiter = encodeTag(tags.sequenceDelimitation, contentEncoding(element));
  return [encodeHeader(element.tag, vr, undefinedLength, encoding), ...content, delimiter, new Uint8Array(4)];
}

function planItems(element: DataElement, edits: readonly LocalEdit[]): PlanStep[] {
  const inner = contentEncoding(element);
  const plan: PlanStep[] = [];
  element.items!.forEach((item, index) => {
    const here = edits.filter((e) => e.rest[0] === index);
    if (here.length === 0) plan.push({ offset: item.offset, length: item.end - item.offset, swap: 1 });
    else plan.push(...planItem(item, here, inner));
  });
  if (edits.some((e) => e.rest[0]! >= element.items!.length)) {
    throw new ScansealError("usage", "no such item to edit", { tag: element.tag });
  }
  return plan;
}

function planItem(item: Item, edits: readonly LocalEdit[], encoding: Encoding): PlanStep[] {
  const below = edits.map((e) => ({ tag: e.rest[1]!, rest: e.rest.slice(2), edit: e.edit }));
  const contentEnd = item.undefinedLength ? item.end - 8 : item.end;
  const content = planElements(item.elements, below, encoding, item.offset + 8, contentEnd);
  const header = (length: number): Bytes => {
    const empty = encodeItem(new Uint8Array(0), encoding);
    const view = new DataView(empty.buffer);
    view.setUint32(4, length, !encoding.bigEndian);
    return empty;
  };
  if (!item.undefinedLength) return [header(planLength(content)), ...content];
  const delimiter = concatBytes([encodeTag(tags.itemDelimitation, encoding), new Uint8Array(4)]);
  return [header(undefinedLength), ...content, delimiter];
}

/** The edited data set as a plan over `object.dataSource`, not deflated. */
export function planDataSet(object: DicomObject, edits: readonly Edit[]): PlanStep[] {
  const start = object.transferSyntax.deflated ? 0 : object.metaEnd;
  return planElements(
    object.elements,
    localEdits(edits),
    object.transferSyntax.encoding,
    start,
    object.dataSource.size,
  );
}

/**
 * Writes the object with its edits. Without edits the output is the input, byte for byte.
 * @throws ScansealError `usage` for an edit that does not fit the object, `io` from the source
 */
export async function writeObject(object: DicomObject, edits: readonly Edit[], sink: Sink): Promise<void> {
  if (edits.length === 0)
    return feedPlan([{ offset: 0, length: object.source.size, swap: 1 }], object.source, sink);
  const plan = planDataSet(object, edits);
  await feedPlan([{ offset: 0, length: object.metaEnd, swap: 1 }], object.source, sink);
  if (object.transferSyntax.deflated) return writeDeflated(object, plan, sink);
  await feedPlan(plan, object.dataSource, sink);
}

async function writeDeflated(object: DicomObject, plan: readonly PlanStep[], sink: Sink): Promise<void> {
  const deflate = new Deflate({ raw: true });
  const parts: Bytes[] = [];
  deflate.onData = (chunk) => void parts.push(chunk as Bytes);
  await feedPlan(plan, object.dataSource, (bytes) => void deflate.push(bytes, false));
  deflate.push(new Uint8Array(0), true);
  const bytes = concatBytes(parts);
  await sink(bytes);
  if (bytes.length % 2 === 1) await sink(new Uint8Array(1)); // PS3.5 annex A.5: padded to even length
}

/** `writeObject` into memory: for small objects and tests. */
export async function writeToBytes(object: DicomObject, edits: readonly Edit[]): Promise<Bytes> {
  const parts: Bytes[] = [];
  await writeObject(object, edits, (bytes) => void parts.push(bytes.slice()));
  return concatBytes(parts);
}
