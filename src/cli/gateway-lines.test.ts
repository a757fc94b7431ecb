import { expect, it } from "vitest";
import type { GatewayEvent } from "../operations/event.ts";
import { eventLine } from "./gateway-lines.ts";
import { paletteFor } from "./terminal/palette.ts";

type Judged = Extract<GatewayEvent, { kind: "object-judged" }>;
const judged: Judged = {
  kind: "object-judged",
  object: "0198c3a2-7b1e-7cc4-9d55-0000deadbeef",
  ...{ source: "demo", verdict: "verified", state: "admitted", codes: [], ms: 70.2 },
};
const line = (change: Partial<Judged>): string =>
  eventLine({ ...judged, ...change }, paletteFor({ isTTY: false }, {}))!.slice("00:00:00  ".length);

it("an object is a line with its verdict, the end of its id, and how long it took", () => {
  expect(line({})).toBe("passed        verified  (deadbeef from demo, 70 ms)");
  expect(line({ verdict: "none", state: "held", codes: ["check-incomplete"] })).toMatch(
    /^HELD +not judged: check-incomplete {2}\(/,
  );
});

it("what was judged long after it came did not take that long", () => {
  expect(line({ ms: 48_411 })).toContain("(deadbeef from demo, 48 s after it came)");
});

it("a verified object that is held says why, and what tells more", () => {
  expect(line({ state: "held", codes: ["instance-conflict"] })).toMatch(
    /^HELD +verified: instance-conflict: another object was admitted under its UID before; scanseal quarantine show deadbeef {2}\(/,
  );
});
