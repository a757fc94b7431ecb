/** Salted commitments to single values: spec/commitments.md. */
import { type Bytes, concatBytes, fromLatin1, toHex } from "../../foundation/bytes.ts";
import type { Crypto, Hash } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { treeRoot } from "./tree-root.ts";

export const seedBytes = 32;
const saltBytes = 16;
/** 128 bits: only a second preimage under a salt fixed at capture would help a forger (spec/commitments.md, "Why 16 bytes"). */
export const commitmentBytes = 16;
/** 32 levels of "0040A730/65535/" and a private element with its creator are below 1,400 bytes. */
export const pathBytesMax = 2048;
/** A VR's length is written in 8 bits. */
const vrBytesMax = 255;
/** 500,000 leaves are 16 MiB of records; the reader stops at 100,000 elements and the rest are frames. */
export const leafCountMax = 500_000;

const saltDomain: Bytes = fromLatin1("scanseal/salt/v1");
const leafDomain: Bytes = fromLatin1("scanseal/leaf/v1\0");
/** Longer messages are hashed in parts; nearly all attributes fit. */
const scratchBytes = 4096;

/** Which leaf: path text (ASCII) and VR text, as spec/commitments.md writes them. */
export interface LeafName {
  readonly path: string;
  readonly vr: string;
}

/** A committed leaf, as the leaf table lists it. */
export interface LeafRecord extends LeafName {
  /** 16 bytes. */
  readonly commitment: Bytes;
}

/** A leaf with its value: bytes in memory, or `length` bytes that `feed` gives piece by piece. */
export interface Leaf extends LeafName {
  readonly value: Bytes | StreamedValue;
}

export interface StreamedValue {
  /** Bytes in all, known before they are read. */
  readonly length: number;
  /** @throws ScansealError when the value cannot be read or decoded */
  feed(sink: (bytes: Bytes) => void): Promise<void>;
}

/** Order of leaves: by path as bytes. Paths are ASCII, so text order is byte order. */
export function compareNames(a: LeafName, b: LeafName): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}

/**
 * Commits to the leaves of one object under one seed. The salt of leaf `index` is slice `index` of one XOF output.
 * Not for concurrent use: short messages are built in one scratch buffer.
 */
export class Committer {
  readonly #crypto: Crypto;
  readonly #salts: Bytes;
  readonly #scratch: Bytes = new Uint8Array(scratchBytes);
  readonly #view: DataView = new DataView(this.#scratch.buffer);

  /**
   * `count` is the number of leaves sealed.
   * @throws ScansealError `usage` for a seed that is not 32 bytes or a count out of range
   */
  constructor(crypto: Crypto, seed: Bytes, count: number) {
    if (seed.length !== seedBytes) throw new ScansealError("usage", "a seed is 32 bytes");
    if (!Number.isInteger(count) || count < 0 || count > leafCountMax)
      throw new ScansealError("limit-elements", "too many leaves to commit");
    this.#crypto = crypto;
    this.#salts =
      count === 0 ? new Uint8Array(0) : crypto.shake256(concatBytes([saltDomain, seed]), saltBytes * count);
    this.#scratch.set(leafDomain);
  }

  /** The 16-byte salt that discloses leaf `index` and no other. */
  salt(index: number): Bytes {
    return this.#salts.subarray(saltBytes * index, saltBytes * (index + 1));
  }

  /** Commitment of a value in memory, 16 bytes. */
  commit(index: number, name: LeafName, value: Bytes): Bytes {
    const head = this.#header(index, name, value.length);
    if (head === undefined || head + value.length > scratchBytes) {
      const hash = this.#start(index, name, value.length);
      hash.update(value);
      return hash.digest().slice(0, commitmentBytes);
    }
    this.#scratch.set(value, head);
    const message = this.#scratch.subarray(0, head + value.length);
    return this.#crypto.hash("SHA-256", message).subarray(0, commitmentBytes);
  }

  /**
   * Commitment of a leaf, its bulk value streamed.
   * @throws ScansealError `internal` when the value gives another number of bytes than it said
   */
  async commitLeaf(index: number, leaf: Leaf): Promise<Bytes> {
    const { value } = leaf;
    if (value instanceof Uint8Array) return this.commit(index, leaf, value);
    const hash = this.#start(index, leaf, value.length);
    let fed = 0;
    await value.feed((bytes) => {
      fed += bytes.length;
      hash.update(bytes);
    });
    if (fed !== value.length) throw new ScansealError("internal", "a value of another length than stated");
    return hash.digest().slice(0, commitmentBytes);
  }

