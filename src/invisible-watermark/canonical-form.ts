/**
 * For samples whose attributes are lost (PNG, raw exports): finds the form in which they were marked (spec/invisible-watermark.md, Stripped files).
 * The lowest bits say what the form was, and then the digests say how to come back to it. Never for DICOM, which says itself what its bits mean.
 */
import type { Crypto } from "../foundation/crypto.ts";
import { ScansealError } from "../foundation/errors.ts";
import { checkFrame, type FrameCheck, type KeyOf, type SamplesOutOfForm } from "./check.ts";
import type { PlanarFrame, PlaneColour } from "./frame.ts";
import { type Layout, layoutOf, tagBits, tileAt } from "./layout.ts";
import { type Payload, parsePayload } from "./payload.ts";
import { decodeShares } from "./shares.ts";

export interface StrippedFrame {
  readonly width: number;
  readonly height: number;
  /** One or three, whole numbers from -32,768 to 65,535. */
  readonly planes: readonly Int32Array[];
}

/** Bits below the sample: none, zeros, the sample's highest bits again, or what scaling to 65,535 leaves. */
export type DroppedBits = "none" | "zeros" | "replicated" | "scaled";

/** How samples come back to the values that DICOM stored: shift, then undo two's complement, then subtract. Plain data. */
export interface FormTransform {
  readonly colour: PlaneColour;
  /** Bits dropped on the right. */
  readonly shift: number;
  readonly droppedBits: DroppedBits;
  /** Width of two's complement that was taken for a number without sign. */
  readonly twosComplementBits?: 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15 | 16;
  /** Stored value = sample - offset. */
  readonly offset: number;
}

export interface StrippedCheck extends FrameCheck {
  /** Where a watermark was found. */
  readonly transform?: FormTransform;
}

/** More is dropped only by lossy exports. */
const shiftMax = 8;

/** What exports add to stored values, beside half of their range: rescale intercepts of CT, and the bias of signed 16-bit numbers. */
const usualOffsets: readonly number[] = [0, 32_768, 1024, -1024, 31_744, 33_792];

/**
 * Never throws for any samples. `mark` holds the frame in its canonical form.
 * @throws ScansealError `usage` when the planes do not fit the size
 */
export async function checkStrippedFrame(
  stripped: StrippedFrame,
  crypto: Crypto,
  keyOf: KeyOf,
): Promise<StrippedCheck> {
  const { width, height, planes } = stripped;
  const samples = width * height;
  if ((planes.length !== 1 && planes.length !== 3) || planes.some((plane) => plane.length !== samples)) {
    throw new ScansealError("usage", "planes that do not fit their size");
  }
  // N1
  const colours: readonly PlaneColour[] = planes.length === 1 ? ["mono"] : ["rgb", "ybr"];
  if (layoutOf(width, height, colours[0]!) === undefined) {
    return { facts: { found: false, reason: "geometry" } };
  }
  let best: StrippedCheck = { facts: { found: false, reason: "unreadable" } };
  let fewestDamaged = Number.POSITIVE_INFINITY;
  for (const found of readablePayloads(stripped, colours)) {
    // N2 and N3
    for (const transform of candidates(stripped, found)) {
      const { frame, outOfForm } = applyTransform(stripped, transform, found);
      const check = await checkFrame(frame, crypto, keyOf, { outOfForm });
      if (!check.facts.found) continue;
      if (check.facts.intact) return { ...check, transform };
      const damaged = check.facts.damagedSuperblocks.length;
      if (damaged < fewestDamaged) {
        fewestDamaged = damaged;
        best = { ...check, transform };
      }
    }
  }
  return best;
}

interface FoundPayload {
  readonly layout: Layout;
  readonly payload: Payload;
  readonly shift: number;
}

/** Any even offset, and two's complement, leave the lowest bit as it is. Repeated bits can be read in two places. */
function* readablePayloads(
  { width, height, planes }: StrippedFrame,
  colours: readonly PlaneColour[],
): Generator<FoundPayload> {
  for (const colour of colours) {
    const layout = layoutOf(width, height, colour)!;
    for (let shift = 0; shift <= shiftMax; shift++) {
      const decoded = decodeShares(sharesAt(planes[layout.carrierPlane]!, layout, shift), layout);
      const payload = decoded && parsePayload(decoded.payload, layout);
      if (payload !== undefined) yield { layout, payload, shift };
    }
  }
}

