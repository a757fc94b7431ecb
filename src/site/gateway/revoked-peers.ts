/**
 * Network certificates that were revoked: by the site's own authority or by one whose list the site imported. Asked for each association and each
 * object, so that a revocation needs neither a restart nor a change of the configuration.
 */
import { X509Certificate } from "node:crypto";
import { type Bytes, equalBytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { parseCertificate } from "../../keys/trust/certificate.ts";
import { type Crl, parseCrl } from "../../keys/trust/revocation.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import type { TrustWatch } from "./trust-watch.ts";

export class RevokedPeers {
  readonly #trust: Pick<TrustWatch, "current">;
  #lists: readonly Crl[] = [];
  #version: number | undefined;
  /** By the bytes that an association keeps: hundreds of objects ask about one certificate. */
  #answers = new WeakMap<Bytes, boolean>();

  constructor(trust: Pick<TrustWatch, "current">) {
    this.#trust = trust;
  }

  /**
   * A revocation counts from a list that is out of date too; where there is no list, nothing is revoked: the certificate's own end and the
   * configuration's list of sources bound that.
   * @param certificate DER
   */
  has(certificate: Bytes): boolean {
    this.#refresh();
    let answer = this.#answers.get(certificate);
    if (answer === undefined) {
      answer = this.#find(certificate);
      this.#answers.set(certificate, answer);
    }
    return answer;
  }

  #refresh(): void {
    try {
      const { version, content } = this.#trust.current();
      if (version === this.#version) return;
      // Their signatures were checked when they were taken.
      this.#lists = (content.crls ?? []).map((der) => parseCrl(der, nodeCrypto));
      this.#version = version;
      this.#answers = new WeakMap();
    } catch (error) {
      // Trust files that cannot be read: what was revoked stays revoked, and everything that arrives is held until they can.
      if (!(error instanceof ScansealError)) throw error;
    }
  }

  #find(der: Bytes): boolean {
    try {
      const { issuer, serial } = parseCertificate(der, nodeCrypto);
      return this.#lists.some((list) => equalBytes(list.issuer.der, issuer.der) && list.revoked.has(serial));
    } catch (error) {
      if (!(error instanceof ScansealError)) throw error;
      // OpenSSL has accepted a certificate that our stricter reader does not: the serial number alone must do.
      const serial = bare(new X509Certificate(der).serialNumber);
      return this.#lists.some(({ revoked }) => [...revoked.keys()].some((one) => bare(one) === serial));
    }
  }
}

/** Hexadecimal in one form. */
function bare(serial: string): string {
  return serial.toLowerCase().replace(/^0+/, "");
}
