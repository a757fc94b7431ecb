import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Alert, RingRule, Telling } from "./alert.ts";
import { AlertGroups } from "./alert-groups.ts";

const minute = 60_000;
/** As docs/alarms.md has them. */
const moreEveryMs: number = 60 * minute;
const settleMs: number = 10 * minute;
const crowdMax = 8;
const alarmMax = 20;
const start = Date.parse("2026-11-23T03:00:00Z");
const atOnce: RingRule = { atLeast: 1, withinMs: 0, afterMs: 0, quietMs: 60 * minute };

function alert(key = "held ct1 pixels-changed", more: Partial<Alert> = {}): Alert {
  const texts = { what: `what ${key} is`, todo: "look" };
  return { alarm: "held", key, crowd: key, severity: "critical", ...texts, count: 1, rule: atOnce, ...more };
}

const brief = (tellings: readonly Telling[]): string[] =>
  tellings.map(({ phase, count, total }) => `${phase} ${count}/${total}`);

describe("groups of alerts", () => {
  it("one cause rings once; the rest is told after an hour, and its end once", () => {
    const groups = new AlertGroups([], start);
    expect(brief(groups.add(alert(), start))).toEqual(["began 1/1"]);
    for (let i = 0; i < 17; i++) expect(groups.add(alert(), start + 30 * minute + i)).toEqual([]);
    expect(groups.due(start + 59 * minute)).toEqual([]);
    expect(groups.nextAt).toBe(start + moreEveryMs);
    expect(brief(groups.due(start + 60 * minute))).toEqual(["more 17/18"]);
    expect(groups.due(start + 89 * minute)).toEqual([]);
    const ended = groups.due(start + 91 * minute);
    expect(brief(ended)).toEqual(["quiet 0/18"]);
    expect(ended[0]!.severity).toBe("notice");
    expect(groups.nextAt).toBeUndefined();
    expect(brief(groups.add(alert(), start + 92 * minute))).toEqual(["began 1/1"]);
  });

  it("what has to last rings only when it lasted, with the time of its first", () => {
    const groups = new AlertGroups([], start);
    const down = alert("down pacs", { count: 0, rule: { ...atOnce, afterMs: 5 * minute } });
    expect(groups.add(down, start)).toEqual([]);
    groups.end("down pacs", "back", start + 4 * minute);
    expect(groups.nextAt).toBeUndefined();
    expect(groups.add(down, start + 5 * minute)).toEqual([]);
    expect(groups.add(down, start + 7 * minute)).toEqual([]);
    expect(groups.nextAt).toBe(start + 10 * minute);
    const told = groups.due(start + 10 * minute);
    expect(brief(told)).toEqual(["began 0/0"]);
    expect(told[0]!.since).toBe(start + 5 * minute);
    for (let i = 0; i < 600; i++) expect(groups.add(down, start + 10 * minute + i * 1000)).toEqual([]);
    expect(groups.due(start + 70 * minute)).toEqual([]);
  });

  it("an end is told when it lasted: what comes and goes is one group", () => {
    const groups = new AlertGroups([], start);
    groups.add(alert("down pacs"), start);
    groups.end("down pacs", "pacs is reached again", start + minute);
    expect(groups.add(alert("down pacs"), start + 2 * minute)).toEqual([]);
    expect(groups.due(start + minute + settleMs)).toEqual([]);
    groups.end("down pacs", "pacs is reached again", start + 20 * minute);
    groups.end("down pacs", "pacs is reached again", start + 21 * minute);
    const told = groups.due(start + 20 * minute + settleMs);
    expect(brief(told)).toEqual(["ended 1/2"]);
    expect(told[0]!.what).toBe("pacs is reached again");
  });

  it("what counts in numbers rings when there are so many in the time", () => {
    const rule = { ...atOnce, atLeast: 10, withinMs: 15 * minute };
    const groups = new AlertGroups([], start);
    const knock = alert("strangers plain", { rule });
    for (let i = 0; i < 9; i++) expect(groups.add(knock, start + i)).toEqual([]);
    // An hour later they are forgotten.
    for (let i = 0; i < 9; i++) expect(groups.add(knock, start + 60 * minute + i)).toEqual([]);
    expect(brief(groups.add(knock, start + 61 * minute))).toEqual(["began 10/10"]);
    expect(brief(new AlertGroups([], start).add({ ...knock, count: 400 }, start))).toEqual(["began 400/400"]);
    const quiet = new AlertGroups([], start);
    quiet.add(knock, start);
    expect(quiet.due(start + 16 * minute)).toEqual([]);
    expect(quiet.state).toEqual([]);
  });

  it("a state that got worse rings again, one that got better does not", () => {
    const groups = new AlertGroups([], start);
    const ends = (grade: number): Alert => alert("certificate CT1", { grade, count: 0 });
    expect(brief(groups.add(ends(60), start))).toEqual(["began 0/0"]);
    expect(groups.add(ends(60), start + minute)).toEqual([]);
    expect(brief(groups.add(ends(30), start + 2 * minute))).toEqual(["began 0/0"]);
    expect(groups.add(ends(60), start + 3 * minute)).toEqual([]);
  });

  it("whoever makes many causes rings no hundred times", () => {
    const groups = new AlertGroups([], start);
    const tellings = Array.from({ length: 500 }, (_, i) =>
      groups.add(alert(`held ct1 ${i}`, { crowd: "held ct1" }), start + i),
    ).flat();
    expect(tellings).toHaveLength(crowdMax + 1);
    expect(tellings[crowdMax]!.what).toContain("counted together");
    // Another one still rings.
    expect(groups.add(alert("held mr1"), start)).toHaveLength(1);
  });

  it("what happens to every source at once rings for twenty, and once for all others; memory is bounded", () => {
    const groups = new AlertGroups([], start);
    const tellings = Array.from({ length: 1000 }, (_, i) =>
      groups.add(alert(`held s${i}`), start + i),
    ).flat();
    expect(tellings).toHaveLength(alarmMax + 1);
    expect(groups.state).toHaveLength(alarmMax + 1);
    expect(groups.add(alert("read-missing pacs", { alarm: "read-missing" }), start + 1000)).toHaveLength(1);
    const told = groups.due(start + 1000 + moreEveryMs);
    expect(told.reduce((sum, { count }) => sum + count, 0)).toBe(1000 - alarmMax - 1);
  });

  it.each([10 * 365 * 24 * 60 * minute, 30 * minute])(
    "a clock set back by %i ms silences nothing",
    (back) => {
      const groups = new AlertGroups([], start);
      groups.add(alert(), start);
      groups.add(alert(), start + minute);
      const again = new AlertGroups(groups.state, start - back);
      for (const one of [groups, again]) {
        expect(one.due(start - back)).toEqual([]);
        expect(one.nextAt! - (start - back)).toBeLessThanOrEqual(moreEveryMs);
        expect(brief(one.due(start - back + moreEveryMs))).toMatchObject([expect.stringMatching(/1\/2$/)]);
      }
    },
  );
});

