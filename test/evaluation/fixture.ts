/** A site in memory: authority, devices and trust store with keys made at run time; the same code as on disk seals and judges. */
import type { KeyObject } from "node:crypto";
import type { DicomObject } from "../../src/dicom/model.ts";
import { readDicom } from "../../src/dicom/read.ts";
import { type Edit, writeToBytes } from "../../src/dicom/splice.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import type { Clock } from "../../src/foundation/crypto.ts";
import type { MalformedCode } from "../../src/foundation/errors.ts";
import { keySigner } from "../../src/keys/custody/device-keys.ts";
import { deviceSubject } from "../../src/keys/custody/device-name.ts";
import { generateKey, type KeyChoice, signerHashOf, spkiOf } from "../../src/keys/custody/private-key.ts";
import {
  buildCertificate,
  buildCrl,
  buildName,
  randomSerial,
} from "../../src/keys/custody/structure-builder.ts";
import { parseCertificate } from "../../src/keys/trust/certificate.ts";
import { attributeOid } from "../../src/keys/trust/object-identifiers.ts";
import type { Role } from "../../src/keys/trust/roles.ts";
import {
  createTrustStore,
  type DeviceRecord,
  type TrustStoreContent,
} from "../../src/keys/trust/trust-store.ts";
import { CodecPool } from "../../src/platform/node/codecs/codec-pool.ts";
import { nodeCrypto, nodeRandom, systemClock } from "../../src/platform/node/crypto.ts";
import { InlineFrameMarker } from "../../src/sealing/frame-marking.ts";
import type { WatermarkPorts } from "../../src/sealing/object-marking.ts";
import { type SealingDevice, sealObject } from "../../src/sealing/seal.ts";
import { markSignerOf } from "../../src/site/mark-signers.ts";
import { collectEvidence } from "../../src/zero-trust/evidence/collect.ts";
import type { Evidence } from "../../src/zero-trust/evidence/evidence.ts";
import { TrustJudge } from "../../src/zero-trust/evidence/trust-check.ts";
import { decide } from "../../src/zero-trust/policy/decide.ts";
import type { Decision, Finding } from "../../src/zero-trust/policy/verdict.ts";

const dayMs = 86_400_000;

/** Non-conformances that one call lets pass. */
export type Tolerances = readonly MalformedCode[];

export interface DeviceChoice {
  readonly name?: string;
  readonly serialNumber?: string;
  readonly roles?: readonly Role[];
  readonly keyType?: KeyChoice;
  /** In place of a new one. */
  readonly key?: KeyObject;
  /** From now. */
  readonly validDays?: readonly [from: number, to: number];
  /** False: the site has no record of it, only its authority. */
  readonly isRecorded?: boolean;
  readonly isRevoked?: boolean;
}

export interface Authority {
  readonly key: KeyObject;
  readonly certificate: Bytes;
}

export interface Device {
  readonly sealing: SealingDevice;
  readonly key: KeyObject;
  readonly certificate: Bytes;
  readonly record: DeviceRecord | undefined;
  readonly revokedSerial: string | undefined;
}

export interface JudgeOptions {
  readonly deep?: boolean;
  /** Devices whose marks are known without their manifest. */
  readonly markers?: readonly Device[];
  readonly tolerate?: Tolerances;
}

export interface Judged {
  readonly evidence: Evidence;
  readonly decision: Decision;
}

const keyIdentifier = (spki: Bytes): Bytes => nodeCrypto.hash("SHA-256", spki).slice(0, 20);

export function newAuthority(name = "Test Hospital"): Authority {
  const key = generateKey("EC-P256");
  const spki = spkiOf(key);
  const subject = buildName([{ oid: attributeOid.organization, value: name }]);
  const now = systemClock.now();
  const certificate = buildCertificate(
    {
      serial: randomSerial(nodeRandom),
      issuer: subject,
      subject,
      notBefore: now - 400 * dayMs,
      notAfter: now + 400 * dayMs,
      spki,
      subjectKeyIdentifier: keyIdentifier(spki),
      authorityKeyIdentifier: keyIdentifier(spki),
      use: { kind: "authority" },
    },
    key,
  );
  return { key, certificate };
}

export function newDevice(authority: Authority, choice: DeviceChoice = {}): Device {
  const { name = "CT 1", serialNumber = "SN-0001", keyType = "EC-P256" } = choice;
  const deviceRoles = choice.roles ?? ["capture"];
  const [from, to] = choice.validDays ?? [-1, 300];
  const key = choice.key ?? generateKey(keyType);
  const now = systemClock.now();
  const names = { name, serialNumber, aeTitle: "TEST" };
  const issuer = parseCertificate(authority.certificate, nodeCrypto);
  const certificate = buildCertificate(
    {
      serial: randomSerial(nodeRandom),
      issuer: issuer.subject.der,
      subject: buildName(deviceSubject(names, 1)),
      notBefore: now + from * dayMs,
      notAfter: now + to * dayMs,
      spki: spkiOf(key),
      subjectKeyIdentifier: keyIdentifier(spkiOf(key)),
      authorityKeyIdentifier: issuer.extensions.subjectKeyIdentifier!,
      use: { kind: "signer", roles: deviceRoles },
    },
    authority.key,
  );
  const parsed = parseCertificate(certificate, nodeCrypto);
  const signer = keySigner(key, certificate);
  const record: DeviceRecord = {
    fingerprint: parsed.fingerprint,
    ...names,
    roles: deviceRoles,
    keyType: signer.keyType,
    hash: signerHashOf(signer.keyType),
    keyEpoch: 1,
  };
  return {
    sealing: {
      name,
      type: deviceRoles.includes("beside-device") ? "beside-device" : "capture",
      signer,
      keyEpoch: "1",
    },
    key,
    certificate,
    record: choice.isRecorded === false ? undefined : record,
    revokedSerial: choice.isRevoked === true ? parsed.serial : undefined,
  };
}