function sharesAt(plane: Int32Array, layout: Layout, shift: number): Uint8Array {
  const { carriers, carriersPerTile, shareBytes } = layout;
  const shares = new Uint8Array(layout.codedBytes);
  for (let i = 0; i < shares.length; i++) {
    const tile = Math.floor(i / shareBytes);
    const first = tile * carriersPerTile + tagBits + 8 * (i - tile * shareBytes);
    let byte = 0;
    for (let bit = 0; bit < 8; bit++) byte |= ((plane[carriers[first + bit]!]! >> shift) & 1) << bit;
    shares[i] = byte;
  }
  return shares;
}

function candidates(stripped: StrippedFrame, { payload, shift }: FoundPayload): FormTransform[] {
  const { bits, signed, colour } = payload;
  const base = { colour, shift, droppedBits: findDroppedBits(stripped, bits, shift) };
  const half = 2 ** (bits - 1);
  const offsets = new Set(signed ? [...usualOffsets, half] : usualOffsets);
  const shifted: FormTransform[] = [...offsets].map((offset) => ({ ...base, offset }));
  if (!signed) return shifted;
  const widths = new Set([bits, 16]) as Set<NonNullable<FormTransform["twosComplementBits"]>>;
  return [...shifted, ...[...widths].map((width) => ({ ...base, twosComplementBits: width, offset: 0 }))];
}

/** The rule that most samples follow; the others are out of form. */
function findDroppedBits({ planes }: StrippedFrame, bits: number, shift: number): DroppedBits {
  if (shift === 0) return "none";
  const rules: readonly DroppedBits[] = bits + shift === 16 ? ["zeros", "replicated", "scaled"] : ["zeros"];
  const misfits = rules.map((rule) => {
    let count = 0;
    for (const plane of planes) {
      for (let i = 0; i < plane.length; i++) if (!followsRule(plane[i]!, rule, bits, shift)) count++;
    }
    return count;
  });
  return rules[misfits.indexOf(Math.min(...misfits))]!;
}

function followsRule(sample: number, rule: DroppedBits, bits: number, shift: number): boolean {
  const kept = sample >> shift;
  const dropped = sample & (2 ** shift - 1);
  switch (rule) {
    case "none":
      return true;
    case "zeros":
      return dropped === 0;
    case "replicated":
      return dropped === ((kept >> (bits - shift)) & (2 ** shift - 1));
    case "scaled": {
      const largest = 2 ** bits - 1;
      return sample === Math.floor((2 * kept * 65_535 + largest) / (2 * largest));
    }
  }
}

function applyTransform(
  stripped: StrippedFrame,
  transform: FormTransform,
  { layout, payload }: FoundPayload,
): { frame: PlanarFrame; outOfForm: SamplesOutOfForm } {
  const { bits, signed, colour } = payload;
  const { shift, droppedBits, offset, twosComplementBits } = transform;
  const lowest = signed ? -(2 ** (bits - 1)) : 0;
  const largest = 2 ** bits - 1;
  const tiles = new Uint8Array(layout.tiles.length);
  let samples = 0;
  const planes = stripped.planes.map((source) => {
    const plane = new Uint16Array(source.length);
    for (let i = 0; i < source.length; i++) {
      let stored = source[i]! >> shift;
      if (twosComplementBits !== undefined) stored = withSign(stored, twosComplementBits);
      const value = stored - offset - lowest;
      plane[i] = value & largest;
      if (value >= 0 && value <= largest && followsRule(source[i]!, droppedBits, bits, shift)) continue;
      samples++;
      tiles[tileAt(layout, i)] = 1;
    }
    return plane;
  });
  const { width, height } = stripped;
  return { frame: { width, height, bits, signed, colour, planes }, outOfForm: { samples, tiles } };
}

/** A number of so many bits as two's complement; what has more bits stays, and is out of range. */
function withSign(value: number, bits: number): number {
  return value >= 2 ** (bits - 1) && value < 2 ** bits ? value - 2 ** bits : value;
}
