/** Checkpoints: what a log says it holds. https://c2sp.org/tlog-checkpoint */
import { type Bytes, toBase64 } from "../../../foundation/bytes.ts";
import { decimalOf, hashOf, malformed } from "./log-text.ts";
import type { TreeHead } from "./merkle-proof.ts";
import { type Note, parseNote } from "./signed-note.ts";

export interface Checkpoint extends TreeHead {
  readonly origin: string;
  readonly note: Note;
}

/** The text that is signed. */
export function checkpointText(origin: string, { size, root }: TreeHead): string {
  return `${origin}\n${size}\n${toBase64(root)}\n`;
}

/** Nothing of it is true before its signatures were checked. @throws ScansealError `log-structure` */
export function parseCheckpoint(bytes: Bytes): Checkpoint {
  const note = parseNote(bytes);
  const [origin, count, root, end, ...more] = note.text.split("\n");
  const size = decimalOf(count ?? "");
  const hash = hashOf(root ?? "");
  // No extension lines: no monitor could audit them.
  if (!origin || size === undefined || !hash || end !== "" || more.length > 0)
    malformed("a checkpoint has three lines: origin, size, root");
  return { origin, size, root: hash, note };
}
