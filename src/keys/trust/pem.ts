/** PEM (RFC 7468), strictly: what a trust store exchanges with people and other tools. */
import type { Bytes } from "../../foundation/bytes.ts";
import { fromBase64, toBase64 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";

export type PemLabel = "CERTIFICATE" | "X509 CRL" | "CERTIFICATE REQUEST" | "ENCRYPTED PRIVATE KEY";

/** A bundle of hundreds of certificates; checked before the text is searched. */
const pemCharactersMax: number = 8 * 1024 * 1024;

export function encodePem(label: PemLabel, der: Bytes): string {
  const lines = toBase64(der).match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/**
 * All blocks of this label, in order; other blocks and the text between them (RFC 7468 5.2) are passed over.
 * @throws ScansealError `usage` for a text too large, an unfinished block, or a block that is not base64
 */
export function decodePem(label: PemLabel, text: string): Bytes[] {
  if (text.length > pemCharactersMax) throw new ScansealError("usage", "the PEM text is too large");
  const blocks: Bytes[] = [];
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  for (let at = text.indexOf(begin); at >= 0; at = text.indexOf(begin, at)) {
    const stop = text.indexOf(end, at);
    if (stop < 0) throw new ScansealError("usage", "a PEM block has no end");
    blocks.push(fromBase64(text.slice(at + begin.length, stop).replace(/[\r\n\t ]/g, "")));
    at = stop + end.length;
  }
  return blocks;
}
