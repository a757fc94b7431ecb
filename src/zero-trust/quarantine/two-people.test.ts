import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isSamePerson } from "../../store/journal/same-person.ts";
import {
  expiresAt,
  isExpired,
  requestMsMax,
  requireConfirmed,
  requireReason,
  verdictCounts,
} from "./two-people.ts";

type Judged = Parameters<typeof requireConfirmed>[0][number];

function judged(verdict: string | undefined, ...codes: string[]): Judged {
  const findings = codes.map((code) => ({
    code,
    severity: "error" as const,
    layer: "arrival",
    location: {},
    message: "",
    detail: "",
  }));
  return { verdict, findings } as unknown as Judged;
}

describe("two people", () => {
  it.each<[string, string, boolean]>([
    ["anna", "anna", true],
    ["anna", "Anna ", true],
    ["a n n a", "anna", true],
    ["\uff41nna", "anna", true],
    ["anna", "ben", false],
  ])("%j and %j: the same is %s", (one, other, same) => {
    expect(isSamePerson(one, other)).toBe(same);
    expect(isSamePerson(other, one)).toBe(same);
  });

  it("a request lives a day, whichever way the clock was wrong", () => {
    const request = { requestedAt: 1_000_000_000_000 };
    expect(expiresAt(request) - request.requestedAt).toBe(24 * 3_600_000);
    const expiredAfter = (ms: number): boolean => isExpired(request, request.requestedAt + ms);
    expect([0, requestMsMax, -requestMsMax].map(expiredAfter)).toEqual([false, false, false]);
    expect([requestMsMax + 1, -requestMsMax - 1].map(expiredAfter)).toEqual([true, true]);
  });

  it.each([
    "",
    "ok",
    "       .",
    `${"a".repeat(2_001)}`,
    "text \u202eothgir from left",
    "text with \u0000 in it",
  ])("%j is no reason", (reason) => {
    expect(() => requireReason(reason)).toThrowError(expect.objectContaining({ code: "usage" }));
  });

  it("a reason is one line that shows all it holds, whatever is typed", () => {
    expect(requireReason("  second\topinion\n wanted ")).toBe("second opinion wanted");
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 8 }), (typed) => {
        let kept: string;
        try {
          kept = requireReason(typed);
        } catch (error) {
          expect(error).toMatchObject({ code: "usage" });
          return;
        }
        expect(kept).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
      }),
    );
  });
});

describe("dangers", () => {
  it.each<[string | undefined, string[], string[]]>([
    ["unsealed", [], []],
    ["altered", [], ["altered"]],
    ["untrusted", [], ["untrusted"]],
    ["malformed", [], ["malformed"]],
    [undefined, ["check-incomplete"], ["unchecked"]],
    ["verified", ["instance-conflict"], ["conflict"]],
    ["altered", ["instance-conflict"], ["altered", "conflict"]],
  ])("%s with %j needs %j named", (verdict, codes, dangers) => {
    const object = judged(verdict, ...codes);
    expect(() => requireConfirmed([judged("unsealed"), object], dangers)).not.toThrow();
    for (const left of dangers) {
      const named = dangers.filter((danger) => danger !== left);
      expect(() => requireConfirmed([object], [...named, "unsealed", "all"])).toThrowError(
        new RegExp(`1 ${left}`),
      );
    }
  });

  it("counts verdicts", () => {
    expect(verdictCounts([judged("altered"), judged(undefined), judged("altered")])).toBe(
      "2 altered, 1 unchecked",
    );
  });
});
