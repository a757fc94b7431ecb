/** What else is logged: enrolments, revocations, policy, releases. Taken from records of the acts, once each, and nothing that somebody typed. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { fromUtf8 } from "../../src/foundation/bytes.ts";
import { nodeRandom, systemClock } from "../../src/platform/node/crypto.ts";
import { createHome } from "../../src/site/home.ts";
import type { FeedParts } from "../../src/site/provenance/log-feed.ts";
import { queueActs, queueLedger } from "../../src/site/provenance/logged-acts.ts";
import { queuePolicyFiles } from "../../src/site/provenance/policy-files.ts";
import type { ActRecord } from "../../src/store/journal/journal.ts";
import { openSqliteJournal } from "../../src/store/journal/sqlite-journal.ts";
import { openProvenanceJournal } from "../../src/store/provenance/open-provenance-journal.ts";

const root = mkdtempSync(join(tmpdir(), "scanseal-acts-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let made = 0;

interface Logged {
  readonly kind: string;
  readonly summary: string;
  readonly statement: Record<string, unknown>;
}

/** What is queued by `body`, oldest first. */
async function queuedBy(body: (parts: FeedParts) => Promise<void>): Promise<Logged[]> {
  const journal = await openProvenanceJournal(join(root, `${made++}.sqlite`));
  try {
    await body({ journal, clock: systemClock, random: nodeRandom });
    return (await journal.waitingEntries(1_000)).map(({ kind, summary, content }) => ({
      ...{ kind, summary },
      statement: JSON.parse(fromUtf8(content)) as Record<string, unknown>,
    }));
  } finally {
    await journal.close();
  }
}

const act = (id: string, name: string, detail: ActRecord["detail"], actor = "anna"): ActRecord => ({
  ...{ id, actor, detail },
  at: 1_700_000_000_000 + Number(id),
  act: name,
  subject: `subject ${id}`,
});

describe("the gate's acts", () => {
  /** Newest first, as the journal gives them. */
  const acts = [
    act("5", "quarantine.purge.approved", { objects: 1, requestedBy: "ben", reason: "Mr Doe asked" }),
    act("4", "quarantine.release.requested", { objects: 2 }),
    act("3", "quarantine.release.approved", { objects: 2, destination: "reading", note: "DOE^JOHN" }),
    act("2", "object.refused", { why: "4711" }),
    act("1", "source.mode.changed", { from: "observe", to: "enforce" }, "configuration file"),
  ];
  const journal = { records: async () => acts };

  it("who became an operator, and who is one no more, is told; who was refused is not", async () => {
    const people = [
      act("9", "operator.refused", { why: "wrong-passphrase" }, "gateway"),
      act("8", "operator.removed", {}),
      act("7", "quarantine.release.ended", { requestedBy: "ben" }),
      act("6", "operator.added", { and: "ben" }),
    ];
    const logged = await queuedBy(
      async (parts) => void (await queueActs(parts, { records: async () => people })),
    );
    expect(logged.map(({ kind, statement }) => [kind, statement.act, statement.and])).toEqual([
      ["policy", "operator.added", "ben"],
      ["release", "quarantine.release.ended", undefined],
      ["policy", "operator.removed", undefined],
    ]);
  });

  it("changed sources, releases and purges are told, in their order and once, requests and refusals not", async () => {
    const logged = await queuedBy(async (parts) => {
      expect(await queueActs(parts, journal)).toBe(3);
      expect(await queueActs(parts, journal)).toBe(0);
    });
    expect(logged.map(({ kind }) => kind).sort()).toEqual(["policy", "release", "release"]);
    const told = logged.map(({ statement }) => statement);
    expect(told).toContainEqual({
      kind: "policy",
      at: "2023-11-14T22:13:20.001Z",
      act: "source.mode.changed",
      actor: "configuration file",
      subject: "subject 1",
      from: "observe",
      to: "enforce",
    });
    expect(told).toContainEqual(expect.objectContaining({ destination: "reading", objects: 2 }));
  });

  it("a thousand conflicts, which anybody can cause, hide no release", async () => {
    const kept = await openSqliteJournal(join(root, "acts.sqlite"));
    const at = 1_700_000_000_000;
    await kept.addRecord({ ...act("3", "quarantine.release.approved", { objects: 2 }), id: "r", at });
    for (let i = 0; i < 1_001; i++)
      await kept.addRecord({ ...act("1", "object.conflict", {}), id: `c${i}`, at: at + 1 + i });
    const logged = await queuedBy(async (parts) => void (await queueActs(parts, kept)));
    expect(logged.map(({ kind }) => kind)).toEqual(["release"]);
    await kept.close();
  });

  it("nothing is told that somebody typed", async () => {
    const logged = await queuedBy(async (parts) => void (await queueActs(parts, journal)));
    expect(JSON.stringify(logged)).not.toMatch(/DOE|Doe|4711|reason|note/);
  });

  it("a name of any length holds nothing up", async () => {
    const long = { records: async () => [act("1", "source.added", {}, "x".repeat(5_000))] };
    const logged = await queuedBy(async (parts) => void (await queueActs(parts, long)));
    expect(logged.map(({ summary }) => summary.length)).toEqual([200]);
  });
});

