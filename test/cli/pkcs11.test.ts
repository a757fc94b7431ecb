/** A device whose key is in a PKCS#11 token (SoftHSM2): it enrols and seals; without its token nothing is signed or counted. */
import { spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { readDicom } from "../../src/dicom/read.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import { openManifest } from "../../src/provenance/manifest/check.ts";
import { phantomFiles } from "../interop/dimse-peers.ts";
import { makeSoftToken, type SoftToken } from "../keys/soft-token.ts";
import { describePeer, itWithPeer, peerPath } from "../peers.ts";
import { makeWorkplace, oneLine, type Run } from "./scanseal-process.ts";

const place = makeWorkplace();
const { path } = place;
const pin = "pin-8251-secret";
/** Where the optional package could not be built. */
const withoutPackage = `data:text/javascript,${encodeURIComponent(
  `import { registerHooks } from "node:module";
  registerHooks({ resolve(name, context, next) { if (name === "pkcs11js") throw new Error("absent"); return next(name, context); } });`,
)}`;
const device = ["--ae", "CT1", "--serial", "1"];

describePeer(["softhsm2", "pkcs11js"], "a device with its key in a token", () => {
  let token: SoftToken;
  let options: string[];
  const epoch = (n: number, ...names: string[]): string =>
    path("scanseal-data", "devices", "CT1", `epoch-${n}`, ...names);
  const run = (...args: string[]): Run =>
    place.runWith({ env: { ...token.env, SCANSEAL_PKCS11_PIN: pin } }, ...args);
  const seal = (out: string): string[] => ["seal", "scan.dcm", "--device", "CT1", "--out", out];
  const keysInToken = (): number =>
    filesBelow(path("soft", "tokens")).filter((file) => /(?<!token)\.object$/.test(file)).length;
  const refused = (done: Run, words: RegExp): void => {
    expect({ status: done.status, stdout: done.stdout }).toEqual({ status: 2, stdout: "" });
    expect(done.stderr).toMatch(oneLine);
    expect(done.stderr).toMatch(words);
    expect(done.stderr).not.toContain("secret");
  };

  beforeAll(() => {
    token = makeSoftToken(path("soft"), "CT 1 key", pin);
    options = ["--pkcs11", peerPath("softhsm2"), "--token", token.label];
    place.write("scan.dcm", phantomFiles()[0]!);
    expect(run("init")).toMatchObject({ status: 0 });
  });

  it("is not made where the token cannot be used", () => {
    const enroll = ["enroll", "CT1", ...device];
    const wrongPin = { ...token.env, SCANSEAL_PKCS11_PIN: "no-secret-9" };
    refused(place.runWith({ env: wrongPin }, ...enroll, ...options), /refuses the PIN/);
    refused(place.runWith({ env: token.env }, ...enroll, ...options), /SCANSEAL_PKCS11_PIN/);
    refused(run(...enroll, ...options.slice(0, 3), "another"), /no token "another"/);
    refused(run(...enroll, "--pkcs11", "absent.so", "--token", token.label), /missing or cannot be loaded/);
    refused(run(...enroll, ...options.slice(0, 2)), /--token/);
    refused(run(...enroll, ...options, "--key", "RSA-3072"), /EC-P256/);
    const noPackage = { ...token.env, SCANSEAL_PKCS11_PIN: pin, NODE_OPTIONS: `--import=${withoutPackage}` };
    refused(place.runWith({ env: noPackage }, ...enroll, ...options), /pkcs11js is not installed/);
    expect(keysInToken()).toBe(0);
    refused(run(...seal("nothing")), /no device of that name/);
  });

  it("enrols, seals with mark and verifies; the token alone holds the key", async () => {
    expect(run("enroll", "CT1", ...device, ...options)).toMatchObject({ status: 0 });
    expect(keysInToken()).toBe(2);
    expect(run(...seal("out"))).toMatchObject({ status: 0 });
    const { status, stdout } = place.run("verify", "--deep", "out");
    expect({ status, stdout }).toMatchObject({ status: 0, stdout: expect.stringContaining("verified") });
    const sealed = await readDicom(new MemorySource(readFileSync(onlyFile("out"))));
    expect((await openManifest(sealed, nodeCrypto))!.statement.watermark).toMatchObject({ scheme: "MTW1" });

    expect(JSON.parse(readFileSync(epoch(1, "token.json"), "utf8"))).toEqual({
      format: "scanseal-token-1",
      module: peerPath("softhsm2"),
      label: token.label,
      keyId: expect.stringMatching(/^[0-9a-f]{40}$/),
    });
    const home = filesBelow(path("scanseal-data"));
    expect(home.filter((file) => file.includes("devices") && file.endsWith("key.pem"))).toEqual([]);
    for (const file of home) {
      expect(readFileSync(file).includes(pin), file).toBe(false);
      if (file.includes("devices")) expect(readFileSync(file).includes("PRIVATE KEY"), file).toBe(false);
    }
  });

  itWithPeer("dcmsign", "signs what dcmsign verifies", () => {
    const certificate = new X509Certificate(readFileSync(epoch(1, "certificate.pem")));
    writeFileSync(path("signer.pem"), certificate.toString());
    const authority = path("scanseal-data", "authority", "authority.pem");
    const done = spawnSync(
      peerPath("dcmsign"),
      ["--verify", "+rg", "+cf", authority, "+cf", path("signer.pem"), onlyFile("out")],
      { encoding: "utf8" },
    );
    expect(done.status, done.stdout + done.stderr).toBe(0);
  });

  it("seals nothing and counts nothing without its token", () => {
    const counter = (): string => readFileSync(epoch(1, "counter"), "utf8");
    const before = counter();
    place.write("scan.dcm", phantomFiles()[1]!);
    const wrongPin = { ...token.env, SCANSEAL_PKCS11_PIN: "no-secret-9" };
    refused(place.runWith({ env: wrongPin }, ...seal("no")), /refuses the PIN/);
    renameSync(path("soft", "tokens"), path("soft", "unplugged"));
    place.write("soft/tokens/empty/none", "");
    refused(run(...seal("no")), /no token "CT 1 key"/);
    refused(run("enroll", "CT1", ...device, "--new-epoch"), /no token "CT 1 key"/);
    rmSync(path("soft", "tokens"), { recursive: true });
    renameSync(path("soft", "unplugged"), path("soft", "tokens"));

    const note = readFileSync(epoch(1, "token.json"), "utf8");
    writeFileSync(epoch(1, "token.json"), note.replace(/"keyId": "../, '"keyId": "zz'));
    refused(run(...seal("no")), /damaged/);
    const other = note.replace(/"keyId": "(..)/, (_, octet) => `"keyId": "${octet === "00" ? "01" : "00"}`);
    writeFileSync(epoch(1, "token.json"), other);
    refused(run(...seal("no")), /not in the token/);
    writeFileSync(epoch(1, "token.json"), note);

    expect(counter()).toBe(before);
    expect(readdirSync(join(epoch(1), ".."))).not.toContain("epoch-2");
    expect(keysInToken()).toBe(2);
    expect(run(...seal("out"))).toMatchObject({ status: 0 });
  });

  it("gets its next key in the same token; another's key is not taken for it", () => {
    expect(run("enroll", "CT1", ...device, "--new-epoch")).toMatchObject({ status: 0 });
    expect(keysInToken()).toBe(4);
    const note = readFileSync(epoch(2, "token.json"), "utf8");
    place.write("scan.dcm", phantomFiles()[2]!);
    writeFileSync(epoch(2, "token.json"), readFileSync(epoch(1, "token.json")));
    refused(run(...seal("no")), /do not belong together/);
    writeFileSync(epoch(2, "token.json"), note);
    expect(run(...seal("out"))).toMatchObject({ status: 0 });
    expect(place.run("verify", "--deep", "out")).toMatchObject({ status: 0 });
  });

  function onlyFile(folder: string): string {
    const [name] = readdirSync(path(folder)).filter((file) => file.endsWith(".dcm"));
    return path(folder, name!);
  }
});

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((file) => statSync(file).isFile());
}
