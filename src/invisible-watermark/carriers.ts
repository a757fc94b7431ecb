/** The lowest bits of the carriers: read, cleared and written (spec/invisible-watermark.md, Carriers). */
import { type Layout, tagBits } from "./layout.ts";

export interface CarriedBytes {
  /** Four bytes a tile. */
  readonly tags: Uint8Array;
  /** Share bytes of tile t from t * shareBytes on. */
  readonly shares: Uint8Array;
}

export const tagBytes: number = tagBits / 8;

/** What the carriers hold as one bit each, in carrier order. Clears them. */
export function takeCarrierBits(plane: Uint16Array, { carriers }: Layout): Uint8Array {
  const bits = new Uint8Array(carriers.length);
  for (let k = 0; k < carriers.length; k++) {
    const sample = carriers[k]!;
    const value = plane[sample]!;
    bits[k] = value & 1;
    plane[sample] = value & 0xfffe;
  }
  return bits;
}

/** Clears the carriers and gives what they held, each byte from its lowest bit on. */
export function takeCarriedBytes(plane: Uint16Array, layout: Layout): CarriedBytes {
  const { carriers, shareBytes, tiles } = layout;
  const tags = new Uint8Array(tagBytes * tiles.length);
  const shares = new Uint8Array(layout.codedBytes);
  let k = 0;
  const takeByte = (): number => {
    let byte = 0;
    for (let bit = 0; bit < 8; bit++) {
      const sample = carriers[k++]!;
      const value = plane[sample]!;
      byte |= (value & 1) << bit;
      plane[sample] = value & 0xfffe;
    }
    return byte;
  };
  for (let tile = 0; tile < tiles.length; tile++) {
    for (let i = 0; i < tagBytes; i++) tags[tagBytes * tile + i] = takeByte();
    for (let i = 0; i < shareBytes; i++) shares[shareBytes * tile + i] = takeByte();
  }
  return { tags, shares };
}

/** @param plane its carriers are cleared */
export function putCarriedBytes(plane: Uint16Array, { tags, shares }: CarriedBytes, layout: Layout): void {
  const { carriers, shareBytes, tiles } = layout;
  let k = 0;
  const putByte = (byte: number): void => {
    for (let bit = 0; bit < 8; bit++) plane[carriers[k++]!]! |= (byte >> bit) & 1;
  };
  for (let tile = 0; tile < tiles.length; tile++) {
    for (let i = 0; i < tagBytes; i++) putByte(tags[tagBytes * tile + i]!);
    for (let i = 0; i < shareBytes; i++) putByte(shares[shareBytes * tile + i]!);
  }
}
