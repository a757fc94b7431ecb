/** The one object of a WADO-RS answer (PS3.18 8.6.1.2, RFC 2046 5.1), as it arrives: nothing is kept but what may be a boundary. */
import { type Bytes, concatBytes, latin1 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";

/** RFC 2046 5.1.1: at most 70 characters. */
const boundaryForm = /;\s*boundary=(?:"([ -!#-~]{1,70})"|([!#-~]{1,70}?))\s*(?:;|$)/i;
/** Of a part: a dozen lines. */
const headBytesMax = 16 << 10;

/** @throws ScansealError `peer-protocol` for an answer without exactly one part */
export async function* onlyPart(contentType: string, body: AsyncIterable<Bytes>): AsyncGenerator<Bytes> {
  const [, quoted, plain] = /^multipart\/related\b/i.test(contentType)
    ? (boundaryForm.exec(contentType) ?? [])
    : [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) throw unexpected("no multipart answer");
  const chunks = body[Symbol.asyncIterator]();
  let held: Bytes = new Uint8Array(0);
  const more = async (): Promise<boolean> => {
    const next = await chunks.next();
    if (next.done === true) return false;
    held = concatBytes([held, next.value]);
    return true;
  };
  try {
    // The preamble, the first boundary, and the part's header up to an empty line.
    let start = -1;
    while (start < 0) {
      const text = latin1(held);
      const first = text.indexOf(`--${boundary}\r\n`);
      const empty = first < 0 ? -1 : text.indexOf("\r\n\r\n", first + boundary.length + 2);
      if (empty >= 0) start = empty + 4;
      else if (held.length > headBytesMax || !(await more())) throw unexpected("no part in the answer");
    }
    held = held.subarray(start);
    const end = `\r\n--${boundary}`;
    for (;;) {
      const at = indexOf(held, end);
      if (at >= 0) {
        if (at > 0) yield held.subarray(0, at);
        held = held.subarray(at + end.length);
        break;
      }
      const safe = held.length - end.length;
      if (safe > 0) {
        yield held.subarray(0, safe);
        held = held.subarray(safe);
      }
      if (!(await more())) throw unexpected("the answer ends before its part does");
    }
    while (held.length < 2) if (!(await more())) throw unexpected("the answer ends before its part does");
    if (latin1(held.subarray(0, 2)) !== "--") throw unexpected("more than one part in the answer");
  } finally {
    await chunks.return?.();
  }
}

function indexOf(bytes: Bytes, text: string): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf(text, 0, "latin1");
}

function unexpected(what: string): ScansealError {
  return new ScansealError("peer-protocol", `the archive's answer is not as expected: ${what}`);
}
