import fc from "fast-check";
import { expect, it } from "vitest";
import type { Withholding } from "../../zero-trust/gateway/reading/read.ts";
import { inertText, type NoticeFacts, noticeLines, type WithheldInstance } from "./notice-text.ts";

const held: Withholding = { why: "held", verdict: "altered", codes: ["unheard-of", "pixels-changed"] };
const at = new Date("2026-03-04T05:06:07.890Z");
const sentenceOf = (code: string): string | undefined =>
  code === "pixels-changed" ? "The image was changed." : undefined;

function withheld(withholding: Withholding, instanceNumber?: number): WithheldInstance {
  const instance = { studyInstanceUid: "1.2", seriesInstanceUid: "1.2.3", sopInstanceUid: "1.2.3.4" };
  return { instance, withholding, seriesNumber: 2, instanceNumber };
}

const facts = (list: readonly WithheldInstance[], reader = "ward"): NoticeFacts => ({
  withheld: list,
  total: 40,
  reader,
  at,
  sentenceOf,
});

it("says what is withheld, why, when, for whom, and what to do", () => {
  const list = [withheld({ why: "missing" }), withheld(held, 7), withheld(held, 9)];
  expect(noticeLines(facts(list))).toEqual([
    "3 of 40 images of this study are withheld.",
    "series 2, image without a number",
    "series 2, image 7",
    "series 2, image 9",
    "2 images: The image was changed.",
    "1 image: Admitted earlier; the archive no longer has it.",
    "Asked for by ward, 2026-03-04 05:06:07 UTC.",
    "Do not rely on this study until it is complete. Call those who run the image archive.",
    "This notice was made by the gate. It accuses nobody.",
  ]);
});

it("lists a page and counts the others", () => {
  const lines = noticeLines(facts(Array.from({ length: 1000 }, (_, i) => withheld(held, i + 1))));
  expect(lines).toContain("series 2, image 20");
  expect(lines).not.toContain("series 2, image 21");
  expect(lines).toContain("and 980 more");
});

it("shows characters beyond printable Latin-1 by their code", () => {
  expect(inertText("Zür\u202eich\n\\\u{1f600}")).toBe("Zür<U+202E>ich<U+000A><U+005C><U+1F600>");
  expect(inertText("x".repeat(10_000))).toBe(`${"x".repeat(64)}...`);
});

it("is printable Latin-1 of bounded length whatever a reader is called", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 500 }), (name) => {
      const text = noticeLines(facts([withheld(held, 1)], name)).join("\n");
      expect(text).toMatch(/^[\n\x20-\x5b\x5d-\x7e\xa1-\xac\xae-\xff]*$/);
      expect(text.length).toBeLessThan(2_000);
    }),
  );
});
