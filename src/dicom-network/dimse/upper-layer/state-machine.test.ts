/** PS3.8 table 9-10 typed a second time, by state instead of by event. */
import { describe, expect, it } from "vitest";
import { events, type State, transition } from "./state-machine.ts";

/** For each state: "event numbers: action next"; all other events are not possible. */
const byState: Readonly<Record<State, string>> = {
  1: "1: AE-1 4; 5: AE-5 2",
  2: "3 4 10 12 13 19: AA-1 13; 6: AE-6 3|13; 16 18: AA-2 1; 17: AA-5 1",
  3: "3 4 6 10 12 13 19: AA-8 13; 7: AE-7 6; 8: AE-8 13; 15: AA-1 13; 16: AA-3 1; 17: AA-4 1",
  4: "2: AE-2 5; 15: AA-2 1; 17: AA-4 1",
  5: "3: AE-3 6; 4: AE-4 1; 6 10 12 13 19: AA-8 13; 15: AA-1 13; 16: AA-3 1; 17: AA-4 1",
  6: "3 4 6 13 19: AA-8 13; 9: DT-1 6; 10: DT-2 6; 11: AR-1 7; 12: AR-2 8; 15: AA-1 13; 16: AA-3 1; 17: AA-4 1",
  7: "3 4 6 19: AA-8 13; 10: AR-6 7; 12: AR-8 9|10; 13: AR-3 1; 15: AA-1 13; 16: AA-3 1; 17: AA-4 1",
  8: "3 4 6 10 12 13 19: AA-8 13; 9: AR-7 8; 14: AR-4 13; 15: AA-1 13; 16: AA-3 1; 17: AA-4 1",
  9: "3 4 6 10 12 13 19: AA-8 13; 14: AR-9 11; 15: AA-1 13; 16: AA-3 1; 17: AA-4 1",
  10: "3 4 6 10 12 19: AA-8 13; 13: AR-10 12; 15: AA-1 13; 16: AA-3 1; 17: AA-4 1",
  11: "3 4 6 10 12 19: AA-8 13; 13: AR-3 1; 15: AA-1 13; 16: AA-3 1; 17: AA-4 1",
  12: "3 4 6 10 12 13 19: AA-8 13; 14: AR-4 13; 15: AA-1 13; 16: AA-3 1; 17: AA-4 1",
  13: "3 4 10 12 13: AA-6 13; 6 19: AA-7 13; 16 18: AA-2 1; 17: AR-5 1",
};

/** Event number -> "action next". */
function expectedOf(state: State): Map<number, string> {
  const out = new Map<number, string>();
  for (const group of byState[state].split("; ")) {
    const [numbers, effect] = group.split(": ");
    for (const number of numbers!.split(" ")) out.set(Number(number), effect!);
  }
  return out;
}

describe("table 9-10", () => {
  it("has 19 events", () => expect(events).toHaveLength(19));

  for (const key of Object.keys(byState)) {
    const state = Number(key) as State;
    it(`Sta${state}: every event`, () => {
      const actual = new Map<number, string>();
      events.forEach((event, index) => {
        const found = transition(state, event);
        if (found !== undefined) actual.set(index + 1, `${found.action} ${found.next.join("|")}`);
      });
      expect(Object.fromEntries(actual)).toEqual(Object.fromEntries(expectedOf(state)));
    });
  }
});