  #start(index: number, name: LeafName, length: number): Hash {
    const hash = this.#crypto.createHash("SHA-256");
    const head = this.#header(index, name, length);
    hash.update(head === undefined ? this.#longHeader(index, name, length) : this.#scratch.subarray(0, head));
    return hash;
  }

  /** Writes everything before the value into the scratch buffer; its length, or undefined when it does not fit. */
  #header(index: number, { path, vr }: LeafName, length: number): number | undefined {
    checkName(path, vr);
    const scratch = this.#scratch;
    if (path.length + vr.length + 64 > scratchBytes) return undefined;
    let at = leafDomain.length;
    const from = saltBytes * index;
    for (let k = 0; k < saltBytes; k++) scratch[at++] = this.#salts[from + k]!;
    this.#view.setUint16(at, path.length, true);
    at += 2;
    for (let k = 0; k < path.length; k++) scratch[at++] = path.charCodeAt(k);
    scratch[at++] = vr.length;
    for (let k = 0; k < vr.length; k++) scratch[at++] = vr.charCodeAt(k);
    this.#view.setUint32(at, length >>> 0, true);
    this.#view.setUint32(at + 4, Math.floor(length / 2 ** 32), true);
    return at + 8;
  }

  #longHeader(index: number, { path, vr }: LeafName, length: number): Bytes {
    const numbers = new Uint8Array(8);
    new DataView(numbers.buffer).setBigUint64(0, BigInt(length), true);
    return concatBytes([leafDomain, this.salt(index), encodeName({ path, vr }), numbers]);
  }
}

/**
 * Commits to sorted leaves.
 * @throws ScansealError `internal` when the leaves are not sorted or a path occurs twice
 */
export async function commitLeaves(
  crypto: Crypto,
  seed: Bytes,
  leaves: readonly Leaf[],
): Promise<LeafRecord[]> {
  const committer = new Committer(crypto, seed, leaves.length);
  const records: LeafRecord[] = [];
  for (const [index, leaf] of leaves.entries()) {
    if (index > 0 && compareNames(leaves[index - 1]!, leaf) >= 0)
      throw new ScansealError("internal", "leaves out of order");
    // No await for values in memory: 300 of them take one millisecond in all.
    const commitment =
      leaf.value instanceof Uint8Array
        ? committer.commit(index, leaf, leaf.value)
        : await committer.commitLeaf(index, leaf);
    records.push({ path: leaf.path, vr: leaf.vr, commitment });
  }
  return records;
}

/** u16 length, path, u8 length, VR. */
function encodeName({ path, vr }: LeafName): Bytes {
  checkName(path, vr);
  const out = new Uint8Array(3 + path.length + vr.length);
  out[0] = path.length & 255;
  out[1] = path.length >>> 8;
  for (let k = 0; k < path.length; k++) out[2 + k] = path.charCodeAt(k);
  out[2 + path.length] = vr.length;
  for (let k = 0; k < vr.length; k++) out[3 + path.length + k] = vr.charCodeAt(k);
  return out;
}

/**
 * Root of the RFC 6962 tree (section 2.1) over the records in their order: leaf = u16 path length, path, u8 VR length, VR, commitment.
 * Lower-case hexadecimal.
 */
export function rootOf(crypto: Crypto, records: readonly LeafRecord[]): string {
  if (records.length === 0) return toHex(crypto.hash("SHA-256", new Uint8Array(0)));
  let scratch: Bytes = new Uint8Array(256);
  const leaves = records.map((record) => {
    const length = 4 + record.path.length + record.vr.length + commitmentBytes;
    if (length > scratch.length) scratch = new Uint8Array(length);
    scratch[0] = 0;
    writeRecord(scratch, 1, record);
    return crypto.hash("SHA-256", scratch.subarray(0, length));
  });
  return toHex(treeRoot(crypto, leaves));
}

function writeRecord(out: Bytes, start: number, { path, vr, commitment }: LeafRecord): void {
  checkName(path, vr);
  let at = start;
  out[at++] = path.length & 255;
  out[at++] = path.length >>> 8;
  for (let k = 0; k < path.length; k++) out[at++] = path.charCodeAt(k);
  out[at++] = vr.length;
  for (let k = 0; k < vr.length; k++) out[at++] = vr.charCodeAt(k);
  out.set(commitment, at);
}

function checkName(path: string, vr: string): void {
  if (path.length > pathBytesMax || vr.length > vrBytesMax)
    throw new ScansealError("limit-length", "a leaf's path is too long");
}