describe("a site's policy", () => {
  it("each content that is found in its files is told by its digest, and again when it comes back", async () => {
    const folder = join(root, "site");
    mkdirSync(join(folder, "devices", "CT1"), { recursive: true });
    const config = join(folder, "gateway.yaml");
    const write = (text: string, seconds: number): void => {
      writeFileSync(config, text);
      utimesSync(config, seconds, seconds);
    };
    const logged = await queuedBy(async (parts) => {
      expect(await queuePolicyFiles(parts, folder)).toBe(0);
      write("mode: enforce # for Doe", 1_000);
      expect(await queuePolicyFiles(parts, folder)).toBe(1);
      expect(await queuePolicyFiles(parts, folder)).toBe(0);
      write("mode: observe", 2_000);
      expect(await queuePolicyFiles(parts, folder)).toBe(1);
      write("mode: enforce # for Doe", 3_000);
      expect(await queuePolicyFiles(parts, folder)).toBe(1);
      writeFileSync(join(folder, "devices", "CT1", "marking.json"), "{}");
      expect(await queuePolicyFiles(parts, folder)).toBe(1);
      // A link is not followed; that something is there is told.
      symlinkSync("/etc/hostname", join(folder, "trust.json"));
      expect(await queuePolicyFiles(parts, folder)).toBe(1);
      expect(await queuePolicyFiles(parts, folder)).toBe(0);
    });
    const digests = logged.map(({ statement }) => [statement.subject, statement.digest]);
    const configs = digests.filter(([subject]) => subject === "gateway.yaml").map(([, digest]) => digest);
    expect(new Set(configs).size).toBe(2);
    expect(configs).toHaveLength(3);
    expect(digests).toContainEqual(["trust.json", "unreadable"]);
    expect(JSON.stringify(logged)).not.toContain("Doe");
  });
});

describe("a site's authority", () => {
  it("its own keys are the first enrolments", async () => {
    const home = await createHome(join(root, "home"), { name: "Test" });
    const logged = await queuedBy(async (parts) => {
      expect(await queueLedger(parts, home)).toBe(3);
      expect(await queueLedger(parts, home)).toBe(0);
    });
    const names = logged.map(({ statement }) => statement.name);
    expect(names.sort()).toEqual(["site-derivations", "site-notices", "site-receipts"]);
    for (const { kind, statement } of logged) {
      expect(kind).toBe("enrolment");
      expect(statement.certificate).toMatch(/^[0-9a-f]{64}$/);
      expect(statement.key).toMatch(/^[0-9a-f]{64}$/);
    }
  });
});
