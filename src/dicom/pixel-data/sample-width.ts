/** Whether samples need only some of the bits that are allocated for them. */
import type { Bytes } from "../../foundation/bytes.ts";
import { feedPlan } from "../byte-plan.ts";
import { canonicalFrame } from "./canonical-frames.ts";
import type { FrameDecoder } from "./decoder.ts";
import type { PixelFrames } from "./frames.ts";

const byteBits = 8;

/**
 * True when in every sample of every frame the bits from `bits` on are zero or, in two's complement, repeat bit `bits - 1`: then
 * `bits` and all allocated bits are two descriptions of the same numbers. Samples of one or two bytes; false for others.
 * @throws ScansealError as `canonicalFrame`
 */
export async function samplesNeedOnly(
  frames: PixelFrames,
  bits: number,
  decoder: FrameDecoder | undefined,
): Promise<boolean> {
  const { attributes, object, layout } = frames;
  const { bitsAllocated, pixelRepresentation, kind } = attributes;
  const width = bitsAllocated / byteBits;
  if (kind !== "integer" || (width !== 1 && width !== 2) || bits < 1 || bits > bitsAllocated) return false;
  const check = new WidthCheck(width, bits, pixelRepresentation === 1);
  if (layout.kind === "video") return false;
  for (let index = 0; index < attributes.numberOfFrames; index++) {
    const step = await canonicalFrame(frames, index, decoder);
    await feedPlan([step], object.dataSource, (bytes) => check.feed(bytes));
    if (!check.fits) return false;
  }
  return true;
}

/** Follows little endian samples through chunks that may end inside one. */
class WidthCheck {
  fits = true;
  readonly #width: 1 | 2;
  /** What the unused bits, with the sign bit where there is one, may be. */
  readonly #shift: number;
  readonly #ones: number;
  #low: number | undefined;

  constructor(width: 1 | 2, bits: number, signed: boolean) {
    this.#width = width;
    this.#shift = signed ? bits - 1 : bits;
    this.#ones = signed ? (1 << (width * byteBits - this.#shift)) - 1 : 0;
  }

  feed(bytes: Bytes): void {
    for (const byte of bytes) {
      if (this.#width === 1) this.#sample(byte);
      else if (this.#low === undefined) this.#low = byte;
      else {
        this.#sample(this.#low | (byte << byteBits));
        this.#low = undefined;
      }
    }
  }

  #sample(value: number): void {
    const unused = value >>> this.#shift;
    if (unused !== 0 && unused !== this.#ones) this.fits = false;
  }
}
