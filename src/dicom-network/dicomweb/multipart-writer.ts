/** multipart/related as it leaves (RFC 2046 5.1, RFC 2387; PS3.18 8.6.1). */
import { type Bytes, fromLatin1, toHex } from "../../foundation/bytes.ts";
import type { Random } from "../../foundation/crypto.ts";

export interface OutgoingPart {
  readonly contentType: string;
  /** "Content-Location", "MIME-Version": names and values of ours. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: AsyncIterable<Bytes>;
}

/** 128 random bits: no body holds it but by design of somebody who has seen it. */
export function newBoundary(random: Random): string {
  return `scanseal-${toHex(random.bytes(16))}`;
}

/** @param type of the parts, for the header's `type` */
export function multipartType(type: string, boundary: string): string {
  return `multipart/related; type="${type}"; boundary=${boundary}`;
}

export async function* writeMultipart(
  parts: AsyncIterable<OutgoingPart>,
  boundary: string,
): AsyncGenerator<Bytes, void, undefined> {
  let isFirst = true;
  for await (const { contentType, headers = {}, body } of parts) {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const start = isFirst ? "" : "\r\n";
    yield fromLatin1(`${start}--${boundary}\r\nContent-Type: ${contentType}\r\n${lines.join("")}\r\n`);
    isFirst = false;
    yield* body;
  }
  yield fromLatin1(`${isFirst ? "" : "\r\n"}--${boundary}--\r\n`);
}
