/** PNG files (ISO/IEC 15948): those of strangers within limits, for the library that reads them has none; and our own. */
import { crc32, deflateSync, inflateSync } from "node:zlib";
import { decode } from "fast-png";
import { type Bytes, concatBytes, equalBytes, fromLatin1, latin1, viewOf } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";

/** Samples as stored, 8 or 16 bits; alpha is left out, for it hides nothing of the others. */
export interface PngImage {
  readonly width: number;
  readonly height: number;
  readonly depth: 8 | 16;
  /** Grey, or red, green and blue. */
  readonly channels: 1 | 3;
  /** Channel by channel of each pixel, row by row. */
  readonly samples: Uint8Array | Uint16Array;
}

const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
/** The largest mammograms have 30 million. */
const pixelsMax: number = 64 << 20;
/** Sections 11.2 and 11.3.1: what samples need. The others are left unread: a compressed colour profile could inflate to anything. */
const neededChunks: ReadonlySet<string> = new Set(["IHDR", "IDAT", "IEND"]);
/** Table 9: samples of a pixel, by colour type; a palette has indices that mean nothing to a watermark. */
const samplesOfType: Readonly<Record<number, number>> = { 0: 1, 2: 3, 4: 2, 6: 4 };

/** The first bytes are those of a PNG file. */
export function isPng(bytes: Bytes): boolean {
  return bytes.length >= signature.length && equalBytes(bytes.subarray(0, signature.length), signature);
}

/** @throws ScansealError `unsupported` for palettes and depths below 8, `limit-decode` for what is too large, `codec-failed` for what is damaged */
export function readPng(bytes: Bytes): PngImage {
  const { header, kept, data } = neededParts(bytes);
  const { width, height, depth, samplesOfPixel } = header;
  // Interlaced images (section 8.2) have a filter byte for each row of each of seven passes.
  const inflatedMax =
    height * (Math.ceil((width * samplesOfPixel * depth) / 8) + 1) + 7 * (2 * height + width + 8);
  try {
    if (inflateSync(data, { maxOutputLength: inflatedMax }).length === 0) throw new RangeError("empty");
    const image = decode(kept, { checkCrc: true });
    const isWhole = image.data.length === width * height * samplesOfPixel;
    if (!isWhole || image.data instanceof Uint8ClampedArray) throw new RangeError("incomplete");
    return { width, height, depth, ...withoutAlpha(image.data, samplesOfPixel) };
  } catch (cause) {
    throw new ScansealError("codec-failed", "the PNG file is damaged", { cause });
  }
}

interface Header {
  readonly width: number;
  readonly height: number;
  readonly depth: 8 | 16;
  readonly samplesOfPixel: number;
}

/** The chunks that are needed, as a file of their own, and the compressed data together. */
function neededParts(bytes: Bytes): { header: Header; kept: Bytes; data: Bytes } {
  if (!isPng(bytes)) throw damaged();
  const kept: Bytes[] = [signature];
  const data: Bytes[] = [];
  let header: Header | undefined;
  for (let at = signature.length, isOver = false; !isOver; ) {
    if (at + 12 > bytes.length) throw damaged();
    const length = viewOf(bytes).getUint32(at);
    if (length > bytes.length - at - 12) throw damaged();
    const type = latin1(bytes.subarray(at + 4, at + 8));
    const content = bytes.subarray(at + 8, at + 8 + length);
    if ((type === "IHDR") === (header !== undefined)) throw damaged();
    if (type === "IHDR") header = headerOf(content);
    if (type === "IDAT") data.push(content);
    if (neededChunks.has(type)) kept.push(bytes.subarray(at, at + 12 + length));
    isOver = type === "IEND";
    at += 12 + length;
    // Of every other chunk only that it is first (section 5.6).
    if (header === undefined) throw damaged();
  }
  return { header: header!, kept: concatBytes(kept), data: concatBytes(data) };
}

function headerOf(content: Bytes): Header {
  if (content.length !== 13) throw damaged();
  const view = viewOf(content);
  const [width, height, depth] = [view.getUint32(0), view.getUint32(4), content[8]!];
  const samplesOfPixel = samplesOfType[content[9]!];
  if (width === 0 || height === 0) throw damaged();
  if (width * height > pixelsMax) throw new ScansealError("limit-decode", "the PNG image is too large");
  if (samplesOfPixel === undefined || (depth !== 8 && depth !== 16))
    throw new ScansealError("unsupported", "a PNG image with a palette, or fewer than 8 bits a sample");
  return { width, height, depth, samplesOfPixel };
}

function withoutAlpha(
  data: Uint8Array | Uint16Array,
  samplesOfPixel: number,
): Pick<PngImage, "channels" | "samples"> {
  const channels = samplesOfPixel < 3 ? 1 : 3;
  if (channels === samplesOfPixel) return { channels, samples: data };
  const pixels = data.length / samplesOfPixel;
  const samples =
    data instanceof Uint16Array ? new Uint16Array(pixels * channels) : new Uint8Array(pixels * channels);
  for (let i = 0; i < pixels; i++) {
    for (let c = 0; c < channels; c++) samples[i * channels + c] = data[i * samplesOfPixel + c]!;
  }
  return { channels, samples };
}

function damaged(): ScansealError {
  return new ScansealError("codec-failed", "the PNG file is damaged");
}

/** Section 9: the filter that takes off what is to the left; soft images shrink by a third. */
const subFilter = 1;
/** Levels beyond take three times as long, and save a fiftieth. */
const deflateLevel = 3;
/** Table 9, by the number of channels. */
const colourTypes = { 1: 0, 3: 2 } as const;

/** A header, the samples and the end: nothing else is in the file. Several times as fast as the library that reads. */
export function writePng({ width, height, depth, channels, samples }: PngImage): Bytes {
  const header = new Uint8Array(13);
  viewOf(header).setUint32(0, width);
  viewOf(header).setUint32(4, height);
  header.set([depth, colourTypes[channels]], 8);
  const data = deflateSync(filteredRows({ width, height, depth, channels, samples }), {
    level: deflateLevel,
  });
  const chunks = [chunkOf("IHDR", header), chunkOf("IDAT", data), chunkOf("IEND", new Uint8Array(0))];
  return concatBytes([signature, ...chunks.flat()]);
}

function filteredRows({ width, height, depth, channels, samples }: PngImage): Bytes {
  const bytes = samples instanceof Uint16Array ? bigEndian(samples) : samples;
  const pixelBytes = (channels * depth) / 8;
  const rowBytes = width * pixelBytes;
  const out = new Uint8Array(height * (rowBytes + 1));
  for (let y = 0, to = 0, from = 0; y < height; y++) {
    out[to++] = subFilter;
    for (let i = 0; i < pixelBytes; i++) out[to++] = bytes[from++]!;
    for (let i = pixelBytes; i < rowBytes; i++, from++) out[to++] = bytes[from]! - bytes[from - pixelBytes]!;
  }
  return out;
}

function bigEndian(samples: Uint16Array): Bytes {
  const out = new Uint8Array(2 * samples.length);
  for (let i = 0; i < samples.length; i++) {
    out[2 * i] = samples[i]! >> 8;
    out[2 * i + 1] = samples[i]!;
  }
  return out;
}

function chunkOf(name: string, content: Bytes): Bytes[] {
  const head = concatBytes([new Uint8Array(4), fromLatin1(name)]);
  viewOf(head).setUint32(0, content.length);
  const check = new Uint8Array(4);
  viewOf(check).setUint32(0, crc32(content, crc32(head.subarray(4))));
  return [head, content, check];
}
