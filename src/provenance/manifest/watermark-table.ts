/** What watermarks need outside of the frames, container xx03: spec/seal-containers.md, Watermark table. */

import type { Tag } from "../../dicom/tags.ts";
import { type Bytes, concatBytes, u32le, viewOf } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";

const version = 1;
export const watermarkTableSaltBytes = 16;
const hashBytes = 32;
/** Of a tile: invisible-watermark's published digest. */
const tileDigestBytes = 8;
/** Two bytes a kilopixel and what did not fit into the frames: objects that are marked have at most 512 MiB of samples. */
export const watermarkTableBytesMax: number = 64 << 20;
/** Numbers that describe samples; none is longer than eight bytes. */
const attributesMax = 16;
const valueBytesMax = 8;
const absent = 0xff;
const headerBytes = 1 + watermarkTableSaltBytes + 1;

/** An attribute that marking changed, and what it was. */
export interface ReplacedAttribute {
  readonly tag: Tag;
  /** Little endian; undefined where there was none. */
  readonly value: Bytes | undefined;
}

/** Of one marked frame. */
export interface FrameMarkRecord {
  /** SHA-256 of the frame before (spec/invisible-watermark.md D6). */
  readonly originalHash: Bytes;
  /** D5 of all tiles, 8 bytes each. */
  readonly tileDigests: Bytes;
  /** Recovery bits that found no place in the frame. */
  readonly sidecar?: { readonly bits: number; readonly bytes: Bytes };
}

export interface WatermarkTable {
  /** 16 random bytes: its digest in the manifest says nothing about the frames to whoever has not the table. */
  readonly salt: Bytes;
  /** Ascending by tag. */
  readonly attributes: readonly ReplacedAttribute[];
  /** All frames of the object; undefined for one that is not marked. */
  readonly frames: readonly (FrameMarkRecord | undefined)[];
}

/** @throws ScansealError `limit-length` when the table would pass 64 MiB */
export function encodeWatermarkTable({ salt, attributes, frames }: WatermarkTable): Bytes {
  const parts: Bytes[] = [Uint8Array.of(version), salt, Uint8Array.of(attributes.length)];
  for (const { tag, value } of attributes) {
    parts.push(u32le(tag), Uint8Array.of(value?.length ?? absent), value ?? new Uint8Array(0));
  }
  parts.push(u32le(frames.length));
  for (const frame of frames) {
    parts.push(Uint8Array.of(frame ? 1 : 0));
    if (!frame) continue;
    const { originalHash, tileDigests, sidecar } = frame;
    parts.push(originalHash, u32le(tileDigests.length / tileDigestBytes), tileDigests);
    parts.push(u32le(sidecar?.bits ?? 0), sidecar?.bytes ?? new Uint8Array(0));
  }
  const table = concatBytes(parts);
  if (table.length > watermarkTableBytesMax)
    throw new ScansealError("limit-length", "the watermark table would be too large");
  return table;
}

/**
 * Reads a table from anywhere: every length is checked before it is used; nothing is copied.
 * @throws ScansealError `seal-structure` for anything that `encodeWatermarkTable` could not have written
 */
export function decodeWatermarkTable(bytes: Bytes): WatermarkTable {
  if (bytes.length < headerBytes + 4 || bytes.length > watermarkTableBytesMax) bad("length out of range");
  const view = viewOf(bytes);
  let at = 0;
  const take = (length: number): Bytes => {
    if (length > bytes.length - at) bad("lengths disagree");
    at += length;
    return bytes.subarray(at - length, at);
  };
  const u8 = (): number => take(1)[0]!;
  const u32 = (): number => {
    take(4);
    return view.getUint32(at - 4, true);
  };
  if (u8() !== version) bad("unknown version");
  const salt = take(watermarkTableSaltBytes);
  const attributes = attributesAt(u8, u32, take);
  const count = u32();
  // Each has a byte at least.
  if (count > bytes.length - at) bad("count out of range");
  const frames: (FrameMarkRecord | undefined)[] = [];
  for (let i = 0; i < count; i++) frames.push(frameAt(u8, u32, take));
  if (at !== bytes.length) bad("lengths disagree");
  return { salt, attributes, frames };
}

type Take = (length: number) => Bytes;

function attributesAt(u8: () => number, u32: () => number, take: Take): ReplacedAttribute[] {
  const count = u8();
  if (count > attributesMax) bad("count out of range");
  const attributes: ReplacedAttribute[] = [];
  for (let i = 0; i < count; i++) {
    const tag = u32();
    const length = u8();
    if (length !== absent && length > valueBytesMax) bad("length out of range");
    if (i > 0 && tag <= attributes[i - 1]!.tag) bad("attributes out of order");
    attributes.push({ tag, value: length === absent ? undefined : take(length) });
  }
  return attributes;
}

function frameAt(u8: () => number, u32: () => number, take: Take): FrameMarkRecord | undefined {
  const marked = u8();
  if (marked > 1) bad("a flag that is not 0 or 1");
  if (marked === 0) return undefined;
  const originalHash = take(hashBytes);
  const tileDigests = take(u32() * tileDigestBytes);
  const bits = u32();
  const sidecar = take(Math.ceil(bits / 8));
  return { originalHash, tileDigests, ...(bits > 0 ? { sidecar: { bits, bytes: sidecar } } : {}) };
}

function bad(what: string): never {
  throw new ScansealError("seal-structure", `watermark table: ${what}`);
}
