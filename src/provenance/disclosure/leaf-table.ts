/** The list of leaves with their commitments, container xx04: spec/commitments.md. It names what changed and reveals no value. */
import { deflateSync, Inflate, inflateSync } from "fflate";
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
/** Deflate cannot expand more than 1,032 times, so one piece inflates to 4 MiB at most before the count is checked. */
const inflatePieceBytes = 4096;

/**
 * The table's bytes. Records must be sorted by path and unique.
 * @throws ScansealError `limit-length` when the table would pass 16 MiB
 */
export function encodeLeafTable(records: readonly LeafRecord[]): Bytes {
  const names = encodeNames(records);
  const deflated = deflateSync(names, { level: 9 });
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
  if (deflated.length <= inflatePieceBytes) lastNames = { deflated: deflated.slice(), length, names };
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

/** Raw deflate (RFC 1951) to exactly `length` bytes. */
function inflate(deflated: Bytes, length: number): Bytes {
  let out: Bytes | undefined;
  let cause: unknown;
  try {
    out =
      deflated.length <= inflatePieceBytes
        ? inflateAtOnce(deflated, length)
        : inflateInPieces(deflated, length);
  } catch (error) {
    cause = error;
  }
  if (out?.length !== length)
    throw new ScansealError("seal-structure", "leaf table: names do not inflate", { cause });
  return out;
}

/** The room for one byte more shows an output that is too long; what is longer still is dropped. No output is no table. */
function inflateAtOnce(deflated: Bytes, length: number): Bytes | undefined {
  return deflated.length === 0 ? undefined : inflateSync(deflated, { out: new Uint8Array(length + 1) });
}

/** Undefined for what does not end, or inflates to more than `length`. */
function inflateInPieces(deflated: Bytes, length: number): Bytes | undefined {
  const out = new Uint8Array(length);
  let at = 0;
  let ended = false;
  const stream = new Inflate((chunk, final) => {
    if (at + chunk.length > length) throw new ScansealError("seal-structure", "more names than stated");
    out.set(chunk, at);
    at += chunk.length;
    ended = final;
  });
  for (let from = 0; from < deflated.length; from += inflatePieceBytes) {
    const to = Math.min(from + inflatePieceBytes, deflated.length);
    stream.push(deflated.subarray(from, to), to === deflated.length);
  }
  return ended && at === length ? out : undefined;
}
