import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { authoritySpec, build, keyOf, oids, setExtension } from "../../../test/keys/forged-chains.ts";
import type { Clock } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto, nodeRandom } from "../../platform/node/crypto.ts";
import { nameAttribute, nameText } from "../trust/distinguished-name.ts";
import { aeTitleOid } from "../trust/object-identifiers.ts";
import { encodePem } from "../trust/pem.ts";
import { parseCrl } from "../trust/revocation.ts";
import { SignerRecognition } from "../trust/signer-recognition.ts";
import { createTrustStore } from "../trust/trust-store.ts";
import { type Authority, createAuthority, importAuthority, openAuthority } from "./authority.ts";
import { authorityCertificate, authorityCrl, authorityDevices } from "./authority-files.ts";
import {
  createDevice,
  deviceStatus,
  installCertificate,
  openDeviceCounter,
  openDeviceSigner,
  startKeyEpoch,
} from "./device-keys.ts";
import { enrolLocally } from "./local-enrolment.ts";
import { encryptKey, type KeyChoice } from "./private-key.ts";

const day = 86_400_000;
const passphrase = "a long enough passphrase";
const device = { name: "ct-1", aeTitle: "CT1", serialNumber: "SN-77" };
let now = Date.UTC(2026, 5, 1);
const clock: Clock = { now: () => now };
const environment = { clock, random: nodeRandom, passphrase };
let home = "";
let place = "";

