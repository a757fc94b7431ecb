/** ECDSA signatures over P-256: 64 bytes in the payload, DER (RFC 3279 2.2.3) at the crypto port. */
import { type Bytes, fromHex } from "../foundation/bytes.ts";

const numberBytes = 32;
export const rawSignatureBytes: number = 2 * numberBytes;

const sequenceTag = 0x30;
const integerTag = 0x02;

/** The order n of P-256's base point (FIPS 186-5, SP 800-186 3.2.1.3), and n / 2. */
const order: Bytes = fromHex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
const halfOrder: Bytes = fromHex("7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8");

/**
 * Of (r, s) and (r, n - s), both valid whoever turns one into the other, only that with the lower s is a watermark's: with the other, carriers could be changed and
 * the frame would still be intact.
 */
export function hasLowS(raw: Bytes): boolean {
  const s = raw.subarray(numberBytes);
  const first = s.findIndex((byte, i) => byte !== halfOrder[i]);
  return first < 0 || s[first]! < halfOrder[first]!;
}

/** The same signature with the lower s. */
export function withLowS(raw: Bytes): Bytes {
  if (hasLowS(raw)) return raw;
  const low = raw.slice();
  let borrow = 0;
  for (let i = numberBytes - 1; i >= 0; i--) {
    const difference = order[i]! - raw[numberBytes + i]! - borrow;
    low[numberBytes + i] = difference;
    borrow = difference < 0 ? 1 : 0;
  }
  return low;
}

/** @param raw r || s, 32 bytes each, big endian */
export function signatureToDer(raw: Bytes): Bytes {
  const r = derInteger(raw.subarray(0, numberBytes));
  const s = derInteger(raw.subarray(numberBytes, rawSignatureBytes));
  // At most 2 * 35 bytes: the length fits one byte.
  return Uint8Array.of(sequenceTag, r.length + s.length, ...r, ...s);
}

/** @returns r || s; undefined: not two natural numbers of at most 32 bytes in strict DER */
export function signatureFromDer(der: Bytes): Bytes | undefined {
  if (der.length < 2 || der[0] !== sequenceTag || der[1] !== der.length - 2 || der[1]! > 127)
    return undefined;
  const raw = new Uint8Array(rawSignatureBytes);
  let at = 2;
  for (const end of [numberBytes, rawSignatureBytes]) {
    if (at + 2 > der.length || der[at] !== integerTag) return undefined;
    const length = der[at + 1]!;
    const value = der.subarray(at + 2, at + 2 + length);
    at += 2 + length;
    if (value.length !== length || !isStrictNatural(value)) return undefined;
    const digits = value[0] === 0 ? value.subarray(1) : value;
    if (digits.length > numberBytes) return undefined;
    raw.set(digits, end - digits.length);
  }
  return at === der.length ? raw : undefined;
}

/** X.690 8.3.2: as few bytes as possible. */
function isStrictNatural(value: Bytes): boolean {
  if (value.length === 0 || value[0]! > 127) return false;
  return value[0] !== 0 || value.length === 1 || value[1]! > 127;
}

function derInteger(digits: Bytes): number[] {
  let first = 0;
  while (first < digits.length - 1 && digits[first] === 0) first++;
  const value = Array.from(digits.subarray(first));
  if (value[0]! > 127) value.unshift(0);
  return [integerTag, value.length, ...value];
}
