/** Openings as files: what an entry of the log says, and to whom its owner gives it. */
import { type Bytes, fromBase64, fromHex, toBase64, toHex } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import {
  contentOfPlace,
  type EntryKind,
  type EntryOpening,
  entryKinds,
  entryOf,
  type SealPlace,
} from "../../provenance/transparency-log/proof/log-entry.ts";
import { TreeHasher } from "../../provenance/transparency-log/proof/tree-hasher.ts";

const format = "scanseal-log-opening-1";

/** Of a statement. */
export interface StatementOpening {
  readonly format: typeof format;
  readonly kind: Exclude<EntryKind, "seals">;
  /** Hexadecimal. */
  readonly salt: string;
  /** Base64. */
  readonly content: string;
}

/** Of one image in a `seals` entry. */
export interface ImageOpening {
  readonly format: typeof format;
  readonly kind: "seals";
  readonly salt: string;
  /** Hexadecimal, as the path. */
  readonly payloadDigest: string;
  readonly index: number;
  readonly count: number;
  readonly path: readonly string[];
}

export type Opening = StatementOpening | ImageOpening;

export function statementOpening({ kind, salt, content }: EntryOpening): StatementOpening {
  if (kind === "seals") throw new ScansealError("usage", "a seals entry is opened image by image");
  return { format, kind, salt: toHex(salt), content: toBase64(content) };
}

export function imageOpening(salt: Bytes, { payloadDigest, index, count, path }: SealPlace): ImageOpening {
  const digest = toHex(payloadDigest);
  return {
    format,
    kind: "seals",
    salt: toHex(salt),
    payloadDigest: digest,
    index,
    count,
    path: path.map(toHex),
  };
}

/** Step 5 of spec/transparency-log.md: the entry an opening leads to, or undefined. @throws ScansealError `log-structure` for what is no opening */
export function openedEntry(text: string): Bytes | undefined {
  try {
    const opening = JSON.parse(text) as Opening;
    if (opening.format !== format || !entryKinds.includes(opening.kind))
      throw new TypeError("another format");
    const salt = fromHex(opening.salt);
    const content = opening.kind === "seals" ? imageContent(opening) : fromBase64(opening.content);
    return content && entryOf({ kind: opening.kind, salt, content }, nodeCrypto);
  } catch {
    throw new ScansealError("log-structure", "the opening cannot be read (expected scanseal-log-opening-1)");
  }
}

function imageContent({ payloadDigest, index, count, path }: ImageOpening): Bytes | undefined {
  const place = { payloadDigest: fromHex(payloadDigest), index, count, path: path.map(fromHex) };
  return contentOfPlace(place, new TreeHasher(nodeCrypto));
}
