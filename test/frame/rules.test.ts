/** Each rule on a small bad sample (it must speak) and on its good twin (it must be silent). */
import { describe, expect, it } from "vitest";
import { checkDeadCode, type Entries } from "./dead-code.ts";
import { checkImports, folderOf, resolveFrom } from "./import-rule.ts";
import { parseSource, type Violation } from "./source-file.ts";
import { checkMachinePaths, checkStyle } from "./style-rules.ts";

function texts(violations: readonly Violation[]): string[] {
  return violations.map(({ file, line, message }) => `${file}:${line}: ${message}`);
}

function importProblems(path: string, text: string): string[] {
  const packages = new Set(["commander", "pako"]);
  return texts(checkImports([parseSource(path, text)], packages, new Map([["pako", "a sample"]])));
}

describe("reading a source file", () => {
  const file = parseSource(
    "src/a/b.ts",
    `import type { A } from "./a.ts";
import { type B, type C } from "./b.ts";
import { type D, e } from "../d.ts";
import * as all from "./all.ts";
export { f as g } from "./f.ts";
export const { h, i: [j], ...k } = e;
export type L = import("./l.ts").L;
export interface M {}
export function n(): void;
export function n(): void { void import("./lazy.ts"); new URL(\`./worker\${all}\`, import.meta.url); }
`,
  );

  it("knows imports, their names and whether they are types only", () => {
    expect(file.imports.map((i) => [i.line, i.specifier, i.typeOnly, i.names])).toEqual([
      [1, "./a.ts", true, ["A"]],
      [2, "./b.ts", true, ["B", "C"]],
      [3, "../d.ts", false, ["D", "e"]],
      [4, "./all.ts", false, undefined],
      [5, "./f.ts", false, ["f"]],
      [7, "./l.ts", true, undefined],
      [10, "./lazy.ts", false, undefined],
    ]);
  });

  it("knows exports", () => {
    const names = file.exports.map((e) => e.name + (e.isType ? " type" : ""));
    expect(names).toEqual(["g", "h", "j", "k", "L type", "M type", "n"]);
  });

  it("knows the files that literals name, and counts lines", () => {
    expect(file.literalPaths).toContain("./worker");
    expect(file.lineCount).toBe(10);
  });

  it("refuses what is not TypeScript", () => {
    expect(() => parseSource("src/a.ts", "const = 1")).toThrow("src/a.ts");
  });

  it("resolves specifiers and finds the folder's rule", () => {
    expect(resolveFrom("src/keys/trust/a.ts", "../../foundation/b.ts")).toBe("src/foundation/b.ts");
    expect(folderOf("src/keys/trust/deep/a.ts")).toBe("keys/trust");
    expect(folderOf("src/keys/a.ts")).toBeUndefined();
    expect(folderOf("src/verifier.ts")).toBe("");
  });
});

