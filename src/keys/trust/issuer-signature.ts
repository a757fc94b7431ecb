/** Whether an issuer's key signed a certificate or a CRL. */
import type { Bytes } from "../../foundation/bytes.ts";
import type { Crypto, HashName } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { Certificate } from "./certificate.ts";

export interface SignedByIssuer {
  /** SHA-256 of the whole structure: two with the same one are the same bytes, signature included. */
  readonly fingerprint: string;
  readonly tbs: Bytes;
  readonly signature: Bytes;
}

/** A thousand images come from a handful of keys: the answer depends on nothing but the bytes and the key, so it is kept. */
const answersMax = 1024;

export class IssuerSignatures {
  readonly #crypto: Crypto;
  readonly #answers = new Map<string, boolean>();

  constructor(crypto: Crypto) {
    this.#crypto = crypto;
  }

  /** Garbage and unusable keys are false. */
  async isSignedBy(signed: SignedByIssuer, issuer: Certificate, hash: HashName): Promise<boolean> {
    const name = `${signed.fingerprint} ${issuer.keyFingerprint} ${hash}`;
    const known = this.#answers.get(name);
    if (known !== undefined) return known;
    const answer = await this.#check(signed, issuer, hash);
    if (this.#answers.size >= answersMax) this.#answers.clear();
    this.#answers.set(name, answer);
    return answer;
  }

  async #check(signed: SignedByIssuer, issuer: Certificate, hash: HashName): Promise<boolean> {
    try {
      const check = this.#crypto.createSignatureCheck(issuer.key.spki, hash);
      check.update(signed.tbs);
      return await check.verify(signed.signature);
    } catch (error) {
      if (error instanceof ScansealError && error.code === "key-unusable") return false;
      throw error;
    }
  }
}
