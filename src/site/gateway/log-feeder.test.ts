import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { GatewayEvent } from "../../operations/event.ts";
import type { ActRecord } from "../../store/journal/journal.ts";
import { openProvenanceJournal } from "../../store/provenance/open-provenance-journal.ts";
import { createHome, type SiteHome } from "../home.ts";
import { OpenedProvenance } from "../provenance/opened-provenance.ts";
import { openLog } from "../transparency-log/log-folder.ts";
import { LogFeeder } from "./log-feeder.ts";

const root = mkdtempSync(join(tmpdir(), "scanseal-feeder-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const change: ActRecord = {
  id: "1",
  at: 1,
  actor: "configuration file",
  act: "source.mode.changed",
  subject: "ct",
  detail: { from: "observe", to: "enforce" },
};

async function siteWithProvenance(name: string): Promise<SiteHome> {
  const home = await createHome(join(root, name), { name: "Test" });
  await (await openProvenanceJournal(home.provenancePath)).close();
  return home;
}

async function oneRound(home: SiteHome): Promise<GatewayEvent[]> {
  const events: GatewayEvent[] = [];
  const feeder = new LogFeeder({
    home,
    provenance: new OpenedProvenance(home.provenancePath),
    journal: { records: async () => [change] },
    events: (event) => events.push(event),
  });
  await feeder.feed();
  await feeder.stop();
  return events;
}

async function statesOf(home: SiteHome): Promise<string[]> {
  const journal = await openProvenanceJournal(home.provenancePath);
  try {
    const entries = await journal.newestEntries(100);
    return entries.map(({ kind, proof }) => `${kind} ${proof === undefined ? "waits" : "proven"}`).sort();
  } finally {
    await journal.close();
  }
}

describe("the gate's feeder of the log", () => {
  it("logs what its site did and what the gate was told, and proves it", async () => {
    const home = await siteWithProvenance("fed");
    expect(await oneRound(home)).toEqual([]);
    // The keys of the site's own roles; a log's founding and the change.
    const all = [...Array<string>(3).fill("enrolment proven"), "policy proven", "policy proven"];
    expect(await statesOf(home)).toEqual(all);
    expect(await oneRound(home)).toEqual([]);
    expect(await statesOf(home)).toEqual(all);
  });

  it("tells that the log is away, and keeps what waits", async () => {
    const home = await siteWithProvenance("away");
    const taken = await openLog(join(root, "away", "log"));
    expect(await oneRound(home)).toMatchObject([
      {
        kind: "fault",
        where: "transparency log",
        code: "usage",
        why: expect.stringContaining("another process"),
      },
    ]);
    expect(new Set((await statesOf(home)).map((state) => state.split(" ")[1]))).toEqual(new Set(["waits"]));
    await taken.close();
    expect(await oneRound(home)).toEqual([]);
    expect((await statesOf(home)).every((state) => state.endsWith("proven"))).toBe(true);
  });

  it("has nothing to do where the site keeps no provenance", async () => {
    const home = await createHome(join(root, "none"), { name: "Test" });
    expect(await oneRound(home)).toEqual([]);
  });
});
