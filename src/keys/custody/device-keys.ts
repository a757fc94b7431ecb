/**
 * The keys of one device: made here, encrypted at rest, one folder for each key epoch.
 *
 *     DEVICE/device.json            names, and the epoch in use
 *     DEVICE/epoch-1/key.pem        encrypted PKCS#8; or token.json, which names the key in a PKCS#11 token
 *     DEVICE/epoch-1/request.pem    PKCS#10, for the authority
 *     DEVICE/epoch-1/certificate.pem
 *     DEVICE/epoch-1/counter        and counter.mark, counter.lock
 */
import { createSign, constants as cryptoConstants, type KeyObject } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { type Bytes, equalBytes, latin1, tryUtf8, utf8 } from "../../foundation/bytes.ts";
import type { HashName, Random, Signer } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto, nodeHashNames } from "../../platform/node/crypto.ts";
import {
  ensurePrivateFolder,
  fileExists,
  readPrivateFile,
  readPublicFile,
  replaceFileDurably,
  withFileLock,
} from "../../platform/node/private-files.ts";
import { type Certificate, parseCertificate } from "../trust/certificate.ts";
import { decodePem, encodePem, type PemLabel } from "../trust/pem.ts";
import { CaptureCounter, type CounterOwner } from "./capture-counter.ts";
import { type CertificateRequest, readRequest } from "./certificate-request.ts";
import { type DeviceName, deviceSubject, requireDeviceName } from "./device-name.ts";
import { readJson, writeJson } from "./json-file.ts";
import {
  decryptKey,
  encryptKey,
  generateKey,
  type KeyChoice,
  keyFileBytesMax,
  keyTypeOf,
  requirePassphrase,
  signerHashOf,
  spkiOf,
} from "./private-key.ts";
import { buildName, buildRequest } from "./structure-builder.ts";
import { newTokenKey, openTokenSigner, requireToken, type TokenPlace, tokenOf } from "./token-keys.ts";

interface DeviceDocument extends DeviceName {
  readonly format: "scanseal-device-1";
  /** The epoch whose certificate is installed; 0 before the first. */
  readonly activeEpoch: number;
  /** The epoch made last; above `activeEpoch` while its certificate is awaited. */
  readonly latestEpoch: number;
}

const documentFormat = "scanseal-device-1";
/** PEM of the largest certificate or request. */
const pemBytesMax: number = 32 * 1024;

export interface DeviceRequest {
  /** PKCS#10, DER. */
  readonly request: Bytes;
  /** SHA-256 of the public key in hexadecimal: shown at the device, compared by a person at the authority. */
  readonly keyFingerprint: string;
  readonly keyEpoch: number;
}

export interface NewKey {
  /** P-256 unless a profile asks for another. */
  readonly keyType?: KeyChoice;
  readonly passphrase: string;
  readonly random: Random;
  /** The key is made in this token and stays there. A device whose last key is in a token gets its next one there too. */
  readonly token?: TokenPlace | undefined;
  /** The last epoch that the authority knows: a device put back from a backup does not. */
  readonly epochAbove?: number;
}

/**
 * A new device with its first key.
 * @throws ScansealError `usage` for a name that does not fit, a passphrase too short, or a folder that holds a device, `io`
 */
export async function createDevice(folder: string, device: DeviceName, key: NewKey): Promise<DeviceRequest> {
  requireDeviceName(device);
  requirePassphrase(key.passphrase);
  // Before anything is written: a token that cannot be used leaves no half of a device.
  if (key.token) await requireToken(key.token, key.keyType);
  ensurePrivateFolder(folder);
  withFileLock(join(folder, "device.lock"), () => {
    if (fileExists(join(folder, "device.json")))
      throw new ScansealError("usage", "the device exists already: --new-epoch gives it a new key");
    const { name, aeTitle, serialNumber } = device;
    writeJson<DeviceDocument>(join(folder, "device.json"), {
      format: documentFormat,
      name,
      aeTitle,
      serialNumber,
      activeEpoch: 0,
      latestEpoch: 0,
    });
  });
  return startKeyEpoch(folder, key);
}

/**
 * A new key for a device: after a restore, a counter conflict, a revocation or before expiry. The old key stays in use until the
 * new certificate is installed.
 * @throws ScansealError `key-unusable` when the folder holds no device, `usage`, `io`
 */
