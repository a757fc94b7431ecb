/** What we put into the log: salted digests, from which nobody learns anything without their openings. spec/transparency-log.md, "Entries" */
import { type Bytes, concatBytes, u32be, utf8 } from "../../../foundation/bytes.ts";
import type { Crypto } from "../../../foundation/crypto.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import { hashBytes } from "./log-text.ts";
import { inclusionRoot } from "./merkle-proof.ts";
import type { TreeHasher } from "./tree-hasher.ts";

export const entryKinds = ["seals", "enrolment", "revocation", "policy", "release"] as const;
export type EntryKind = (typeof entryKinds)[number];

const version = 1;
const entryBytes: number = 2 + hashBytes;
export const saltBytes = 32;
export const contentBytesMax = 65_536;
/** Images of a series; the largest of today have some ten thousand. */
const sealsMax = 1_000_000;
const domain: Bytes = utf8("scanseal/log-leaf/v1\0");

/** What makes an entry checkable. Whoever has it can tell what was logged. */
export interface EntryOpening {
  readonly kind: EntryKind;
  /** 32 random bytes, of this entry alone. */
  readonly salt: Bytes;
  readonly content: Bytes;
}

/** @throws ScansealError `usage` when salt or content are of a wrong size */
export function entryOf({ kind, salt, content }: EntryOpening, crypto: Crypto): Bytes {
  if (salt.length !== saltBytes) throw new ScansealError("usage", "an entry's salt has 32 bytes");
  if (content.length > contentBytesMax) throw new ScansealError("usage", "an entry's content is too large");
  const head = Uint8Array.of(entryKinds.indexOf(kind) + 1);
  const digest = crypto.hash("SHA-256", concatBytes([domain, head, salt, content]));
  return concatBytes([Uint8Array.of(version), head, digest]);
}

/** The kind, or undefined for what is no entry of ours. */
export function kindOf(entry: Bytes): EntryKind | undefined {
  if (entry.length !== entryBytes || entry[0] !== version) return undefined;
  return entryKinds[entry[1]! - 1];
}

/**
 * The content of a `seals` entry.
 * @param payloadDigests SHA-256 of each manifest's payload, in the order they were sealed; 1 to 1,000,000
 * @throws ScansealError `usage`
 */
export function sealsContent(payloadDigests: readonly Bytes[], hasher: TreeHasher): Bytes {
  const { length } = payloadDigests;
  if (length < 1 || length > sealsMax) throw new ScansealError("usage", "a series has 1 to 1,000,000 seals");
  if (payloadDigests.some((digest) => digest.length !== hashBytes))
    throw new ScansealError("usage", "a payload's digest has 32 bytes");
  return concatBytes([u32be(length), hasher.root(payloadDigests.map((digest) => hasher.leaf(digest)))]);
}

/** One image's place in a `seals` entry. */
export interface SealPlace {
  readonly payloadDigest: Bytes;
  readonly index: number;
  readonly count: number;
  readonly path: readonly Bytes[];
}

/** Every image's place, in the order of the digests. */
export function sealPlaces(payloadDigests: readonly Bytes[], hasher: TreeHasher): SealPlace[] {
  const levels = [payloadDigests.map((digest) => hasher.leaf(digest))];
  for (let level = levels[0]!; level.length > 1; levels.push(level)) level = hasher.parents(level);
  return payloadDigests.map((payloadDigest, index) => {
    // A node without a sibling goes up as it is.
    const path = levels.flatMap((level, height) => {
      const at = Math.floor(index / 2 ** height);
      const sibling = level[at % 2 === 0 ? at + 1 : at - 1];
      return sibling ? [sibling] : [];
    });
    return { payloadDigest, index, count: payloadDigests.length, path };
  });
}

/** The content that a place leads to; undefined when the path does not fit index and count. */
export function contentOfPlace(place: SealPlace, hasher: TreeHasher): Bytes | undefined {
  const { payloadDigest, index, count, path } = place;
  if (payloadDigest.length !== hashBytes || count > sealsMax) return undefined;
  const root = inclusionRoot(index, count, hasher.leaf(payloadDigest), path, hasher);
  return root && concatBytes([u32be(count), root]);
}
