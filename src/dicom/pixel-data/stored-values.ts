/** Canonical samples as the numbers a codec takes: the inverse of `canonicalSamples`. */
import type { Bytes } from "../../foundation/bytes.ts";
import type { ImageAttributes } from "./image-attributes.ts";

/** A frame as numbers of `precision` bits, colour-by-pixel. */
export interface StoredValues {
  /** The low `precision` bits of each sample; negative numbers in two's complement of that width. */
  readonly values: Uint16Array;
  /** 1 to 16. */
  readonly precision: number;
}

/** ITU-T T.81 B.2.2 and T.87 C.2.2. */
const unsignedPrecisionMin = 2;

/**
 * Bits Stored is the precision wherever the bits above are what `canonicalSamples` makes of it: zero, or the sign. Samples with
 * anything else there keep all allocated bits, as do those that do not start at bit 0, and signed ones in a codestream that cannot
 * say so: many readers would leave the bits above Bits Stored zero.
 * @param samples of integers, Bits Allocated 1, 8 or 16
 * @param says what the codestream can: JPEG 2000 has signed samples and any precision, JPEG and JPEG-LS have neither sign nor 1 bit
 */
export function storedValues(
  samples: Bytes,
  attributes: ImageAttributes,
  says: "sign" | "no-sign",
): StoredValues {
  const { bitsAllocated, bitsStored, highBit } = attributes;
  if (bitsAllocated === 1) return { values: unpacked(samples, attributes), precision: 1 };
  const values = bitsAllocated === 8 ? Uint16Array.from(samples) : sixteenBits(samples);
  const signed = attributes.pixelRepresentation === 1;
  const whole =
    highBit !== bitsStored - 1 ||
    (signed && says === "no-sign") ||
    !fits(values, bitsAllocated, bitsStored, signed);
  if (whole) return { values, precision: bitsAllocated };
  const precision = says === "sign" ? bitsStored : Math.max(bitsStored, unsignedPrecisionMin);
  if (signed) {
    const mask = (1 << precision) - 1;
    for (let i = 0; i < values.length; i++) values[i]! &= mask;
  }
  return { values, precision };
}

/** Bits from `bits` on are zero, or repeat bit `bits - 1` where `signed`. */
function fits(values: Uint16Array, width: number, bits: number, signed: boolean): boolean {
  const shift = signed ? bits - 1 : bits;
  const ones = signed ? (1 << (width - shift)) - 1 : 0;
  for (let i = 0; i < values.length; i++) {
    const above = values[i]! >> shift;
    if (above !== 0 && above !== ones) return false;
  }
  return true;
}

function sixteenBits(samples: Bytes): Uint16Array {
  const values = new Uint16Array(samples.length / 2);
  for (let i = 0; i < values.length; i++) values[i] = samples[2 * i]! | (samples[2 * i + 1]! << 8);
  return values;
}

function unpacked(samples: Bytes, { rows, columns, samplesPerPixel }: ImageAttributes): Uint16Array {
  const values = new Uint16Array(rows * columns * samplesPerPixel);
  for (let i = 0; i < values.length; i++) values[i] = (samples[i >> 3]! >> (i & 7)) & 1;
  return values;
}
