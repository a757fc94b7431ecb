/** From a certificate in an object to a signer this verifier knows, or the reason why not. */
import type { Bytes } from "../../foundation/bytes.ts";
import { toHex } from "../../foundation/bytes.ts";
import type { Crypto, HashName } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { KeyType } from "./algorithms.ts";
import { type Certificate, certificateBytesMax, parseCertificate } from "./certificate.ts";
import { nameAttribute } from "./distinguished-name.ts";
import { IssuerSignatures } from "./issuer-signature.ts";
import { aeTitleOid, attributeOid, keyEpochOid } from "./object-identifiers.ts";
import { checkOcspResponse, type OcspFact, type OcspQuestion, type OcspRefusal } from "./ocsp.ts";
import { authoritiesAbove, type RevocationMode, type TrustFailure, validatePath } from "./path-validation.ts";
import type { Revocation, TrustedTimeClass } from "./revocation.ts";
import { type Assurance, assuranceOf, type Role } from "./roles.ts";
import type { Anchor, DeviceRecord, TrustStore } from "./trust-store.ts";

/** The device as its record or, without one, its certificate names it. */
export interface DeviceIdentity {
  readonly name: string | undefined;
  readonly aeTitle: string | undefined;
  readonly serialNumber: string | undefined;
  /** True when this verifier holds a record of the device. */
  readonly isRecorded: boolean;
  readonly keyEpoch: number | undefined;
}

export interface RecognisedSigner {
  readonly ok: true;
  readonly certificate: Certificate;
  readonly chain: readonly Certificate[];
  readonly anchor: Anchor;
  readonly roles: readonly Role[];
  /** Of the demanded role; undefined without one, or when the role captures nothing. */
  readonly assurance: Assurance | undefined;
  readonly keyType: KeyType;
  readonly keyBits: number;
  /** The hashes a signature of this key may use: the recorded one, else every accepted one. Never from the object. */
  readonly hashes: readonly HashName[];
  readonly device: DeviceIdentity;
  readonly revocation: "good" | "not-checked";
}

export interface RecognitionOptions {
  readonly role?: Role | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly trustedTime?: number | undefined;
  /** Who says so; T1 where it is not said. */
  readonly timeClass?: TrustedTimeClass | undefined;
  /** Revocations that `revocationStatus` found. */
  readonly stated?: readonly Revocation[] | undefined;
  readonly revocation?: RevocationMode;
  /** Certificates that came with the object: helpers on the way to an anchor, trusted for nothing. At most 4 are looked at. */
  readonly intermediates?: readonly Bytes[];
}

/** An envelope carries the signer's certificate and at most a few more. */
const carriedMax = 4;
/** Parsed certificates kept: a site has dozens of devices. */
const parsedMax = 256;
const acceptedHashes: readonly HashName[] = ["SHA-256", "SHA-384", "SHA-512"];

/** Holds one trust store; parsed certificates and checked signatures are kept, nothing that depends on time is. */
export class SignerRecognition {
  readonly store: TrustStore;
  readonly #crypto: Crypto;
  readonly #signatures: IssuerSignatures;
  readonly #parsed = new Map<string, Certificate>();
  readonly #recordByKey: ReadonlyMap<string, DeviceRecord>;

