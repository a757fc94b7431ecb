import { expect, it } from "vitest";
import { ScansealError } from "../../foundation/errors.ts";
import type { AdmittedEntry, InstanceName } from "../../zero-trust/gateway/reading/ports.ts";
import type { Read } from "../../zero-trust/gateway/reading/read.ts";
import { ArchiveSweep, type SweepParts } from "./archive-sweep.ts";
import { Pace } from "./pace.ts";
import { StudyCheck, type StudyCheckParts } from "./study-check.ts";
import type { SweepFinding } from "./sweep-finding.ts";
import { newState, type SweepState } from "./sweep-state.ts";

const start = newState("pacs", 0);

/** Each study has one instance; `outcome` is by study. */
class Setting {
  readonly findings: SweepFinding[] = [];
  readonly states: SweepState[] = [];
  readonly slept: number[] = [];
  rate: number | undefined;
  /** Of the archive. */
  isDown = false;
  /** Why it does not say what its studies have. */
  unlisted: string | undefined;
  /** It lists studies, and nothing of them. */
  isBlind = false;
  readonly archive: StudyCheckParts["archive"] = {
    // biome-ignore lint/correctness/useYield: it has nothing, or does not answer
    list: async function* (this: Setting) {
      if (this.isDown) throw new ScansealError("network", "the archive is away");
    }.bind(this),
  };
  sealed: StudyCheckParts["sealed"];
  now = 0;

  sweep(
    outcome: Readonly<Record<string, Read["kind"] | "missing" | "unavailable">>,
    more: Partial<SweepParts> = {},
  ): ArchiveSweep {
    const named = (study: string) => ({
      studyInstanceUid: study,
      seriesInstanceUid: "1",
      sopInstanceUid: `${study}.1`,
    });
    const studies = Object.keys(outcome);
    const desk: StudyCheckParts["desk"] = {
      plan: async ({ studyInstanceUid }) => ({
        instances: [],
        others: Promise.resolve({
          instances: this.isBlind
            ? []
            : [{ asked: named(studyInstanceUid), admitted: entryOf(named(studyInstanceUid)) }],
          archiveUnlisted: this.unlisted,
        }),
      }),
      async *read({ instances }) {
        for (const { asked } of instances) {
          const why = outcome[asked.studyInstanceUid];
          const withholding =
            why === "missing" || why === "unavailable"
              ? { why, code: "network" }
              : ({ why: "held", verdict: "altered", codes: ["pixels-changed"] } as const);
          yield { kind: "withheld", instance: asked, withholding } as Read;
        }
      },
    };
    const onFinding = (finding: SweepFinding): void => void this.findings.push(finding);
    const sleep = async (ms: number): Promise<void> => {
      this.slept.push(ms);
      this.now += ms;
    };
    const pace = new Pace({ clock: { now: () => this.now }, rate: this.rate, sleep });
    const check = new StudyCheck({ desk, archive: this.archive, pace, onFinding, sealed: this.sealed });
    return new ArchiveSweep({
      ...{ check, onFinding, onProgress: () => undefined },
      studies: { ofArchive: studies.slice(0, 1), ofIndex: studies, sealed: [] },
      onStudy: (state) => this.states.push(structuredClone(state)),
      ...more,
    });
  }
}

const entryOf = (name: InstanceName): AdmittedEntry => ({
  ...name,
  ...{ sopClassUid: "1", objectId: "o", digest: "d", payloadDigest: undefined, verdict: "verified" },
});

it("goes through every study once, by UID, and says how far it is after each", async () => {
  const setting = new Setting();
  const { state: done } = await setting
    .sweep({ "1.3": "missing", "1.1": "withheld", "1.2": "withheld" })
    .run(start);
  expect(setting.states.map((state) => state.done)).toEqual(["1.1", "1.2", "1.3"]);
  expect(setting.findings.map(({ kind, studyInstanceUid }) => `${studyInstanceUid} ${kind}`)).toEqual([
    "1.1 held",
    "1.2 held",
    "1.3 missing",
  ]);
  expect(done.counts).toEqual({ studies: 3, instances: { held: 2, missing: 1 }, findings: {}, bytes: 0 });
});

