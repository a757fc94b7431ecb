/** `scanseal quarantine`, `deliveries` and `operator` as an operator uses them: one process for each command. */
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import type { Journal, JudgedObject } from "../../src/store/journal/journal.ts";
import { openSqliteJournal } from "../../src/store/journal/sqlite-journal.ts";
import { openFolderObjectStore } from "../../src/store/objects/folder-object-store.ts";
import type { ObjectStore } from "../../src/store/objects/object-store.ts";
import { openSegmentSpool } from "../../src/store/spool/segment-spool.ts";
import { makeWorkplace, oneLine, type Run, sampleFile } from "../cli/scanseal-process.ts";
import { admitting, judged, received } from "../store/journal-fixture.ts";
import { addHeld, malformedFinding } from "./held-objects.ts";

const place = makeWorkplace();
const secrets: Readonly<Record<string, string>> = { anna: "correct horse battery", ben: "another staple" };

const config = `aeTitle: SCANSEAL
home: .
listeners:
  - { name: plain, port: 11112 }
sources:
  - { name: ct-1, listener: plain, aeTitles: [CT1] }
destinations:
  - { name: archive, host: 127.0.0.1, port: 4242, aeTitle: ARCHIVE }
  - { name: reading, host: 127.0.0.1, port: 4243, aeTitle: READING, takes: released }
`;

/** As this operator, with his or her passphrase. */
function as(by: string, ...args: string[]): Run {
  const env = { SCANSEAL_OPERATOR_PASSPHRASE: secrets[by] ?? "a wrong passphrase" };
  return place.runWith({ env }, ...args, "--by", by);
}

function refused({ status, stderr }: Run): string {
  expect(status).toBe(2);
  expect(stderr).toMatch(oneLine);
  return stderr;
}

function requestOf({ stdout, status }: Run): string {
  expect(status).toBe(0);
  return /^Request ([0-9a-f-]{36})$/m.exec(stdout)![1]!;
}

const reason = ["--reason", "a second opinion is wanted"];
let altered: JudgedObject;
let malformed: JudgedObject;

interface Stores {
  readonly journal: Journal;
  readonly objects: ObjectStore;
}

async function withStores<T>(body: (opened: Stores) => Promise<T>): Promise<T> {
  const opened = await stores();
  try {
    return await body(opened);
  } finally {
    await opened.journal.close();
  }
}

async function stores(): Promise<Stores> {
  const data = place.path("scanseal-data", "gateway");
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const journal = await openSqliteJournal(`${data}/journal.sqlite`);
  return { journal, objects: await openFolderObjectStore(`${data}/objects`) };
}

beforeAll(async () => {
  place.run("init");
  place.write("scanseal-data/gateway.yaml", config);
  await withStores(async (opened) => {
    altered = await addHeld(opened, {
      bytes: sampleFile("2.25.1"),
      verdict: "altered",
      sopInstanceUid: "2.25.1",
    });
    malformed = await addHeld(opened, {
      bytes: new Uint8Array(2_000).fill(7),
      verdict: "malformed",
      sopInstanceUid: "2.25.2",
      findings: [malformedFinding()],
      studyInstanceUid: undefined,
      seriesInstanceUid: undefined,
    });
    for (const bytes of [sampleFile("2.25.3"), sampleFile("2.25.3", "4712")])
      await addHeld(opened, {
        bytes,
        verdict: "unsealed",
        sopInstanceUid: "2.25.3",
        studyInstanceUid: "2.25.31",
      });
  });
});