export async function startKeyEpoch(folder: string, key: NewKey): Promise<DeviceRequest> {
  requirePassphrase(key.passphrase);
  const device = readDevice(folder);
  const inToken = key.token ?? lastTokenOf(folder, device.latestEpoch);
  const make = inToken ? await requireToken(inToken, key.keyType) : undefined;
  const secret = make ? undefined : generateKey(key.keyType ?? "EC-P256");
  const pem = secret ? encryptKey(secret, key.passphrase, key.random) : "";
  const { request, keyEpoch } = withFileLock(join(folder, "device.lock"), () => {
    const document = readDevice(folder);
    const epoch = Math.max(document.latestEpoch, key.epochAbove ?? 0) + 1;
    // The number is taken first: a crash leaves an unused epoch, never two keys in one.
    writeJson<DeviceDocument>(join(folder, "device.json"), { ...document, latestEpoch: epoch });
    const place = epochFolder(folder, epoch);
    ensurePrivateFolder(place);
    const subject = buildName(deviceSubject(device, epoch));
    let made: Bytes;
    if (secret) {
      made = buildRequest(subject, spkiOf(secret), secret);
      replaceFileDurably(join(place, "key.pem"), utf8(pem), { mode: 0o600 });
    } else made = newTokenKey(place, make!, `scanseal ${device.name} epoch ${epoch}`, subject, key.random);
    replaceFileDurably(join(place, "request.pem"), utf8(encodePem("CERTIFICATE REQUEST", made)), {
      mode: 0o600,
    });
    return { request: made, keyEpoch: epoch };
  });
  const { keyFingerprint } = await readRequest(request, nodeCrypto);
  CaptureCounter.create(join(epochFolder(folder, keyEpoch), "counter"), { keyFingerprint, keyEpoch });
  return { request, keyFingerprint, keyEpoch };
}

/** The request that awaits its certificate, or undefined. */
async function pendingRequest(folder: string): Promise<DeviceRequest | undefined> {
  const device = readDevice(folder);
  if (device.latestEpoch === device.activeEpoch) return undefined;
  const { request, parsed } = await requestOf(folder, device.latestEpoch);
  return { request, keyFingerprint: parsed.keyFingerprint, keyEpoch: device.latestEpoch };
}

/**
 * Puts the certificate of the pending key in use and removes the private keys before it: what they sealed is verified by their
 * certificates, which stay. Whether the issuer is trusted is decided where it is verified.
 * @throws ScansealError `certificate-invalid`, `usage` when no key waits for it or it is of another key, `io`
 */
export async function installCertificate(folder: string, der: Bytes): Promise<Certificate> {
  const certificate = parseCertificate(der, nodeCrypto);
  const waiting = await pendingRequest(folder);
  if (waiting?.keyFingerprint !== certificate.keyFingerprint) {
    throw new ScansealError("usage", "the certificate is not for the key that waits for one");
  }
  withFileLock(join(folder, "device.lock"), () => {
    const place = epochFolder(folder, waiting.keyEpoch);
    replaceFileDurably(join(place, "certificate.pem"), utf8(encodePem("CERTIFICATE", der)), { mode: 0o644 });
    const document = readDevice(folder);
    writeJson<DeviceDocument>(join(folder, "device.json"), { ...document, activeEpoch: waiting.keyEpoch });
    // Last: until here the old key is the device's key.
    for (let epoch = 1; epoch < waiting.keyEpoch; epoch++)
      rmSync(join(epochFolder(folder, epoch), "key.pem"), { force: true });
  });
  return certificate;
}

export interface DeviceStatus extends DeviceName {
  /** Of the key in use; 0 and undefined before the first certificate. */
  readonly keyEpoch: number;
  readonly certificate: Certificate | undefined;
}

/** @throws ScansealError `key-unusable`, `certificate-invalid`, `io` */
export function deviceStatus(folder: string): DeviceStatus {
  const { name, aeTitle, serialNumber, activeEpoch } = readDevice(folder);
  const certificate = activeEpoch === 0 ? undefined : readCertificate(folder, activeEpoch);
  return { name, aeTitle, serialNumber, keyEpoch: activeEpoch, certificate };
}

/** Of every epoch that got one, oldest first: what was sealed under an earlier key stays. @throws ScansealError `key-unusable`, `certificate-invalid`, `io` */
export function deviceCertificates(folder: string): Certificate[] {
  const { activeEpoch } = readDevice(folder);
  const epochs = Array.from({ length: activeEpoch }, (_, i) => i + 1);
  const installed = epochs.filter((epoch) => fileExists(join(epochFolder(folder, epoch), "certificate.pem")));
  return installed.map((epoch) => readCertificate(folder, epoch));
}

/**
 * The device's signer. The certificate is not judged here.
 * @throws ScansealError `key-unusable` for a wrong passphrase, open permissions, a token that cannot be used, or a device without
 *   certificate; `io`
 */
export async function openDeviceSigner(folder: string, passphrase: string): Promise<Signer> {
  const { keyEpoch, certificate } = enrolled(folder);
  const place = epochFolder(folder, keyEpoch);
  if (tokenOf(place)) return openTokenSigner(place, certificate);
  const pem = readPrivateFile(join(place, "key.pem"), keyFileBytesMax);
  const key = decryptKey(latin1(pem), passphrase);
  if (!equalBytes(spkiOf(key), certificate.key.spki)) {
    throw new ScansealError(
      "key-unusable",
      "the key and the certificate of the device do not belong together",
    );
  }
  return keySigner(key, certificate.der);
}

