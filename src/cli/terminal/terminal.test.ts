import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { paletteFor } from "./palette.ts";
import { ProgressBar, type ProgressStream } from "./progress-bar.ts";
import { formatTable } from "./table.ts";
import { fitText, padText, textWidth } from "./text-width.ts";
import { isolatedText, visibleText } from "./visible-text.ts";

describe("visible text", () => {
  it.each<[string, string, string]>([
    ["an escape sequence", "A\u001b[2JB", "A<U+001B>[2JB"],
    ["a right-to-left override", "gpj.\u202Eexe", "gpj.<U+202E>exe"],
    ["isolates", "\u2066a\u2069", "<U+2066>a<U+2069>"],
    ["a zero-width space and joiner", "a\u200Bb\u200Dc", "a<U+200B>b<U+200D>c"],
    ["line breaks", "a\nb\rc\u2028d\u0085e", "a<U+000A>b<U+000D>c<U+2028>d<U+0085>e"],
    ["a lone surrogate", "a\uD800b", "a<U+D800>b"],
    ["invisible tag letters", "a\u{E0041}", "a<U+E0041>"],
    ["a flood of marks", `a${"\u0301".repeat(6)}`, "a\u0301\u0301\u0301\u0301<U+0301><U+0301>"],
    ["ordinary names", "Müller^Jürgen=山田^太郎=やまだ", "Müller^Jürgen=山田^太郎=やまだ"],
    ["Hebrew", "שרון^דבורה", "שרון^דבורה"],
  ])("%s", (_, text, shown) => {
    expect(visibleText(text)).toBe(shown);
  });

  it("nothing that a terminal obeys is left, whatever comes in", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(visibleText(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
      }),
    );
  });

  it("isolates right-to-left text only", () => {
    expect(isolatedText("دبورة")).toBe("\u2068دبورة\u2069");
    expect(isolatedText("Deborah")).toBe("Deborah");
  });
});

describe("text width", () => {
  it.each<[string, number]>([
    ["abc", 3],
    ["山田", 4],
    ["ﾔﾏﾀﾞ", 4],
    ["김희중", 6],
    ["e\u0301", 1],
    ["\u2068ab\u2069", 2],
    ["👍", 2],
    ["👩‍⚕️", 2],
    ["", 0],
  ])("%s takes %i columns", (text, width) => {
    expect(textWidth(text)).toBe(width);
  });

  it("fits and pads to columns, not to code units", () => {
    expect(fitText("山田太郎", 5)).toBe("山田…");
    expect(fitText("山田太郎", 4)).toBe("山…");
    expect(fitText("abc", 3)).toBe("abc");
    expect(fitText("abc", 0)).toBe("");
    expect(padText("山", 4)).toBe("山  ");
    expect(padText("7", 3, "right")).toBe("  7");
  });

  it("never exceeds the width asked for", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.nat(20), (text, width) => {
        expect(textWidth(fitText(text, width))).toBeLessThanOrEqual(width);
      }),
    );
  });
});

describe("tables", () => {
  const columns = [
    { title: "File", shrinks: true },
    { title: "Patient" },
    { title: "N", align: "right" },
  ] as const;

  it("aligns wide characters", () => {
    expect(
      formatTable(columns, [
        ["a.dcm", "山田", "1"],
        ["bc.dcm", "Doe", "12"],
      ]),
    ).toEqual(["File    Patient   N", "a.dcm   山田      1", "bc.dcm  Doe      12"]);
  });

  it("a value cannot break its line, nor colour or move another", () => {
    const lines = formatTable(columns, [["a\n\u001b[31m", "x\u202Ey", "1"]]);
    expect(lines).toHaveLength(2);
    expect(lines[1]).toBe("a<U+000A><U+001B>[31m  x<U+202E>y  1");
  });

  it("fits the terminal by cutting the column that may be cut", () => {
    const lines = formatTable(columns, [["a-very-long-file-name-of-a-slice.dcm", "Doe", "1"]], 30);
    expect(lines[1]).toBe("a-very-long-file-…  Doe      1");
    expect(Math.max(...lines.map(textWidth))).toBeLessThanOrEqual(30);
  });

  it("an isolate stays closed when its text is cut", () => {
    const [, line] = formatTable([{ title: "P", shrinks: true }], [["דבורה שרון מתל אביב"]], 10);
    expect(line).toMatch(/^\u2068.*…\u2069$/);
    expect(textWidth(line!)).toBe(10);
  });

  it("paints after measuring", () => {
    const paint = (text: string): string => `<b>${text}</b>`;
    expect(formatTable([{ title: "Verdict" }, { title: "X" }], [[{ text: "ok", paint }, "1"]])[1]).toBe(
      "<b>ok     </b>  1",
    );
  });

  it("a short row has empty cells", () => {
    expect(formatTable(columns, [["a"]])[1]).toBe("a");
  });
});

describe("colours", () => {
  it.each<[string, boolean, Record<string, string>, boolean]>([
    ["a terminal", true, {}, true],
    ["a pipe", false, {}, false],
    ["NO_COLOR", true, { NO_COLOR: "1" }, false],
    ["an empty NO_COLOR", true, { NO_COLOR: "" }, true],
    ["a dumb terminal", true, { TERM: "dumb" }, false],
  ])("%s", (_, isTTY, environment, coloured) => {
    expect(paletteFor({ isTTY }, environment).bad("x").includes("\u001b")).toBe(coloured);
  });
});

describe("the progress bar", () => {
  function record(isTTY: boolean, columns = 60): { stream: ProgressStream; written: string[] } {
    const written: string[] = [];
    return { stream: { isTTY, columns, write: (text) => written.push(text) }, written };
  }

  it("writes nothing where nobody looks", () => {
    const { stream, written } = record(false);
    const bar = new ProgressBar(stream, { now: () => 0 }, 2);
    bar.show(1, "a");
    bar.show(2, "b");
    bar.clear();
    expect(written).toEqual([]);
  });

  it("draws at most ten times a second, always the end, and cleans up", () => {
    const { stream, written } = record(true);
    let now = 0;
    const bar = new ProgressBar(stream, { now: () => now }, 4);
    bar.show(1, "a.dcm");
    bar.show(2, "b.dcm");
    now = 100;
    bar.show(3, "c\u001b[0m.dcm");
    bar.show(4, "d.dcm");
    bar.clear();
    bar.clear();
    expect(written.map((text) => text.replace("\r\u001b[2K", ""))).toEqual([
      "[######..................] 1/4 a.dcm",
      "[##################......] 3/4 c<U+001B>[0m.dcm",
      "[########################] 4/4 d.dcm",
      "",
    ]);
  });

  it("stays on its line in a narrow terminal", () => {
    const { stream, written } = record(true, 20);
    new ProgressBar(stream, { now: () => 0 }, 1).show(1, "山田.dcm");
    expect(textWidth(written[0]!.replace("\r\u001b[2K", ""))).toBeLessThanOrEqual(19);
  });
});
