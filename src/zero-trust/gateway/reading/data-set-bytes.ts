/** What leaves in a C-STORE: the data set without the file's head, hashed as it leaves. */
import { metaBytesMax } from "../../../dicom/limits.ts";
import { metaEndOf } from "../../../dicom/meta-end.ts";
import { type Bytes, concatBytes } from "../../../foundation/bytes.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import type { StagedObject } from "./ports.ts";

/** Preamble, prefix, group 0002, and the next element's header. */
const headBytesMax = 128 + 4 + metaBytesMax + 16;

/** @throws ScansealError `io`, `internal` when the staged bytes changed, or are no Part 10 file */
export async function* dataSetBytes(staged: StagedObject): AsyncGenerator<Bytes, void, undefined> {
  let head: Bytes | undefined = new Uint8Array(0);
  for await (const piece of staged.read()) {
    if (head === undefined) {
      yield piece;
      continue;
    }
    head = head.length === 0 ? piece : concatBytes([head, piece]);
    const start = metaEndOf(head);
    if (start === undefined) {
      if (head.length >= headBytesMax) throw notPart10();
      // Valid until the next one is asked for.
      head = head.slice();
      continue;
    }
    if (start < head.length) yield head.subarray(start);
    head = undefined;
  }
  if (head !== undefined) throw notPart10();
}

function notPart10(): ScansealError {
  return new ScansealError("internal", "an examined object is no Part 10 file");
}
