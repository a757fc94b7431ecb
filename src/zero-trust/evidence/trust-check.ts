/** Trust in signers, as evidence: one judgement a certificate, at one time, against one trust store. */
import type { Bytes } from "../../foundation/bytes.ts";
import { equalBytes, toHex } from "../../foundation/bytes.ts";
import type { Crypto } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { type Certificate, parseCertificate } from "../../keys/trust/certificate.ts";
import { nameText } from "../../keys/trust/distinguished-name.ts";
import type { OcspFact, OcspRefusal } from "../../keys/trust/ocsp.ts";
import type { Revocation, TrustedTimeClass } from "../../keys/trust/revocation.ts";
import { isSealingRole, type Role } from "../../keys/trust/roles.ts";
import { type RecognitionOptions, SignerRecognition } from "../../keys/trust/signer-recognition.ts";
import type { DeviceRecord, TrustStore } from "../../keys/trust/trust-store.ts";
import type { TrustFact } from "./evidence.ts";

/** Judgements and parsed certificates kept: a site has dozens of devices. */
const keptMax = 256;

interface ExistenceProof {
  /** T2: this site's own first sight, which counts at home only. */
  readonly timeClass: "T1" | "T2";
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** One trust store at one time; judgements are kept, so that a folder of one device's slices costs one. */
export class TrustJudge {
  /** Milliseconds since 1970: the time of verification. */
  readonly now: number;
  readonly #crypto: Crypto;
  readonly #recognition: SignerRecognition;
  readonly #judged = new Map<string, TrustFact>();
  readonly #parsed = new Map<string, Certificate>();
  #last: { readonly der: Bytes; readonly fingerprint: string } | undefined;

  constructor(store: TrustStore, crypto: Crypto, now: number) {
    this.now = now;
    this.#crypto = crypto;
    this.#recognition = new SignerRecognition(store, crypto);
  }

  /** @param role what the signer must be entitled to; without one, whatever its certificate gives */
  async judge(certificate: Bytes, role?: Role): Promise<TrustFact> {
    const fingerprint = this.#fingerprintOf(certificate);
    const key = `${fingerprint} ${role ?? ""}`;
    const known = this.#judged.get(key);
    if (known) return known;
    const fact = await this.#recognise(certificate, fingerprint, role);
    if (this.#judged.size >= keptMax) this.#judged.clear();
    this.#judged.set(key, fact);
    return fact;
  }

  /** What was signed is known to have existed then: a certificate that ended or was revoked since still counts, as far as the class of that time reaches. */
  judgeAt(
    certificate: Bytes,
    role: Role,
    known: { readonly trustedTime: number; readonly timeClass: TrustedTimeClass },
  ): Promise<TrustFact> {
    // A time that this verifier's clock has not reached proves nothing.
    if (known.trustedTime > this.now) return this.judge(certificate, role);
    return this.#recognise(certificate, this.#fingerprintOf(certificate), role, known);
  }

  /**
   * The same, where a certificate that ended or was revoked may have stood when what it signed provably existed: the first proof
   * that helps is named.
   * @param stated revocations that its issuer signed elsewhere than in a list
   */
  async judgeSince(
    certificate: Bytes,
    role: Role,
    proofs: readonly ExistenceProof[],
    stated: readonly Revocation[] = [],
  ): Promise<TrustFact> {
    const fingerprint = this.#fingerprintOf(certificate);
    const today =
      stated.length === 0
        ? await this.judge(certificate, role)
        : await this.#recognise(certificate, fingerprint, role, { stated });
    const since = today.result;
    if (since !== "certificate-expired" && since !== "certificate-revoked") return today;
    for (const { timeClass, at } of proofs) {
      if (at > this.now) continue;
      const then = await this.#recognise(certificate, fingerprint, role, {
        trustedTime: at,
        timeClass,
        stated,
      });
      if (then.result === "trusted")
        return { ...then, standsBy: { timeClass, at: new Date(at).toISOString(), since } };
    }
    return today;
  }

  async #recognise(
    certificate: Bytes,
    fingerprint: string,
    role: Role | undefined,
    known?: Pick<RecognitionOptions, "trustedTime" | "timeClass" | "stated">,
  ): Promise<TrustFact> {
    const result = await this.#recognition.recognise(certificate, { role, now: this.now, ...known });
    if (!result.ok) {
      const parsed = this.#parse(certificate);
      const signer = parsed ? nameText(parsed.subject) : "a certificate that cannot be read";
      return { result: result.reason, signer, fingerprint, detail: result.detail, hashes: [] };
    }
    const { device, roles, hashes } = result;
    return {
      result: "trusted",
      signer: device.name ?? nameText(result.certificate.subject),
      fingerprint,
      role: role ?? roles[0],
      hashes,
    };
  }

  /** Asked several times for each object of one device. */
  #fingerprintOf(der: Bytes): string {
    if (this.#last && equalBytes(this.#last.der, der)) return this.#last.fingerprint;
    this.#last = { der: der.slice(), fingerprint: toHex(this.#crypto.hash("SHA-256", der)) };
    return this.#last.fingerprint;
  }

  #parse(der: Bytes): Certificate | undefined {
    const name = this.#fingerprintOf(der);
    const known = this.#parsed.get(name);
    if (known) return known;
    try {
      const certificate = parseCertificate(der.slice(), this.#crypto);
      if (this.#parsed.size >= keptMax) this.#parsed.clear();
      this.#parsed.set(name, certificate);
      return certificate;
    } catch (error) {
      if (error instanceof ScansealError && error.code === "certificate-invalid") return undefined;
      throw error;
    }
  }

  /** What an OCSP response says of a certificate that leads to an authority of this verifier. */
  revocationStatus(response: Bytes, certificate: Bytes, now: number): Promise<OcspFact | OcspRefusal> {
    return this.#recognition.revocationStatus(response, certificate, { now });
  }

  /** @throws ScansealError `certificate-invalid` */
  spkiOf(certificate: Bytes): Bytes {
    const parsed = this.#parse(certificate);
    if (!parsed) throw new ScansealError("certificate-invalid", "the certificate cannot be read");
    return parsed.key.spki;
  }

  /** Undefined for a certificate that cannot be read. */
  validityOf(certificate: Bytes): Pick<Certificate, "notBefore" | "notAfter" | "keyFingerprint"> | undefined {
    return this.#parse(certificate);
  }

  /** The enrolled device of that serial number (0018,1000) and role to seal. Spaces around it mean nothing (PS3.5 6.2, LO). */
  deviceOfSerial(serial: string): string | undefined {
    return this.#recordsOfSerial(serial)[0]?.name;
  }

  /** Since when the device of that serial number is enrolled, in milliseconds since 1970. Undefined where it is not, or nobody knows since when. */
  enrolledSince(serial: string): number | undefined {
    const times = this.#recordsOfSerial(serial).map(({ issuedAt }) => issuedAt ?? Number.NaN);
    const first = Math.min(...times);
    return Number.isFinite(first) ? first : undefined;
  }

  #recordsOfSerial(serial: string): DeviceRecord[] {
    const sought = serial.trim();
    return [...this.#recognition.store.devices.values()].filter(
      ({ serialNumber, roles }) => serialNumber.trim() === sought && roles.some(isSealingRole),
    );
  }
}
