/** The list of leaves with their commitments, container xx04: spec/commitments.md. It names what changed and reveals no value. */
import { deflateRaw, Z_FINISH, Z_STREAM_END, ZStream, zlibInflate, zlibInflateInit2 } from "pako";
import { type Bytes, concatBytes, equalBytes, latin1, u16le, u32le, viewOf } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { commitmentBytes, type LeafName, type LeafRecord, leafCountMax, pathBytesMax } from "./commitment.ts";

const version = 1;
const headerBytes = 13;
/** 16 MiB: 500,000 commitments and their paths; a CT slice needs 5 kB. */
export const tableBytesMax: number = 16 << 20;
/** Names after inflation. Neighbours share their beginnings, so that an entry is near 12 bytes. */
const namesBytesMax = 32 << 20;
/** Paths in memory: the prefix compression could otherwise stand for gigabytes. */
const pathCharactersMax = 64 << 20;
/** Deflate expands 1,032 times at most (a 258-byte match in two bits). */
const inflateRatioMax = 1032;
/** zlib's way to say: raw deflate, 32 KiB window. */
const rawWindowBits = -15;
/** Names of a usual object, deflated; only such are kept for the next table. */
const keptNamesBytes = 4096;

/**
 * The table's bytes. Records must be sorted by path and unique.
 * @throws ScansealError `limit-length` when the table would pass 16 MiB
 */
export function encodeLeafTable(records: readonly LeafRecord[]): Bytes {
  const names = encodeNames(records);
  const deflated = deflateRaw(names, { level: 9 });
  const total = headerBytes + deflated.length + commitmentBytes * records.length;
  if (total > tableBytesMax || names.length > namesBytesMax || records.length > leafCountMax)
    throw new ScansealError("limit-length", "the leaf table would be too large");
  return concatBytes([
    Uint8Array.of(version),
    u32le(records.length),
    u32le(names.length),
    u32le(deflated.length),
    deflated,
    ...records.map((record) => record.commitment),
  ]);
}

/** For each name: u16 bytes shared with the path before, u16 length of the rest, the rest, u8 length of the VR, the VR. */
function encodeNames(names: readonly LeafName[]): Bytes {
  const parts: Bytes[] = [];
  let before = "";
  for (const { path, vr } of names) {
    if (path.length > pathBytesMax || vr.length > 255)
      throw new ScansealError("limit-length", "a leaf's path is too long");
    let shared = 0;
    while (shared < before.length && before[shared] === path[shared]) shared++;
    const text = path.slice(shared);
    const part = new Uint8Array(5 + text.length + vr.length);
    part.set(u16le(shared));
    part.set(u16le(text.length), 2);
    for (let k = 0; k < text.length; k++) part[4 + k] = text.charCodeAt(k);
    part[4 + text.length] = vr.length;
    for (let k = 0; k < vr.length; k++) part[5 + text.length + k] = vr.charCodeAt(k);
    parts.push(part);
    before = path;
  }
  return concatBytes(parts);
}

/**
 * Reads a table from anywhere: every length is checked before it is used, inflation stops at the length stated.
 * @throws ScansealError `seal-structure` for anything that `encodeLeafTable` could not have written
 */
export function decodeLeafTable(bytes: Bytes): LeafRecord[] {
  const bad = (what: string): never => {
    throw new ScansealError("seal-structure", `leaf table: ${what}`);
  };
  if (bytes.length < headerBytes || bytes.length > tableBytesMax) bad("length out of range");
  if (bytes[0] !== version) bad("unknown version");
  const view = viewOf(bytes);
  const count = view.getUint32(1, true);
  const namesBytes = view.getUint32(5, true);
  const deflatedBytes = view.getUint32(9, true);
  if (count > leafCountMax || namesBytes > namesBytesMax) bad("count out of range");
  if (namesBytes > deflatedBytes * inflateRatioMax) bad("lengths disagree");
  if (headerBytes + deflatedBytes + commitmentBytes * count !== bytes.length) bad("lengths disagree");
  const names = namesOf(bytes.subarray(headerBytes, headerBytes + deflatedBytes), namesBytes, count);
  const from = headerBytes + deflatedBytes;
  return names.map((name, i) => ({
    path: name.path,
    vr: name.vr,
    commitment: bytes.subarray(from + commitmentBytes * i, from + commitmentBytes * (i + 1)),
  }));
}