it("goes on behind the last study that was done, with what was counted", async () => {
  const first = new Setting();
  await first.sweep({ "1.1": "withheld", "1.2": "withheld", "1.3": "missing" }).run(start);
  const cutOff = first.states[1]!;
  const second = new Setting();
  const { state: done } = await second
    .sweep({ "1.1": "withheld", "1.2": "withheld", "1.3": "missing" })
    .run(cutOff);
  expect(second.findings.map(({ studyInstanceUid }) => studyInstanceUid)).toEqual(["1.3"]);
  expect(done.counts).toEqual({ studies: 3, instances: { held: 2, missing: 1 }, findings: {}, bytes: 0 });
});

it("keeps to its rate, and names a study that was sealed and is nowhere", async () => {
  const setting = new Setting();
  const outcome = { "1.1": "missing", "1.2": "missing", "1.3": "missing" } as const;
  const studies = { ofArchive: ["1.1", "1.2"], ofIndex: ["1.3"], sealed: ["1.2", "1.9"] };
  setting.rate = 4;
  await setting.sweep(outcome, { studies }).run(start);
  expect(setting.slept).toEqual([250, 250, 250]);
  expect(setting.findings.at(-1)).toEqual({ kind: "never-admitted", studyInstanceUid: "1.9" });
});

it("names a whole study that is missing once, and what was sealed of a study and sent nowhere", async () => {
  const setting = new Setting();
  const name = { studyInstanceUid: "1.1", seriesInstanceUid: "1", sopInstanceUid: "1.1.2" };
  setting.sealed = { instancesOf: async (study) => (study === "1.1" ? [name] : []) };
  await setting.sweep({ "1.1": "missing" }).run(start);
  expect(setting.findings).toEqual([
    { kind: "missing", studyInstanceUid: "1.1", instances: 1 },
    { kind: "never-admitted", ...name },
  ]);
});

it("an archive that answers nothing any more ends it, and it goes on where it was", async () => {
  const setting = new Setting();
  setting.isDown = true;
  const studies = Array.from({ length: 9 }, (_, i) => [`1.${i + 1}`, "unavailable"] as const);
  await expect(setting.sweep(Object.fromEntries(studies)).run(start)).rejects.toMatchObject({
    code: "network",
  });
  expect(setting.states.at(-1)!.done).toBe("1.4");
  // One that lists and gives nothing is what is found.
  const giving = new Setting();
  const { state } = await giving.sweep(Object.fromEntries(studies)).run(setting.states.at(-1)!);
  expect(state.counts.instances).toEqual({ unavailable: 9 });
});

it("is stopped between two studies, and nothing is skipped", async () => {
  const setting = new Setting();
  let left = 2;
  const mayGoOn = async (): Promise<boolean> => left-- > 0;
  const outcome = { "1.1": "missing", "1.2": "withheld", "1.3": "missing" } as const;
  const { state, isDone } = await setting.sweep(outcome, { mayGoOn }).run(start);
  expect({ isDone, done: state.done }).toEqual({ isDone: false, done: "1.2" });
  const { isDone: isDoneThen } = await setting.sweep(outcome).run(state);
  expect(isDoneThen).toBe(true);
  expect(setting.findings.map(({ studyInstanceUid }) => studyInstanceUid)).toEqual(["1.1", "1.2", "1.3"]);
});

it("an archive that lists nothing any more ends it too; one that refuses a list is what is found", async () => {
  const outcome = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`1.${i + 1}`, "missing"] as const));
  const setting = new Setting();
  setting.unlisted = "network";
  await expect(setting.sweep(outcome).run(start)).rejects.toMatchObject({ code: "network" });
  expect(setting.states.map(({ done }) => done)).toEqual(["1.1", "1.2"]);
  setting.unlisted = "peer-protocol";
  const { state } = await setting.sweep(outcome).run(setting.states.at(-1)!);
  expect(state.counts.studies).toBe(9);
  expect(setting.findings.filter(({ kind }) => kind === "unavailable")).toHaveLength(9);
});

it("an archive that lists studies and shows nothing of them is not all fine", async () => {
  const setting = new Setting();
  setting.isBlind = true;
  await setting.sweep({ "1.1": "missing" }).run(start);
  expect(setting.findings).toEqual([
    { kind: "unavailable", studyInstanceUid: "1.1", codes: ["empty-study"] },
  ]);
});
