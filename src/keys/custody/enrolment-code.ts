/** One-time enrolment codes: shown once, kept as a hash, used once, before they expire. */
import { toHex, utf8 } from "../../foundation/bytes.ts";
import type { Random } from "../../foundation/crypto.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";

/** 100 bits: no guessing, and so no need for a slow hash or a count of attempts. */
const codeCharacters = 20;

/** Crockford's alphabet: no I, L, O, U to be misread over the telephone. */
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** `XXXXX-XXXXX-XXXXX-XXXXX` */
export function makeCode(random: Random): string {
  const characters = [...random.bytes(codeCharacters)].map((byte) => alphabet[byte & 31]!);
  return characters.join("").replace(/.{5}(?=.)/g, "$&-");
}

/** SHA-256 of the code as people may type it: case, spaces and dashes do not count, O is 0, I and L are 1. */
export function hashCode(code: string): string {
  const plain = code
    .slice(0, 100)
    .toUpperCase()
    .replace(/[\s-]/g, "")
    .replace(/O/g, "0")
    .replace(/[IL]/g, "1");
  return toHex(nodeCrypto.hash("SHA-256", utf8(`scanseal-code ${plain}`)));
}
