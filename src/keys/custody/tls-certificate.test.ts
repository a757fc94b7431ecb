import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  authoritySpec,
  build,
  keyOf,
  oids,
  purposes,
  rolePurposes,
  setExtension,
} from "../../../test/keys/forged-chains.ts";
import { toHex } from "../../foundation/bytes.ts";
import type { Clock } from "../../foundation/crypto.ts";
import { nodeCrypto, nodeRandom } from "../../platform/node/crypto.ts";
import { parseCertificate } from "../trust/certificate.ts";
import { attributeOid } from "../trust/object-identifiers.ts";
import { encodePem } from "../trust/pem.ts";
import { parseCrl } from "../trust/revocation.ts";
import { roles } from "../trust/roles.ts";
import { SignerRecognition } from "../trust/signer-recognition.ts";
import { createTrustStore } from "../trust/trust-store.ts";
import { type Authority, createAuthority, importAuthority, openAuthority } from "./authority.ts";
import { authorityCrl, authorityDevices, authorityTls } from "./authority-files.ts";
import { enrolLocally } from "./local-enrolment.ts";
import { encryptKey, generateKey, spkiOf } from "./private-key.ts";
import { buildName, buildRequest } from "./structure-builder.ts";
import { issueTlsLocally, type TlsOwner } from "./tls-certificate.ts";

const day = 86_400_000;
const passphrase = "a long enough passphrase";
let now = 0;
const clock: Clock = { now: () => now };
const environment = { clock, random: nodeRandom, passphrase };
const server: TlsOwner = { kind: "tls-server", name: "gate", hosts: ["gate.example.org", "10.0.0.7"] };
const client: TlsOwner = { kind: "tls-client", name: "ct-1", hosts: [] };
let home = "";
let place = "";
let authority: Authority;

