/** `c2sp.org/tlog-proof@v1`: everything to check one entry offline. https://c2sp.org/tlog-proof */
import { type Bytes, concatBytes, tryUtf8, utf8 } from "../../../foundation/bytes.ts";
import { decimalOf, hashLines, hashOf, malformed } from "./log-text.ts";

/** 63 hashes take 2.8 KB, a checkpoint with 32 witnesses 5. */
export const proofBytesMax: number = 16 * 1024;
/** As in a request to a witness: 2^63 entries. */
export const pathHashesMax = 63;

const firstLine = "c2sp.org/tlog-proof@v1";

export interface LogProof {
  readonly index: number;
  /** From the leaf's sibling upwards. */
  readonly path: readonly Bytes[];
  /** Verbatim: a signed note. */
  readonly checkpoint: Bytes;
}

export function formatProof({ index, path, checkpoint }: LogProof): Bytes {
  return concatBytes([utf8(`${firstLine}\nindex ${index}\n${hashLines(path)}\n`), checkpoint]);
}

/** @throws ScansealError `log-structure`, also for an `extra` line: nothing authenticates it, and we need none */
export function parseProof(bytes: Bytes): LogProof {
  if (bytes.length > proofBytesMax) malformed("a proof is too large");
  const text = tryUtf8(bytes) ?? malformed("a proof is not UTF-8");
  const head = text.indexOf("\n\n");
  if (head < 0) malformed("a proof without its checkpoint");
  const [first, place, ...lines] = text.slice(0, head).split("\n");
  if (first !== firstLine) malformed("not a proof of format c2sp.org/tlog-proof@v1");
  const index = place?.startsWith("index ") ? decimalOf(place.slice(6)) : undefined;
  if (index === undefined) malformed("a proof without the entry's index");
  if (lines.length > pathHashesMax) malformed("a proof with too many hashes");
  const path = lines.map((line) => hashOf(line) ?? malformed("a proof with a line that is no hash"));
  return { index, path, checkpoint: utf8(text.slice(head + 2)) };
}