type Step =
  | { readonly do: "add"; readonly key: number; readonly count: number }
  | { readonly do: "end"; readonly key: number }
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "restart" };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant("add" as const), key: fc.nat(4), count: fc.integer({ min: 1, max: 9 }) }),
    fc.record({ do: fc.constant("end" as const), key: fc.nat(4) }),
    fc.record({ do: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 90 * minute }) }),
    fc.record({ do: fc.constant("restart" as const) }),
  ),
  { maxLength: 80 },
);

describe("whatever happens", () => {
  it("the first rings at once, every one is counted once over restarts, and a group is told at most once an hour but for its end", () => {
    fc.assert(
      fc.property(steps, (all) => {
        let now = start;
        let groups = new AlertGroups([], now);
        const added = new Map<string, number>();
        const told = new Map<string, number>();
        const lastAt = new Map<string, number>();
        const open = new Set<string>();
        const hear = (tellings: readonly Telling[]): void => {
          for (const { phase, what, count, total } of tellings) {
            const key = /key \d/.exec(what)![0];
            told.set(key, (told.get(key) ?? 0) + count);
            expect(total).toBeGreaterThanOrEqual(count);
            if (phase === "more") expect(now - lastAt.get(key)!).toBeGreaterThanOrEqual(moreEveryMs);
            // After an end that lasted.
            if (phase === "began" && lastAt.has(key))
              expect(now - lastAt.get(key)!).toBeGreaterThanOrEqual(settleMs);
            if (phase === "ended" || phase === "quiet") expect(open.delete(key)).toBe(true);
            else {
              open.add(key);
              lastAt.set(key, now);
            }
          }
        };
        const wait = (until: number): void => {
          for (let next = groups.nextAt; next !== undefined && next <= until; next = groups.nextAt) {
            now = Math.max(now, next);
            hear(groups.due(now));
          }
          now = until;
        };
        for (const step of all) {
          if (step.do === "wait") wait(now + step.ms);
          else if (step.do === "restart")
            groups = new AlertGroups(JSON.parse(JSON.stringify(groups.state)), now);
          else {
            const key = `key ${step.key}`;
            if (step.do === "end") groups.end(key, `${key} is over`, now);
            else {
              const tellings = groups.add(alert(key, { count: step.count }), now);
              expect(tellings.length).toBe(open.has(key) ? 0 : 1);
              added.set(key, (added.get(key) ?? 0) + step.count);
              hear(tellings);
            }
          }
        }
        wait(now + 24 * 60 * minute);
        expect(told).toEqual(added);
        expect(groups.state).toEqual([]);
        expect(open.size).toBe(0);
      }),
      { numRuns: 500 },
    );
  });
});
