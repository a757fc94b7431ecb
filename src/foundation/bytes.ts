/** Byte helpers that need neither Node nor a browser. */
import { ScansealError } from "./errors.ts";

export type Bytes = Uint8Array;

export function concatBytes(parts: readonly Bytes[]): Bytes {
  let total = 0;
  for (const part of parts) total += part.length;
  const out = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export function equalBytes(a: Bytes, b: Bytes): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

const hexPairs: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, "0"),
);

export function toHex(bytes: Bytes): string {
  let out = "";
  for (let i = 0; i < bytes.length; i++) out += hexPairs[bytes[i]!]!;
  return out;
}

/** @throws ScansealError `usage` when the text is not an even number of hexadecimal digits */
export function fromHex(text: string): Bytes {
  if (!/^([0-9a-fA-F]{2})*$/.test(text)) throw new ScansealError("usage", "not hexadecimal");
  const out = new Uint8Array(text.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return out;
}

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const base64Value = new Int16Array(128).fill(-1);
for (let i = 0; i < 64; i++) base64Value[base64Alphabet.charCodeAt(i)] = i;

/** The two characters of every 12 bits. */
const base64Pairs: readonly string[] = Array.from(
  { length: 4096 },
  (_, n) => base64Alphabet[n >> 6]! + base64Alphabet[n & 63]!,
);

/** RFC 4648 section 4, with padding. */
export function toBase64(bytes: Bytes): string {
  const whole = bytes.length - (bytes.length % 3);
  let out = "";
  for (let i = 0; i < whole; i += 3) {
    const n = (bytes[i]! << 16) | (bytes[i + 1]! << 8) | bytes[i + 2]!;
    out += base64Pairs[n >> 12]! + base64Pairs[n & 4095]!;
  }
  if (whole === bytes.length) return out;
  const n = (bytes[whole]! << 16) | ((bytes[whole + 1] ?? 0) << 8);
  const third = whole + 1 === bytes.length ? "=" : base64Alphabet[(n >> 6) & 63]!;
  return `${out}${base64Pairs[n >> 12]!}${third}=`;
}

/**
 * RFC 4648 section 4, strictly: padding required, no white space, unused bits zero (section 3.5), so that one value has one text.
 * @throws ScansealError `usage`
 */
export function fromBase64(text: string): Bytes {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const digits = text.length - padding;
  const out = new Uint8Array((digits * 3) >> 2);
  let bits = 0;
  // Negative once a character is none of the 64.
  let fault = text.length % 4 === 0 ? 0 : -1;
  for (let i = 0, at = 0; i < digits; i++) {
    const code = text.charCodeAt(i);
    const digit = code < 128 ? base64Value[code]! : -1;
    fault |= digit;
    bits = (bits << 6) | digit;
    // 6, 12, 18 or 24 bits since the last whole group.
    const phase = i & 3;
    if (phase > 0) out[at++] = bits >> (6 - 2 * phase);
  }
  const unused = padding === 2 ? bits & 15 : padding === 1 ? bits & 3 : 0;
  if (fault < 0 || unused !== 0) throw new ScansealError("usage", "not canonical base64");
  return out;
}

/** One character per byte (ISO 8859-1), in chunks so that no call has too many arguments. */
export function latin1(bytes: Bytes): string {
  if (bytes.length <= 4096) return fromCharCodes(bytes);
  let out = "";
  for (let i = 0; i < bytes.length; i += 4096) out += fromCharCodes(bytes.subarray(i, i + 4096));
  return out;
}

/** `apply` takes a typed array as it is, six times faster than spreading it (measured on 40 bytes). */
function fromCharCodes(bytes: Bytes): string {
  return String.fromCharCode.apply(null, bytes as unknown as number[]);
}

/** @throws ScansealError `usage` for a character above U+00FF */
export function fromLatin1(text: string): Bytes {
  const out = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c > 255) throw new ScansealError("usage", "a character above U+00FF");
    out[i] = c;
  }
  return out;
}

/** UTF-8 (RFC 3629). Lone surrogates become U+FFFD. */
export function utf8(text: string): Bytes {
  const out = new Uint8Array(text.length * 3);
  let at = 0;
  for (const ch of text.toWellFormed()) {
    const c = ch.codePointAt(0)!;
    if (c < 0x80) out[at++] = c;
    else if (c < 0x800) {
      out[at++] = 0xc0 | (c >> 6);
      out[at++] = 0x80 | (c & 63);
    } else if (c < 0x10000) {
      out[at++] = 0xe0 | (c >> 12);
      out[at++] = 0x80 | ((c >> 6) & 63);
      out[at++] = 0x80 | (c & 63);
    } else {
      out[at++] = 0xf0 | (c >> 18);
      out[at++] = 0x80 | ((c >> 12) & 63);
      out[at++] = 0x80 | ((c >> 6) & 63);
      out[at++] = 0x80 | (c & 63);
    }
  }
  return out.slice(0, at);
}

/**
 * Strict UTF-8 decoding: overlong forms, surrogates and stray bytes are refused.
 * @throws ScansealError `usage`
 */
export function fromUtf8(bytes: Bytes): string {
  const text = tryUtf8(bytes);
  if (text === undefined) throw new ScansealError("usage", "not UTF-8");
  return text;
}

/** Strict UTF-8 decoding, or undefined. */
export function tryUtf8(bytes: Bytes): string | undefined {
  const parts: string[] = [];
  let i = 0;
  while (i < bytes.length) {
    const b = bytes[i]!;
    const n =
      b < 0x80 ? 0 : b >= 0xc2 && b < 0xe0 ? 1 : b >= 0xe0 && b < 0xf0 ? 2 : b >= 0xf0 && b < 0xf5 ? 3 : -1;
    if (n < 0 || i + n >= bytes.length) return undefined;
    let c = n === 0 ? b : b & (0x3f >> n);
    for (let k = 1; k <= n; k++) {
      const t = bytes[i + k]!;
      if ((t & 0xc0) !== 0x80) return undefined;
      c = (c << 6) | (t & 63);
    }
    if ((n === 2 && c < 0x800) || (n === 3 && c < 0x10000) || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
      return undefined;
    parts.push(String.fromCodePoint(c));
    i += n + 1;
  }
  return parts.join("");
}

/** Reads and writes in both byte orders; offsets are checked by DataView. */
export function viewOf(bytes: Bytes): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function u16le(n: number): Bytes {
  return Uint8Array.of(n & 255, (n >>> 8) & 255);
}

export function u32le(n: number): Bytes {
  return Uint8Array.of(n & 255, (n >>> 8) & 255, (n >>> 16) & 255, (n >>> 24) & 255);
}

export function u32be(n: number): Bytes {
  return Uint8Array.of((n >>> 24) & 255, (n >>> 16) & 255, (n >>> 8) & 255, n & 255);
}
