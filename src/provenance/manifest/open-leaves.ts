/** Beside a signature that proves the elements it covers: are the others as sealed, and is none of them gone? */
import { findElement } from "../../dicom/elements.ts";
import type { DicomObject } from "../../dicom/model.ts";
import { type Tag, tags } from "../../dicom/tags.ts";
import { type Bytes, equalBytes } from "../../foundation/bytes.ts";
import type { Crypto } from "../../foundation/crypto.ts";
import { Committer, type LeafRecord } from "../disclosure/commitment.ts";
import { attributeLeaves } from "./attribute-leaves.ts";

export interface OpenLeavesRequest {
  readonly crypto: Crypto;
  readonly object: DicomObject;
  /** The sealed leaves, in order. */
  readonly records: readonly LeafRecord[];
  readonly seed: Bytes;
  /** Top-level tags, all present, whose elements are proven from their first byte to their last. */
  readonly covered: ReadonlySet<Tag>;
}

const pixelTags: readonly Tag[] = [
  tags.pixelData,
  tags.floatPixelData,
  tags.doubleFloatPixelData,
  tags.extendedOffsetTable,
  tags.extendedOffsetTableLengths,
];

/**
 * Whether every leaf of an element that is not covered is as sealed, and every sealed leaf is one of them or of a covered element. False
 * also where this cannot be told: pixel data has to be covered. What differs is for `compareLeaves` to name.
 * @throws ScansealError `io`, or a limit code
 */
export async function openLeavesFit(request: OpenLeavesRequest): Promise<boolean> {
  const { crypto, object, records, seed, covered } = request;
  if (pixelTags.some((tag) => !covered.has(tag) && findElement(object.elements, tag))) return false;
  const open = new Map<string, number>();
  for (const [index, { path }] of records.entries()) if (!covered.has(topTagOf(path))) open.set(path, index);
  const leaves = await attributeLeaves(object, {
    vrAt: (path) => records[open.get(path) ?? -1]?.vr,
    isAsked: (tag) => !covered.has(tag),
  });
  if (leaves.length !== open.size) return false;
  if (leaves.length === 0) return true;
  const committer = new Committer(crypto, seed, records.length);
  for (const leaf of leaves) {
    const index = open.get(leaf.path);
    const record = index === undefined ? undefined : records[index];
    if (index === undefined || !record || record.vr !== leaf.vr) return false;
    const { value } = leaf;
    const commitment =
      value instanceof Uint8Array
        ? committer.commit(index, leaf, value)
        : await committer.commitLeaf(index, leaf);
    if (!equalBytes(commitment, record.commitment)) return false;
    // As many leaves as records, each of another record.
    open.delete(leaf.path);
  }
  return true;
}

/** "00081140/0/00081155" is part of (0008,1140). NaN for a private path: no set has it. */
function topTagOf(path: string): Tag {
  let tag = 0;
  for (let i = 0; i < 8; i++) tag = tag * 16 + hexDigit(path.charCodeAt(i));
  return tag;
}

/** Upper case, as paths are written; NaN for other characters. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  return code >= 0x41 && code <= 0x46 ? code - 0x37 : Number.NaN;
}
