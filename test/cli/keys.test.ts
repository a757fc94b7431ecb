/** `scanseal keys`: which keys there are, a new one in place of one, and the end of one, as people do it. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { openProvenanceJournal } from "../../src/store/provenance/open-provenance-journal.ts";
import { makeSite, makeWorkplace, oneLine, type Run, sampleFile } from "./scanseal-process.ts";

const place = makeWorkplace();
const { path } = place;
const device = (...names: string[]): string => path("scanseal-data", "devices", "CT1", ...names);
const keys = (...args: string[]): Run => place.run("keys", ...args);
const seal = (from: string, out: string): Run => place.run("seal", from, "--device", "CT1", "--out", out);

interface Listed {
  readonly name: string;
  readonly of: string;
  readonly keyEpoch: number | null;
  readonly state: string;
  readonly fingerprint: string;
  readonly keyFingerprint: string;
  readonly reason?: string;
  readonly revokedSince?: string;
}

function listed(name: string): string[] {
  return list()
    .filter((key) => key.name === name)
    .map(({ keyEpoch, state, reason }) => [keyEpoch, state, reason].filter((one) => one != null).join(" "));
}

function list(): Listed[] {
  return keys("list", "--json")
    .stdout.trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Listed);
}

beforeAll(() => {
  makeSite(place, 2);
  expect(seal("scans", "first")).toMatchObject({ status: 0 });
});

it("lists devices, the site's own keys, authority and log, and nothing secret", () => {
  expect(list().map(({ of, name, keyEpoch, state }) => `${of} ${name} ${keyEpoch} ${state}`)).toEqual([
    "device CT1 1 in use",
    "site site-receipts 1 in use",
    "site site-derivations 1 in use",
    "site site-notices 1 in use",
    expect.stringMatching(/^authority .* null in use$/),
    expect.stringMatching(/^log .* null in use$/),
  ]);
  const { stdout } = keys("list");
  expect(stdout).toMatch(/^NAME +ROLE +KEY +EPOCH +UNTIL +STATE +SHA-256\n/);
  expect(stdout).toMatch(/\nCT1 +capture +EC-P256 +1 +20\d\d-\d\d-\d\d +in use/);
});

describe("a new key", () => {
  it("takes over, leaves no old private key, and what the old one sealed stays verified", () => {
    const { status, stdout } = keys("rotate", "CT1");
    expect({ status, stdout }).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^CT1 has a new key: epoch 2, valid until/),
    });
    expect(listed("CT1")).toEqual(["1 replaced", "2 in use"]);
    expect(readdirSync(device("epoch-1"))).not.toContain("key.pem");
    place.write("more/3.dcm", sampleFile("2.25.3"));
    expect(seal("more", "second")).toMatchObject({ status: 0 });
    expect(place.run("verify", "first", "second")).toMatchObject({ status: 0 });
    expect(place.run("log", "list").stdout).toContain("CT1, capture, key 2");
  });

  it("of another kind, and of the keys for records", () => {
    expect(keys("rotate", "CT1", "--key", "EC-P384")).toMatchObject({ status: 0 });
    expect(keys("list").stdout).toMatch(/CT1 +capture +EC-P384 +3 /);
    // The kind stays unless another is asked for.
    expect(keys("rotate", "CT1")).toMatchObject({ status: 0 });
    expect(keys("list").stdout).toMatch(/CT1 +capture +EC-P384 +4 /);
    expect(keys("rotate", "receipts")).toMatchObject({ status: 0 });
    expect(listed("site-receipts")).toEqual(["1 replaced", "2 in use"]);
    place.write("old/4.dcm", sampleFile("2.25.4"));
    expect(place.run("baseline", "old", "--source", "old-disk")).toMatchObject({ status: 0 });
    expect(place.run("verify", "old").stdout).toContain("received");
  });

  it("never gets an epoch again: not after a device was put back from a backup", () => {
    spawnSync("cp", ["-a", device(), path("backup")]);
    expect(keys("rotate", "CT1")).toMatchObject({ status: 0 });
    rmSync(device(), { recursive: true });
    spawnSync("cp", ["-a", path("backup"), device()]);
    expect(keys("rotate", "CT1").stdout).toMatch(/^CT1 has a new key: epoch 6,/);
    expect(listed("CT1").at(-1)).toBe("6 in use");
  });

  it("is one, however often its making was cut off", async () => {
    const before = listed("CT1").length;
    for (const ms of [150, 250, 350, 450, 550]) {
      const cut = place.start("keys", "rotate", "CT1");
      const ended = new Promise((resolve) => cut.once("exit", resolve));
      await pause(ms);
      cut.kill("SIGKILL");
      await ended;
      place.write(`cut/${ms}.dcm`, sampleFile(`2.25.5${ms}`));
    }
    expect(keys("rotate", "CT1")).toMatchObject({ status: 0 });
    const states = listed("CT1");
    expect(states.filter((state) => state.endsWith("in use"))).toHaveLength(1);
    expect(states.length).toBeGreaterThan(before);
    const epochs = states.map((state) => Number(state.split(" ")[0]));
    expect(new Set(epochs).size).toBe(epochs.length);
    const held = readdirSync(device()).filter((name) => existsSync(device(name, "key.pem")));
    expect(held).toEqual([`epoch-${epochs.at(-1)}`]);
    expect(seal("cut", "third")).toMatchObject({ status: 0 });
    expect(place.run("verify", "first", "second", "third")).toMatchObject({ status: 0 });
  }, 60_000);
});

describe("the end of a key", () => {
  it("that is superseded: what it sealed before stands here, and the next key is not touched", () => {
    const { status, stdout } = keys("revoke", "CT1", "--reason", "superseded", "--epoch", "1");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^Revoked: CT1, key epoch 1\./);
    expect(stdout).toMatch(/Not revoked: key epoch \d+ \(--epoch \d+ revokes it\)\./);
    expect(listed("CT1")[0]).toBe("1 revoked superseded");
    // This site saw these seals when it made them (T2).
    expect(place.run("verify", "first", "third")).toMatchObject({ status: 0 });
    expect(place.run("log", "push")).toMatchObject({ status: 0 });
    expect(place.run("log", "list").stdout).toContain("revocation");
  });

  it("that was stolen: that this site saw a seal earlier does not count, and a stricter reason is taken", () => {
    const stolen = keys(
      "revoke",
      "CT1",
      "--reason",
      "key-compromise",
      "--epoch",
      "1",
      "--since",
      "2026-01-01",
    );
    expect(stolen).toMatchObject({ status: 0 });
    expect(listed("CT1")[0]).toBe("1 revoked key-compromise");
    const { status, stdout } = place.run("verify", "first");
    expect({ status, stdout }).toMatchObject({ status: 1, stdout: expect.stringContaining("revoked") });
    // Never milder again.
    expect(keys("revoke", "CT1", "--reason", "superseded", "--epoch", "1")).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(oneLine),
    });
    expect(place.run("verify", "third")).toMatchObject({ status: 0 });
  });

  it("in use: it seals nothing more, until there is a new one", () => {
    expect(keys("revoke", "CT1", "--reason", "cessation")).toMatchObject({ status: 0 });
    place.write("after/7.dcm", sampleFile("2.25.7"));
    expect(seal("after", "fourth")).toMatchObject({ status: 2, stderr: expect.stringMatching(oneLine) });
    expect(keys("rotate", "CT1")).toMatchObject({ status: 0 });
    expect(seal("after", "fourth")).toMatchObject({ status: 0 });
    expect(place.run("verify", "fourth")).toMatchObject({ status: 0 });
  });

  it("for records, too", () => {
    expect(
      keys("revoke", "receipts", "--reason", "key-compromise", "--epoch", "2", "--since", "2026-01-01"),
    ).toMatchObject({ status: 0 });
    expect(place.run("verify", "old").stdout).not.toContain("received");
    expect(place.run("baseline", "old", "--source", "old-disk")).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(oneLine),
    });
    expect(keys("rotate", "receipts")).toMatchObject({ status: 0 });
    expect(place.run("baseline", "old", "--source", "old-disk")).toMatchObject({ status: 0 });
    expect(place.run("verify", "old").stdout).toContain("received");
  });
});

it("tells which numbers of a key nobody has seen", async () => {
  expect(keys("gaps")).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^Every number up to the highest/),
  });
  const journal = await openProvenanceJournal(path("scanseal-data", "provenance.sqlite"));
  const [known] = list().filter(({ name, state }) => name === "CT1" && state === "in use");
  const number = (counter: number, keyFingerprint: string) => ({ keyFingerprint, keyEpoch: "1", counter });
  const old = Date.parse("2026-01-01");
  await journal.sight("a".repeat(64), number(2, known!.keyFingerprint), old);
  await journal.sight("b".repeat(64), number(7, known!.keyFingerprint), Date.now());
  await journal.sight("c".repeat(64), number(1, "f".repeat(64)), Date.now());
  await journal.close();
  const { status, stdout } = keys("gaps");
  expect(status).toBe(1);
  expect(stdout).toMatch(/\nCT1 +1 +1 +2026-01-01 +longer than 7 days\nCT1 +1 +3-6 +\S+ +may still come\n$/);
  expect(keys("gaps", "--window", "9999", "--json")).toMatchObject({ status: 0 });
  expect(JSON.parse(keys("gaps", "--json").stdout.split("\n")[1]!)).toMatchObject({
    name: "CT1",
    first: 3,
    last: 6,
    isOverdue: false,
  });
});

describe("says in one line what it cannot do", () => {
  it.each([
    ["a name that nothing has", ["rotate", "MR9"]],
    ["a path for a name", ["rotate", "../CT1"]],
    ["an epoch that never was", ["revoke", "CT1", "--reason", "superseded", "--epoch", "99"]],
    ["a day to come", ["revoke", "CT1", "--reason", "superseded", "--since", "2999-01-01"]],
    ["a day that is none", ["revoke", "CT1", "--reason", "superseded", "--since", "2026-02-31"]],
    ["no reason", ["revoke", "CT1"]],
    ["a reason that is none", ["revoke", "CT1", "--reason", "whim"]],
    ["a kind of key that is none", ["rotate", "CT1", "--key", "Ed25519"]],
    ["no site", ["list", "--home", "nowhere"]],
    ["a window that is none", ["gaps", "--window", "week"]],
  ])("%s", (_, args) => {
    const { status, stdout, stderr } = keys(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr.trimEnd().split("\n").length).toBeLessThanOrEqual(2);
    expect(stderr).not.toMatch(/\n {4}at /);
  });
});