/** What the site trusts, as a gateway gets it. */
export function trustContentOf(authority: Authority, devices: readonly Device[]): TrustStoreContent {
  const now = systemClock.now();
  const issuer = parseCertificate(authority.certificate, nodeCrypto);
  const revoked = devices.flatMap(({ revokedSerial }) =>
    revokedSerial === undefined
      ? []
      : [
          [
            revokedSerial,
            { revokedAt: now - dayMs, invalidSince: undefined, reason: "keyCompromise" } as const,
          ] as const,
        ],
  );
  const crl = buildCrl(
    {
      issuer: issuer.subject.der,
      authorityKeyIdentifier: issuer.extensions.subjectKeyIdentifier!,
      number: 1,
      thisUpdate: now - dayMs / 2,
      nextUpdate: now + 30 * dayMs,
      keepsExpiredSince: now - 400 * dayMs,
      revoked: new Map(revoked),
    },
    authority.key,
  );
  return {
    anchors: [{ certificate: authority.certificate, label: "test" }],
    crls: [crl],
    devices: devices.flatMap(({ record }) => (record ? [record] : [])),
  };
}

/** One site. The first device seals. Close it to end the codecs' threads. */
export class Site {
  readonly authority: Authority;
  readonly device: Device;
  readonly #trust: TrustJudge;
  readonly #decoder: CodecPool = new CodecPool();
  /** It stands still: a run may take longer than the skew of clocks that the verifier allows. */
  readonly #clock: Clock;
  #counter = 0;

  constructor(authority: Authority, devices: readonly Device[]) {
    this.authority = authority;
    this.device = devices[0]!;
    const now = systemClock.now();
    this.#clock = { now: () => now };
    this.#trust = new TrustJudge(
      createTrustStore(trustContentOf(authority, devices), nodeCrypto),
      nodeCrypto,
      now,
    );
  }

  /** @throws ScansealError as the reader and the sealer do */
  seal(bytes: Bytes, tolerate: Tolerances = [], by: Device = this.device): Promise<Bytes> {
    return this.#seal(bytes, tolerate, by, undefined);
  }

  /** With the marks of the device; fails where none was made. */
  async sealMarked(bytes: Bytes, by: Device = this.device): Promise<Bytes> {
    const keys = { locatorKey: nodeRandom.bytes(32), recoveryKey: nodeRandom.bytes(32) };
    const marker = new InlineFrameMarker(nodeCrypto);
    const watermark = { marker, encoder: this.#decoder, keys, refuse: () => undefined };
    return this.#seal(bytes, [], by, watermark);
  }

  async #seal(
    bytes: Bytes,
    tolerate: Tolerances,
    by: Device,
    watermark: WatermarkPorts | undefined,
  ): Promise<Bytes> {
    const original = await parse(bytes, tolerate);
    const ports = {
      crypto: nodeCrypto,
      random: nodeRandom,
      clock: this.#clock,
      decoder: this.#decoder,
      softwareVersion: "test",
      watermark,
    };
    const counter = ++this.#counter;
    const seal = await sealObject(original, by.sealing, ports, { nextCounter: () => counter });
    if (watermark && !seal.marks) throw new Error("the object could not be marked");
    return writeToBytes(seal.object, seal.edits);
  }

  async judge(bytes: Bytes, options: JudgeOptions = {}): Promise<Judged> {
    const evidence = await collectEvidence(new MemorySource(bytes), {
      crypto: nodeCrypto,
      trust: this.#trust,
      decoder: this.#decoder,
      deep: options.deep === true,
      markSigner: options.markers && markSignerOf(options.markers.map(({ certificate }) => certificate)),
      read: { tolerate: new Set(options.tolerate) },
    });
    return { evidence, decision: decide(evidence, { mode: "enforce" }) };
  }

  async close(): Promise<void> {
    await this.#decoder.close();
  }
}

export function newSite(): Site {
  const authority = newAuthority();
  return new Site(authority, [newDevice(authority)]);
}

export function parse(bytes: Bytes, tolerate: Tolerances = []): Promise<DicomObject> {
  return readDicom(new MemorySource(bytes), { tolerate: new Set(tolerate) });
}

/** Splices edits into a file's bytes. */
export async function edited(
  bytes: Bytes,
  edits: readonly Edit[],
  tolerate: Tolerances = [],
): Promise<Bytes> {
  return writeToBytes(await parse(bytes, tolerate), edits);
}

/** "attribute-changed (0010,0010)", for messages of tests. */
function told({ code, location }: Finding): string {
  const { path, tag, frames, offset } = location;
  const where = path ?? tag ?? (offset === undefined ? "" : `@${offset}`);
  return `${code} ${where}${frames ? ` f${frames.join(",")}` : ""}`.trim();
}

export function outcome({ decision }: Judged): string {
  return `${decision.verdict}: ${decision.findings.map(told).join("; ")}`;
}