  constructor(store: TrustStore, crypto: Crypto) {
    this.store = store;
    this.#crypto = crypto;
    this.#signatures = new IssuerSignatures(crypto);
    this.#recordByKey = new Map(
      [...store.devices.values()].flatMap((one) => (one.keyFingerprint ? [[one.keyFingerprint, one]] : [])),
    );
  }

  /**
   * @param der the signer's certificate, as found in the object
   * @throws ScansealError `usage` when `trustedTime` lies after `now`; whatever is wrong with the certificate is data
   */
  async recognise(der: Bytes, options: RecognitionOptions): Promise<RecognisedSigner | TrustFailure> {
    const certificate = this.#parse(der);
    if ("ok" in certificate) return certificate;
    const carried = (options.intermediates ?? []).slice(0, carriedMax).flatMap((bytes) => {
      const parsed = this.#parse(bytes);
      return "ok" in parsed ? [] : [parsed];
    });
    // Several labels may stand for one certificate; each has its limits.
    let refused: TrustFailure | undefined;
    for (const anchor of this.store.anchors) {
      const path = await validatePath({
        ...options,
        certificate,
        intermediates: [...this.store.intermediates, ...carried],
        anchors: [anchor.certificate],
        crls: this.store.crls,
        revocation: options.revocation ?? "when-available",
        signatures: this.#signatures,
      });
      const result = path.ok ? this.#identify(certificate, anchor, path, options.role) : path;
      if (result.ok) return result;
      if (refused === undefined || refused.reason === "signer-not-recognised") refused = result;
    }
    return refused ?? failure("signer-not-recognised", "no authority is trusted");
  }

  /** The issuer of a certificate and those above it, of each way to an anchor; none for strangers' and unreadable ones. */
  async authoritiesOf(der: Bytes): Promise<readonly OcspQuestion["authorities"][]> {
    const certificate = this.#parse(der);
    if ("ok" in certificate) return [];
    return authoritiesAbove({
      certificate,
      intermediates: this.store.intermediates,
      anchors: this.store.anchors.map((anchor) => anchor.certificate),
      signatures: this.#signatures,
    });
  }

  /** What an OCSP response says of a certificate. Step `issuer`: it is of nobody whom this store knows. */
  async revocationStatus(
    response: Bytes,
    der: Bytes,
    asked: Pick<OcspQuestion, "now" | "request">,
  ): Promise<OcspFact | OcspRefusal> {
    const certificate = this.#parse(der);
    const unknown = { ok: false, step: "issuer", detail: "the certificate's issuer is not known" } as const;
    if ("ok" in certificate) return unknown;
    let result: OcspFact | OcspRefusal = unknown;
    const parts = { ...asked, certificate, crls: this.store.crls, signatures: this.#signatures };
    for (const authorities of await this.authoritiesOf(der)) {
      result = await checkOcspResponse(response, { ...parts, authorities }, this.#crypto);
      if (result.ok) return result;
    }
    return result;
  }

  #identify(
    certificate: Certificate,
    anchor: Anchor,
    path: { readonly chain: readonly Certificate[]; readonly roles: readonly Role[] } & Pick<
      RecognisedSigner,
      "revocation"
    >,
    role: Role | undefined,
  ): RecognisedSigner | TrustFailure {
    const { subject, key } = certificate;
    if (key.type === "other") return failure("certificate-weak", "the key is of another kind");
    const record =
      this.store.devices.get(certificate.fingerprint) ?? this.#recordByKey.get(certificate.keyFingerprint);
    const stated: DeviceIdentity = {
      name: nameAttribute(subject, attributeOid.commonName),
      aeTitle: nameAttribute(subject, aeTitleOid),
      serialNumber: nameAttribute(subject, attributeOid.serialNumber),
      isRecorded: false,
      keyEpoch: epochOf(nameAttribute(subject, keyEpochOid)),
    };
    const problem =
      limitProblem(anchor, nameAttribute(subject, attributeOid.organization), stated, path.roles, role) ??
      recordProblem(record, certificate, path.roles, role);
    if (problem !== undefined) return problem;
    return {
      ok: true,
      certificate,
      chain: path.chain,
      anchor,
      roles: record?.roles ?? path.roles,
      assurance: role === undefined ? undefined : assuranceOf(role),
      keyType: key.type,
      keyBits: key.bits,
      hashes: record === undefined ? acceptedHashes : [record.hash],
      device: record === undefined ? stated : identityOf(record),
      revocation: path.revocation,
    };
  }

  #parse(der: Bytes): Certificate | TrustFailure {
    if (der.length > certificateBytesMax)
      return failure("certificate-invalid", "the certificate is too large");
    const name = toHex(this.#crypto.hash("SHA-256", der));
    const known = this.#parsed.get(name);
    if (known !== undefined) return known;
    try {
      // A copy: the object's bytes may be reused by their source.
      const certificate = parseCertificate(der.slice(), this.#crypto);
      if (this.#parsed.size >= parsedMax) this.#parsed.clear();
      this.#parsed.set(name, certificate);
      return certificate;
    } catch (error) {
      if (error instanceof ScansealError && error.code === "certificate-invalid") {
        return failure("certificate-invalid", error.message);
      }
      throw error;
    }
  }
}

function epochOf(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
}

function identityOf(record: DeviceRecord): DeviceIdentity {
  const { name, aeTitle, serialNumber, keyEpoch } = record;
  return { name, aeTitle, serialNumber, isRecorded: true, keyEpoch };
}

/** Step 10 of spec/keys-and-certificates.md, section 5 */
function limitProblem(
  anchor: Anchor,
  organization: string | undefined,
  device: DeviceIdentity,
  held: readonly Role[],
  role: Role | undefined,
): TrustFailure | undefined {
  const { organizations, aeTitles, roles } = anchor.limits;
  const isOutside = (allowed: readonly string[] | undefined, value: string | undefined): boolean =>
    allowed !== undefined && (value === undefined || !allowed.includes(value));
  if (isOutside(organizations, organization)) {
    return failure("certificate-outside-limits", "the anchor is not trusted for this organization");
  }
  if (isOutside(aeTitles, device.aeTitle)) {
    return failure("certificate-outside-limits", "the anchor is not trusted for this AE title");
  }
  const wanted = role === undefined ? held : [role];
  if (roles !== undefined && !wanted.every((one) => roles.includes(one))) {
    return failure("certificate-outside-limits", "the anchor is not trusted for this role");
  }
  return undefined;
}

/** Step 11: the algorithm and the roles come from the record; the object's certificate may only agree. */
function recordProblem(
  record: DeviceRecord | undefined,
  certificate: Certificate,
  held: readonly Role[],
  role: Role | undefined,
): TrustFailure | undefined {
  if (record === undefined) return undefined;
  if (record.keyType !== certificate.key.type) {
    return failure("certificate-invalid", "its key is not of the recorded type");
  }
  const isGiven =
    role === undefined ? record.roles.some((one) => held.includes(one)) : record.roles.includes(role);
  return isGiven
    ? undefined
    : failure("certificate-wrong-role", "the device's record does not give this role");
}

function failure(reason: TrustFailure["reason"], detail: string): TrustFailure {
  return { ok: false, reason, detail };
}
