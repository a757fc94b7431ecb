/** Where the data set of a Part 10 file begins, whatever else is wrong with the file. */
import type { Bytes } from "../foundation/bytes.ts";
import { trimmedLatin1 } from "./elements.ts";
import { metaBytesMax } from "./limits.ts";
import { isWellFormedUid } from "./uid.ts";
import { vrOfBytes, vrTraits } from "./vr.ts";

/** PS3.10 7.1: 128 bytes, and "DICM". */
const metaStart = 132;

/**
 * Goes through the elements of group 0002, which are explicit little endian (PS3.10 7.1); the group's length is not asked, for software writes wrong ones.
 * @param head the first bytes of the file: all of them, or enough that the group ends in them (`metaBytesMax` and 8 more are)
 * @returns undefined where it does not begin like a Part 10 file, or its group does not end
 */
export function metaEndOf(head: Bytes): number | undefined {
  return walk(head, () => undefined);
}

/** What group 0002 says of the file, as far as it says it once: syntactically UIDs, compared with nothing. */
export interface MetaNames {
  readonly sopClassUid?: string;
  readonly sopInstanceUid?: string;
  readonly transferSyntaxUid?: string;
}

const named: ReadonlyMap<number, keyof MetaNames> = new Map([
  [0x0002, "sopClassUid"],
  [0x0003, "sopInstanceUid"],
  [0x0010, "transferSyntaxUid"],
]);

/** @param head as for `metaEndOf` */
export function metaNamesOf(head: Bytes): MetaNames {
  const found = new Map<keyof MetaNames, string>();
  walk(head, (element, start, end) => {
    const name = named.get(element);
    const text = trimmedLatin1(head.subarray(start, end));
    // Of two that say something else one reader takes the first, another the last.
    if (name !== undefined) found.set(name, !found.has(name) && isWellFormedUid(text) ? text : "");
  });
  return Object.fromEntries([...found].filter(([, uid]) => uid !== ""));
}

function walk(
  head: Bytes,
  onElement: (element: number, start: number, end: number) => void,
): number | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  const isPart10 = head.length >= metaStart && view.getUint32(128, false) === 0x4449434d;
  if (!isPart10) return undefined;
  for (let at = metaStart; at <= metaStart + metaBytesMax; ) {
    if (at + 8 > head.length) return undefined;
    if (view.getUint16(at, true) !== 2) return at;
    const vr = vrOfBytes(view.getUint8(at + 4), view.getUint8(at + 5));
    if (vr === undefined) return undefined;
    const isLong = vrTraits[vr].longLength;
    if (isLong && at + 12 > head.length) return undefined;
    const length = isLong ? view.getUint32(at + 8, true) : view.getUint16(at + 6, true);
    const start = at + (isLong ? 12 : 8);
    onElement(view.getUint16(at + 2, true), start, start + length);
    at = start + length;
  }
  return undefined;
}