/**
 * The counter of the key in use.
 * @param atLeast the highest number known to be used, from a journal or log kept elsewhere
 * @throws ScansealError `counter-conflict`, `key-unusable`, `io`
 */
export function openDeviceCounter(folder: string, atLeast = 0): CaptureCounter {
  const { keyEpoch, certificate } = enrolled(folder);
  const owner: CounterOwner = { keyFingerprint: certificate.keyFingerprint, keyEpoch };
  return CaptureCounter.open(join(epochFolder(folder, keyEpoch), "counter"), owner, atLeast);
}

/** A signer over a private key in memory; `hash` only where a profile asks for another than the key's own. */
export function keySigner(key: KeyObject, certificate: Bytes, hash?: HashName): Signer {
  const keyType = keyTypeOf(key);
  const name = hash ?? signerHashOf(keyType);
  const keyBits =
    keyType === "EC-P256" ? 256 : keyType === "EC-P384" ? 384 : key.asymmetricKeyDetails!.modulusLength!;
  return {
    keyType,
    keyBits,
    hash: name,
    certificate,
    // DER of two integers: each at most one octet longer than the field, with 2 octets of header, and 2 around both (P-384: 104).
    signatureBytesMax: keyType === "RSA" ? Math.ceil(keyBits / 8) : (keyBits / 8) * 2 + 8,
    start() {
      const operation = createSign(nodeHashNames[name]);
      return {
        update: (bytes) => void operation.update(bytes),
        sign: async () =>
          new Uint8Array(
            operation.sign(
              keyType === "RSA"
                ? { key, padding: cryptoConstants.RSA_PKCS1_PADDING }
                : { key, dsaEncoding: "der" },
            ),
          ),
      };
    },
  };
}

function enrolled(folder: string): { readonly keyEpoch: number; readonly certificate: Certificate } {
  const { keyEpoch, certificate } = deviceStatus(folder);
  if (certificate === undefined) throw new ScansealError("key-unusable", "the device has no certificate yet");
  return { keyEpoch, certificate };
}

function readDevice(folder: string): DeviceDocument {
  ensureDevice(folder);
  const document = readJson<DeviceDocument>(join(folder, "device.json"), documentFormat);
  requireDeviceName(document);
  const { activeEpoch, latestEpoch } = document;
  const isSound =
    Number.isSafeInteger(activeEpoch) &&
    Number.isSafeInteger(latestEpoch) &&
    activeEpoch >= 0 &&
    latestEpoch >= activeEpoch;
  if (!isSound) throw new ScansealError("key-unusable", "the device's document is damaged");
  return document;
}

function ensureDevice(folder: string): void {
  if (!fileExists(join(folder, "device.json"))) {
    throw new ScansealError("key-unusable", "there is no such device: enrol it first");
  }
  ensurePrivateFolder(folder);
}

/** The token of the newest key, if it is in one: an epoch may have been left without a key. */
function lastTokenOf(folder: string, latestEpoch: number): TokenPlace | undefined {
  for (let epoch = latestEpoch; epoch > 0; epoch--) {
    const place = epochFolder(folder, epoch);
    const token = tokenOf(place);
    if (token || fileExists(join(place, "key.pem"))) return token;
  }
  return undefined;
}

function epochFolder(folder: string, epoch: number): string {
  return join(folder, `epoch-${epoch}`);
}

function readCertificate(folder: string, epoch: number): Certificate {
  const path = join(epochFolder(folder, epoch), "certificate.pem");
  return parseCertificate(onlyBlock("CERTIFICATE", readPublicFile(path, pemBytesMax)), nodeCrypto);
}

async function requestOf(
  folder: string,
  epoch: number,
): Promise<{ readonly request: Bytes; readonly parsed: CertificateRequest }> {
  const path = join(epochFolder(folder, epoch), "request.pem");
  const request = onlyBlock("CERTIFICATE REQUEST", readPrivateFile(path, pemBytesMax));
  return { request, parsed: await readRequest(request, nodeCrypto) };
}

function onlyBlock(label: PemLabel, bytes: Bytes): Bytes {
  let blocks: Bytes[] = [];
  try {
    blocks = decodePem(label, tryUtf8(bytes) ?? "");
  } catch {
    // Reported below.
  }
  if (blocks.length !== 1)
    throw new ScansealError(
      "key-unusable",
      `the device's ${label.toLowerCase()} is damaged: --new-epoch gives it a new key`,
    );
  return blocks[0]!;
}
