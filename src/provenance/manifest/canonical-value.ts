/** A value as the commitment sees it, whatever the transfer syntax, length encoding or padding: spec/commitments.md, "Values". */
import { type PlanStep, swapped } from "../../dicom/byte-plan.ts";
import { beginsWithItem, implicitItems } from "../../dicom/implicit-items.ts";
import type { DataElement, Fragment, Item } from "../../dicom/model.ts";
import { elementOf, groupOf, type Tag, tags } from "../../dicom/tags.ts";
import { isVr, vrTraits } from "../../dicom/vr.ts";
import { type Bytes, concatBytes, u32le } from "../../foundation/bytes.ts";

/** VR text of private elements and of tags the dictionary does not know. */
export const unknownVr = "*";

/**
 * A value in memory, normalised as PS3.15 signing does: `vr` is the leaf's, not the one on the wire. Numbers become little endian by
 * the VR on the wire, for it says how software swapped them; UN is never swapped.
 */
export function canonicalValue(element: DataElement, value: Bytes, vr: string): Bytes {
  if (isVr(vr) && vrTraits[vr].text) return canonicalText(vr, value);
  return evenly(swapWidth(element) === 1 ? value : swapped(value, swapWidth(element)));
}

/** (gggg,0000) as it can only be: one 32-bit number. Anything else of that tag is content. */
export function isGroupLength({ tag, length, items }: DataElement): boolean {
  return elementOf(tag) === 0 && length === 4 && !items;
}

/** Bytes of one number where their order is not little endian already. */
function swapWidth(element: DataElement): 1 | 2 | 4 | 8 {
  return element.encoding.bigEndian ? vrTraits[element.vr].width : 1;
}

/** Text without trailing blanks, UI without trailing blanks and NULs; one byte of padding where that is odd. */
export function canonicalText(vr: string, value: Bytes): Bytes {
  return vr === "UI" ? canonicalUid(value) : withoutTrailingBlanks(value);
}

function withoutTrailingBlanks(value: Bytes): Bytes {
  let end = value.length;
  while (end > 0 && value[end - 1] === 0x20) end--;
  if (end % 2 === 0) return value.subarray(0, end);
  if (end < value.length) return value.subarray(0, end + 1);
  return concatBytes([value, Uint8Array.of(0x20)]);
}

/** Blanks inside stay: DCMTK drops them when it reads, other readers see another UID. */
export function canonicalUid(value: Bytes): Bytes {
  let end = value.length;
  while (end > 0 && (value[end - 1] === 0 || value[end - 1] === 0x20)) end--;
  if (end % 2 === 0) return value.subarray(0, end);
  return concatBytes([value.subarray(0, end), Uint8Array.of(0)]);
}

function evenly(value: Bytes): Bytes {
  return value.length % 2 === 0 ? value : concatBytes([value, Uint8Array.of(0)]);
}

/** Bytes of a bulk value: a range with its byte order and pad. */
export function bulkPlan(element: DataElement): PlanStep[] {
  return rangePlan(element.valueOffset, element.length, swapWidth(element));
}

function rangePlan(offset: number, length: number, swap: 1 | 2 | 4 | 8): PlanStep[] {
  const whole = length - (length % swap);
  const plan: PlanStep[] = [{ offset, length: whole, swap }];
  if (whole < length) plan.push({ offset: offset + whole, length: length - whole, swap: 1 });
  if (length % 2 !== 0) plan.push(Uint8Array.of(0));
  return plan;
}

/** Bytes that were a private value: themselves, or, when they are items from end to end, the items' canonical encoding. */
export function canonicalOpaque(value: Bytes, base: number, depth: number): PlanStep[] {
  const items = beginsWithItem(value) ? implicitItems(value, base, depth) : undefined;
  return items ? itemsPlan(items, depth) : [evenly(value)];
}

/**
 * Implicit VR little endian with defined lengths: the one encoding that every hop leads back to. Group lengths and trailing padding
 * inside items are left out. Depth is bounded by the reader and by the item parser.
 */
export function itemsPlan(items: readonly Item[], depth: number): PlanStep[] {
  const plan: PlanStep[] = [];
  for (const item of items) {
    const content: PlanStep[] = [];
    for (const element of item.elements) {
      if (isGroupLength(element) || element.tag === tags.dataSetTrailingPadding) continue;
      const value = nestedValue(element, depth + 1);
      content.push(header(element.tag, stepsLength(value)), ...value);
    }
    plan.push(header(tags.item, stepsLength(content)));
    for (const step of content) plan.push(step);
  }
  return joined(plan);
}

function nestedValue(element: DataElement, depth: number): PlanStep[] {
  if (element.items) return itemsPlan(element.items, depth);
  if (element.fragments) return fragmentsPlan(element.fragments);
  if (element.value === undefined) return bulkPlan(element);
  const width = swapWidth(element);
  const value = width === 1 ? element.value : swapped(element.value, width);
  return canonicalOpaque(value, element.valueOffset, depth);
}

/** Encapsulated pixels inside an item (an icon): every fragment with its length, the offset table too. */
export function fragmentsPlan(fragments: readonly Fragment[]): PlanStep[] {
  return fragments.flatMap(({ valueOffset, length }) => [
    header(tags.item, length),
    { offset: valueOffset, length, swap: 1 } as const,
  ]);
}

function header(tag: Tag, length: number): Bytes {
  const group = groupOf(tag);
  const element = elementOf(tag);
  return concatBytes([Uint8Array.of(group & 255, group >> 8, element & 255, element >> 8), u32le(length)]);
}

function stepsLength(plan: readonly PlanStep[]): number {
  let total = 0;
  for (const step of plan) total += step.length;
  return total;
}

/** Neighbouring literals as one, so that a plan of small values is one step. */
function joined(plan: readonly PlanStep[]): PlanStep[] {
  const out: PlanStep[] = [];
  let literals: Bytes[] = [];
  const flush = (): void => {
    if (literals.length > 0) out.push(literals.length === 1 ? literals[0]! : concatBytes(literals));
    literals = [];
  };
  for (const step of plan) {
    if (step instanceof Uint8Array) literals.push(step);
    else {
      flush();
      out.push(step);
    }
  }
  flush();
  return out;
}
