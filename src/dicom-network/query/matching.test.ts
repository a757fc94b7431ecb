import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Vr, vrTraits } from "../../dicom/vr.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { matchingOf } from "./matching.ts";
import type { Matching } from "./query.ts";

describe("a key's value", () => {
  it.each<[Vr, string, Matching]>([
    ["PN", "", { kind: "universal" }],
    ["PN", "*", { kind: "universal" }],
    ["DA", "**", { kind: "universal" }],
    ["LO", "  ", { kind: "universal" }],
    ["PN", "DOE^JANE", { kind: "single", value: "DOE^JANE" }],
    ["PN", " DOE^J* ", { kind: "wildcard", pattern: "DOE^J*" }],
    ["CS", "C?", { kind: "wildcard", pattern: "C?" }],
    ["LT", " a\\b", { kind: "single", value: " a\\b" }],
    // PS3.4 C.2.2.2.4 does not name it.
    ["IS", "1*", { kind: "single", value: "1*" }],
    ["UI", "1.2.3", { kind: "single", value: "1.2.3" }],
    ["UI", "1.2.3\\1.2.4", { kind: "uids", values: ["1.2.3", "1.2.4"] }],
    ["DA", "20260102", { kind: "single", value: "20260102" }],
    ["DA", "20260102-20260131", { kind: "range", from: "20260102", to: "20260131" }],
    ["DA", "20260102-", { kind: "range", from: "20260102" }],
    ["DA", "-20260131", { kind: "range", to: "20260131" }],
    ["DA", "20260102 - 20260131", { kind: "range", from: "20260102", to: "20260131" }],
    ["TM", "10-1130", { kind: "range", from: "10", to: "1130" }],
    ["TM", "235960.5", { kind: "single", value: "235960.5" }],
    ["DT", "2026", { kind: "single", value: "2026" }],
    ["DT", "20260102-0500", { kind: "single", value: "20260102-0500" }],
    ["DT", "2025-2026", { kind: "range", from: "2025", to: "2026" }],
    ["DT", "202601021030+0100-", { kind: "range", from: "202601021030+0100" }],
    ["DT", "20260102-0500-20260103-0500", { kind: "range", from: "20260102-0500", to: "20260103-0500" }],
  ])("%s %j", (vr, text, match) => expect(matchingOf(vr, text)).toEqual(match));

  it.each<[Vr, string]>([
    ["UI", "1.2.*"],
    ["UI", "1..2"],
    ["UI", "../etc"],
    ["UI", "1.2\\"],
    ["UI", `1.${"2".repeat(70)}`],
    ["DA", "2026"],
    ["DA", "20261301"],
    ["DA", "2026*"],
    ["DA", "-"],
    ["DA", "20260102-2026"],
    ["TM", "25"],
    ["DT", "2026-99"],
    ["CS", "CT\\MR"],
    ["PN", "M\ufffdLLER"],
  ])("%s %j is none", (vr, text) =>
    expect(() => matchingOf(vr, text)).toThrow(expect.objectContaining({ code: "peer-protocol" })),
  );

  it("of anything is a matching or our error, whose message quotes nothing of it", () => {
    const vrs = fc.constantFrom(...(Object.keys(vrTraits) as Vr[]));
    const text = fc.oneof(fc.string({ maxLength: 40 }), fc.stringMatching(/^[0-9*?\\.+\- ]{0,40}$/));
    fc.assert(
      fc.property(vrs, text, (vr, value) => {
        try {
          expect(["universal", "single", "wildcard", "uids", "range"]).toContain(matchingOf(vr, value).kind);
        } catch (error) {
          expect(error).toBeInstanceOf(ScansealError);
          if (value.length > 12) expect((error as ScansealError).message).not.toContain(value);
        }
      }),
    );
  });

  it("of 64 KiB of hyphens takes no time worth telling", () => {
    expect(() => matchingOf("DT", "1-".repeat(32_768))).toThrow(ScansealError);
  });
});
