import { scryptSync } from "node:crypto";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { nodeCrypto, systemClock } from "../platform/node/crypto.ts";
import { Operators } from "./operators.ts";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function site(): { home: string; operators: Operators; time: { now: number } } {
  const home = mkdtempSync(join(tmpdir(), "scanseal-operators-"));
  folders.push(home);
  const time = { now: 1_800_000_000_000 };
  // A third of a second for each guess would be most of what these tests take.
  const quick = async (passphrase: Uint8Array, salt: Uint8Array): Promise<Uint8Array> =>
    nodeCrypto.hmacSha256(salt, passphrase);
  return { home, operators: new Operators(home, { now: () => time.now }, quick), time };
}

const secret = "correct horse battery";

describe("operators", () => {
  it("have their passphrases hashed with scrypt, N = 2^17, r = 8, p = 1", async () => {
    const { home } = site();
    const operators = new Operators(home, systemClock);
    await operators.add("anna", secret, []);
    const text = readFileSync(join(home, "operators.json"), "utf8");
    const [entry] = (JSON.parse(text) as { operators: { salt: string; hash: string }[] }).operators;
    const salt = Buffer.from(entry!.salt, "base64");
    const expected = scryptSync(secret, salt, 32, { N: 131_072, r: 8, p: 1, maxmem: 2 ** 28 });
    expect(entry!.hash).toBe(expected.toString("base64"));
    expect(await operators.authenticate("anna", secret)).toMatchObject({ result: "proven" });
    expect(await operators.authenticate("anna", "something else")).toMatchObject({ result: "refused" });
  });

  it("are who knows the passphrase, and nothing else", async () => {
    const { home, operators } = site();
    expect(await operators.authenticate("anna", secret)).toMatchObject({ why: "unknown" });
    await operators.add("anna", `${secret} \u0065\u0301`, []);
    // The same letter, typed on another keyboard.
    expect(await operators.authenticate("anna", `${secret} \u00e9`)).toEqual({
      result: "proven",
      name: "anna",
    });
    for (const wrong of [secret, "", `${secret} e`, `${secret} \u00e9 `])
      expect(await operators.authenticate("anna", wrong)).toMatchObject({ why: "wrong-passphrase" });
    expect(await operators.authenticate("Anna", `${secret} \u00e9`)).toMatchObject({ why: "unknown" });
    const file = join(home, "operators.json");
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const text = readFileSync(file, "utf8");
    expect(text).not.toContain("horse");
    const [entry] = (JSON.parse(text) as { operators: { salt: string; hash: string }[] }).operators;
    expect([entry!.salt, entry!.hash].map((base64) => Buffer.from(base64, "base64").length)).toEqual([
      16, 32,
    ]);
  });

  it.each([
    "gateway",
    "Gateway",
    "scanseal",
    "",
    "-anna",
    "an na",
    "\u0430nna",
    "anna\n",
    "../anna",
    "a".repeat(65),
  ])("%j is no name", async (name) => {
    const { operators } = site();
    await expect(operators.add(name, secret, [])).rejects.toMatchObject({ code: "usage" });
    expect(operators.list()).toEqual([]);
  });

  it("have names that cannot be taken for each other, removed ones too", async () => {
    const { operators } = site();
    await operators.add("olli", secret, []);
    for (const alike of ["OLLI", "0lli", "o1li", "oIIi"])
      await expect(operators.add(alike, secret, ["olli"])).rejects.toMatchObject({ code: "usage" });
    await operators.add("ben", secret, ["olli"]);
    operators.remove("olli", "ben");
    await expect(operators.add("olli", secret, ["ben"])).rejects.toThrowError(/stays in the records/);
    expect(operators.has("olli")).toBe(false);
    expect(await operators.authenticate("olli", secret)).toMatchObject({ why: "unknown" });
    expect(operators.list()).toMatchObject([
      { name: "olli", removedAt: 1_800_000_000_000 },
      { addedBy: "olli" },
    ]);
  });

  it("are added by one another, but for the first", async () => {
    const { operators } = site();
    await expect(operators.add("anna", secret, ["ben"])).rejects.toMatchObject({ code: "usage" });
    await operators.add("anna", secret, []);
    await expect(operators.add("ben", secret, [])).rejects.toThrowError(/takes 1 to vouch/);
    await expect(operators.add("ben", "short", ["anna"])).rejects.toThrowError(/12 characters/);
    await expect(operators.add("ben", "a".repeat(2_000), ["anna"])).rejects.toThrowError(/1024 bytes/);
    expect(() => operators.remove("ben", "anna")).toThrowError(/no operator/);
    expect(operators.list().map(({ name }) => name)).toEqual(["anna"]);
  });

  it("are vouched for by two from the third on, so that nobody makes two people", async () => {
    const { operators } = site();
    await operators.add("anna", secret, []);
    expect(() => operators.remove("anna", "anna")).toThrowError(/last/);
    await operators.add("ben", secret, ["anna"]);
    for (const vouchers of [[], ["anna"], ["anna", "anna"], ["anna", "nobody"], ["anna", "ben", "anna"]])
      await expect(operators.add("carl", secret, vouchers)).rejects.toThrowError(/takes 2 to vouch/);
    await operators.add("carl", secret, ["anna", "ben"]);
    expect(operators.list()[2]).toMatchObject({ name: "carl", addedBy: "anna, ben" });
    // Alone again: one who removed the others does not begin anew.
    for (const name of ["ben", "carl"]) operators.remove(name, "anna");
    expect(operators.vouchersNeeded).toBe(2);
    await expect(operators.add("dora", secret, ["anna"])).rejects.toThrowError(/takes 2 to vouch/);
    expect(() => operators.remove("anna", "anna")).toThrowError(/last/);
  });

  it("wait after wrong passphrases, never longer than a minute, and the right one clears that", async () => {
    const { operators, time } = site();
    await operators.add("anna", secret, []);
    await operators.add("ben", secret, ["anna"]);
    const attempt = async (passphrase: string): Promise<string> => {
      const proof = await operators.authenticate("anna", passphrase);
      return proof.result === "proven" ? "proven" : proof.why;
    };
    for (let i = 0; i < 5; i++) expect(await attempt("wrong")).toBe("wrong-passphrase");
    expect(await attempt(secret)).toBe("locked");
    // Somebody else is not concerned.
    expect(await operators.authenticate("ben", secret)).toMatchObject({ result: "proven" });
    // Attempts meanwhile do not make it longer.
    for (let i = 0; i < 50; i++) expect(await attempt("wrong")).toBe("locked");
    time.now += 1_000;
    for (let i = 0; i < 8; i++) {
      expect(await attempt("wrong")).toBe("wrong-passphrase");
      time.now += 60_000;
    }
    // A clock that goes back does not lock anybody out either.
    expect(await attempt("wrong")).toBe("wrong-passphrase");
    time.now -= 365 * 86_400_000;
    const proof = await operators.authenticate("anna", secret);
    expect(proof).toMatchObject({ why: "locked", retryInMs: 60_000 });
    time.now += 365 * 86_400_000 + 60_000;
    expect(await attempt(secret)).toBe("proven");
    for (let i = 0; i < 4; i++) expect(await attempt("wrong")).toBe("wrong-passphrase");
    expect(await attempt(secret)).toBe("proven");
  });

  it("attempts at the same moment are counted one by one", async () => {
    const { operators } = site();
    await operators.add("anna", secret, []);
    const many = await Promise.all(
      Array.from({ length: 12 }, (_, i) => operators.authenticate("anna", `guess ${i}`)),
    );
    const whys = many.map((proof) => (proof.result === "refused" ? proof.why : "proven"));
    expect(whys.filter((why) => why === "wrong-passphrase")).toHaveLength(5);
    expect(whys.filter((why) => why === "locked")).toHaveLength(7);
  });

  it.each<[string, string]>([
    ["no JSON", "{"],
    ["another document", '{"format":"x","operators":[]}'],
    ["an entry without a hash", '{"format":"scanseal-operators-1","operators":[{"name":"anna"}]}'],
    ["null", "null"],
  ])("a damaged file is told, and nobody is an operator: %s", async (_, text) => {
    const { home, operators } = site();
    writeFileSync(join(home, "operators.json"), text, { mode: 0o600 });
    expect(() => operators.list()).toThrowError(expect.objectContaining({ code: "key-unusable" }));
    await expect(operators.authenticate("anna", secret)).rejects.toMatchObject({ code: "key-unusable" });
  });

  it("a file that others can read is refused", async () => {
    const { home, operators } = site();
    await operators.add("anna", secret, []);
    chmodSync(join(home, "operators.json"), 0o644);
    expect(() => operators.has("anna")).toThrowError(expect.objectContaining({ code: "key-unusable" }));
  });
});
