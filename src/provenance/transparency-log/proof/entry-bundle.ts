/** Entry bundles: the entries under one tile of level 0. https://c2sp.org/tlog-tiles#log-entries */
import { type Bytes, concatBytes } from "../../../foundation/bytes.ts";
import { hashBytes, malformed } from "./log-text.ts";
import { type TileName, tileWidth } from "./tile.ts";

/** What a `u16` length can say. */
export const entryBytesMax = 0xffff;

export function encodeBundle(entries: readonly Bytes[]): Bytes {
  return concatBytes(
    entries.flatMap((entry) => [Uint8Array.of(entry.length >> 8, entry.length & 255), entry]),
  );
}

/**
 * The entries, as views of `bytes`.
 * @param countMax more are refused before they are taken
 * @throws ScansealError `log-structure`
 */
export function entriesOf(bytes: Bytes, countMax: number): Bytes[] {
  const entries: Bytes[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (entries.length === countMax) malformed(`an entry bundle has more than ${countMax} entries`);
    if (at + 2 > bytes.length) malformed("an entry bundle ends within a length");
    const length = bytes[at]! * 256 + bytes[at + 1]!;
    const end = at + 2 + length;
    if (end > bytes.length) malformed("an entry bundle ends within an entry");
    entries.push(bytes.subarray(at + 2, end));
    at = end;
  }
  return entries;
}

/** A partial tile or bundle, from the full one that has taken its place. @throws ScansealError `log-structure` */
export function beginningOf(full: Bytes, { level, width }: TileName): Bytes {
  if (level !== "entries") return full.subarray(0, width * hashBytes);
  const entries = entriesOf(full, tileWidth).slice(0, width);
  return full.subarray(
    0,
    entries.reduce((sum, entry) => sum + 2 + entry.length, 0),
  );
}
