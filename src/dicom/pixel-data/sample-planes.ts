/** Frames as planes of numbers, for the watermark: every bit of a sample is in them, or the frame has no such form. */
import { type Bytes, viewOf } from "../../foundation/bytes.ts";
import type { ImageAttributes } from "./image-attributes.ts";

/** Why a frame has no planes. */
export type NoPlanesReason = "palette" | "photometric" | "bit-depth" | "float" | "high-bits";

/**
 * Bits above Bits Stored: all zero, or all as the sign bit. Where nothing is negative both hold, and it is "sign" of signed samples, as most
 * writers store them.
 */
export type HighBits = "zero" | "sign";

export interface SamplePlanes {
  readonly width: number;
  readonly height: number;
  /** Bits Stored, 8 to 16. */
  readonly bits: number;
  readonly signed: boolean;
  readonly colour: "mono" | "rgb" | "ybr";
  /** Stored values minus the smallest there may be: 0 to 2^bits - 1. */
  readonly planes: readonly Uint16Array[];
  readonly highBits: HighBits;
}

/** PS3.3 C.7.6.3.1.2. A reversible component transform is undone by the decoder (PS3.5 section 8.2.4). */
const colours: Readonly<Record<string, SamplePlanes["colour"]>> = {
  MONOCHROME1: "mono",
  MONOCHROME2: "mono",
  RGB: "rgb",
  YBR_RCT: "rgb",
  YBR_FULL: "ybr",
};

/** Undefined where frames of these attributes may have planes. */
export function noPlanesReason(attributes: ImageAttributes): NoPlanesReason | undefined {
  const { kind, photometric, bitsAllocated, bitsStored, highBit } = attributes;
  if (kind !== "integer") return "float";
  if (photometric === "PALETTE COLOR") return "palette";
  if (colours[photometric] === undefined) return "photometric";
  if ((bitsAllocated !== 8 && bitsAllocated !== 16) || bitsStored < 8) return "bit-depth";
  return highBit === bitsStored - 1 ? undefined : "high-bits";
}

/** @param samples of one frame in canonical form (canonicalFrame) */
export function planesOf(
  attributes: ImageAttributes,
  samples: Bytes,
): SamplePlanes | { readonly reason: NoPlanesReason } {
  const reason = noPlanesReason(attributes);
  if (reason !== undefined) return { reason };
  const { rows, columns, samplesPerPixel, bitsAllocated, bitsStored: bits } = attributes;
  const signed = attributes.pixelRepresentation === 1;
  const mask = 2 ** bits - 1;
  // Two's complement minus the smallest number: its sign bit turned over.
  const flip = signed ? 2 ** (bits - 1) : 0;
  const signFill = (2 ** bitsAllocated - 1) & ~mask;
  const planes = Array.from({ length: samplesPerPixel }, () => new Uint16Array(rows * columns));
  const read = readerOf(samples, bitsAllocated);
  let hasOnes = false;
  let hasZeros = false;
  for (const [c, plane] of planes.entries()) {
    for (let i = 0, at = c; i < plane.length; i++, at += samplesPerPixel) {
      const value = read(at);
      const high = value & signFill;
      plane[i] = (value & mask) ^ flip;
      // Only negative numbers tell the two forms from each other.
      if (high !== 0 && (high !== signFill || !signed || (value & flip) === 0))
        return { reason: "high-bits" };
      if (high !== 0) hasOnes = true;
      else if (signed && signFill !== 0 && (value & flip) !== 0) hasZeros = true;
    }
  }
  if (hasOnes && hasZeros) return { reason: "high-bits" };
  const highBits = signed && !hasZeros ? "sign" : "zero";
  const colour = colours[attributes.photometric]!;
  return { width: columns, height: rows, bits, signed, colour, planes, highBits };
}

/** The inverse of `planesOf`: one frame in canonical form. */
export function samplesOf(
  { bits, signed, planes, highBits }: Pick<SamplePlanes, "bits" | "signed" | "planes" | "highBits">,
  { bitsAllocated }: Pick<ImageAttributes, "bitsAllocated">,
): Bytes {
  const width = bitsAllocated / 8;
  const flip = signed ? 2 ** (bits - 1) : 0;
  const signFill = highBits === "sign" ? (2 ** bitsAllocated - 1) & ~(2 ** bits - 1) : 0;
  const out = new Uint8Array(planes.length * planes[0]!.length * width);
  for (const [c, plane] of planes.entries()) {
    for (let i = 0, at = c * width; i < plane.length; i++, at += planes.length * width) {
      const stored = plane[i]! ^ flip;
      const value = signed && (stored & flip) !== 0 ? stored | signFill : stored;
      out[at] = value;
      if (width === 2) out[at + 1] = value >> 8;
    }
  }
  return out;
}

function readerOf(samples: Bytes, bitsAllocated: number): (at: number) => number {
  if (bitsAllocated === 8) return (at) => samples[at]!;
  const view = viewOf(samples);
  return (at) => view.getUint16(2 * at, true);
}
