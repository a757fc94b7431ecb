/** The bytes of a segment file, as spec/spool.md says. Pure: no disk. */
import { crc32 } from "node:zlib";
import { type Bytes, equalBytes, toHex, utf8, viewOf } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";

/**
 * Frames begin at multiples of this: the page and block size of common systems. A durable frame then shares no block with one that
 * is written later, a recycled segment needs no page read before it is written, and recovery can find the next frame after a hole.
 */
export const blockBytes = 4096;
export const frameHeaderBytes = 64;
const digestBytes = 32;
/** SpoolWriter.commit's promise. */
const recordHeaderBytesMax: number = 64 << 10;
const trailerFixedBytes: number = digestBytes + 8;
const trailerBytesMax: number = trailerFixedBytes + recordHeaderBytesMax;

const segmentMagic = utf8("SCANSEAL SPOOL 1");
const frameMagic = 0x314c_5053; // "SPL1"
const lifeBytes = 16;
const recordBytes = 16;

/** One life of a segment file, from one preparation to the next. */
export interface SegmentHeader {
  /** 16 random bytes. Who sends objects cannot know them, so no object can contain a frame. */
  readonly life: Bytes;
  /** Segments are filled in this order. */
  readonly order: number;
  /** Of the whole file. */
  readonly bytes: number;
}

export interface FrameHeader {
  /** 16 bytes, the same in all frames of one record. */
  readonly record: Bytes;
  /** 0 for a record's first frame. */
  readonly sequence: number;
  readonly payloadBytes: number;
  /** 0: more frames follow. */
  readonly trailerBytes: number;
  readonly trailerCrc: number;
}

export interface Trailer {
  readonly digest: Bytes;
  /** Of all frames' payloads. */
  readonly total: number;
  readonly header: Bytes;
}

/** What a frame takes of its segment. */
export function frameBytes(payloadBytes: number, trailerBytes: number): number {
  return Math.ceil((frameHeaderBytes + payloadBytes + trailerBytes) / blockBytes) * blockBytes;
}

export function segmentHeaderBytes({ life, order, bytes }: SegmentHeader): Bytes {
  const out = new Uint8Array(blockBytes);
  out.set(segmentMagic, 0);
  out.set(life, 16);
  const view = viewOf(out);
  setCount(view, 32, order);
  setCount(view, 40, bytes);
  view.setUint32(60, crc32(out.subarray(0, 60)), true);
  return out;
}

/** Undefined when this is no header: of an unfinished file, or damaged. @param block at least 64 bytes */
export function parseSegmentHeader(block: Bytes): SegmentHeader | undefined {
  if (!equalBytes(block.subarray(0, 16), segmentMagic)) return undefined;
  const view = viewOf(block);
  if (view.getUint32(60, true) !== crc32(block.subarray(0, 60))) return undefined;
  const order = getCount(view, 32);
  const bytes = getCount(view, 40);
  if (order === undefined || bytes === undefined) return undefined;
  return { life: new Uint8Array(block.subarray(16, 16 + lifeBytes)), order, bytes };
}

/** Writes into the first 64 bytes of `out`. */
export function putFrameHeader(out: Bytes, life: Bytes, frame: FrameHeader): void {
  const view = viewOf(out);
  view.setUint32(0, frameMagic, true);
  view.setUint32(4, frame.payloadBytes, true);
  out.set(life, 8);
  out.set(frame.record, 24);
  view.setUint32(40, frame.sequence, true);
  view.setUint32(44, frame.trailerBytes, true);
  view.setUint32(48, frame.trailerCrc, true);
  out.fill(0, 52, 60);
  view.setUint32(60, crc32(out.subarray(0, 60)), true);
}

/**
 * Undefined when no frame of this life begins here.
 * @param head at least 64 bytes
 * @param room bytes from the frame's first to the segment's end
 */
export function parseFrameHeader(head: Bytes, life: Bytes, room: number): FrameHeader | undefined {
  const view = viewOf(head);
  if (view.getUint32(0, true) !== frameMagic || !equalBytes(head.subarray(8, 8 + lifeBytes), life)) return;
  if (view.getUint32(60, true) !== crc32(head.subarray(0, 60))) return undefined;
  const payloadBytes = view.getUint32(4, true);
  const trailerBytes = view.getUint32(44, true);
  if (frameBytes(payloadBytes, trailerBytes) > room || trailerBytes > trailerBytesMax) return undefined;
  return {
    record: new Uint8Array(head.subarray(24, 24 + recordBytes)),
    sequence: view.getUint32(40, true),
    payloadBytes,
    trailerBytes,
    trailerCrc: view.getUint32(48, true),
  };
}

/** @throws ScansealError `usage` */
export function trailerBytes({ digest, total, header }: Trailer): Bytes {
  if (digest.length !== digestBytes) throw new ScansealError("usage", "a SHA-256 digest has 32 bytes");
  if (header.length > recordHeaderBytesMax)
    throw new ScansealError("usage", "the record's header is too long");
  const out = new Uint8Array(trailerFixedBytes + header.length);
  out.set(digest, 0);
  setCount(viewOf(out), digestBytes, total);
  out.set(header, trailerFixedBytes);
  return out;
}

/** Undefined when these are not the bytes the frame's header vouches for. */
export function parseTrailer(bytes: Bytes, crc: number): Trailer | undefined {
  if (bytes.length < trailerFixedBytes || crc32(bytes) !== crc) return undefined;
  const total = getCount(viewOf(bytes), digestBytes);
  if (total === undefined) return undefined;
  return { digest: bytes.slice(0, digestBytes), total, header: bytes.slice(trailerFixedBytes) };
}

export function trailerCrc(trailer: Bytes): number {
  return crc32(trailer);
}

/** A segment's name in locations: its file and life, so that a location of an earlier life fits no later one. */
export function segmentName(file: string, life: Bytes): string {
  return `${file}.${toHex(life.subarray(0, 8))}`;
}

export function segmentFileName(index: number): string {
  return `segment-${String(index).padStart(8, "0")}`;
}

/** Undefined for other files. */
export function segmentIndex(file: string): number | undefined {
  const digits = /^segment-(\d{8,15})$/.exec(file)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** u64, little endian, of a number that JavaScript holds exactly. */
function setCount(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

function getCount(view: DataView, at: number): number | undefined {
  const value = view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
  return Number.isSafeInteger(value) ? value : undefined;
}
