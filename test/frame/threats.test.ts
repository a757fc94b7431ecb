/** THREATS.md is kept true: every scenario stands in it once, and every test it names exists. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { projectRoot } from "../peers.ts";

const scenarioCount = 51;
const openStates = ["not yet proved", "not yet defended"];

/** The problem with a cell of the last column, or undefined. Several proofs are separated by `;`. */
function proofProblem(cell: string, textOf: (path: string) => string | undefined): string | undefined {
  if (openStates.includes(cell)) return undefined;
  for (const proof of cell.split("; ")) {
    const match = /^`([^`]+\.test\.ts)`: (.+)$/.exec(proof);
    if (!match) return `neither a test nor an open state: ${proof}`;
    const text = textOf(match[1]!);
    if (text === undefined) return `no such file: ${match[1]}`;
    if (!text.includes(match[2]!)) return `${match[1]} has no test "${match[2]}"`;
  }
  return undefined;
}

function textOf(path: string): string | undefined {
  const file = join(projectRoot, path);
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}

describe("THREATS.md", () => {
  const rows = textOf("THREATS.md")!
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| ---") && !line.endsWith("| proved by |"))
    .map((line) => line.slice(2, -2).split(" | "));

  it("has every scenario once, in order", () => {
    const numbers = rows.filter((row) => row.length === 4).map((row) => Number(row[0]));
    expect(numbers).toEqual(Array.from({ length: scenarioCount }, (_, i) => i + 1));
    expect(rows.filter((row) => row.length !== 4 && row.length !== 3)).toEqual([]);
  });

  it("names tests that exist", () => {
    const problems = rows.map((row) => [row[0], proofProblem(row.at(-1)!, textOf)]);
    expect(problems.filter(([, problem]) => problem !== undefined)).toEqual([]);
  });

  it("would notice a test that is gone", () => {
    const files = (path: string): string | undefined => (path === "a.test.ts" ? `it("finds x")` : undefined);
    expect(proofProblem("`a.test.ts`: finds x", files)).toBeUndefined();
    expect(proofProblem("`a.test.ts`: finds y", files)).toContain("has no test");
    expect(proofProblem("`a.test.ts`: finds x; `b.test.ts`: z", files)).toContain("no such file");
    expect(proofProblem("surely", files)).toContain("neither");
  });
});