describe("the import rule", () => {
  const policy = "src/zero-trust/policy/a.ts";

  it.each<[string, string, string]>([
    ["src/dicom/a.ts", `import { s } from "../sealing/s.ts";`, "dicom must not import sealing"],
    ["src/foundation/a.ts", `import { s } from "../dicom/s.ts";`, "foundation must not import dicom"],
    [
      "src/sealing/a.ts",
      `import { s } from "../platform/node/s.ts";`,
      "sealing must not import platform/node",
    ],
    ["src/phantom/a.ts", `export { s } from "../sealing/s.ts";`, "phantom must not import sealing"],
    ["src/site/a.ts", `import { s } from "../attack-lab/s.ts";`, "site must not import attack-lab"],
    ["src/dicom/a.ts", `const s = await import("../cli/s.ts");`, "dicom must not import cli"],
    ["src/verifier.ts", `export { s } from "./platform/node/s.ts";`, "src must not import platform/node"],
    ["tools/a.ts", `import { s } from "../src/sealing/s.ts";`, "tools must not import sealing"],
    [policy, `import { s } from "../evidence/s.ts";`, "may take types only from zero-trust/evidence"],
    ["src/dicom/a.ts", `import { s } from "./s";`, "with its .ts extension"],
    ["src/dicom/a.ts", `import { s } from "../../test/s.ts";`, "production code imports test/s.ts"],
    ["src/dicom/a.ts", `import { s } from "./s.test.ts";`, "imports the test"],
    ["src/dicom/a.ts", `import { s } from "node:fs";`, "in the verifier"],
    ["src/dicom/a.ts", `import { s } from "commander";`, "in the verifier"],
    ["src/cli/a.ts", `import { s } from "left-pad";`, "not in the dependencies"],
    ["src/cli/a.ts", `import { s } from "fs";`, "not in the dependencies"],
    ["src/novelty/a.ts", `export const a = 1;`, "not in the import table"],
    ["src/keys/a.ts", `export const a = 1;`, "not in the import table"],
  ])("%s: %s", (path, text, problem) => {
    const found = importProblems(path, `// the first line\n${text}`);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(path.endsWith("y/a.ts") || /keys\/a/.test(path) ? `${path}:` : `${path}:2: `);
    expect(found[0]).toContain(problem);
  });

  it.each<[string, string]>([
    ["src/dicom/pixel-data/a.ts", `import { s } from "../../foundation/s.ts"; import { t } from "../t.ts";`],
    ["src/dicom/a.test.ts", `import { s } from "../platform/node/s.ts"; import { it } from "vitest";`],
    ["src/dicom/a.ts", `import table from "./table.json" with { type: "json" };`],
    ["src/dicom/a.ts", `import { inflate } from "pako";`],
    [policy, `import type { s } from "../evidence/s.ts";`],
    ["src/keys/custody/a.ts", `import { s } from "../../platform/node/s.ts"; import { t } from "node:fs";`],
    ["src/cli/a.ts", `import { s } from "../attack-lab/s.ts"; import { Command } from "commander";`],
    ["src/site/a.ts", `import { s } from "../sealing/s.ts";`],
    ["bench/a.ts", `import { s } from "../src/platform/node/s.ts";`],
    ["test/a.test.ts", `import { s } from "../src/cli/s.ts"; import fc from "fast-check";`],
  ])("%s may: %s", (path, text) => {
    expect(importProblems(path, text)).toEqual([]);
  });
});

describe("style", () => {
  const longBody = "  void 0;\n".repeat(69);
  const problemsOf = (path: string, text: string): string[] => texts(checkStyle(parseSource(path, text)));

  it.each<[string, string, string]>([
    ["src/dicom/a.ts", `export const a: any = 1;`, "1: any: say what it is"],
    ["src/dicom/a.ts", `\nexport * from "./b.ts";`, "2: export *"],
    ["src/dicom/a.ts", `export * as b from "./b.ts";`, "1: export *"],
    ["src/dicom/a.ts", `export default 1;`, "1: default export"],
    ["src/dicom/a.ts", `// @ts-ignore\nexport const a = 1;`, "1: @ts-ignore"],
    ["src/dicom/a.ts", `export const a = 1 as unknown as Admitted<number>;`, "a cast to Admitted"],
    ["src/dicom/a.ts", `export const a = 1 as unknown as Released<number>;`, "a cast to Released"],
    ["src/dicom/a.ts", "const a = 1;\n".repeat(401), "401: the file has 401 lines"],
    ["src/dicom/a.ts", `\nfunction a() {\n${longBody}}`, "2: a function of 71 lines"],
    ["src/dicom/a.ts", `describe("a", () => {\n${longBody}});`, "a function of 71 lines"],
    ["src/dicom/a.test.ts", `it("a", () => {\n${longBody}});`, "a function of 71 lines"],
    ["src/dicom/utils.ts", "", `"utils" says nothing`],
    ["src/helpers/a.ts", "", `"helpers" says nothing`],
    ["src/dicom/camelCase.ts", "", "kebab-case"],
    ["src/dicom/a.test.ts", `it.only("a", () => {});`, "it.only"],
    ["src/dicom/a.test.ts", `describe.skip("a", () => {});`, "describe.skip"],
    ["src/dicom/a.test.ts", `it.todo("a");`, "it.todo"],
    ["src/dicom/a.test.ts", `it.skipIf(true)("a", () => {});`, "it.skipIf"],
    ["src/dicom/a.test.ts", `it.each([1]).only("a", () => {});`, "it.only"],
    ["test/a.test.ts", `it("a", (context) => context.skip());`, "context.skip"],
    ["test/a.test.ts", `it("a", ({ skip }) => skip());`, "skip()"],
  ])("%s: %s", (path, text, problem) => {
    const found = problemsOf(path, text);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(problem);
  });

  it.each<[string, string]>([
    ["src/dicom/a.ts", "const a = 1;\n".repeat(400)],
    ["src/dicom/a.ts", `function a() {\n${longBody.replace("  void 0;\n", "")}}`],
    ["src/dicom/a.test.ts", `describe("a", () => {\n${longBody}});`],
    ["src/dicom/a.test.ts", `describe.each([1])("a", () => {\n${longBody}});`],
    ["src/dicom/a.ts", `reader.skip(4); const any = "any";`],
    ["vitest.config.ts", "export default {};"],
    ["test/peers.ts", `it("a", (context) => context.skip());`],
  ])("%s may: %s", (path, text) => {
    expect(problemsOf(path, text)).toEqual([]);
  });

  it("folders of one machine", () => {
    const path = (...parts: string[]): string => ["", ...parts, ""].join("/");
    const text = `a\nb ${path("home", "alice")}x\n"${path("root")}" '${path("work")}main' C:\\${"Users"}\\bob`;
    expect(texts(checkMachinePaths("notes.md", text)).map((line) => line.split(" is a ")[0])).toEqual([
      `notes.md:2: "${path("home", "alice")}"`,
      `notes.md:3: "${path("root")}"`,
      `notes.md:3: "${path("work")}"`,
      `notes.md:3: "C:\\${"Users"}\\"`,
    ]);
    expect(
      checkMachinePaths("notes.md", "/usr/bin/env ../work/x https://example.org/root/x /worklist/"),
    ).toEqual([]);
  });
});

