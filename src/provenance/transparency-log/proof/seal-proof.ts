/** The proof that a manifest is in a log, for whoever has the manifest: late evidence of type log-proof. spec/transparency-log.md, "Proof of a seal" */
import { type Bytes, concatBytes, u32be, viewOf } from "../../../foundation/bytes.ts";
import type { Crypto } from "../../../foundation/crypto.ts";
import { contentOfPlace, entryOf, type SealPlace, saltBytes } from "./log-entry.ts";
import { proofBytesMax } from "./log-proof.ts";
import { hashBytes, malformed } from "./log-text.ts";
import { TreeHasher } from "./tree-hasher.ts";

const version = 1;
/** u8 version, salt, u32 index, u32 count, u8 number of hashes. */
const headBytes: number = 1 + saltBytes + 4 + 4 + 1;
/** Of a million seals. */
const pathMax = 20;

export interface SealProof {
  /** 32 bytes: of the entry. */
  readonly salt: Bytes;
  /** The seal's place in its series' entry. */
  readonly place: Omit<SealPlace, "payloadDigest">;
  /** `c2sp.org/tlog-proof@v1` */
  readonly proof: Bytes;
}

export function encodeSealProof({ salt, place, proof }: SealProof): Bytes {
  const { index, count, path } = place;
  const numbers = [u32be(index), u32be(count), Uint8Array.of(path.length)];
  return concatBytes([Uint8Array.of(version), salt, ...numbers, ...path, proof]);
}

/** @throws ScansealError `log-structure` */
export function decodeSealProof(bytes: Bytes): SealProof {
  if (bytes.length < headBytes || bytes[0] !== version) malformed("a seal's proof is of another form");
  const view = viewOf(bytes);
  const at = 1 + saltBytes;
  const hashes = bytes[headBytes - 1]!;
  const proofAt = headBytes + hashes * hashBytes;
  if (hashes > pathMax || bytes.length <= proofAt || bytes.length - proofAt > proofBytesMax)
    malformed("a seal's proof is of another form");
  const path = Array.from({ length: hashes }, (_, n) => {
    const start = headBytes + n * hashBytes;
    return bytes.subarray(start, start + hashBytes);
  });
  return {
    salt: bytes.subarray(1, at),
    place: { index: view.getUint32(at), count: view.getUint32(at + 4), path },
    proof: bytes.subarray(proofAt),
  };
}

/** The entry that a manifest's place leads to; undefined when the path does not fit index and count. @param payloadDigest 32 bytes */
export function entryOfSeal(
  { salt, place }: SealProof,
  payloadDigest: Bytes,
  crypto: Crypto,
): Bytes | undefined {
  const content = contentOfPlace({ ...place, payloadDigest }, new TreeHasher(crypto));
  return content && entryOf({ kind: "seals", salt, content }, crypto);
}
