import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { JsonDataSet } from "../../dicom/json/json-model.ts";
import type { GatewayEvent } from "../../operations/event.ts";
import { sentinelRound } from "./sentinel.ts";
import { SentinelMemory } from "./sentinel-memory.ts";
import type { StudyOutcome } from "./study-check.ts";

interface Study {
  readonly uid: string;
  readonly patient?: string;
  readonly instances: number;
  /** In place of one after another. */
  readonly names?: readonly string[];
}

let folder: string;
let memory: SentinelMemory;
let now = 0;
let listed: Iterable<Study> = [];
let admitted: readonly string[] = [];
let looked: string[] = [];
let events: GatewayEvent[] = [];
/** What the gate admitted, by study: it is looked for. */
let known: ReadonlyMap<string, readonly string[]> = new Map();
/** Instances that the archive does not give. */
let away: ReadonlySet<string> = new Set();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scanseal-sentinel-"));
  memory = new SentinelMemory(join(folder, "memory"), "pacs");
  [now, listed, admitted, looked, events, away] = [1e12, [], [], [], [], new Set()];
  known = new Map();
});
afterEach(() => {
  memory.close();
  rmSync(folder, { recursive: true });
});

function answerOf({ uid, patient = "1", instances }: Study): JsonDataSet {
  return {
    "0020000D": { vr: "UI", Value: [uid] },
    "00100020": { vr: "LO", Value: [patient] },
    "00201208": { vr: "IS", Value: [instances] },
  } as JsonDataSet;
}

function namesOf({ uid, instances, names }: Study): readonly string[] {
  return names ?? Array.from({ length: instances }, (_, i) => `${uid}.${i + 1}`);
}

async function round(since?: number): Promise<readonly string[]> {
  looked = [];
  await sentinelRound(
    {
      archive: {
        name: "pacs",
        async *find() {
          for (const study of listed) yield answerOf(study);
        },
        async *list({ studyInstanceUid }) {
          for (const study of listed)
            if (study.uid === studyInstanceUid)
              for (const sopInstanceUid of namesOf(study))
                yield { studyInstanceUid, seriesInstanceUid: "1", sopInstanceUid };
        },
      },
      check: {
        check: async (study, isWanted = () => true, onRead = () => undefined) => {
          const there = [...listed].find(({ uid }) => uid === study);
          const names = new Set([...(known.get(study) ?? []), ...(there ? namesOf(there) : [`${study}.1`])]);
          const outcome: StudyOutcome = {
            ...{ instances: {}, bytes: 0, isPart: false },
            unadmitted: { proven: 0, unproven: 0, held: 0 },
          };
          for (const sopInstanceUid of [...names].sort()) {
            const name = { studyInstanceUid: study, seriesInstanceUid: "1", sopInstanceUid };
            if (!isWanted(name)) continue;
            const isThere = there === undefined || namesOf(there).includes(sopInstanceUid);
            const counted = !isThere ? "missing" : away.has(sopInstanceUid) ? "unavailable" : "verified";
            outcome.instances[counted] = (outcome.instances[counted] ?? 0) + 1;
            looked.push(name.sopInstanceUid);
            onRead({ name, counted, codes: [], bytes: 1, isAdmitted: true });
          }
          return outcome;
        },
      },
      ...{ memory, clock: { now: () => now++ }, events: (event) => void events.push(event) },
      ...{ windowMs: 86_400_000, isStopped: () => false, admittedSince: async () => admitted },
    },
    since,
  );
  return looked;
}

it("looks at what is new once, also after a restart, and at what the gate admitted", async () => {
  listed = [{ uid: "1.2", instances: 2 }];
  admitted = ["1.3"];
  expect(await round()).toEqual(["1.2.1", "1.2.2", "1.3.1"]);
  memory.close();
  memory = new SentinelMemory(join(folder, "memory"), "pacs");
  expect(await round()).toEqual([]);
  expect(events.map(({ kind }) => kind)).toEqual(["study-checked", "study-checked"]);
  memory.close();
  memory = new SentinelMemory(join(folder, "memory"), "another archive");
  expect(await round()).toHaveLength(3);
});

it("of a study that grows at what came, of one that shrank or changed its patient at all of it", async () => {
  listed = [{ uid: "1.2", instances: 2 }];
  await round();
  listed = [{ uid: "1.2", instances: 3 }];
  expect(await round()).toEqual(["1.2.3"]);
  listed = [{ uid: "1.2", instances: 3, patient: "2" }];
  expect(await round()).toEqual(["1.2.1", "1.2.2", "1.2.3"]);
  listed = [{ uid: "1.2", instances: 2, patient: "2" }];
  expect(await round()).toEqual(["1.2.1", "1.2.2"]);
});

it("tries again what could not be read, and only that", async () => {
  listed = [{ uid: "1.2", instances: 2 }];
  away = new Set(["1.2.2"]);
  await round();
  expect(await round()).toEqual(["1.2.2"]);
  away = new Set();
  expect(await round()).toEqual(["1.2.2"]);
  expect(await round()).toEqual([]);
});

it("looks for a study that was there a moment ago", async () => {
  listed = [{ uid: "1.2", instances: 1 }];
  const since = now;
  admitted = ["1.2"];
  await round();
  listed = [];
  expect(await round(since)).toEqual(["1.2.1"]);
});

it("verifies what was missing and is there again, and tells it as missing once", async () => {
  listed = [{ uid: "1.2", instances: 3 }];
  known = new Map([["1.2", ["1.2.1", "1.2.2", "1.2.3"]]]);
  await round();
  listed = [{ uid: "1.2", instances: 2, names: ["1.2.1", "1.2.3"] }];
  expect(await round()).toEqual(["1.2.1", "1.2.2", "1.2.3"]);
  expect(await round()).toEqual([]);
  listed = [{ uid: "1.2", instances: 3 }];
  expect(await round()).toEqual(["1.2.2"]);
});

it("finds within hours that one instance took another one's place", async () => {
  listed = [{ uid: "1.2", instances: 2 }];
  known = new Map([["1.2", ["1.2.1", "1.2.2"]]]);
  await round();
  listed = [{ uid: "1.2", instances: 2, names: ["1.2.1", "1.2.9"] }];
  expect(await round()).toEqual([]);
  now += 6 * 60 * 60_000;
  expect(await round()).toEqual(["1.2.2", "1.2.9"]);
  expect(await round()).toEqual([]);
});

it("a list that does not end, and UIDs that are none, cost a bounded look", async () => {
  listed = (function* () {
    yield { uid: "../../etc", instances: 1 };
    yield { uid: "1.2".repeat(100), instances: 1 };
    for (let i = 0; ; i++) yield { uid: `1.2.${i % 50_001}`, instances: 0 };
  })();
  const endless = listed;
  listed = {
    [Symbol.iterator]: () => endless[Symbol.iterator](),
  };
  memory = Object.assign(memory, { study: () => ({ attributes: "", instances: 0, isOpen: false }) });
  await expect(round()).rejects.toMatchObject({ code: "peer-protocol" });
  expect(looked.length).toBeLessThanOrEqual(50_000);
});
