import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Decision, Finding } from "../zero-trust/policy/verdict.ts";
import { paletteFor } from "./terminal/palette.ts";
import { textWidth } from "./terminal/text-width.ts";
import {
  changedPlaces,
  namedLocationText,
  regionLines,
  storyLines,
  summaryLine,
  verdictJson,
  verdictTable,
} from "./verdict-report.ts";

const palette = paletteFor({ isTTY: false }, {});

function finding(change: Partial<Finding> = {}): Finding {
  return {
    code: "attribute-changed",
    severity: "error",
    layer: "manifest",
    location: { tag: "(0010,0020)" },
    message: "Changed after capture; do not rely on it.",
    detail: "00100020 changed",
    ...change,
  };
}

function decision(verdict: Decision["verdict"], findings: readonly Finding[] = []): Decision {
  const isProven = verdict === "verified";
  return {
    verdict,
    disposition: isProven ? "delivered" : "held",
    ...(isProven ? { assurance: "in-device" } : {}),
    findings,
  } as Decision;
}

describe("a JSON line", () => {
  it("means what was given, is one line, and holds nothing that a terminal obeys", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (path) => {
        const line = verdictJson({ path, decision: decision("altered", [finding({ detail: path })]) });
        expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
        const parsed = JSON.parse(line) as { path: string };
        expect(parsed.path).toBe(path.toWellFormed() === path ? path : parsed.path);
      }),
    );
    const odd = "\u202Ea\u009b\u2028\u{E0041}";
    expect(JSON.parse(verdictJson({ path: odd, decision: decision("verified") }))).toEqual({
      path: odd,
      verdict: "verified",
      assurance: "in-device",
      findings: [],
    });
  });
});

describe("the table", () => {
  const long = `sealed/${"1.2.".repeat(14)}`;
  const judged = [1, 2].map((n) => ({ path: `${long}${n}.dcm`, decision: decision("altered", [finding()]) }));

  it("keeps the end of paths, which tells files apart, and something of what it means, at 80 columns", () => {
    const lines = verdictTable(judged, palette, 80);
    expect(Math.max(...lines.map(textWidth))).toBeLessThanOrEqual(80);
    expect(lines[1]).toMatch(/^….*1\.dcm {2}/);
    expect(lines[2]).toMatch(/^….*2\.dcm {2}/);
    expect(lines[1]).toMatch(/ altered .*\(0010,0020\) .*Changed after capture/);
  });

  it("is whole where there is no terminal", () => {
    expect(verdictTable(judged, palette, undefined)[1]).toContain(`${long}1.dcm`);
  });

  it("names the cause of what is malformed, before the sentence that all causes share", () => {
    const broken = finding({
      code: "tag-duplicate",
      ...{ layer: "parser", location: { tag: "(7FE0,0010)", offset: 512 } },
      ...{
        message: "Not a well-formed DICOM object; it was not opened.",
        detail: "the element occurs twice",
      },
    });
    const [, line] = verdictTable(
      [{ path: "a", decision: decision("malformed", [broken]) }],
      palette,
      undefined,
    );
    expect(line).toMatch(
      /malformed {2}\(7FE0,0010\), byte 512 {2}The element occurs twice \(tag-duplicate\)\. Not a well-formed/,
    );
  });

  it("says how many findings there are beside the first of the gravest", () => {
    const findings = [
      finding({ severity: "info" }),
      finding(),
      finding({ location: { frames: [0, 1, 2, 7] } }),
    ];
    const [, line] = verdictTable(
      [{ path: "a", decision: decision("altered", findings) }],
      palette,
      undefined,
    );
    expect(line).toContain("(0010,0020)");
    expect(line).toMatch(/\(and 1 more\)$/);
  });
});

describe("words for people", () => {
  it("counts objects by verdict", () => {
    const judged = (["verified", "altered", "verified"] as const).map((v) => ({
      path: "",
      decision: decision(v),
    }));
    expect(summaryLine(judged)).toBe("3 objects: 2 verified, 1 altered");
  });

  it("names tags, and frames from 1 in ranges", () => {
    expect(namedLocationText({ tag: "(0010,0010)" })).toBe("Patient's Name (0010,0010)");
    expect(namedLocationText({ tag: "(0009,1001)", offset: 12 })).toBe("(0009,1001), byte 12");
    expect(namedLocationText({ frames: [0, 1, 2, 6] })).toBe("frames 1-3, 7");
  });

  it("tells a story in which a file's text changes no line", () => {
    const lines = storyLines(
      { path: "a\u001b[2J\n", decision: decision("altered", [finding({ detail: "x\u202E\ny" })]) },
      [["Sealed by", "CT1\r\u001b[31m"]],
      palette,
    );
    expect(lines.join("")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(lines.join("\n")).toContain("Patient ID (0010,0020): Changed after capture");
  });
});

describe("where pixels changed", () => {
  const region = (frame: number, x0: number) => ({ frame, x0, y0: 112, x1: x0 + 48, y1: 160 });
  const located = (regions: readonly ReturnType<typeof region>[]): Finding =>
    finding({ code: "pixels-changed", location: { frames: [0], regions }, detail: "1 frame; 9 tiles" });

  it("is said frame by frame, from 1, in few lines", () => {
    expect(regionLines(located([region(0, 256)]).location)).toEqual(["frame 1: x 256-303, y 112-159"]);
    const many = Array.from({ length: 5 }, (_, i) => region(0, 100 * i));
    expect(regionLines(located(many).location)).toEqual([
      "frame 1: x 0-47, y 112-159; x 100-147, y 112-159; x 200-247, y 112-159, and 2 more",
    ]);
    const frames = Array.from({ length: 7 }, (_, i) => region(i, 0));
    expect(regionLines(located(frames).location).slice(3)).toEqual([
      "frame 4: x 0-47, y 112-159",
      "and 3 more frames",
    ]);
    expect(regionLines({ tag: "(7FE0,0010)" })).toEqual([]);
  });

  it("stands below the table, in the story and in JSON", () => {
    const judged = {
      path: "a\u001b.dcm",
      decision: decision("altered", [finding(), located([region(2, 0)])]),
    };
    const lines = changedPlaces([judged, { path: "b", decision: decision("verified") }]);
    expect(lines).toEqual([
      "Where pixels changed:",
      expect.stringMatching(/^a[^\u001b]+\.dcm \(1 frame; 9 tiles\)$/),
      "  frame 3: x 0-47, y 112-159",
    ]);
    expect(changedPlaces([{ path: "b", decision: decision("verified") }])).toEqual([]);
    const eleven = Array.from({ length: 11 }, () => judged);
    expect(changedPlaces(eleven).at(-1)).toBe("and 1 more objects: --json names all places");
    expect(storyLines(judged, [], palette).join("\n")).toContain("frame 3: x 0-47, y 112-159");
    expect(JSON.parse(verdictJson(judged)).findings[1].location.regions).toEqual([region(2, 0)]);
  });
});