describe("operators", () => {
  it("the first names himself, the next are vouched for, and nobody is without a passphrase", () => {
    expect(refused(as("anna", "quarantine", "recheck", "2.25.1"))).toContain("no operators yet");
    expect(refused(place.run("operator", "add", "anna"))).toContain(
      "SCANSEAL_OPERATOR_PASSPHRASE".slice(0, 9),
    );
    const made = place.runWith(
      { env: { SCANSEAL_NEW_OPERATOR_PASSPHRASE: secrets.anna! } },
      ...["operator", "add", "anna", "--by", "x"],
    );
    expect(made).toMatchObject({ status: 0, stderr: "", stdout: expect.stringContaining("Nobody vouched") });
    const env = {
      SCANSEAL_NEW_OPERATOR_PASSPHRASE: secrets.ben!,
      SCANSEAL_OPERATOR_PASSPHRASE: secrets.anna!,
    };
    expect(refused(place.runWith({ env }, "operator", "add", "ben"))).toContain("--by");
    expect(refused(place.runWith({ env }, "operator", "add", "Gateway", "--by", "anna"))).toContain(
      "program's own",
    );
    expect(place.runWith({ env }, "operator", "add", "ben", "--by", "anna").status).toBe(0);
    expect(place.run("operator", "list").stdout).toMatch(/\nanna .*\nben .* anna +passphrase/);
    expect(statSync(place.path("scanseal-data", "operators.json")).mode & 0o777).toBe(0o600);
    const both = { ...env, SCANSEAL_SECOND_OPERATOR_PASSPHRASE: secrets.ben! };
    const add = ["operator", "add", "carl", "--by", "anna"];
    expect(refused(place.runWith({ env: both }, ...add))).toContain("--and");
    expect(refused(place.runWith({ env: both }, ...add, "--and", "anna"))).toContain("two others");
    expect(refused(place.runWith({ env }, ...add, "--and", "ben"))).toContain("passphrase");
    expect(place.runWith({ env: both }, ...add, "--and", "ben").stdout).toContain("by anna and ben");
  });

  it("a wrong passphrase is exit 2, and in the records; what was typed for a name is not", async () => {
    const wrong = { env: { SCANSEAL_OPERATOR_PASSPHRASE: "not the passphrase" } };
    const args = ["quarantine", "recheck", "2.25.1", "--by"];
    expect(refused(place.runWith(wrong, ...args, "ben"))).toContain("passphrase is wrong");
    expect(refused(place.runWith(wrong, ...args, "my passphrase"))).toContain("passphrase is wrong");
    const listed = place.run("operator", "list").stdout;
    expect(listed).toMatch(/^ben .* 1, the last \d{4}-[\s\S]*names that nobody has: 1, the last \d/m);
    await withStores(async ({ journal }) => {
      const records = await journal.records({ limit: 10 });
      const told = records.filter(({ act }) => act === "operator.refused");
      expect(told).toMatchObject([
        { actor: "gateway", subject: "unknown", detail: { why: "unknown", command: "quarantine recheck" } },
        { actor: "gateway", subject: "ben", detail: { why: "wrong-passphrase" } },
      ]);
      expect(JSON.stringify(records)).not.toContain("my passphrase");
      expect((await journal.object(altered.id))?.state).toBe("held");
    });
  });
});

describe("looking", () => {
  it("by study, series, instance, without patient data unless asked for", () => {
    const studies = place.run("quarantine", "list");
    expect(studies.status).toBe(1);
    expect(studies.stdout).toMatch(/^2\.25\.30 +1 +1 +1 altered +ct-1 /m);
    expect(studies.stdout).toMatch(/^\(unreadable\) +1 +0 +1 malformed/m);
    expect(studies.stdout).toContain("4 objects of 3 studies held");
    expect(studies.stdout).not.toContain("Verified, and still held");
    expect(place.run("quarantine", "list", "--study", "2.25.30").stdout).toMatch(
      /^2\.25\.20 +CT +1 +1 altered/m,
    );
    const instances = place.run("quarantine", "list", "--series", "2.25.20").stdout;
    expect(instances).toMatch(new RegExp(`^${altered.id}  ✗ altered +2\\.25\\.1 `, "m"));
    expect(place.run("quarantine", "list", "--study", "none").stdout).toMatch(
      new RegExp(`^${malformed.id} .* Pixel Data \\(7FE0,0010\\), byte 512: The element occurs twice`, "m"),
    );
    for (const { stdout } of [studies, { stdout: instances }]) expect(stdout).not.toMatch(/Muster/);
    expect(place.run("quarantine", "list", "--identify").stdout).toMatch(/^2\.25\.30 .* 4711/m);
    expect(place.run("quarantine", "list", "--study", "1.2.3")).toMatchObject({ status: 0 });
    expect(refused(place.run("quarantine", "list", "--study", "../x"))).toContain("UID");
  });

  it("one object: verdict, both sentences, place, and nothing that a terminal obeys", () => {
    const { stdout, status } = place.run("quarantine", "show", malformed.id);
    expect(status).toBe(1);
    expect(stdout).toContain("✗ malformed, held");
    expect(stdout).toContain("Pixel Data (7FE0,0010), byte 512: Not a well-formed DICOM object");
    expect(stdout).toContain("tag-duplicate: the element occurs twice");
    expect(stdout).toContain("AE title CT1<U+001B>[31m");
    expect(stdout).not.toContain("\u001b");
    expect(place.run("quarantine", "show", malformed.id, "--identify").stdout).toContain("cannot be read");
    expect(place.run("quarantine", "show", "2.25.1", "--identify").stdout).toMatch(/Patient ID +4711/);
    expect(refused(place.run("quarantine", "show", "2.25.3"))).toMatch(/2 objects: .* \(held\).*--all/);
    expect(place.run("quarantine", "show", "2.25.3", "--all").stdout.match(/^Object /gm)).toHaveLength(2);
    expect(refused(place.run("quarantine", "show", "2.25.99"))).toContain("no such object");
    expect(place.run("quarantine", "show", malformed.id.slice(-8)).stdout).toBe(stdout);
    expect(refused(place.run("quarantine", "show", "00000000"))).toContain("no such object");
    expect(refused(place.run("quarantine", "show", "0000000"))).toContain("no such object");
    expect(refused(place.run("quarantine", "show"))).toContain("name one of");
  });

  it("the same as JSON lines", () => {
    const { stdout } = place.run("quarantine", "list", "--json");
    const rows = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(rows.map(({ kind }) => kind)).toEqual(["study", "study", "study"]);
    expect(rows).toContainEqual(
      expect.objectContaining({ studyInstanceUid: "2.25.30", verdicts: { altered: 1 } }),
    );
    const story = place.run("quarantine", "show", "2.25.1", "--json").stdout;
    expect(JSON.parse(story)).toMatchObject({ object: { verdict: "altered" }, deliveries: [] });
    expect(story).not.toContain("\u001b");
  });
});

