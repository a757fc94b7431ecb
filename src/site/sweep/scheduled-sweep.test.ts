import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ScansealError } from "../../foundation/errors.ts";
import type { GatewayEvent } from "../../operations/event.ts";
import { ScheduledSweep } from "./scheduled-sweep.ts";

let folder: string;
let now: number;
let events: GatewayEvent[];
let checked: string[];
/** The archive goes away in this study, after a finding was written. */
let breaksIn: string | undefined;
/** Of the archive. */
let place: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scanseal-scheduled-"));
  place = "PACS@127.0.0.1:104";
  [now, events, checked, breaksIn] = [new Date(2026, 10, 23, 0, 30).getTime(), [], [], undefined];
});
afterEach(() => rmSync(folder, { recursive: true }));

function sweep(pause?: { readonly from: number; readonly to: number }): ScheduledSweep {
  return new ScheduledSweep({
    schedule: { beginsAt: 60, days: [0, 1, 2, 3, 4, 5, 6], pause },
    ...{
      name: "pacs",
      place: () => place,
      clock: { now: () => now },
      events: (event) => void events.push(event),
    },
    ...{ statePath: join(folder, "state.json"), reports: join(folder, "reports"), isStopped: () => false },
    open: (body) =>
      body({
        studies: { ofArchive: ["1.1", "1.2", "1.3"], ofIndex: ["1.3"], sealed: ["1.9"] },
        check: (onFinding) => ({
          check: async (study) => {
            checked.push(study);
            onFinding({ kind: "missing", studyInstanceUid: study, instances: 2 });
            if (study === breaksIn) throw new ScansealError("network", "the archive is away");
            const unadmitted = { proven: 0, unproven: 0, held: 0 };
            return { instances: { missing: 2 }, bytes: 0, unadmitted, isPart: false };
          },
        }),
      }),
  });
}

const kinds = (): readonly string[] => events.map(({ kind }) => kind);

function report(end: string): string {
  const [name] = readdirSync(join(folder, "reports")).filter((one) => one.endsWith(end));
  return readFileSync(join(folder, "reports", name!), "utf8");
}

it("begins at its hour, once, and says what it found", async () => {
  const one = sweep();
  await one.look();
  expect(events).toEqual([]);
  now += 40 * 60_000;
  await one.look();
  await one.look();
  expect(kinds().filter((kind) => !kind.startsWith("study-"))).toEqual([
    "sweep-begun",
    "sealed-missing",
    "sweep-ended",
  ]);
  expect(events.at(-1)).toMatchObject({ studies: 4, objects: 6, missing: 6, sealedMissing: 1 });
  expect(events.filter(({ kind }) => kind === "study-missing")).toHaveLength(3);
  expect(report(".txt")).toContain("1.1  the whole study is missing: 2 instances were admitted");
  expect(report(".txt")).toContain("1.9  a study sealed here");
});

it("cut off at any study it goes on with that one, and reports nothing twice", async () => {
  now += 40 * 60_000;
  const before = sweep();
  await before.look();
  now += 86_400_000;
  breaksIn = "1.2";
  await expect(before.look()).rejects.toMatchObject({ code: "network" });
  breaksIn = undefined;
  await sweep().look();
  expect(checked).toEqual(["1.1", "1.2", "1.2", "1.3"]);
  const lines = report(".jsonl").trimEnd().split("\n");
  const found = lines.map((line) => JSON.parse(line) as { kind: string; studyInstanceUid?: string });
  expect(found.map(({ kind, studyInstanceUid = "" }) => `${kind} ${studyInstanceUid}`.trim())).toEqual([
    "missing 1.1",
    "missing 1.2",
    "missing 1.3",
    "never-admitted 1.9",
    "sweep",
  ]);
  expect(events.filter(({ kind }) => kind === "sweep-begun")).toMatchObject([
    { isResumed: false },
    { isResumed: true },
  ]);
});

it("rests in its pause, and a damaged state costs a sweep from its begin", async () => {
  const resting = sweep({ from: 0, to: 120 });
  now += 40 * 60_000;
  await resting.look();
  expect(kinds()).toEqual([]);
  writeFileSync(join(folder, "state.json"), "{", { mode: 0o600 });
  await sweep().look();
  expect(kinds()[0]).toBe("fault");
  expect(kinds().at(-1)).toBe("sweep-ended");
});

const begun = (): number => kinds().filter((kind) => kind === "sweep-begun").length;

it("begins also where no gate runs at its hour, be it the first one", async () => {
  for (let day = 0; day < 3; day++, now += 86_400_000) await sweep().look();
  expect(begun()).toBe(2);
});

it("begins again when a clock that was a year ahead is right", async () => {
  const one = sweep();
  await one.look();
  now += 366 * 86_400_000;
  await one.look();
  now -= 365 * 86_400_000;
  await one.look();
  expect(begun()).toBe(2);
});

it("ends though its report was taken away, and says so", async () => {
  await sweep().look();
  now += 86_400_000;
  breaksIn = "1.3";
  await expect(sweep().look()).rejects.toMatchObject({ code: "network" });
  breaksIn = undefined;
  rmSync(join(folder, "reports"), { recursive: true });
  await sweep().look();
  expect(events.filter(({ kind }) => kind === "fault")).toMatchObject([{ where: "sweep", code: "io" }]);
  expect(events.at(-1)).toMatchObject({ kind: "sweep-ended", studies: 4, missing: 6 });
  expect(report(".txt")).toContain("1.3  the whole study is missing");
});

it("does not go on in another archive where that of the first one stopped", async () => {
  await sweep().look();
  now += 86_400_000;
  breaksIn = "1.3";
  await expect(sweep().look()).rejects.toMatchObject({ code: "network" });
  [place, breaksIn, checked] = ["PACS@127.0.0.1:105", undefined, []];
  await sweep().look();
  now += 86_400_000;
  await sweep().look();
  expect(checked).toEqual(["1.1", "1.2", "1.3"]);
});
