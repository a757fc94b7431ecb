/**
 * multipart/related as it arrives (RFC 2046 5.1, RFC 2387; PS3.18 8.6.1): parts one after another, their bodies streamed. Strict: boundaries are those
 * that the header names, at the beginning of a line, and nothing else ends a part.
 */
import { type Bytes, concatBytes, equalBytes, fromLatin1, latin1 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { type MediaType, parseMediaType } from "./media-type.ts";

export interface MultipartPart {
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** Of "content-type"; undefined without one. */
  readonly mediaType: MediaType | undefined;
  /** Taken once, to its end, before the next part; what is left of it is read over. Chunks are valid until the next one is asked for. */
  readonly body: AsyncIterable<Bytes>;
}

export interface MultipartLimits {
  readonly partsMax: number;
  /** Of one part. */
  readonly headerBytesMax: number;
}

const defaultLimits: MultipartLimits = { partsMax: 1_000_000, headerBytesMax: 8_192 };
/** RFC 2046 5.1.1: what stands before the first boundary; some write a line of text there. */
const preambleBytesMax = 8_192;
/** RFC 2046 5.1.1: what stands after the last one. */
const epilogueBytesMax = 8_192;

/** @throws ScansealError `peer-protocol` for a header that names no boundary */
export function boundaryOf(contentType: string): string {
  const { type, parameters } = parseMediaType(contentType);
  const boundary = parameters.get("boundary") ?? "";
  // RFC 2046 5.1.1: up to 70 characters, the last one no space.
  const isGood = /^[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]$/.test(boundary);
  if (type !== "multipart/related" || !isGood) throw wrong("no multipart/related with a boundary");
  return boundary;
}

/** @throws ScansealError `peer-protocol` for what is no multipart body, or over a limit; what `body` throws */
export async function* readMultipart(
  contentType: string,
  body: AsyncIterable<Bytes>,
  limits: MultipartLimits = defaultLimits,
): AsyncGenerator<MultipartPart, void, undefined> {
  const reader = new BodyReader(body, boundaryOf(contentType));
  try {
    yield* reader.parts(limits);
  } finally {
    await reader.end();
  }
}

/** @throws ScansealError `peer-protocol` for a body without exactly one part */
export async function* onlyPart(contentType: string, body: AsyncIterable<Bytes>): AsyncGenerator<Bytes> {
  let part: MultipartPart | undefined;
  for await (const next of readMultipart(contentType, body)) {
    if (part) throw wrong("more than one part");
    part = next;
    yield* part.body;
  }
  if (!part) throw wrong("no part");
}

const lineEnd: Bytes = fromLatin1("\r\n");

class BodyReader {
  readonly #chunks: AsyncIterator<Bytes>;
  /** CRLF, two dashes, boundary. */
  readonly #delimiter: Bytes;
  /** Begins as if a line had ended: the first boundary needs none before it. */
  #buffer: Bytes = lineEnd;
  #isOver = false;

  constructor(body: AsyncIterable<Bytes>, boundary: string) {
    this.#chunks = body[Symbol.asyncIterator]();
    this.#delimiter = fromLatin1(`\r\n--${boundary}`);
  }

  async *parts({
    partsMax,
    headerBytesMax,
  }: MultipartLimits): AsyncGenerator<MultipartPart, void, undefined> {
    let preamble = 0;
    for await (const chunk of this.#upToDelimiter()) {
      preamble += chunk.length;
      if (preamble > preambleBytesMax) throw wrong("no boundary at the beginning");
    }
    for (let count = 0; await this.#isAnotherPart(); count++) {
      if (count === partsMax) throw wrong("too many parts");
      const headers = parseHeaders(await this.#headerBlock(headerBytesMax));
      const contentType = headers.get("content-type");
      const mediaType = contentType === undefined ? undefined : parseMediaType(contentType);
      const rest = this.#upToDelimiter();
      yield { headers, mediaType, body: withoutReturn(rest) };
      for await (const _ of rest);
    }
    await this.#readOver();
  }

  /** What is read to its end leaves a connection that serves the next request. Everything that counts has been read. */
  async #readOver(): Promise<void> {
    try {
      for (let bytes = 0; bytes <= epilogueBytesMax; ) {
        const next = await this.#chunks.next();
        if (next.done === true) {
          this.#isOver = true;
          return;
        }
        bytes += next.value.length;
      }
    } catch {
      this.#isOver = true;
    }
  }

  /** After a delimiter: two dashes end it all, a line's end (after white space, RFC 2046 5.1.1) begins a part. */
  async #isAnotherPart(): Promise<boolean> {
    await this.#fill(2);
    if (equalBytes(this.#buffer.subarray(0, 2), fromLatin1("--"))) return false;
    for (let padding = 0; ; padding++) {
      await this.#fill(2);
      const [first, second] = this.#buffer;
      if (first === 0x0d && second === 0x0a) break;
      if ((first !== 0x20 && first !== 0x09) || padding === 64) throw wrong("text after a boundary");
      this.#buffer = this.#buffer.subarray(1);
    }
    // The line's end stays: without headers the empty line follows at once.
    return true;
  }

  /** Up to and without the empty line; each header's line begins with CRLF. */
  async #headerBlock(bytesMax: number): Promise<string> {
    const emptyLine = fromLatin1("\r\n\r\n");
    for (let from = 0; ; ) {
      const at = indexOf(this.#buffer, emptyLine, from);
      if (at >= 0) {
        const block = latin1(this.#buffer.subarray(0, at));
        // The body's first line begins where the empty one ends; a boundary may follow at once.
        this.#buffer = this.#buffer.subarray(at + 2);
        this.#isAtStart = true;
        return block;
      }
      if (this.#buffer.length > bytesMax) throw wrong("headers that are too long");
      from = Math.max(0, this.#buffer.length - 3);
      await this.#more();
    }
  }

  /** Of a part whose body has not been looked at: its CRLF is the delimiter's, or the empty line's. */
  #isAtStart = false;

  async *#upToDelimiter(): AsyncGenerator<Bytes, void, undefined> {
    const delimiter = this.#delimiter;
    if (this.#isAtStart) {
      this.#isAtStart = false;
      await this.#fill(delimiter.length);
      if (!equalBytes(this.#buffer.subarray(0, delimiter.length), delimiter))
        this.#buffer = this.#buffer.subarray(2);
    }
    for (;;) {
      const at = indexOf(this.#buffer, delimiter, 0);
      if (at >= 0) {
        const before = this.#buffer.subarray(0, at);
        this.#buffer = this.#buffer.subarray(at + delimiter.length);
        if (before.length > 0) yield before;
        return;
      }
      // What could be the beginning of a delimiter stays.
      const safe = this.#buffer.length - (delimiter.length - 1);
      if (safe > 0) {
        const before = this.#buffer.subarray(0, safe);
        this.#buffer = this.#buffer.slice(safe);
        yield before;
      }
      await this.#more();
    }
  }

  /** At least `bytes` in the buffer. */
  async #fill(bytes: number): Promise<void> {
    while (this.#buffer.length < bytes) await this.#more();
  }

  async #more(): Promise<void> {
    const next = await this.#chunks.next();
    if (next.done === true) {
      this.#isOver = true;
      throw wrong("it ends before its last boundary");
    }
    const chunk = next.value;
    this.#buffer = this.#buffer.length === 0 ? chunk : concatBytes([this.#buffer, chunk]);
  }

  async end(): Promise<void> {
    if (!this.#isOver) await this.#chunks.return?.();
  }
}

/** Who stops taking a body ends nothing: the reader itself goes on to the next boundary. */
function withoutReturn(chunks: AsyncGenerator<Bytes, void, undefined>): AsyncIterable<Bytes> {
  return { [Symbol.asyncIterator]: () => ({ next: () => chunks.next() }) };
}

function indexOf(bytes: Bytes, wanted: Bytes, from: number): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(wanted, from);
}

/** RFC 5322 2.2, without folding: nobody needs it, and it hides things. */
function parseHeaders(block: string): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const line of block.split("\r\n").filter((one) => one !== "")) {
    const found = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,127}):[ \t]*([\x20-\x7e\t]*)$/.exec(line);
    if (!found) throw wrong("a header that is none");
    const name = found[1]!.toLowerCase();
    if (headers.has(name)) throw wrong("a header twice");
    headers.set(name, found[2]!.trimEnd());
  }
  return headers;
}

function wrong(what: string): ScansealError {
  return new ScansealError("peer-protocol", `the multipart body is malformed: ${what}`);
}
