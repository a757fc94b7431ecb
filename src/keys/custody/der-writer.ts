/** DER (X.690), written: what a certificate, a request, a CRL and an encrypted key are made of. */
import { type Bytes, concatBytes, utf8 } from "../../foundation/bytes.ts";
import { derTag } from "../trust/der.ts";

/** Identifier, length and content. */
export function der(tag: number, ...content: readonly Bytes[]): Bytes {
  const body = concatBytes(content);
  return concatBytes([Uint8Array.of(tag, ...lengthOctets(body.length)), body]);
}

function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length];
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return [0x80 | octets.length, ...octets];
}

export function derSequence(...content: readonly Bytes[]): Bytes {
  return der(derTag.sequence, ...content);
}

/** A non-negative number, or the big-endian octets of one. */
export function derInteger(value: number | Bytes): Bytes {
  const octets = typeof value === "number" ? numberOctets(value) : value;
  let start = 0;
  while (start < octets.length - 1 && octets[start] === 0) start++;
  const digits = octets.subarray(start);
  return der(derTag.integer, digits[0]! >= 0x80 ? Uint8Array.of(0) : new Uint8Array(0), digits);
}

function numberOctets(value: number): Bytes {
  const octets: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Uint8Array.from(octets.length === 0 ? [0] : octets);
}

export function derOid(text: string): Bytes {
  const arcs = text.split(".").map((arc) => BigInt(arc));
  const first = arcs[0]! * 40n + arcs[1]!;
  return der(derTag.oid, Uint8Array.from([first, ...arcs.slice(2)].flatMap(base128)));
}

function base128(arc: bigint): number[] {
  const octets = [Number(arc & 0x7fn)];
  for (let rest = arc >> 7n; rest > 0n; rest >>= 7n) octets.unshift(Number(rest & 0x7fn) | 0x80);
  return octets;
}

export function derUtf8(text: string): Bytes {
  return der(derTag.utf8String, utf8(text));
}

export function derOctets(bytes: Bytes): Bytes {
  return der(derTag.octetString, bytes);
}

/** Whole octets. */
export function derBits(bytes: Bytes): Bytes {
  return der(derTag.bitString, Uint8Array.of(0), bytes);
}

/** A named bit list without trailing zero bits (X.690 11.2.2). */
export function derNamedBits(bits: readonly number[]): Bytes {
  const last = Math.max(...bits);
  const octets = new Uint8Array((last >> 3) + 1);
  for (const bit of bits) octets[bit >> 3] = octets[bit >> 3]! | (0x80 >> (bit & 7));
  return der(derTag.bitString, Uint8Array.of(7 - (last & 7)), octets);
}

export function derTrue(): Bytes {
  return der(derTag.boolean, Uint8Array.of(0xff));
}

export function derNull(): Bytes {
  return der(derTag.nil);
}

/** RFC 5280 4.1.2.5: UTCTime through 2049, then GeneralizedTime; whole seconds, rounded down. */
export function derTime(ms: number): Bytes {
  const digits = new Date(ms).toISOString().replace(/[-:T]/g, "").slice(0, 14);
  const isUtc = Number(digits.slice(0, 4)) < 2050;
  return der(isUtc ? derTag.utcTime : derTag.generalizedTime, utf8(`${isUtc ? digits.slice(2) : digits}Z`));
}

/** RFC 5280 5.3.2 */
export function derGeneralizedTime(ms: number): Bytes {
  const digits = new Date(ms).toISOString().replace(/[-:T]/g, "").slice(0, 14);
  return der(derTag.generalizedTime, utf8(`${digits}Z`));
}