describe("dead code", () => {
  const entries: Entries = {
    production: ["src/main.ts"],
    isProgram: (path) => path.endsWith(".test.ts") || path === "bench/run.ts",
    testOnly: new Map([["src/used.ts#forTests", "a sample"]]),
  };
  const good: Readonly<Record<string, string>> = {
    "src/main.ts": `import { used } from "./used.ts"; new Worker(new URL("./worker.ts", import.meta.url));
      const lazy = await import("./lazy.ts"); lazy.run(used); export const published = 1;`,
    "src/used.ts": `export interface Named {} export function used(x: Named) {} export function forTests() {}`,
    "src/lazy.ts": `export function run() {}`,
    "src/worker.ts": `postMessage(1);`,
    "src/used.test.ts": `import { forTests } from "./used.ts"; import { sample } from "../test/sample.ts"; forTests(sample);`,
    "test/sample.ts": `export const sample = 1;`,
  };
  const check = (change: Readonly<Record<string, string>>): string[] => {
    const all = Object.entries({ ...good, ...change });
    return texts(
      checkDeadCode(
        all.map(([path, text]) => parseSource(path, text)),
        entries,
      ),
    );
  };

  it("is silent when everything is used", () => {
    expect(check({})).toEqual([]);
  });

  it.each<[string, Readonly<Record<string, string>>, string]>([
    ["a file nobody imports", { "src/alone.ts": "const a = 1;" }, "src/alone.ts:1: a dead file"],
    [
      "a file only its test imports",
      { "src/alone.ts": "run();", "src/alone.test.ts": `import "./alone.ts";` },
      "src/alone.ts:1: a dead file",
    ],
    [
      "a circle of files",
      { "src/a.ts": `import { b } from "./b.ts"; b();`, "src/b.ts": `import "./a.ts"; export const b = 1;` },
      "src/a.ts:1: a dead file",
    ],
    ["a helper no test imports", { "test/alone.ts": "const a = 1;" }, "test/alone.ts:1: a dead file"],
    [
      "an export nobody imports",
      { "src/lazy.ts": "export function run() {}\nexport const x = 1;" },
      "src/lazy.ts:2: nobody imports x",
    ],
    [
      "a type nobody names",
      { "src/lazy.ts": "export function run() {}\nexport interface X {}" },
      "src/lazy.ts:2: nobody imports X",
    ],
    [
      "an export only its own file uses",
      { "src/lazy.ts": "export function run() { x(); }\nexport function x() {}" },
      "src/lazy.ts:2: only its own file uses x",
    ],
    [
      "an export only a test imports",
      {
        "src/lazy.ts": "export function run() {}\nexport const x = 1;",
        "src/l.test.ts": `import { x } from "./lazy.ts"; x();`,
      },
      "src/lazy.ts:2: only tests import x",
    ],
    [
      "an export only a benchmark imports",
      {
        "src/lazy.ts": "export function run() {}\nexport const x = 1;",
        "bench/run.ts": `import { x } from "../src/lazy.ts"; x();`,
      },
      "src/lazy.ts:2: only tests import x",
    ],
    [
      "a listed export that production uses after all",
      { "src/lazy.ts": `import { forTests } from "./used.ts"; export function run() { forTests(); }` },
      "src/used.ts#forTests is listed as exported for tests, but is not",
    ],
  ])("%s", (_, change, problem) => {
    expect(check(change).join("\n")).toContain(problem);
  });
});