describe("acting", () => {
  it("export: byte-exact, for the owner alone, never over a file", async () => {
    const done = as("anna", "quarantine", "export", "2.25.1", "--out", "x.dcm", ...reason);
    expect(done).toMatchObject({ status: 0, stderr: "" });
    expect(done.stdout).toContain("UNVERIFIED");
    expect(Buffer.compare(readFileSync(place.path("x.dcm")), sampleFile("2.25.1"))).toBe(0);
    expect(statSync(place.path("x.dcm")).mode & 0o777).toBe(0o600);
    const report = readFileSync(place.path("x.dcm.json"), "utf8");
    expect(JSON.parse(report)).toMatchObject({
      exportedBy: "anna",
      reason: reason[1],
      object: { verdict: "altered" },
    });
    expect(report).not.toMatch(/Muster/);
    place.write("y.dcm.json", "somebody's");
    for (const out of ["x.dcm", "y.dcm"])
      expect(refused(as("anna", "quarantine", "export", "2.25.1", "--out", out, ...reason))).toMatch(
        /exists/,
      );
    expect([readFileSync(place.path("y.dcm.json"), "utf8"), existsSync(place.path("y.dcm"))]).toEqual([
      "somebody's",
      false,
    ]);
    const several = as("anna", "quarantine", "export", "--study", "2.25.31", "--out", "folder", ...reason);
    expect(several.stdout).toMatch(
      /folder\/unverified-[0-9a-f-]{36}\.dcm and [\s\S]*2 objects exported by anna/,
    );
    await withStores(async ({ journal }) => {
      const records = await journal.records({ subject: altered.id, limit: 10 });
      expect(records).toMatchObject([
        { actor: "anna", act: "quarantine.exported", detail: { reason: reason[1] } },
      ]);
    });
  });

  it("release: two people, the verdict named, and only to a reading place", async () => {
    const release = ["quarantine", "release", "2.25.1", ...reason];
    expect(refused(as("anna", ...release, "--to", "archive", "--confirm", "altered"))).toContain(
      "takes: released",
    );
    expect(refused(as("anna", ...release, "--to", "reading"))).toContain("1 altered");
    expect(refused(as("anna", ...release, "--to", "nowhere"))).toContain("no such destination");
    const asked = as("anna", ...release, "--to", "reading", "--confirm", "altered");
    const id = requestOf(asked);
    // What is printed is what works.
    expect(asked.stdout).toContain(`  scanseal quarantine approve ${id} --by NAME --confirm altered\n`);
    const pending = place.run("quarantine", "list").stdout;
    expect(pending).toMatch(new RegExp(`^${id}  release to reading +1  anna +a second opinion`, "m"));
    expect(place.run("quarantine", "show", id).stdout).toContain("Asked by  anna");
    expect(refused(as("anna", "quarantine", "approve", id, "--confirm", "altered"))).toContain(
      "second person",
    );
    expect(refused(as("ben", "quarantine", "approve", id))).toContain("1 altered");
    const done = as("ben", "quarantine", "approve", id, "--confirm", "altered");
    expect(done).toMatchObject({ status: 0, stderr: "" });
    expect(done.stdout).toContain("Asked by anna, approved by ben");
    expect(refused(as("ben", "quarantine", "approve", id, "--confirm", "altered"))).toContain(
      "approved by ben",
    );
    const shown = place.run("quarantine", "show", "2.25.1").stdout;
    expect(shown).toMatch(/reading \(released\) +due/);
    expect(shown).toMatch(
      /anna {2}quarantine\.release\.requested[\s\S]*ben {2}quarantine\.release\.approved/,
    );
  });

  it("purge: two people; the bytes go, the story stays", async () => {
    expect(refused(place.run("quarantine", "purge", "2.25.1"))).toContain("--reason");
    const withdrawn = requestOf(as("anna", "quarantine", "purge", malformed.id, ...reason));
    expect(as("ben", "quarantine", "withdraw", withdrawn).stdout).toContain("withdrawn by ben");
    expect(refused(as("ben", "quarantine", "approve", withdrawn))).toContain("withdrawn");
    const id = requestOf(as("anna", "quarantine", "purge", "--study", "none", ...reason));
    expect(as("ben", "quarantine", "approve", id).stdout).toContain("1 object purged; 1 file deleted.");
    const { stdout } = place.run("quarantine", "show", malformed.id);
    expect(stdout).toMatch(/malformed, purged[\s\S]*nowhere any more[\s\S]*quarantine\.purge\.finished/);
    expect(place.run("quarantine", "purge", "--finish")).toMatchObject({
      status: 0,
      stdout: "No purge was left unfinished.\n",
    });
  });

  it("an object that is still in the running gateway's spool is exported from there", async () => {
    const bytes = new Uint8Array(100_000).map((_, i) => i * 3);
    const spool = await openSegmentSpool(place.path("scanseal-data", "gateway", "spool"), {
      bytesMax: 64 << 20,
    });
    for await (const _ of spool.recover());
    const writer = spool.begin();
    await writer.write(bytes);
    const location = await writer.commit(new Uint8Array(2), nodeCrypto.hash("SHA-256", bytes));
    const { id } = await withStores((opened) =>
      addHeld(opened, { bytes, verdict: "malformed", sopInstanceUid: "2.25.7", location }),
    );
    expect(place.run("quarantine", "show", id).stdout).toMatch(/Kept in +the gateway's spool/);
    expect(as("anna", "quarantine", "export", id, "--out", "z.dcm", ...reason).status).toBe(0);
    expect(Buffer.compare(readFileSync(place.path("z.dcm")), bytes)).toBe(0);
    const purge = requestOf(as("anna", "quarantine", "purge", id, ...reason));
    expect(as("ben", "quarantine", "approve", purge).stdout).toContain("1 lies in the gateway's spool");
    await spool.close();
  });

  it("recheck: one person, and the gateway will judge", () => {
    expect(refused(as("anna", "quarantine", "recheck", "2.25.3"))).toContain("2 different objects");
    expect(as("anna", "quarantine", "recheck", "2.25.3", "--all").stdout).toContain(
      "2 objects will be judged again",
    );
    expect(place.run("quarantine", "list", "--study", "2.25.31").status).toBe(0);
  });

  it("who was removed can do nothing, and stays in the records", () => {
    const id = requestOf(as("anna", "quarantine", "purge", "2.25.1", ...reason));
    expect(as("ben", "operator", "remove", "anna").status).toBe(0);
    expect(refused(as("ben", "quarantine", "approve", id))).toContain("no operator any more");
    expect(refused(as("anna", "quarantine", "withdraw", id))).toContain("passphrase is wrong");
    expect(place.run("operator", "list").stdout).toMatch(/^anna +\d{4}-\d\d-\d\d +\d{4}/m);
    expect(as("ben", "quarantine", "withdraw", id).status).toBe(0);
  });
});

describe("a conflict", () => {
  it("names what was admitted under its UID, and when", async () => {
    const finding = { ...malformedFinding(), code: "instance-conflict" };
    const [first, second] = await withStores(async (stores) => {
      const common = { verdict: "unsealed", sopInstanceUid: "2.25.9009" };
      const receivedAt = Date.UTC(2026, 0, 2, 3, 4, 5);
      const one = {
        ...common,
        bytes: sampleFile("2.25.9009"),
        receivedAt,
        disposition: "delivered",
      } as const;
      const other = { ...common, bytes: sampleFile("2.25.9010"), findings: [finding], verdict: "verified" };
      return [await addHeld(stores, one), await addHeld(stores, other)];
    });
    expect(place.run("quarantine", "list").stdout).toMatch(
      /Verified, and still held: another object was admitted[\s\S]*never overwritten/,
    );
    const { stdout } = place.run("quarantine", "show", second.id);
    expect(stdout).toContain(`Conflicts with  ${first.id}`);
    expect(stdout).toContain("received 2026-01-02 03:04:05Z from ct-1; unsealed");
    const story: unknown = JSON.parse(place.run("quarantine", "show", second.id, "--json").stdout);
    expect(story).toMatchObject({ conflictsWith: { id: first.id } });
    expect(place.run("quarantine", "show", first.id).stdout).not.toContain("Conflicts");
  });
});

describe("deliveries", () => {
  it("what was given up is listed and tried again", async () => {
    expect(place.run("deliveries", "list")).toMatchObject({ status: 0 });
    await withStores(async ({ journal }) => {
      const [lease] = await journal.claimDeliveries("test", "reading", 1, 60_000, Date.now());
      await journal.failDelivery(lease!.work.delivery.id, lease!.fence, "network: no answer", undefined);
    });
    const { status, stdout } = place.run("deliveries", "list");
    expect(status).toBe(1);
    expect(stdout).toMatch(new RegExp(`^${altered.id}  reading \\(released\\) .* network: no answer$`, "m"));
    expect(JSON.parse(place.run("deliveries", "list", "--json").stdout)).toMatchObject({ state: "dead" });
    expect(refused(place.run("deliveries", "retry", "--to", "nowhere"))).toContain("no such destination");
    expect(place.run("deliveries", "retry", "--to", "archive").stdout).toContain("Nothing was given up");
    expect(place.run("deliveries", "retry").stdout).toContain("1 delivery is due again");
    expect(place.run("deliveries", "list").status).toBe(0);
  });

  it("what waits for a destination that was removed is shown, and an operator sends it elsewhere", async () => {
    const objects = [received(), received()];
    await withStores(async ({ journal }) => {
      for (const object of objects) await judged(journal, object, admitting, ["old-pacs"]);
    });
    const { status, stdout } = place.run("deliveries", "list");
    expect([status, stdout]).toEqual([1, expect.stringContaining("2 deliveries wait for old-pacs, which")]);
    expect(place.run("deliveries", "list", "--json").stdout).toContain('"destination":"old-pacs"');
    const redirect = (...args: string[]) => as("ben", "deliveries", "redirect", ...args);
    for (const [said, ...args] of [
      ["--give-up", "old-pacs"],
      ["--give-up", "old-pacs", "archive", "--give-up"],
      ["no such destination", "old-pacs", "nowhere"],
      ["what two people released", "old-pacs", "reading"],
      ["still sends to reading", "reading", "archive"],
      ["nothing waits", "older-pacs", "archive"],
    ] as const)
      expect(refused(redirect(...args))).toContain(said);
    expect(refused(as("nobody", "deliveries", "redirect", "old-pacs", "archive"))).toContain("wrong");
    expect(redirect("old-pacs", "archive")).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("2 deliveries due at archive"),
    });
    await withStores(async ({ journal }) => {
      for (const { id } of objects)
        expect(await journal.deliveriesOf(id)).toMatchObject([{ destination: "archive", state: "due" }]);
      const [record] = await journal.records({ subject: "old-pacs", limit: 1 });
      expect(record).toMatchObject({ actor: "ben", act: "deliveries.redirected", detail: { moved: 2 } });
      await judged(journal, received(), admitting, ["old-pacs"]);
    });
    expect(redirect("old-pacs", "--give-up").stdout).toContain("1 delivery given up");
    expect(place.run("deliveries", "list").stdout).toContain("given up by an operator");
  });
});
