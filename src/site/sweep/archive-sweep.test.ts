import { expect, it } from "vitest";
import type { Read } from "../../zero-trust/gateway/reading/read.ts";
import { ArchiveSweep, type SweepFinding, type SweepParts } from "./archive-sweep.ts";
import type { SweepState } from "./sweep-state.ts";

const start: SweepState = {
  format: "scanseal-sweep-1",
  what: "pacs",
  startedAt: 0,
  done: "",
  counts: { studies: 0, instances: {}, bytes: 0 },
};

/** Each study has one instance; `outcome` is by study. */
class Setting {
  readonly findings: SweepFinding[] = [];
  readonly states: SweepState[] = [];
  readonly slept: number[] = [];
  now = 0;

  sweep(
    outcome: Readonly<Record<string, Read["kind"] | "missing">>,
    more: Partial<SweepParts> = {},
  ): ArchiveSweep {
    const named = (study: string) => ({
      studyInstanceUid: study,
      seriesInstanceUid: "1",
      sopInstanceUid: `${study}.1`,
    });
    const studies = Object.keys(outcome);
    return new ArchiveSweep({
      desk: {
        plan: async ({ studyInstanceUid }) => ({
          instances: [],
          others: Promise.resolve({
            instances: [{ asked: named(studyInstanceUid), admitted: undefined }],
            archiveUnlisted: undefined,
          }),
        }),
        async *read({ others }) {
          for (const { asked } of (await others).instances) {
            const why = outcome[asked.studyInstanceUid];
            if (why === "missing")
              yield { kind: "withheld", instance: asked, withholding: { why: "missing" } };
            else
              yield {
                kind: "withheld",
                instance: asked,
                withholding: { why: "held", verdict: "altered", codes: ["pixels-changed"] },
              };
          }
        },
      },
      studies: { ofArchive: studies.slice(0, 1), ofIndex: studies, sealed: [] },
      clock: { now: () => this.now },
      onFinding: (finding) => this.findings.push(finding),
      onProgress: () => undefined,
      onStudy: (state) => this.states.push(structuredClone(state)),
      sleep: async (ms) => {
        this.slept.push(ms);
        this.now += ms;
      },
      ...more,
    });
  }
}

it("goes through every study once, by UID, and says how far it is after each", async () => {
  const setting = new Setting();
  const done = await setting.sweep({ "1.3": "missing", "1.1": "withheld", "1.2": "withheld" }).run(start);
  expect(setting.states.map((state) => state.done)).toEqual(["1.1", "1.2", "1.3"]);
  expect(setting.findings.map(({ kind, studyInstanceUid }) => `${studyInstanceUid} ${kind}`)).toEqual([
    "1.1 held",
    "1.2 held",
    "1.3 missing",
  ]);
  expect(done.counts).toEqual({ studies: 3, instances: { held: 2, missing: 1 }, bytes: 0 });
});

it("goes on behind the last study that was done, with what was counted", async () => {
  const first = new Setting();
  await first.sweep({ "1.1": "withheld", "1.2": "withheld", "1.3": "missing" }).run(start);
  const cutOff = first.states[1]!;
  const second = new Setting();
  const done = await second.sweep({ "1.1": "withheld", "1.2": "withheld", "1.3": "missing" }).run(cutOff);
  expect(second.findings.map(({ studyInstanceUid }) => studyInstanceUid)).toEqual(["1.3"]);
  expect(done.counts).toEqual({ studies: 3, instances: { held: 2, missing: 1 }, bytes: 0 });
});

it("keeps to its rate, and names a study that was sealed and is nowhere", async () => {
  const setting = new Setting();
  const outcome = { "1.1": "missing", "1.2": "missing", "1.3": "missing" } as const;
  const studies = { ofArchive: ["1.1", "1.2"], ofIndex: ["1.3"], sealed: ["1.2", "1.9"] };
  await setting.sweep(outcome, { rate: 4, studies }).run(start);
  expect(setting.slept).toEqual([250, 250, 250]);
  expect(setting.findings.at(-1)).toEqual({ kind: "never-admitted", studyInstanceUid: "1.9" });
});
