import fc from "fast-check";
import { expect, it } from "vitest";
import { textWidth } from "./text-width.ts";
import { wrapText } from "./wrap-text.ts";

it("breaks at spaces, and a word only where it is longer than a line", () => {
  expect(wrapText("the quick brown fox", 10)).toEqual(["the quick", "brown fox"]);
  expect(wrapText("1.2.840.10008.1", 6)).toEqual(["1.2.8", "40.10", "008.1"]);
  expect(wrapText("", 10)).toEqual([""]);
});

it("no line is wider than it may be, and nothing but spaces is lost", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", " ", "é", "漢", "한"), maxLength: 80 });
  fc.assert(
    fc.property(text, fc.integer({ min: 4, max: 40 }), (given, width) => {
      const lines = wrapText(given, width);
      for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(width);
      expect(lines.join("").replaceAll(" ", "")).toBe(given.replaceAll(" ", ""));
    }),
  );
});
