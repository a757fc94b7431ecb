import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { v7 as newId } from "uuid";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ScansealError } from "../../foundation/errors.ts";
import type { GatewayEvent } from "../../operations/event.ts";
import type { Journal } from "../../store/journal/journal.ts";
import { openSqliteJournal } from "../../store/journal/sqlite-journal.ts";
import type { Mode } from "../../zero-trust/policy/decide.ts";
import { SourceChanges } from "./source-changes.ts";

let folder: string;
let journal: Journal;
let events: GatewayEvent[];
let now: number;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "scanseal-sources-"));
  journal = await openSqliteJournal(join(folder, "journal.sqlite"));
  events = [];
  now = 1_000;
});
afterEach(async () => {
  await journal.close();
  rmSync(folder, { recursive: true, force: true });
});

/** As a start or a reload. */
async function note(sources: Record<string, Mode>, to: Pick<Journal, "addRecord" | "records"> = journal) {
  events.length = 0;
  const clock = { now: () => ++now };
  const changes = new SourceChanges(folder, {
    journal: to,
    events: (event) => void events.push(event),
    clock,
    newId,
  });
  await changes.note(Object.entries(sources).map(([name, mode]) => ({ name, mode })));
}

const told = async (): Promise<string[]> =>
  (await journal.records({ limit: 100 }))
    .map(({ actor, act, subject, detail }) => [actor, act, subject, JSON.stringify(detail)].join(" "))
    .reverse();

it("records what the file adds, changes and takes away, once, and says it as events", async () => {
  await note({ ct: "observe", mr: "enforce" });
  expect(events).toEqual([
    { kind: "source-changed", source: "ct", to: "observe" },
    { kind: "source-changed", source: "mr", to: "enforce" },
  ]);
  await note({ ct: "observe", mr: "enforce" });
  expect(events).toEqual([]);
  await note({ ct: "observe", mr: "observe", us: "warn" });
  expect(events).toHaveLength(2);
  expect(events).toContainEqual({ kind: "source-changed", source: "mr", from: "enforce", to: "observe" });
  await note({ mr: "observe", us: "warn" });
  expect(events).toEqual([{ kind: "source-changed", source: "ct", from: "observe" }]);
  expect(await told()).toEqual([
    'configuration file source.added ct {"mode":"observe","isProven":false}',
    'configuration file source.added mr {"mode":"enforce","isProven":false}',
    'configuration file source.mode.changed mr {"from":"enforce","to":"observe","isProven":false}',
    'configuration file source.added us {"mode":"warn","isProven":false}',
    'configuration file source.removed ct {"from":"observe","isProven":false}',
  ]);
});

it("what a command recorded with a person's name is not recorded again", async () => {
  await note({ ct: "observe" });
  const record = { id: newId(), at: 2_000, actor: "ada", subject: "ct" };
  await journal.addRecord({
    ...record,
    act: "source.mode.changed",
    detail: { from: "observe", to: "enforce" },
  });
  await note({ ct: "enforce" });
  expect(events).toEqual([]);
  expect(await told()).toHaveLength(2);
  now = 3_000;
  // Back again, by hand.
  await note({ ct: "observe" });
  expect((await told()).at(-1)).toMatch(/^configuration file source.mode.changed ct .*"to":"observe"/);
});

it("what could not be recorded is told, and recorded the next time", async () => {
  const away = () => Promise.reject(new ScansealError("io", "the database is away"));
  await note({ ct: "observe" }, { addRecord: away, records: away });
  expect(events).toMatchObject([{ kind: "fault", where: "configuration", code: "io" }]);
  await note({ ct: "observe" });
  expect(await told()).toHaveLength(1);
  // Without its memory it looks at the records.
  writeFileSync(join(folder, "sources.json"), "{");
  await note({ ct: "observe" });
  expect(await told()).toHaveLength(1);
});