/** The slices of a series have the same attributes, so that nearly always the last table's names are the next one's. */
let lastNames:
  | { readonly deflated: Bytes; readonly length: number; readonly names: readonly LeafName[] }
  | undefined;

function namesOf(deflated: Bytes, length: number, count: number): readonly LeafName[] {
  const last = lastNames;
  if (last?.length === length && last.names.length === count && equalBytes(last.deflated, deflated))
    return last.names;
  const names = decodeNames(inflate(deflated, length), count);
  // Small ones only: this stays in memory.
  if (deflated.length <= keptNamesBytes) lastNames = { deflated: deflated.slice(), length, names };
  return names;
}

function decodeNames(bytes: Bytes, count: number): LeafName[] {
  const bad = (): never => {
    throw new ScansealError("seal-structure", "leaf table: names cannot be read");
  };
  const names: LeafName[] = [];
  let at = 0;
  let characters = 0;
  let before = "";
  let vr = "";
  for (let i = 0; i < count; i++) {
    if (at + 5 > bytes.length) bad();
    const shared = bytes[at]! | (bytes[at + 1]! << 8);
    const rest = bytes[at + 2]! | (bytes[at + 3]! << 8);
    if (shared > before.length || shared + rest > pathBytesMax || at + 5 + rest > bytes.length) bad();
    const vrAt = at + 5 + rest;
    const vrBytes = bytes[vrAt - 1]!;
    if (vrAt + vrBytes > bytes.length) bad();
    characters += shared + rest;
    if (characters > pathCharactersMax) bad();
    // Paths and VRs are printable ASCII and not empty.
    if (shared + rest === 0 || vrBytes === 0) bad();
    if (!isPrintable(bytes, at + 4, vrAt - 1) || !isPrintable(bytes, vrAt, vrAt + vrBytes)) bad();
    const path = before.slice(0, shared) + latin1(bytes.subarray(at + 4, vrAt - 1));
    // Neighbours often have the same VR.
    if (!isText(bytes, vrAt, vrBytes, vr)) vr = latin1(bytes.subarray(vrAt, vrAt + vrBytes));
    // Strictly ascending means sorted and unique.
    if (i > 0 && before >= path) bad();
    names.push({ path, vr });
    before = path;
    at = vrAt + vrBytes;
  }
  if (at !== bytes.length) bad();
  return names;
}

function isPrintable(bytes: Bytes, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i]! < 0x20 || bytes[i]! > 0x7e) return false;
  return true;
}

function isText(bytes: Bytes, from: number, length: number, text: string): boolean {
  if (length !== text.length) return false;
  for (let i = 0; i < length; i++) if (bytes[from + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** Raw deflate (RFC 1951) to exactly `length` bytes, with nothing after it. */
function inflate(deflated: Bytes, length: number): Bytes {
  const stream = new ZStream();
  zlibInflateInit2(stream, rawWindowBits);
  stream.input = deflated;
  stream.avail_in = deflated.length;
  // Room for one byte more shows an output that is too long; what is longer still has no place.
  stream.output = new Uint8Array(length + 1);
  stream.avail_out = length + 1;
  const status = zlibInflate(stream, Z_FINISH);
  if (status !== Z_STREAM_END || stream.next_out !== length || stream.avail_in !== 0)
    throw new ScansealError("seal-structure", "leaf table: names do not inflate");
  return stream.output.subarray(0, length);
}
