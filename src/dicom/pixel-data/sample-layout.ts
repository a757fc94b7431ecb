/** Brings samples to the canonical layout: little endian, whole bytes, colour-by-pixel. */
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { ImageAttributes } from "./image-attributes.ts";

/** What a codec gives: samples of 1 or 2 bytes, little endian. */
export interface CodecSamples {
  readonly data: Bytes;
  readonly bytesPerSample: 1 | 2;
  /** Bits a sample has in the codestream. */
  readonly precision: number;
  /** The codestream says that samples are two's complement. */
  readonly signed: boolean;
  /** Colour-by-plane. */
  readonly planar: boolean;
}

/** Colour-by-plane to colour-by-pixel; `width` bytes a sample. `bytes` is one frame. */
export function interleaved(bytes: Bytes, samplesPerPixel: number, width: number): Bytes {
  const plane = bytes.length / samplesPerPixel;
  const out = new Uint8Array(bytes.length);
  const stride = samplesPerPixel * width;
  for (let sample = 0; sample < samplesPerPixel; sample++) {
    for (let k = 0; k < width; k++) {
      let to = sample * width + k;
      const end = (sample + 1) * plane;
      for (let from = sample * plane + k; from < end; from += width) {
        out[to] = bytes[from]!;
        to += stride;
      }
    }
  }
  return out;
}

/** Colour-by-pixel to colour-by-plane: the inverse of `interleaved`. */
export function byPlane(bytes: Bytes, samplesPerPixel: number, width: number): Bytes {
  const out = new Uint8Array(bytes.length);
  const stride = samplesPerPixel * width;
  let to = 0;
  for (let first = 0; first < stride; first += width) {
    for (let from = first; from < bytes.length; from += stride) {
      for (let k = 0; k < width; k++) out[to++] = bytes[from + k]!;
    }
  }
  return out;
}

/** `count` bits from bit `firstBit` on, moved to start at bit 0; least significant bit first (PS3.5 section 8.1.1). The rest of the last byte is zero. May share memory. */
export function bitRange(bytes: Bytes, firstBit: number, count: number): Bytes {
  const shift = firstBit % 8;
  if (shift === 0 && count % 8 === 0) return bytes.subarray(firstBit / 8, (firstBit + count) / 8);
  const out = new Uint8Array(Math.ceil(count / 8));
  let from = (firstBit - shift) / 8;
  for (let i = 0; i < out.length; i++, from++) {
    out[i] = ((bytes[from]! | ((bytes[from + 1] ?? 0) << 8)) >> shift) & 0xff;
  }
  if (count % 8 !== 0) out[out.length - 1]! &= (1 << (count % 8)) - 1;
  return out;
}

/**
 * Unused high bits, between the codestream's precision and bitsAllocated, follow the sign where the codestream says signed, or where
 * the attributes do and the precision is bitsStored; otherwise they are zero. So 12 signed bits in 16 come back as most writers store
 * them, and a codestream that carries all allocated bits comes back bit for bit.
 * @throws ScansealError `codec-failed` when the size is not what the attributes say, `unsupported` for samples that do not start at bit 0
 */
export function canonicalSamples(samples: CodecSamples, attributes: ImageAttributes): Bytes {
  const { data, bytesPerSample, precision } = samples;
  const count = attributes.rows * attributes.columns * attributes.samplesPerPixel;
  if (data.length !== count * bytesPerSample) {
    throw new ScansealError("codec-failed", "the decoded frame has another size than the attributes say");
  }
  // PS3.5 section 8.2: in encapsulated form High Bit is Bits Stored - 1.
  if (attributes.highBit !== attributes.bitsStored - 1 && precision < attributes.bitsAllocated) {
    throw new ScansealError("unsupported", "encapsulated samples that do not start at bit 0");
  }
  const pixels =
    samples.planar && attributes.samplesPerPixel > 1
      ? interleaved(data, attributes.samplesPerPixel, bytesPerSample)
      : data;
  if (attributes.bitsAllocated === 1) return packed(pixels, bytesPerSample);
  const signed =
    samples.signed || (attributes.pixelRepresentation === 1 && precision === attributes.bitsStored);
  if (precision === attributes.bitsAllocated && precision === bytesPerSample * 8) return pixels;
  return widened(pixels, bytesPerSample, precision, signed, attributes.bitsAllocated / 8);
}

function packed(pixels: Bytes, bytesPerSample: 1 | 2): Bytes {
  const count = pixels.length / bytesPerSample;
  const out = new Uint8Array(Math.ceil(count / 8));
  for (let i = 0; i < count; i++) {
    if ((pixels[i * bytesPerSample]! & 1) !== 0) out[i >> 3]! |= 1 << (i & 7);
  }
  return out;
}

function widened(
  pixels: Bytes,
  bytesPerSample: 1 | 2,
  precision: number,
  signed: boolean,
  width: number,
): Bytes {
  const count = pixels.length / bytesPerSample;
  const out = new Uint8Array(count * width);
  const mask = 2 ** precision - 1;
  const signBit = signed ? 2 ** (precision - 1) : 0;
  for (let i = 0, to = 0; i < count; i++, to += width) {
    const raw = bytesPerSample === 1 ? pixels[i]! : pixels[2 * i]! | (pixels[2 * i + 1]! << 8);
    const value = ((raw & mask) ^ signBit) - signBit;
    out[to] = value & 0xff;
    if (width > 1) out[to + 1] = (value >> 8) & 0xff;
    for (let k = 2; k < width; k++) out[to + k] = value < 0 ? 0xff : 0;
  }
  return out;
}
