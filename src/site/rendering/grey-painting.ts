/** Grey frames in eight bits: stored values, values of the modality (PS3.3 C.11.1), grey (C.11.2). */
import type { ImageAttributes } from "../../dicom/pixel-data/image-attributes.ts";
import { type Bytes, viewOf } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { GreyDisplay, Window } from "./display.ts";
import { entryFor } from "./lookup-table.ts";

/** Up to here the values that may be are the range that is shown: an 8-bit image looks as it was stored, and cine does not flicker. */
const fixedRangeBits = 8;
const white = 255;

/**
 * @param samples in canonical form (canonicalFrame)
 * @returns a byte each pixel, 0 is black
 * @throws ScansealError `unsupported` for integers of more than 32 bits
 */
export function paintGrey(samples: Bytes, attributes: ImageAttributes, display: GreyDisplay): Bytes {
  const { bitsAllocated, kind, rows, columns } = attributes;
  const count = rows * columns;
  if (kind === "integer" && bitsAllocated <= 16) return paintByTable(samples, attributes, display);
  const value = numberReader(samples, attributes);
  const { modality, padding } = display;
  const toModality = modalityFunction(modality);
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < count && display.voi.kind === "range"; i++) {
    const stored = value(i);
    if (padding && stored >= padding.low && stored <= padding.high) continue;
    const one = toModality(stored);
    if (!Number.isFinite(one)) continue;
    if (one < low) low = one;
    if (one > high) high = one;
  }
  const grey = greyFunction(display, low, high);
  const out = new Uint8Array(count);
  for (let i = 0; i < count; i++) out[i] = grey(toModality(value(i)));
  return out;
}

/** Every value that samples of up to 16 bits can have is computed once. */
function paintByTable(samples: Bytes, attributes: ImageAttributes, display: GreyDisplay): Bytes {
  const { bitsAllocated, bitsStored, rows, columns } = attributes;
  const raw = rawReader(samples, bitsAllocated);
  const size = 2 ** bitsAllocated;
  const toStored = storedFunction(attributes);
  const toModality = modalityFunction(display.modality);
  const isThere = new Uint8Array(size);
  const count = rows * columns;
  if (display.voi.kind !== "range" || bitsStored <= fixedRangeBits) isThere.fill(1);
  else for (let i = 0; i < count; i++) isThere[raw(i)] = 1;
  const { low, high } = extremes(isThere, (value) => toModality(toStored(value)), display, toStored);
  const grey = greyFunction(display, low, high);
  const table = Uint8Array.from({ length: size }, (_, value) => grey(toModality(toStored(value))));
  const out = new Uint8Array(count);
  if (bitsAllocated === 16)
    for (let i = 0; i < count; i++) out[i] = table[samples[2 * i]! | (samples[2 * i + 1]! << 8)]!;
  else for (let i = 0; i < count; i++) out[i] = table[raw(i)]!;
  return out;
}

/** Of the values that are there, without padding; of the padding alone where there is nothing else. */
function extremes(
  isThere: Uint8Array,
  toModality: (raw: number) => number,
  { padding }: GreyDisplay,
  toStored: (raw: number) => number,
): { low: number; high: number } {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let value = 0; value < isThere.length; value++) {
    if (isThere[value] === 0) continue;
    const stored = toStored(value);
    if (padding && isThere.length > 256 && stored >= padding.low && stored <= padding.high) continue;
    const one = toModality(value);
    if (one < low) low = one;
    if (one > high) high = one;
  }
  return { low, high };
}

/** Bits Stored up to High Bit; what lies beside them is no part of the value (PS3.5 8.1.1). */
export function storedFunction({
  bitsStored,
  highBit,
  pixelRepresentation,
}: ImageAttributes): (raw: number) => number {
  const [left, right] = [31 - highBit, 32 - bitsStored];
  return pixelRepresentation === 1 ? (raw) => (raw << left) >> right : (raw) => (raw << left) >>> right;
}

/** Samples of up to 16 bits as they are allocated. */
export function rawReader(samples: Bytes, bitsAllocated: number): (at: number) => number {
  if (bitsAllocated === 1) return (at) => (samples[at >> 3]! >> (at & 7)) & 1;
  if (bitsAllocated === 8) return (at) => samples[at]!;
  return (at) => samples[2 * at]! | (samples[2 * at + 1]! << 8);
}

/** Of more than 16 bits, and fractions. */
function numberReader(samples: Bytes, attributes: ImageAttributes): (at: number) => number {
  const { kind, bitsAllocated } = attributes;
  const view = viewOf(samples);
  if (kind === "float") return (at) => view.getFloat32(4 * at, true);
  if (kind === "double") return (at) => view.getFloat64(8 * at, true);
  if (bitsAllocated > 32)
    throw new ScansealError("unsupported", "integers of more than 32 bits are not rendered");
  const stored = storedFunction(attributes);
  if (bitsAllocated === 32) return (at) => stored(view.getUint32(4 * at, true));
  return (at) => stored(view.getUint16(3 * at, true) | (samples[3 * at + 2]! << 16));
}

function modalityFunction(modality: GreyDisplay["modality"]): (stored: number) => number {
  if (modality.kind === "table") return (stored) => entryFor(modality.table, stored);
  const { slope, intercept } = modality;
  return (stored) => stored * slope + intercept;
}

/** @param low and `high` of the values that are shown, where the object has no window. @returns 0 to 255, also for what is no number */
function greyFunction(
  { voi, isInverted }: GreyDisplay,
  low: number,
  high: number,
): (value: number) => number {
  const level = levelFunction(voi, low, high);
  return (value) => {
    const one = level(value);
    const grey = one > 0 ? (one >= 1 ? white : Math.round(one * white)) : 0;
    return isInverted ? white - grey : grey;
  };
}

/** 0 to 1, and beyond. */
function levelFunction(voi: GreyDisplay["voi"], low: number, high: number): (value: number) => number {
  if (voi.kind === "range") {
    const width = high - low;
    return width > 0 ? (value) => (value - low) / width : () => 0;
  }
  if (voi.kind === "table") {
    const top = 2 ** voi.table.bits - 1;
    return (value) => entryFor(voi.table, value) / top;
  }
  return windowFunctionOf(voi);
}

/** PS3.3 C.11.2.1.2.1 and C.11.2.1.3. */
function windowFunctionOf({ center, width, function: shape }: Window): (value: number) => number {
  if (shape === "sigmoid") return (value) => 1 / (1 + Math.exp((-4 * (value - center)) / width));
  if (shape === "linear-exact") return (value) => (value - center) / width + 0.5;
  const middle = center - 0.5;
  if (width > 1) return (value) => (value - middle) / (width - 1) + 0.5;
  return (value) => (value > middle ? 1 : 0);
}
