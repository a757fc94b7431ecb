/** Looking things up in an index. */
import { type Bytes, latin1 } from "../foundation/bytes.ts";
import type { DataElement } from "./model.ts";
import type { Tag } from "./tags.ts";
import { vrTraits } from "./vr.ts";

/** The element of that tag in an ascending list (a data set's or an item's). */
export function findElement(elements: readonly DataElement[], tag: Tag): DataElement | undefined {
  let low = 0;
  let high = elements.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = elements[middle]!;
    if (found.tag === tag) return found;
    if (found.tag < tag) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}

const space = 0x20;

/** ISO 8859-1 without trailing spaces and NULs. In one pass: a pattern that backtracks takes hours on megabytes of spaces. */
export function trimmedLatin1(bytes: Bytes): string {
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1] === space || bytes[end - 1] === 0)) end--;
  return latin1(end === bytes.length ? bytes : bytes.subarray(0, end));
}

/** A text value as ISO 8859-1 without its padding: for codes and UIDs, not for display. Undefined when absent or not text. */
export function plainText(element: DataElement | undefined): string | undefined {
  if (!element?.value || !vrTraits[element.vr].text) return undefined;
  return trimmedLatin1(element.value);
}

/** `plainText` of the element of that tag. */
export function plainTextOf(elements: readonly DataElement[], tag: Tag): string | undefined {
  return plainText(findElement(elements, tag));
}

/**
 * What an object calls itself, whatever VR the element arrived with: some readers take the dictionary's, and find the same text in UN or OB.
 * Undefined when absent or too long for a name.
 */
export function nameTextOf(elements: readonly DataElement[], tag: Tag): string | undefined {
  const value = findElement(elements, tag)?.value;
  return value && trimmedLatin1(value);
}

/** The only value of an IS element (PS3.5 6.2: 32 bits, signed), whatever VR it arrived with; undefined when absent or none. */
export function integerStringOf(elements: readonly DataElement[], tag: Tag): number | undefined {
  const text = nameTextOf(elements, tag)?.trim() ?? "";
  const number = /^[+-]?\d{1,11}$/.test(text) ? Number(text) : Number.NaN;
  // -0 is 0.
  return number >= -(2 ** 31) && number < 2 ** 31 ? number + 0 : undefined;
}

/** The only value of a US element; undefined when absent, of another VR, or not exactly one value. */
export function unsignedShort(element: DataElement | undefined): number | undefined {
  const value = element?.value;
  if (!value || element.vr !== "US" || value.length !== 2) return undefined;
  return element.encoding.bigEndian ? (value[0]! << 8) | value[1]! : value[0]! | (value[1]! << 8);
}