beforeEach(() => {
  now = Date.UTC(2026, 5, 1);
  home = mkdtempSync(join(tmpdir(), "scanseal-authority-"));
  place = join(home, "authority");
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

async function codeOf(body: Promise<unknown> | (() => unknown)): Promise<string | undefined> {
  try {
    await (typeof body === "function" ? body() : body);
    return undefined;
  } catch (error) {
    if (error instanceof ScansealError) return error.code;
    throw error;
  }
}

function make(): Promise<Authority> {
  return createAuthority(place, { ...environment, name: "Example Hospital" });
}

/** As a verifier of the same site would judge, now. */
async function recognise(der: Uint8Array, role: "capture" | "receipt" = "capture"): Promise<string> {
  const store = createTrustStore(
    {
      anchors: [{ certificate: authorityCertificate(place).der, label: "own" }],
      crls: [authorityCrl(place)],
      devices: authorityDevices(place),
    },
    nodeCrypto,
  );
  const result = await new SignerRecognition(store, nodeCrypto).recognise(der, {
    role,
    now,
    revocation: "required",
  });
  return result.ok ? `${result.assurance} ${result.device.name} ${result.device.keyEpoch}` : result.reason;
}

describe("enrolment", () => {
  it("goes from a key made at the device to a certificate that is recognised", async () => {
    const authority = await make();
    const folder = join(home, "ct-1");
    const { code } = authority.issueCode({ ...device, roles: ["capture"] });
    const made = await createDevice(folder, device, { passphrase, random: nodeRandom });
    expect((await authority.inspect(made.request)).keyFingerprint).toBe(made.keyFingerprint);
    const shown = made.keyFingerprint.toUpperCase().replace(/..(?=.)/g, "$&:");
    const der = await authority.enrol({
      request: made.request,
      code: code.toLowerCase(),
      comparedFingerprint: shown,
    });
    const certificate = await installCertificate(folder, der);
    expect(nameText(certificate.subject)).toBe(
      "O=Example Hospital, CN=ct-1, serialNumber=SN-77, AE=CT1, keyEpoch=1",
    );
    expect(nameAttribute(certificate.subject, aeTitleOid)).toBe("CT1");
    expect(certificate.notBefore).toBe(now - day);
    expect(await recognise(der)).toBe("in-device ct-1 1");
    expect(await recognise(der, "receipt")).toBe("certificate-wrong-role");
    expect(await codeOf(installCertificate(folder, der))).toBe("usage");
    expect(openDeviceCounter(folder).reserve()).toEqual({ first: 1, count: 1 });
  });

  it("takes a code once, in time, and only with the right fingerprint", async () => {
    const authority = await make();
    const made = await createDevice(join(home, "ct-1"), device, { passphrase, random: nodeRandom });
    const right = { request: made.request, comparedFingerprint: made.keyFingerprint };
    expect(await codeOf(authority.enrol({ ...right, code: "00000-00000-00000-00000" }))).toBe("usage");
    const { code } = authority.issueCode({ ...device, roles: ["capture"] });
    expect(await codeOf(authority.enrol({ ...right, code, comparedFingerprint: "00".repeat(32) }))).toBe(
      "usage",
    );
    now += 25 * 3_600_000;
    expect(await codeOf(authority.enrol({ ...right, code }))).toBe("usage");
    const { code: fresh } = authority.issueCode({ ...device, roles: ["capture"] });
    await authority.enrol({ ...right, code: fresh });
    const again = await startKeyEpoch(join(home, "ct-1"), { passphrase, random: nodeRandom });
    const other = { request: again.request, comparedFingerprint: again.keyFingerprint };
    expect(await codeOf(authority.enrol({ ...other, code: fresh }))).toBe("usage");
    // The same key a second time, with a good code.
    const { code: third } = authority.issueCode({ ...device, roles: ["capture"] });
    expect(await codeOf(authority.enrol({ ...right, code: third }))).toBe("usage");
    // No code is written down.
    const ledger = readFileSync(join(place, "ledger.json"), "utf8");
    for (const one of [code, fresh, third]) expect(ledger.includes(one.slice(0, 11))).toBe(false);
  });

  it("starts a new epoch with a counter of its own; a certificate of another key is not installed", async () => {
    const authority = await make();
    const folder = join(home, "ct-1");
    const options = { device, roles: ["capture" as const], passphrase, random: nodeRandom };
    const first = await enrolLocally(authority, folder, options);
    expect(first.notice).toContain("Shortcut");
    openDeviceCounter(folder).reserve(10);
    await startKeyEpoch(folder, { passphrase, random: nodeRandom });
    expect(deviceStatus(folder).keyEpoch).toBe(1);
    expect(await codeOf(installCertificate(folder, first.certificate.der))).toBe("usage");
    const next = await enrolLocally(authority, folder, { ...options, isNewEpoch: true });
    expect(deviceStatus(folder)).toMatchObject({ ...device, keyEpoch: 3 });
    expect(openDeviceCounter(folder).reserve().first).toBe(1);
    expect(await recognise(next.certificate.der)).toBe("in-device ct-1 3");
    expect(authorityDevices(place).map((one) => one.keyEpoch)).toEqual([1, 3]);
  });

  it("refuses names that fit no folder, AE or serial number", async () => {
    const key = { passphrase, random: nodeRandom };
    for (const bad of [
      { ...device, name: "../x" },
      { ...device, name: "" },
      { ...device, aeTitle: "SEVENTEEN_LETTERS" },
      { ...device, aeTitle: " A" },
      { ...device, serialNumber: "a\\b" },
      { ...device, serialNumber: "a\nb" },
    ]) {
      expect(await codeOf(createDevice(join(home, "bad"), bad, key))).toBe("usage");
    }
    expect(await codeOf(createDevice(join(home, "bad"), device, { ...key, passphrase: "short" }))).toBe(
      "usage",
    );
  });
});

describe("a device's signer", () => {
  it("signs with each kind of key what the crypto port checks", async () => {
    const authority = await make();
    const message = new TextEncoder().encode("message");
    for (const keyType of ["EC-P256", "EC-P384", "RSA-3072", "RSA-4096"] satisfies KeyChoice[]) {
      const folder = join(home, keyType);
      const named = { ...device, name: keyType };
      const options = { device: named, roles: ["capture" as const], passphrase, random: nodeRandom, keyType };
      const { certificate } = await enrolLocally(authority, folder, options);
      const signer = await openDeviceSigner(folder, passphrase);
      for (let i = 0; i < 20; i++) {
        const operation = signer.start();
        operation.update(message.subarray(0, 3));
        operation.update(message.subarray(3));
        const signature = await operation.sign();
        expect(signature.length).toBeLessThanOrEqual(signer.signatureBytesMax);
        const check = nodeCrypto.createSignatureCheck(certificate.key.spki, signer.hash);
        check.update(message);
        expect(await check.verify(signature)).toBe(true);
      }
      expect(signer).toMatchObject({ keyType: certificate.key.type, keyBits: certificate.key.bits });
      expect(await recognise(signer.certificate)).toBe(`in-device ${keyType} 1`);
    }
  });

  it("needs its passphrase, and files that nobody else can read", async () => {
    const authority = await make();
    const folder = join(home, "ct-1");
    await enrolLocally(authority, folder, { device, roles: ["capture"], passphrase, random: nodeRandom });
    expect(await codeOf(openDeviceSigner(folder, `${passphrase}x`))).toBe("key-unusable");
    const key = join(folder, "epoch-1", "key.pem");
    expect(statSync(key).mode & 0o777).toBe(0o600);
    expect(readFileSync(key, "utf8")).toContain("BEGIN ENCRYPTED PRIVATE KEY");
    chmodSync(key, 0o640);
    expect(await codeOf(openDeviceSigner(folder, passphrase))).toBe("key-unusable");
    chmodSync(key, 0o600);
    chmodSync(folder, 0o755);
    expect(await codeOf(openDeviceSigner(folder, passphrase))).toBe("key-unusable");
    chmodSync(folder, 0o700);
    expect(await codeOf(openDeviceSigner(folder, passphrase))).toBeUndefined();
    expect(await codeOf(openDeviceSigner(join(home, "nobody"), passphrase))).toBe("key-unusable");
  });
});

describe("the authority", () => {
  it("keeps its key encrypted and its folder closed", async () => {
    await make();
    expect(await codeOf(make())).toBe("usage");
    expect(await codeOf(openAuthority(place, { ...environment, passphrase: "another passphrase" }))).toBe(
      "key-unusable",
    );
    expect(await codeOf(openAuthority(place, environment))).toBeUndefined();
    for (const name of ["key.pem", "ledger.json"])
      expect(statSync(join(place, name)).mode & 0o777).toBe(0o600);
    for (const name of readdirSync(place))
      expect(readFileSync(join(place, name), "latin1")).not.toContain("BEGIN PRIVATE");
    chmodSync(place, 0o750);
    expect(await codeOf(openAuthority(place, environment))).toBe("key-unusable");
  });

  it("revokes once, by a list that rises in number and keeps expired certificates", async () => {
    const authority = await make();
    const { certificate } = await enrolLocally(authority, join(home, "ct-1"), {
      device,
      roles: ["capture"],
      passphrase,
      random: nodeRandom,
    });
    expect(await recognise(certificate.der)).toBe("in-device ct-1 1");
    expect(await codeOf(() => authority.revoke("1234", "superseded"))).toBe("usage");
    const crl = parseCrl(authority.revoke(certificate.serial, "keyCompromise", now - day), nodeCrypto);
    expect(crl.revoked.get(certificate.serial)).toEqual({
      revokedAt: now,
      invalidSince: now - day,
      reason: "keyCompromise",
    });
    expect([crl.number, crl.keepsExpired]).toEqual(["02", true]);
    expect(await recognise(certificate.der)).toBe("certificate-revoked");
    expect(await codeOf(() => authority.revoke(certificate.serial, "superseded"))).toBe("usage");
    now += 91 * day;
    const renewed = parseCrl(authority.renewCrl(), nodeCrypto);
    expect([renewed.number, renewed.revoked.size]).toEqual(["03", 1]);
  });

  it("publishes the list again when a crash lost it", async () => {
    await make();
    rmSync(join(place, "crl.pem"));
    await openAuthority(place, environment);
    expect(parseCrl(authorityCrl(place), nodeCrypto).number).toBe("02");
  });

  it("says that its ledger is damaged rather than starting over", async () => {
    await make();
    writeFileSync(join(place, "ledger.json"), '{"format":"scanseal-authority-1"', { mode: 0o600 });
    expect(await codeOf(openAuthority(place, environment))).toBe("key-unusable");
  });
});

describe("an imported authority", () => {
  const spec = authoritySpec("Hospital CA", "Hospital CA", "RSA-2048");
  const key = keyOf("RSA-2048", "Hospital CA");
  const certificatePem = encodePem("CERTIFICATE", build(spec));
  const keyPem = encryptKey(key, "its own passphrase", nodeRandom);
  const given = { ...environment, certificatePem, keyPem, keyPassphrase: "its own passphrase" };

  it("issues and revokes as our own does", async () => {
    const authority = await importAuthority(place, given);
    const options = { device, roles: ["capture" as const], passphrase, random: nodeRandom };
    const { certificate } = await enrolLocally(authority, join(home, "ct-1"), options);
    expect(await recognise(certificate.der)).toBe("in-device ct-1 1");
    authority.revoke(certificate.serial, "superseded");
    expect(await recognise(certificate.der)).toBe("certificate-revoked");
    expect(await codeOf(openAuthority(place, environment))).toBeUndefined();
  });

  it("is refused with another's key, a wrong passphrase, or a certificate that cannot be an anchor", async () => {
    expect(await codeOf(importAuthority(place, { ...given, keyPassphrase: "wrong passphrase" }))).toBe(
      "key-unusable",
    );
    const other = encryptKey(keyOf("RSA-2048", "other"), passphrase, nodeRandom);
    expect(await codeOf(importAuthority(place, { ...given, keyPem: other, keyPassphrase: passphrase }))).toBe(
      "key-unusable",
    );
    const leaf = authoritySpec("Hospital CA", "Hospital CA", "RSA-2048");
    setExtension(leaf, oids.basic, undefined);
    const pem = encodePem("CERTIFICATE", build(leaf));
    expect(await codeOf(importAuthority(place, { ...given, certificatePem: pem }))).toBe(
      "certificate-invalid",
    );
    expect(readdirSync(home)).toEqual([]);
  });
});
