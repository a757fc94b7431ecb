/** Root of an ordered list of texts, each under a salt of its own: spec/series-manifests.md. */
import { type Bytes, concatBytes, fromLatin1, toHex, u16le } from "../../foundation/bytes.ts";
import type { Crypto } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { seedBytes } from "./commitment.ts";
import { treeRoot } from "./tree-root.ts";

const saltBytes = 16;
const saltDomain: Bytes = fromLatin1("scanseal/list-salt/v1");
const entryDomain: Bytes = fromLatin1("scanseal/list-entry/v1\0");
/** A series has at most 100,000 entries, and one more says which it is. */
const entriesMax = 100_001;

/**
 * Root of the RFC 6962 tree over the entries in their order. An entry is its texts (ISO 8859-1, below 64 KiB), each with its length, so that no two lists
 * are written alike. Lower-case hexadecimal.
 * @throws ScansealError `usage` for a seed that is not 32 bytes, `limit-elements` for no entry or more than 100,001
 */
export function saltedRoot(crypto: Crypto, seed: Bytes, entries: readonly (readonly string[])[]): string {
  if (seed.length !== seedBytes) throw new ScansealError("usage", "a seed is 32 bytes");
  if (entries.length === 0 || entries.length > entriesMax)
    throw new ScansealError("limit-elements", "a list without entries, or with too many");
  const salts = crypto.shake256(concatBytes([saltDomain, seed]), saltBytes * entries.length);
  const leaves = entries.map((texts, i) => {
    const salt = salts.subarray(saltBytes * i, saltBytes * (i + 1));
    const fields = texts.flatMap((text) => [u16le(text.length), fromLatin1(text)]);
    return crypto.hash("SHA-256", concatBytes([Uint8Array.of(0), entryDomain, salt, ...fields]));
  });
  return toHex(treeRoot(crypto, leaves));
}
