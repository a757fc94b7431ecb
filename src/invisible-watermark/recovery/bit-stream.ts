/** Sequences of bits: one byte (0 or 1) each while they are worked on, eight in a byte where they are kept, the first in the lowest place. */
import type { KeyStream } from "./hidden-recovery.ts";

/** @returns bits `from` to `to` - 1; unused bits of the last byte are 0 */
export function packBits(bits: Uint8Array, from: number, to: number): Uint8Array {
  const count = Math.max(0, to - from);
  const bytes = new Uint8Array(Math.ceil(count / 8));
  for (let k = 0; k < count; k++) bytes[k >> 3]! |= (bits[from + k]! & 1) << (k & 7);
  return bytes;
}

/** Writes the first `count` bits of `bytes` to `bits` from `at` on; there must be as many. */
export function unpackBits(bytes: Uint8Array, count: number, bits: Uint8Array, at: number): void {
  for (let k = 0; k < count; k++) bits[at + k] = (bytes[k >> 3]! >> (k & 7)) & 1;
}

/** Encrypts or decrypts the first `count` bits in place. */
export function applyKeyStream(bits: Uint8Array, count: number, keyStream: KeyStream | undefined): void {
  if (keyStream === undefined || count === 0) return;
  const key = keyStream(Math.ceil(count / 8));
  for (let k = 0; k < count; k++) bits[k]! ^= (key[k >> 3]! >> (k & 7)) & 1;
}
