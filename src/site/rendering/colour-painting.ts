/** Colour frames in eight bits a sample. */
import { type ImageAttributes, isSubsampled422 } from "../../dicom/pixel-data/image-attributes.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { viewOf } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { PaletteDisplay } from "./display.ts";
import { rawReader, storedFunction } from "./grey-painting.ts";

/**
 * @param samples in canonical form (canonicalFrame); native 4:2:2 as it is
 * @returns red, green and blue of each pixel
 * @throws ScansealError `unsupported` for samples that are no integers of 8, 16 or 32 bits
 */
export function paintColour(samples: Bytes, attributes: ImageAttributes, kind: "rgb" | "ybr"): Bytes {
  const { kind: numbers, bitsAllocated, bitsStored, pixelRepresentation, rows, columns } = attributes;
  const isInteger =
    numbers === "integer" && (bitsAllocated === 8 || bitsAllocated === 16 || bitsAllocated === 32);
  if (!isInteger || pixelRepresentation === 1)
    throw new ScansealError("unsupported", "colour samples of this kind are not rendered");
  const isAsShown = bitsAllocated === 8 && bitsStored === 8;
  const eight = isAsShown ? samples : eightBits(samples, attributes);
  const pixels = rows * columns;
  const isShared = isSubsampled422(attributes) && eight.length === 2 * pixels;
  if (eight.length !== (isShared ? 2 : 3) * pixels)
    throw new ScansealError("codec-failed", "the frame has another size than its attributes say");
  if (kind === "rgb") return eight;
  const out = new Uint8ClampedArray(3 * pixels);
  for (let i = 0; i < pixels; i++) {
    // PS3.3 C.7.6.3.1.2: two luminances, then the chrominances of both.
    const pair = 4 * (i >> 1);
    const y = eight[isShared ? pair + (i & 1) : 3 * i]!;
    const b = eight[isShared ? pair + 2 : 3 * i + 1]! - 128;
    const r = eight[isShared ? pair + 3 : 3 * i + 2]! - 128;
    out[3 * i] = y + 1.402 * r;
    out[3 * i + 1] = y - 0.344136 * b - 0.714136 * r;
    out[3 * i + 2] = y + 1.772 * b;
  }
  return new Uint8Array(out.buffer);
}

function eightBits(samples: Bytes, attributes: ImageAttributes): Bytes {
  const { bitsAllocated, bitsStored } = attributes;
  const stored = storedFunction(attributes);
  const scale = 255 / (2 ** bitsStored - 1);
  const count = (8 * samples.length) / bitsAllocated;
  const view = viewOf(samples);
  const raw =
    bitsAllocated === 32 ? (at: number) => view.getUint32(4 * at, true) : rawReader(samples, bitsAllocated);
  const out = new Uint8Array(count);
  for (let i = 0; i < count; i++) out[i] = Math.round(stored(raw(i)) * scale);
  return out;
}

/** @throws ScansealError `unsupported` for samples of more than 16 bits */
export function paintPalette(samples: Bytes, attributes: ImageAttributes, palette: PaletteDisplay): Bytes {
  const { kind, bitsAllocated, rows, columns } = attributes;
  if (kind !== "integer" || bitsAllocated > 16)
    throw new ScansealError("unsupported", "palettes of this kind are not rendered");
  const { first, red, green, blue } = palette;
  const raw = rawReader(samples, bitsAllocated);
  const stored = storedFunction(attributes);
  const out = new Uint8Array(3 * rows * columns);
  const entry = (table: Bytes, at: number): number => table[Math.min(at, table.length - 1)]!;
  for (let i = 0; i < rows * columns; i++) {
    const at = Math.max(0, stored(raw(i)) - first);
    out[3 * i] = entry(red, at);
    out[3 * i + 1] = entry(green, at);
    out[3 * i + 2] = entry(blue, at);
  }
  return out;
}
