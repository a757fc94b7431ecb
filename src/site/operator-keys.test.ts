import { execFileSync } from "node:child_process";
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import type { Bytes } from "../foundation/bytes.ts";
import { nodeCrypto } from "../platform/node/crypto.ts";
import { publicKeyText, signChallenge } from "./operator-keys.ts";
import { rolesIn } from "./operator-roles.ts";
import { Operators } from "./operators.ts";

const secret = "correct horse battery";
const noPassphrase = (): Promise<string> => Promise.reject(new Error("not asked"));

function site(): { folder: string; operators: Operators } {
  const folder = mkdtempSync(join(tmpdir(), "scanseal-operator-keys-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const quick = async (passphrase: Uint8Array, salt: Uint8Array): Promise<Uint8Array> =>
    nodeCrypto.hmacSha256(salt, passphrase);
  return { folder, operators: new Operators(folder, { now: () => 1 }, quick) };
}

const publicPem = (key: KeyObject): string => key.export({ type: "spki", format: "pem" }).toString();
const privatePem = (key: KeyObject): string => key.export({ type: "pkcs8", format: "pem" }).toString();
const signed = (challenge: Bytes, key: KeyObject): Promise<Bytes> =>
  signChallenge(challenge, privatePem(key), noPassphrase);

it.each([
  ["ed25519", generateKeyPairSync("ed25519")],
  ["EC P-256", generateKeyPairSync("ec", { namedCurve: "prime256v1" })],
  ["RSA", generateKeyPairSync("rsa", { modulusLength: 2048 })],
] as const)("an operator with an %s key is who signs the challenge", async (_, { publicKey, privateKey }) => {
  const { operators } = site();
  await operators.add("anna", { publicKey: publicKeyText(publicPem(publicKey)) }, []);
  const challenge = operators.challenge("anna", "quarantine release");
  expect(operators.answer("anna", challenge, await signed(challenge, privateKey))).toEqual({
    result: "proven",
    name: "anna",
  });
  // There is no passphrase, and the empty one is none.
  for (const tried of ["", secret])
    expect(await operators.authenticate("anna", tried)).toMatchObject({ result: "refused" });
});

it("a challenge that is replayed, of another command or person, made up, or signed by another key proves nothing", async () => {
  const { operators } = site();
  const [anna, ben] = [generateKeyPairSync("ed25519"), generateKeyPairSync("ed25519")];
  await operators.add("anna", { publicKey: publicKeyText(publicPem(anna.publicKey)) }, []);
  await operators.add("ben", { publicKey: publicKeyText(publicPem(ben.publicKey)) }, ["anna"]);
  const wrong = { result: "refused", why: "wrong-key" };
  const once = operators.challenge("anna", "quarantine release");
  const signature = await signed(once, anna.privateKey);
  expect(operators.answer("anna", once, signature)).toMatchObject({ result: "proven" });
  expect(operators.answer("anna", once, signature)).toMatchObject(wrong);
  const next = operators.challenge("anna", "quarantine release");
  expect(operators.answer("anna", next, signature)).toMatchObject(wrong);
  const byBen = operators.challenge("anna", "quarantine release");
  expect(operators.answer("anna", byBen, await signed(byBen, ben.privateKey))).toMatchObject(wrong);
  expect(operators.answer("ben", once, signature)).toMatchObject(wrong);
  const own = new TextEncoder().encode("quarantine release");
  const made = new Uint8Array(sign(null, own, anna.privateKey));
  expect(operators.answer("anna", own, made)).toMatchObject(wrong);
});

it("wrong keys make an operator wait, as wrong passphrases do", async () => {
  const { operators } = site();
  const [anna, other] = [generateKeyPairSync("ed25519"), generateKeyPairSync("ed25519")];
  await operators.add("anna", { publicKey: publicKeyText(publicPem(anna.publicKey)) }, []);
  const tries = [];
  for (let i = 0; i < 6; i++) {
    const challenge = operators.challenge("anna", "operator add");
    tries.push(operators.answer("anna", challenge, await signed(challenge, other.privateKey)));
  }
  expect(tries.at(-1)).toMatchObject({ why: "locked" });
});

it("two people who are one: the same key under a second name, as a certificate, with its point compressed, or after a removal", async () => {
  const { folder, operators } = site();
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  await operators.add("anna", secret, []);
  await operators.add("dora", secret, ["anna"]);
  await operators.add("ben", { publicKey: publicKeyText(publicPem(publicKey)) }, ["anna", "dora"]);
  const inFile = (name: string): string => join(folder, name);
  writeFileSync(inFile("ben.key"), privatePem(privateKey));
  const openssl = (...args: string[]): void => void execFileSync("openssl", args, { stdio: "pipe" });
  const compressed = ["-pubout", "-conv_form", "compressed", "-out", inFile("compressed.pem")];
  openssl("ec", "-in", inFile("ben.key"), ...compressed);
  openssl("req", "-x509", "-key", inFile("ben.key"), "-subj", "/CN=carl", "-out", inFile("carl.pem"));
  const texts = ["compressed.pem", "carl.pem"].map((name) => readFileSync(inFile(name), "utf8"));
  expect(texts[0]).not.toBe(publicPem(publicKey));
  const refused = async (): Promise<void> => {
    for (const pem of [publicPem(publicKey), ...texts]) {
      const again = operators.add("carl", { publicKey: publicKeyText(pem) }, ["anna", "dora"]);
      await expect(again).rejects.toThrow("another operator's");
    }
  };
  await refused();
  operators.remove("ben", "anna");
  await refused();
});

it("a stolen operators.json holds nothing that proves anybody", async () => {
  const { folder, operators } = site();
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  await operators.add("anna", secret, []);
  await operators.add("ben", { publicKey: publicKeyText(publicPem(publicKey)) }, ["anna"]);
  const text = readFileSync(join(folder, "operators.json"), "utf8");
  expect(text).not.toContain(String(privateKey.export({ format: "jwk" }).d));
  const kept = JSON.parse(text) as { operators: { salt: string; hash: string; key?: string }[] };
  for (const { salt, hash, key = "" } of kept.operators)
    for (const tried of [salt, hash, key]) {
      expect(await operators.authenticate("anna", tried)).toMatchObject({ result: "refused" });
      expect(() => publicKeyText(tried)).toThrow();
    }
});

it.each([
  ["a private key", privatePem(generateKeyPairSync("ed25519").privateKey), "stays with its person"],
  ["a weak one", publicPem(generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey), "2048"],
  ["another curve", publicPem(generateKeyPairSync("ec", { namedCurve: "secp256k1" }).publicKey), "P-256"],
  ["nothing", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "no public key"],
])("%s is not taken as an operator's key", (_, pem, why) => {
  expect(() => publicKeyText(pem)).toThrow(why);
});

it("the key's file may be encrypted, and opens with its passphrase alone", async () => {
  const { privateKey } = generateKeyPairSync("ed25519");
  const pem = privateKey
    .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: secret })
    .toString();
  const challenge = new Uint8Array(8);
  expect(await signChallenge(challenge, pem, async () => secret)).toHaveLength(64);
  await expect(signChallenge(challenge, pem, async () => "else")).rejects.toMatchObject({ code: "usage" });
});

it("from the third on an operator may be given roles, and those who vouch stay", async () => {
  const { operators } = site();
  await operators.add("anna", secret, []);
  await expect(operators.add("ben", secret, ["anna"], rolesIn("emergency"))).rejects.toThrow("every role");
  await operators.add("ben", secret, ["anna"]);
  await operators.add("carl", secret, ["anna", "ben"], rolesIn("emergency,quarantine"));
  expect(operators.mayDo("carl", "emergency")).toBe(true);
  expect(operators.mayDo("carl", "operators")).toBe(false);
  expect(operators.mayDo("anna", "operators")).toBe(true);
  operators.remove("ben", "anna");
  expect(operators.mayDo("ben", "quarantine")).toBe(false);
  expect(() => operators.remove("anna", "carl")).toThrow("the last operator stays");
  expect(() => rolesIn("emergency,root")).toThrow("roles are");
});
