/** What whoever has the machine does, in the gate's records: and so in its audit. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterEach, expect, it } from "vitest";
import { openSqliteJournal } from "../../src/store/journal/sqlite-journal.ts";
import { makeSite, makeWorkplace } from "./scanseal-process.ts";

const place = makeWorkplace();
afterEach(() => rmSync(place.path("scanseal-data"), { recursive: true, force: true }));

const gate = `aeTitle: GATE
home: .
listeners: [{name: plain, port: 11112}]
sources: [{name: ct1, listener: plain}]
alerts:
  webhook: {url: "http://127.0.0.1:9/"}
`;

async function recorded(): Promise<unknown[]> {
  const journal = await openSqliteJournal(place.path("scanseal-data/gateway/journal.sqlite"));
  const records = await journal.records({ actsLike: ["machine."], limit: 100 });
  await journal.close();
  return records.toReversed().map(({ act, actor, subject, detail }) => ({ act, actor, subject, ...detail }));
}

it("backups, keys and tests of alarms are recorded, with the account and as not proven", async () => {
  makeSite(place);
  expect(place.run("keys", "rotate", "CT1").status).toBe(0);
  writeFileSync(place.path("scanseal-data/gateway.yaml"), gate);
  expect(place.run("keys", "rotate", "CT1")).toMatchObject({ status: 0, stderr: "" });
  expect(place.run("alerts", "test").status).toBe(1);
  expect(place.run("keys", "revoke", "CT1", "--reason", "cessation", "--epoch", "1")).toMatchObject({
    stderr: "",
  });
  const made = place.run("backup", "make", "safe");
  expect(made).toMatchObject({ status: 0, stderr: "" });
  const digest = /Manifest SHA-256: ([0-9a-f]{64})/.exec(made.stdout)![1]!;
  const by = { actor: "machine", isProven: false, account: expect.stringMatching(/./) };
  const acts = [
    { ...by, act: "machine.key-rotated", subject: "CT1", epoch: 3 },
    { ...by, act: "machine.alerts-tested", subject: "GATE", failed: true },
    { ...by, act: "machine.key-revoked", subject: "CT1", why: "cessation" },
    { ...by, act: "machine.backup-made", subject: digest, keys: true },
  ];
  expect(await recorded()).toEqual(acts);
  rmSync(place.path("scanseal-data"), { recursive: true });
  expect(place.run("backup", "restore", "safe")).toMatchObject({ stderr: "" });
  // The backup was made before its record.
  const restored = { ...by, act: "machine.backup-restored", subject: digest };
  expect(await recorded()).toEqual([...acts.slice(0, 3), restored]);
}, 60_000);

it("what cannot be recorded is done all the same, and said", () => {
  makeSite(place);
  writeFileSync(place.path("scanseal-data/gateway.yaml"), gate);
  mkdirSync(place.path("scanseal-data/gateway"));
  writeFileSync(place.path("scanseal-data/gateway/journal.sqlite"), "no database");
  const { status, stdout, stderr } = place.run("keys", "rotate", "CT1");
  expect([status, stdout]).toEqual([0, expect.stringContaining("CT1 has a new key: epoch 2")]);
  expect(stderr).toContain("It is not in the gate's records:");
  writeFileSync(place.path("scanseal-data/gateway.yaml"), "nothing: that is known");
  expect(place.run("keys", "rotate", "CT1")).toMatchObject({
    status: 0,
    stderr: expect.stringContaining("configuration has errors"),
  });
  expect(readFileSync(place.path("scanseal-data/gateway/journal.sqlite"), "utf8")).toBe("no database");
}, 60_000);
