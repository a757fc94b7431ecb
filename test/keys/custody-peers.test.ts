/** What our custody makes, read by other people's software: openssl and dcmsign. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Authority, createAuthority, importAuthority } from "../../src/keys/custody/authority.ts";
import { authorityDevices } from "../../src/keys/custody/authority-files.ts";
import { createDevice, openDeviceSigner } from "../../src/keys/custody/device-keys.ts";
import { enrolLocally } from "../../src/keys/custody/local-enrolment.ts";
import type { KeyChoice } from "../../src/keys/custody/private-key.ts";
import { encodePem } from "../../src/keys/trust/pem.ts";
import { SignerRecognition } from "../../src/keys/trust/signer-recognition.ts";
import { createTrustStore } from "../../src/keys/trust/trust-store.ts";
import { nodeCrypto, nodeRandom, systemClock } from "../../src/platform/node/crypto.ts";
import { describePeer, peerPath } from "../peers.ts";

const passphrase = "correct horse battery";
const environment = { clock: systemClock, random: nodeRandom, passphrase };
let home = "";
let authority: Authority;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "scanseal-custody-"));
  authority = await createAuthority(join(home, "authority"), { ...environment, name: "Example Hospital" });
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

async function enrol(
  name: string,
  keyType: KeyChoice = "EC-P256",
  by: Authority = authority,
): Promise<string> {
  const folder = join(home, name);
  const device = { name, aeTitle: "CT1", serialNumber: "SN-77" };
  await enrolLocally(by, folder, { device, roles: ["capture"], passphrase, random: nodeRandom, keyType });
  return folder;
}

function openssl(...options: readonly string[]): { readonly ok: boolean; readonly text: string } {
  const run = spawnSync(peerPath("openssl"), options, { encoding: "utf8" });
  return { ok: run.status === 0, text: run.stdout + run.stderr };
}

const inAuthority = (name: string): string => join(home, "authority", name);
const certificateOf = (folder: string): string => join(folder, "epoch-1", "certificate.pem");
const keyOf = (folder: string): string => join(folder, "epoch-1", "key.pem");

describePeer("openssl", "openssl", () => {
  it("verifies our certificates strictly, with our CRL, until one is revoked", async () => {
    const verify = (folder: string): boolean =>
      openssl(
        ...["verify", "-x509_strict", "-auth_level", "2", "-crl_check_all", "-check_ss_sig"],
        ...[
          "-CAfile",
          inAuthority("authority.pem"),
          "-CRLfile",
          inAuthority("crl.pem"),
          certificateOf(folder),
        ],
      ).ok;
    const folders = [
      await enrol("ct-p256"),
      await enrol("ct-p384", "EC-P384"),
      await enrol("ct-rsa", "RSA-3072"),
    ];
    expect(folders.map(verify)).toEqual([true, true, true]);
    const { serial } = authorityDevices(join(home, "authority"))[0]!;
    authority.revoke(serial, "keyCompromise", Date.now() - 1000);
    expect(folders.map(verify)).toEqual([false, true, true]);
    expect(openssl("crl", "-in", inAuthority("crl.pem"), "-noout", "-text").text).toContain("Key Compromise");
  });

  it("opens our encrypted keys with the passphrase, and with no other", async () => {
    const folder = await enrol("ct-key");
    expect(
      openssl("pkey", "-in", keyOf(folder), "-passin", `pass:${passphrase}`, "-noout", "-check").ok,
    ).toBe(true);
    expect(openssl("pkey", "-in", keyOf(folder), "-passin", "pass:another one", "-noout").ok).toBe(false);
    expect(openssl("asn1parse", "-in", keyOf(folder)).text).toContain("scrypt");
  });

  it("verifies our requests, and has its own enrolled", async () => {
    const made = await createDevice(
      join(home, "ct-request"),
      { name: "ct-request", aeTitle: "A", serialNumber: "1" },
      { passphrase, random: nodeRandom },
    );
    const path = join(home, "request.pem");
    writeFileSync(path, encodePem("CERTIFICATE REQUEST", made.request));
    expect(openssl("req", "-in", path, "-verify", "-noout").ok).toBe(true);
    const foreign = join(home, "foreign.der");
    const key = join(home, "foreign.key");
    const made2 = openssl(
      ...["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
      ...["-keyout", key, "-subj", "/CN=whatever", "-outform", "DER", "-out", foreign],
    );
    expect(made2.ok).toBe(true);
    const request = new Uint8Array(readFileSync(foreign));
    const { keyFingerprint } = await authority.inspect(request);
    const { code } = authority.issueCode({
      name: "mr-1",
      aeTitle: "MR1",
      serialNumber: "2",
      roles: ["capture"],
    });
    await expect(
      authority.enrol({ request, code, comparedFingerprint: keyFingerprint }),
    ).resolves.toBeDefined();
  });

  it("makes authorities that we import: P-384, RSA-2048, with an encrypted key", async () => {
    for (const [name, ...newKey] of [
      ["p384", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
      ["rsa", "rsa:2048"],
    ] as const) {
      const [key, certificate] = [join(home, `${name}.key`), join(home, `${name}.pem`)];
      const made = openssl(
        ...["req", "-x509", "-newkey", ...newKey, "-passout", "pass:its own passphrase", "-keyout", key],
        ...["-out", certificate, "-days", "100", "-subj", "/O=Old Hospital/CN=Imaging CA"],
        ...["-addext", "keyUsage=critical,keyCertSign,cRLSign"],
      );
      expect(made.text.includes("rror"), made.text).toBe(false);
      const place = join(home, `authority-${name}`);
      const imported = await importAuthority(place, {
        ...environment,
        certificatePem: readFileSync(certificate, "utf8"),
        keyPem: readFileSync(key, "utf8"),
        keyPassphrase: "its own passphrase",
      });
      const folder = await enrol(`device-${name}`, "EC-P256", imported);
      const verified = openssl(
        ...["verify", "-x509_strict", "-crl_check", "-CAfile", certificate],
        ...["-CRLfile", join(place, "crl.pem"), certificateOf(folder)],
      );
      expect(verified.text).toContain("OK");
      const store = createTrustStore(
        { anchors: [{ certificate: imported.certificate.der, label: name }] },
        nodeCrypto,
      );
      const signer = await openDeviceSigner(folder, passphrase);
      const result = await new SignerRecognition(store, nodeCrypto).recognise(signer.certificate, {
        role: "capture",
        now: Date.now(),
      });
      expect(result).toMatchObject({ ok: true, assurance: "in-device" });
    }
  });
});

describePeer(["dcmsign", "openssl", "corpus"], "dcmsign", () => {
  it("signs with our device keys and verifies under our anchor, in the farthest time zones and against our CRL", async () => {
    const series = join(peerPath("corpus"), "ct-series", "lidc-0314-nodule");
    const image = join(series, readdirSync(series).find((name) => name.endsWith(".dcm"))!);
    for (const [keyType, mac] of [
      ["EC-P256", "+m2"],
      ["EC-P384", "+m3"],
      ["RSA-3072", "+m5"],
    ] as const) {
      const folder = await enrol(`dcmsign-${keyType}`, keyType);
      for (const zone of ["UTC", "Pacific/Pago_Pago", "Pacific/Kiritimati"]) {
        const out = join(home, "signed.dcm");
        const run = (
          ...options: readonly string[]
        ): { readonly status: number | null; readonly text: string } => {
          const done = spawnSync(peerPath("dcmsign"), options, {
            encoding: "utf8",
            env: { ...process.env, TZ: zone },
          });
          return { status: done.status, text: done.stdout + done.stderr };
        };
        const signed = run("+pw", passphrase, mac, "+s", keyOf(folder), certificateOf(folder), image, out);
        expect(signed.status, signed.text).toBe(0);
        const anchored = ["--verify", "+rg", "+cf", inAuthority("authority.pem")];
        const verified = run("-v", ...anchored, out);
        expect(verified.status, verified.text).toBe(0);
        const listed = run("-v", ...anchored, "+cr", inAuthority("crl.pem"), out);
        expect(listed.status, listed.text).toBe(0);
        // Without our anchor it trusts nobody.
        const stranger = run("-v", "--verify", "+rg", "+cf", certificateOf(folder), out);
        expect(stranger.status, stranger.text).not.toBe(0);
      }
    }
  });
});