beforeEach(async () => {
  now = Date.UTC(2026, 5, 1);
  home = mkdtempSync(join(tmpdir(), "scanseal-tls-"));
  place = join(home, "authority");
  authority = await createAuthority(place, { ...environment, name: "Example Hospital" });
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function requestBy(key = generateKey("EC-P256"), name = "whatever"): Uint8Array {
  return buildRequest(buildName([{ oid: attributeOid.commonName, value: name }]), spkiOf(key), key);
}

const refusedAs = (code: string): unknown => expect.objectContaining({ code });

describe("a TLS certificate", () => {
  it("of a server names its hosts; of a client, nobody but itself; both for 397 days", async () => {
    const made = await issueTlsLocally(authority, server);
    const read = new X509Certificate(made.certificatePem);
    expect(read.subject).toBe("O=Example Hospital\nCN=gate");
    expect(read.subjectAltName).toBe("DNS:gate.example.org, IP Address:10.0.0.7");
    expect(read.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
    expect(read.ca).toBe(false);
    expect(read.publicKey.asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
    expect(read.fingerprint256.replaceAll(":", "").toLowerCase()).toBe(made.entry.fingerprint);
    const { notBefore, notAfter } = parseCertificate(made.der, nodeCrypto);
    expect([notBefore, notAfter - notBefore]).toEqual([now - day, 397 * day]);
    const other = new X509Certificate((await issueTlsLocally(authority, client)).certificatePem);
    expect([other.keyUsage, other.subjectAltName]).toEqual([["1.3.6.1.5.5.7.3.2"], undefined]);
    expect(other.publicKey.equals(read.publicKey)).toBe(false);
  });

  it("is in the ledger with its kind, and no device", async () => {
    const [gate, ct] = [await issueTlsLocally(authority, server), await issueTlsLocally(authority, client)];
    expect(authorityTls(place)).toEqual([
      { ...gate.entry, isRevoked: false },
      { ...ct.entry, isRevoked: false },
    ]);
    expect(authorityTls(place).map(({ kind, hosts }) => [kind, hosts])).toEqual([
      ["tls-server", server.hosts],
      ["tls-client", []],
    ]);
    expect(authorityDevices(place)).toEqual([]);
    expect(readFileSync(join(place, "ledger.json"), "utf8")).not.toContain("PRIVATE");
  });

  it("never makes a signer, in whatever role", async () => {
    const issued = [await issueTlsLocally(authority, server), await issueTlsLocally(authority, client)];
    const content = {
      anchors: [{ certificate: authority.certificate.der, label: "own" }],
      crls: [authorityCrl(place)],
      devices: authorityDevices(place),
    };
    const recognition = new SignerRecognition(createTrustStore(content, nodeCrypto), nodeCrypto);
    for (const { der } of issued) {
      for (const role of [undefined, ...roles]) {
        const result = await recognition.recognise(der, { role, now, revocation: "required" });
        expect(result).toMatchObject({ ok: false, reason: "certificate-wrong-role" });
      }
    }
  });

  it("is revoked like a device's, once", async () => {
    const { entry } = await issueTlsLocally(authority, client);
    const crl = parseCrl(authority.revoke(entry.serial, "keyCompromise"), nodeCrypto);
    expect(crl.revoked.get(entry.serial)).toMatchObject({ revokedAt: now, reason: "keyCompromise" });
    expect(authorityTls(place)[0]?.isRevoked).toBe(true);
    expect(() => authority.revoke(entry.serial, "superseded")).toThrow(refusedAs("usage"));
  });

  it("ends with the authority at the latest", async () => {
    now += 3600 * day;
    const { entry } = await issueTlsLocally(authority, client);
    expect(entry.notAfter).toBe(authority.certificate.notAfter);
    now += 60 * day;
    await expect(issueTlsLocally(authority, client)).rejects.toThrow(refusedAs("certificate-invalid"));
  });

  it("is for no name or host that does not fit", async () => {
    for (const bad of [
      { ...server, name: "../gate" },
      { ...server, name: "" },
      { ...server, hosts: [] },
      { ...server, hosts: ["*.example.org"] },
      { ...client, hosts: ["ct-1"] },
    ]) {
      await expect(issueTlsLocally(authority, bad)).rejects.toThrow(refusedAs("usage"));
      await expect(authority.issueTls(bad, requestBy())).rejects.toThrow(refusedAs("usage"));
    }
    expect(authorityTls(place)).toEqual([]);
  });
});

describe("a request for a TLS certificate", () => {
  it("gets a name of ours, and may be of RSA 2048", async () => {
    const key = keyOf("RSA-2048", "an old modality");
    const { der, entry } = await authority.issueTls(client, requestBy(key, "CN of its own"));
    expect(new X509Certificate(der).subject).toBe("O=Example Hospital\nCN=ct-1");
    expect(entry.keyFingerprint).toBe(toHex(nodeCrypto.hash("SHA-256", spkiOf(key))));
  });

  it("is compared with what a person read, where one did", async () => {
    const request = requestBy();
    const { keyFingerprint } = await authority.inspect(request);
    await expect(authority.issueTls(client, request, "00".repeat(32))).rejects.toThrow(refusedAs("usage"));
    const read = keyFingerprint.toUpperCase().replace(/..(?=.)/g, "$&:");
    await expect(authority.issueTls(client, request, read)).resolves.toBeDefined();
  });

  it("renews its own key, and no other's, and none that was revoked", async () => {
    const request = requestBy();
    const first = await authority.issueTls(client, request);
    now += 390 * day;
    const second = await authority.issueTls(client, request);
    expect(second.entry.keyFingerprint).toBe(first.entry.keyFingerprint);
    expect(second.entry.fingerprint).not.toBe(first.entry.fingerprint);
    await expect(authority.issueTls({ ...client, name: "ct-2" }, request)).rejects.toThrow(
      refusedAs("usage"),
    );
    await expect(authority.issueTls({ ...server, name: "ct-1" }, request)).rejects.toThrow(
      refusedAs("usage"),
    );
    authority.revoke(first.entry.serial, "keyCompromise");
    await expect(authority.issueTls(client, request)).rejects.toThrow(refusedAs("usage"));
  });

  it("is never for a key that seals, nor does a TLS key ever seal", async () => {
    const folder = join(home, "ct-1");
    const device = { name: "ct-1", aeTitle: "CT1", serialNumber: "SN-77" };
    await enrolLocally(authority, folder, { device, roles: ["capture"], passphrase, random: nodeRandom });
    const sealing = readFileSync(join(folder, "epoch-1", "request.pem"), "utf8");
    const sealingRequest = Buffer.from(sealing.replace(/-----[^-]+-----/g, ""), "base64");
    await expect(authority.issueTls(client, new Uint8Array(sealingRequest))).rejects.toThrow(
      refusedAs("usage"),
    );
    const tlsRequest = requestBy();
    await authority.issueTls(client, tlsRequest);
    const { code } = authority.issueCode({ ...device, name: "ct-2", roles: ["capture"] });
    const comparedFingerprint = (await authority.inspect(tlsRequest)).keyFingerprint;
    await expect(authority.enrol({ request: tlsRequest, code, comparedFingerprint })).rejects.toThrow(
      refusedAs("usage"),
    );
  });
});

describe("authorities of before", () => {
  it("have a ledger without TLS certificates, and issue them all the same", async () => {
    const path = join(place, "ledger.json");
    const { tls: _, ...old } = JSON.parse(readFileSync(path, "utf8"));
    writeFileSync(path, JSON.stringify(old), { mode: 0o600 });
    expect(authorityTls(place)).toEqual([]);
    await issueTlsLocally(await openAuthority(place, environment), client);
    expect(authorityTls(place)).toHaveLength(1);
  });

  it("issue for TLS only if their own purposes allow it", async () => {
    const key = keyOf("RSA-2048", "Hospital CA");
    const keyPem = encryptKey(key, passphrase, nodeRandom);
    const authorityFor = (folder: string, purpose: Uint8Array): Promise<Authority> => {
      const spec = authoritySpec("Hospital CA", "Hospital CA", "RSA-2048");
      setExtension(spec, oids.eku, purpose);
      const certificatePem = encodePem("CERTIFICATE", build(spec));
      const given = { certificatePem, keyPem, keyPassphrase: passphrase };
      return importAuthority(join(home, folder), { ...environment, ...given });
    };
    const sealing = await authorityFor("sealing", rolePurposes("capture"));
    await expect(issueTlsLocally(sealing, client)).rejects.toThrow(refusedAs("certificate-invalid"));
    const clients = await authorityFor("clients", purposes("1.3.6.1.5.5.7.3.2"));
    await expect(issueTlsLocally(clients, server)).rejects.toThrow(refusedAs("certificate-invalid"));
    await expect(issueTlsLocally(clients, client)).resolves.toBeDefined();
  });
});
