/** Asks whether a sealed value was a certain one. The commitment opens to a guess or it does not; the original itself is never read. */
import { padded } from "../../dicom/encode.ts";
import { type Bytes, equalBytes, fromLatin1, u16le } from "../../foundation/bytes.ts";
import type { Crypto } from "../../foundation/crypto.ts";
import { Committer } from "../disclosure/commitment.ts";
import { decodeLeafTable } from "../disclosure/leaf-table.ts";

export type SealedValueTest = (path: string, guess: string) => boolean;

export interface Opening {
  readonly seed?: Bytes | undefined;
  readonly table?: Bytes | undefined;
}

/** For a seed and table that fit their statement; a guess is text without padding, or a decimal number for US. */
export function sealedValueTest(crypto: Crypto, { seed, table }: Opening): SealedValueTest {
  if (!seed || !table) return () => false;
  const records = decodeLeafTable(table);
  const committer = new Committer(crypto, seed, records.length);
  return (path, guess) => {
    const index = records.findIndex((record) => record.path === path);
    const record = records[index];
    if (!record) return false;
    const value = record.vr.startsWith("US") ? u16le(Number(guess)) : padded(fromLatin1(guess), "LO");
    return equalBytes(committer.commit(index, record, value), record.commitment);
  };
}
