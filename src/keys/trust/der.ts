/**
 * A strict cursor over DER (X.690 section 10 and 11): definite, minimal lengths, canonical contents, bounds checked before reading.
 * It never descends on its own: the depth is fixed by the code that reads a known structure. Nothing is copied.
 */
import type { Bytes } from "../../foundation/bytes.ts";
import { latin1, toHex, tryUtf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";

/** Identifier octets of the types that certificates use. */
export const derTag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  nil: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Real object identifiers take 3 to 20 bytes, one under 2.25 up to 22: 64 keeps BigInt arithmetic cheap. */
const oidBytesMax = 64;

export interface DerValue {
  readonly tag: number;
  /** From the start of the outermost structure. */
  readonly offset: number;
  /** Identifier, length and content. */
  readonly whole: Bytes;
  readonly content: Bytes;
}

/** @throws ScansealError `certificate-invalid`, always */
export function refuse(message: string, offset?: number): never {
  throw new ScansealError("certificate-invalid", message, { offset });
}

export class DerReader {
  readonly #bytes: Bytes;
  readonly #base: number;
  #at = 0;

  /** @param base offset of `bytes` in the outermost structure, for errors */
  constructor(bytes: Bytes, base = 0) {
    this.#bytes = bytes;
    this.#base = base;
  }

  get isDone(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** The next identifier octet, or undefined at the end. */
  get nextTag(): number | undefined {
    return this.#bytes[this.#at];
  }

  /** @throws ScansealError `certificate-invalid` when the next value is absent, not DER, or of another type */
  read(what: string, tag?: number): DerValue {
    const bytes = this.#bytes;
    const start = this.#at;
    const offset = this.#base + start;
    if (start + 2 > bytes.length) refuse(`${what} is missing or cut short`, offset);
    const found = bytes[start]!;
    // X.690 8.1.2.4: tag numbers above 30 do not occur in RFC 5280.
    if ((found & 0x1f) === 0x1f) refuse(`${what} has a long tag`, offset);
    if (tag !== undefined && found !== tag) refuse(`${what} has an unexpected type`, offset);
    const [length, contentStart] = this.#length(what, start + 1);
    if (length > bytes.length - contentStart) refuse(`${what} reaches past its parent`, offset);
    const end = contentStart + length;
    this.#at = end;
    return {
      tag: found,
      offset,
      whole: bytes.subarray(start, end),
      content: bytes.subarray(contentStart, end),
    };
  }

  /** X.690 10.1: the definite form in the fewest octets. */
  #length(what: string, at: number): [length: number, contentStart: number] {
    const first = this.#bytes[at]!;
    if (first < 0x80) return [first, at + 1];
    const count = first & 0x7f;
    // Four length octets reach 4 GiB; every structure read here is far below.
    if (count === 0 || count > 4) refuse(`${what} has an indefinite or oversized length`, this.#base + at);
    if (at + 1 + count > this.#bytes.length) refuse(`${what} is cut short`, this.#base + at);
    let length = 0;
    for (let i = 1; i <= count; i++) length = length * 256 + this.#bytes[at + i]!;
    const isMinimal = length >= 0x80 && this.#bytes[at + 1] !== 0;
    if (!isMinimal) refuse(`${what} has a length in too many octets`, this.#base + at);
    return [length, at + 1 + count];
  }

  /** A reader over the content of the next value. */
  enter(what: string, tag: number = derTag.sequence): DerReader {
    return readerOf(this.read(what, tag));
  }

  /** The next value when it has this identifier. */
  optional(what: string, tag: number): DerValue | undefined {
    return this.nextTag === tag ? this.read(what, tag) : undefined;
  }

  /** @throws ScansealError `certificate-invalid` when something is left */
  end(what: string): void {
    if (!this.isDone) refuse(`${what} is followed by further bytes`, this.#base + this.#at);
  }
}

export function readerOf(value: DerValue): DerReader {
  return new DerReader(value.content, value.offset + value.whole.length - value.content.length);
}

/** X.690 11.1: TRUE is FF. */
export function booleanOf(value: DerValue): boolean {
  const byte = value.content[0];
  if (value.content.length !== 1 || (byte !== 0 && byte !== 0xff))
    refuse("a BOOLEAN is not DER", value.offset);
  return byte === 0xff;
}

/** Two's complement, big-endian, in the fewest octets (X.690 8.3.2). */
export function integerOf(value: DerValue): Bytes {
  const c = value.content;
  const isPadded = c.length > 1 && ((c[0] === 0 && c[1]! < 0x80) || (c[0] === 0xff && c[1]! >= 0x80));
  if (c.length === 0 || isPadded) refuse("an INTEGER is not DER", value.offset);
  return c;
}

/** A non-negative INTEGER below 2^31. */
export function smallIntegerOf(value: DerValue): number {
  const c = integerOf(value);
  if (c.length > 4 || c[0]! >= 0x80) refuse("an INTEGER is out of range", value.offset);
  return c.reduce((n, byte) => n * 256 + byte, 0);
}

/** A serial number (RFC 5280 4.1.2.2): positive, at most 20 octets; lower-case hexadecimal without leading zero octets. */
export function serialOf(value: DerValue): string {
  const content = integerOf(value);
  if (content[0]! >= 0x80 || (content.length === 1 && content[0] === 0)) {
    refuse("the serial number is not positive", value.offset);
  }
  if (content.length > 20) refuse("the serial number has more than 20 octets", value.offset);
  return toHex(content[0] === 0 ? content.subarray(1) : content);
}

/** Whole octets: the number of unused bits must be zero. */
export function bitStringBytesOf(value: DerValue): Bytes {
  if (value.content.length === 0 || value.content[0] !== 0)
    refuse("a BIT STRING has unused bits", value.offset);
  return value.content.subarray(1);
}

/** A named bit list (X.690 11.2.2: no trailing zero bits): the numbers of the bits that are set, bit 0 first. */
export function namedBitsOf(value: DerValue): number[] {
  const c = value.content;
  const unused = c[0];
  const last = c[c.length - 1];
  if (unused === undefined || unused > 7 || c.length < 2 || c.length > 3) {
    refuse("a named BIT STRING has an unexpected length", value.offset);
  }
  const isCanonical = (last! & ((1 << unused) - 1)) === 0 && (last! & (1 << unused)) !== 0;
  if (!isCanonical) refuse("a named BIT STRING is not DER", value.offset);
  const bits: number[] = [];
  for (let i = 0; i < (c.length - 1) * 8; i++) if (c[1 + (i >> 3)]! & (0x80 >> (i & 7))) bits.push(i);
  return bits;
}

/** Dotted decimal. Arcs of any size: 2.25 takes whole UUIDs (X.667). */
export function oidOf(value: DerValue): string {
  const c = value.content;
  if (c.length === 0 || c.length > oidBytesMax || c[c.length - 1]! >= 0x80) {
    refuse("an OBJECT IDENTIFIER is empty, too long or cut short", value.offset);
  }
  const arcs: bigint[] = [];
  let arc = 0n;
  let isFresh = true;
  for (const byte of c) {
    if (isFresh && byte === 0x80) refuse("an OBJECT IDENTIFIER is not DER", value.offset);
    arc = (arc << 7n) | BigInt(byte & 0x7f);
    isFresh = byte < 0x80;
    if (!isFresh) continue;
    if (arcs.length > 0) arcs.push(arc);
    else if (arc < 80n) arcs.push(arc / 40n, arc % 40n);
    else arcs.push(2n, arc - 80n);
    arc = 0n;
  }
  return arcs.join(".");
}

/** UTCTime or GeneralizedTime exactly as RFC 5280 4.1.2.5 writes them: seconds, `Z`, no fraction, UTCTime until 2049 (unless `isAnyYear`). Milliseconds. */
export function timeOf(value: DerValue, options: { readonly isAnyYear?: boolean } = {}): number {
  const isUtc = value.tag === derTag.utcTime;
  if (!isUtc && value.tag !== derTag.generalizedTime) refuse("a time has an unexpected type", value.offset);
  const text = latin1(value.content);
  if (!(isUtc ? /^\d{12}Z$/ : /^\d{14}Z$/).test(text))
    refuse("a time is not as RFC 5280 4.1.2.5", value.offset);
  const two = Number(text.slice(0, 2));
  // RFC 5280 4.1.2.5.1: YY >= 50 is 19YY.
  const year = isUtc ? (two >= 50 ? 1900 + two : 2000 + two) : Number(text.slice(0, 4));
  const at = isUtc ? 2 : 4;
  const [month, day, hour, minute, second] = [0, 2, 4, 6, 8].map((i) =>
    Number(text.slice(at + i, at + i + 2)),
  );
  const ms = Date.UTC(year, month! - 1, day!, hour!, minute!, second!);
  const date = new Date(ms);
  const isReal =
    date.getUTCFullYear() === year &&
    date.getUTCMonth() + 1 === month &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute &&
    date.getUTCSeconds() === second;
  if (!isReal) refuse("a time does not exist", value.offset);
  if (!isUtc && year < 2050 && options.isAnyYear !== true)
    refuse("a time before 2050 must be UTCTime", value.offset);
  return ms;
}

/** Text of a directory string, or undefined for a type that is none. Never compared, only shown. */
export function directoryTextOf(value: DerValue): string | undefined {
  const c = value.content;
  switch (value.tag) {
    case derTag.utf8String:
      return tryUtf8(c);
    case derTag.printableString:
    case derTag.ia5String:
      return c.every((byte) => byte < 0x80) ? latin1(c) : undefined;
    case derTag.teletexString:
      return latin1(c);
    case derTag.bmpString: {
      if (c.length % 2 !== 0) return undefined;
      let text = "";
      for (let i = 0; i < c.length; i += 2) text += String.fromCharCode((c[i]! << 8) | c[i + 1]!);
      return text.isWellFormed() ? text : undefined;
    }
    default:
      return undefined;
  }
}
