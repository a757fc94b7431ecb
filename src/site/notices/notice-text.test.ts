import fc from "fast-check";
import { expect, it } from "vitest";
import type { Withholding } from "../../zero-trust/gateway/reading/read.ts";
import { type NoticeFacts, noticeLines, noticeText, type WithheldInstance } from "./notice-text.ts";

const held: Withholding = { why: "held", verdict: "altered", codes: ["unheard-of", "pixels-changed"] };
const at = new Date("2026-03-04T05:06:07.890Z");
const sentenceOf = (code: string): string | undefined =>
  code === "pixels-changed" ? "The image was changed." : undefined;

function withheld(withholding: Withholding, instanceNumber?: number, series = 2): WithheldInstance {
  const instance = { studyInstanceUid: "1.2", seriesInstanceUid: `1.2.${series}`, sopInstanceUid: "1.2.3.4" };
  return { instance, withholding, seriesNumber: series, instanceNumber };
}

const facts = (list: readonly WithheldInstance[], reader = "ward"): NoticeFacts => ({
  withheld: list,
  unproven: [],
  total: 40,
  reader,
  at,
  isArchiveUnlisted: false,
  sentenceOf,
});

it("says what is withheld, why, when, for whom, and what to do", () => {
  const list = [withheld({ why: "missing" }), withheld(held, 7), withheld(held, 9), withheld(held, 8, 3)];
  expect(noticeText(facts(list))).toEqual({
    heading: "IMAGES WITHHELD",
    lead: "4 of 40 images of this study are withheld.",
    listed: ["Series 2: images 7, 9 and 1 image without a known number", "Series 3: image 8"],
    reasons: ["3 images: The image was changed.", "1 image: Admitted earlier; the archive no longer has it."],
    advice: [expect.stringMatching(/^Do not rely on this study until it is complete\. Call /)],
    origin: [
      "Made for ward, 2026-03-04 05:06:07 UTC.",
      "This notice was made by the gate. It is no image of the patient, and it accuses nobody.",
    ],
  });
  expect(noticeLines(noticeText(facts([withheld(held)])))[0]).toBe(
    "1 of 40 images of this study is withheld.",
  );
});

it("says that there may be more, where nothing is withheld and the archive could not be asked", () => {
  expect(noticeText({ ...facts([]), isArchiveUnlisted: true })).toMatchObject({
    heading: "MAYBE INCOMPLETE",
    lead: "40 images of this study were given.",
    listed: [],
    reasons: ["The archive could not be asked what else it has: there may be more images of this study."],
    advice: [expect.stringMatching(/^Do not take this study for complete\. /)],
  });
});

it("says which images are shown in an emergency although they do not pass, who opened them and until when", () => {
  const { instance } = withheld(held);
  const until = Date.parse("2026-03-04T09:00:00Z");
  const opening = { kind: "emergency", id: "e1", by: ["ada\n"], until } as const;
  const unproven = [7, 8].map((instanceNumber) => ({
    ...{ instance, seriesNumber: 2, instanceNumber, verdict: "altered", opening },
  }));
  const text = noticeText({ ...facts([]), unproven });
  expect(text).toMatchObject({
    heading: "UNPROVEN IMAGES",
    lead: "2 of 40 images of this study are shown although they do not pass.",
    listed: ["Series 2: images 7-8"],
    reasons: [
      "Emergency: 2 images shown although they do not pass (altered).",
      "Opened by ada<U+000A> until 2026-03-04 09:00 UTC.",
    ],
    advice: [expect.stringMatching(/do not file them/)],
  });
  const both = noticeText({ ...facts([withheld(held, 9)]), unproven });
  expect([both.lead, both.reasons[0]]).toEqual([
    "1 of 40 images of this study is withheld.",
    text.reasons[0],
  ]);
});

it("says who released images and until when, each release by itself, a bounded number of them", () => {
  const { instance } = withheld(held);
  const released = (n: number, verdict: string) => ({
    ...{ instance, seriesNumber: 2, instanceNumber: n, verdict },
    opening: { kind: "release", id: `r${n}`, by: ["ada", "bob"], until: Date.UTC(2026, 2, 4, n) } as const,
  });
  const { reasons } = noticeText({
    ...facts([]),
    unproven: [released(7, "unsealed"), released(9, "altered")],
  });
  expect(reasons).toEqual([
    "Released: 1 image shown although it does not pass (altered).",
    "Released by ada and bob until 2026-03-04 09:00 UTC.",
    "Released: 1 image shown although it does not pass (unsealed).",
    "Released by ada and bob until 2026-03-04 07:00 UTC.",
  ]);
  const many = Array.from({ length: 20 }, (_, n) => released(n, "altered"));
  expect(noticeText({ ...facts([]), unproven: many }).reasons.at(-1)).toBe("And 17 more.");
});

it("says that there may be more where the archive could not be asked", () => {
  const { reasons } = noticeText({ ...facts([withheld(held, 1)]), isArchiveUnlisted: true });
  expect(reasons[1]).toMatch(/^The archive could not be asked what else it has/);
});

it("joins numbers to ranges, and bounds series, ranges and reasons", () => {
  const many = Array.from({ length: 5_000 }, (_, i) => withheld(held, i + 1));
  expect(noticeText(facts(many)).listed).toEqual(["Series 2: images 1-5000"]);
  const odd = Array.from({ length: 1_000 }, (_, i) => withheld(held, 2 * i + 1, i % 50));
  const { listed } = noticeText(facts(odd));
  expect(listed).toHaveLength(9);
  expect(listed.at(-1)).toBe("And 42 more series");
  expect(listed[0]).toMatch(/, and others$/);
  const codes = Array.from({ length: 9 }, (_, i) => withheld({ ...held, codes: [`${i}`] }, i));
  const reasons = noticeText({ ...facts(codes), sentenceOf: (code) => `Reason ${code}.` }).reasons;
  expect(reasons).toHaveLength(5);
  expect(reasons.at(-1)).toBe("And 5 more reasons.");
});

it("without a code, or one that nobody knows, still says that it was withheld", () => {
  const list = [withheld({ why: "held", verdict: "x", codes: [] }), withheld({ ...held, codes: ["?"] })];
  expect(noticeText(facts(list)).reasons).toEqual(["2 images: It does not pass the check."]);
  expect(noticeText(facts([withheld({ why: "policy", verdict: "unsealed", codes: [] })])).reasons).toEqual([
    "1 image: Nothing proves it.",
  ]);
});

it("shows characters beyond printable Latin-1 by their code", () => {
  const madeFor = (reader: string): string => noticeText(facts([withheld(held)], reader)).origin[0]!;
  expect(madeFor("Zür\u202eich\n\\\u{1f600}")).toMatch(
    /^Made for Zür<U\+202E>ich<U\+000A><U\+005C><U\+1F600>, /,
  );
  expect(madeFor("x".repeat(10_000))).toContain(`${"x".repeat(64)}...,`);
});

it("is printable Latin-1 of bounded length whatever a reader is called", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 500 }), (name) => {
      const text = noticeLines(noticeText(facts([withheld(held, 1)], name))).join("\n");
      expect(text).toMatch(/^[\n\x20-\x5b\x5d-\x7e\xa1-\xac\xae-\xff]*$/);
      expect(text.length).toBeLessThan(2_000);
    }),
  );
});
