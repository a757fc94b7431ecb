/** `POST add-checkpoint`: what a log asks a witness. https://c2sp.org/tlog-witness */
import { type Bytes, concatBytes, latin1, tryUtf8, utf8 } from "../../../foundation/bytes.ts";
import { type Checkpoint, parseCheckpoint } from "./checkpoint.ts";
import { pathHashesMax } from "./log-proof.ts";
import { decimalOf, hashLines, hashOf, malformed } from "./log-text.ts";
import { type NoteSignature, parseSignatures } from "./signed-note.ts";

/** 63 hashes and a checkpoint that a few others have signed. */
export const witnessRequestBytesMax: number = 32 * 1024;

export interface WitnessRequest {
  readonly oldSize: number;
  readonly path: readonly Bytes[];
  readonly checkpoint: Checkpoint;
}

export function formatWitnessRequest(oldSize: number, path: readonly Bytes[], checkpoint: Bytes): Bytes {
  return concatBytes([utf8(`old ${oldSize}\n${hashLines(path)}\n`), checkpoint]);
}

/** @throws ScansealError `log-structure` */
export function parseWitnessRequest(bytes: Bytes): WitnessRequest {
  if (bytes.length > witnessRequestBytesMax) malformed("a request is too large");
  const text = tryUtf8(bytes) ?? malformed("a request is not UTF-8");
  const head = text.indexOf("\n\n");
  if (head < 0) malformed("a request without its checkpoint");
  const [old, ...lines] = text.slice(0, head).split("\n");
  const oldSize = old?.startsWith("old ") ? decimalOf(old.slice(4)) : undefined;
  if (oldSize === undefined) malformed("a request without the old size");
  if (lines.length > pathHashesMax) malformed("a request with too many hashes");
  const path = lines.map((line) => hashOf(line) ?? malformed("a request with a line that is no hash"));
  return { oldSize, path, checkpoint: parseCheckpoint(utf8(text.slice(head + 2))) };
}

export type WitnessAnswer =
  | { readonly kind: "signed"; readonly signatures: readonly NoteSignature[] }
  /** It has cosigned this size last. */
  | { readonly kind: "size"; readonly size: number }
  /** No answer, or one that says no: tried again with the next checkpoint. */
  | { readonly kind: "failed"; readonly why: string };

/** Whatever is no answer of the protocol is a failure, not an error. */
export function witnessAnswer(status: number, body: Bytes): WitnessAnswer {
  if (status === 409) {
    const size = decimalOf(latin1(body).replace(/\n$/, ""));
    return size === undefined ? { kind: "failed", why: "409 without a size" } : { kind: "size", size };
  }
  if (status !== 200) return { kind: "failed", why: `status ${status}` };
  try {
    return { kind: "signed", signatures: parseSignatures(tryUtf8(body) ?? "") };
  } catch {
    return { kind: "failed", why: "an answer that is no signature" };
  }
}
