/** The house rules of ARCHITECTURE.md and CONTRIBUTING.md, as a test. The rules themselves are tested in test/frame/. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkDeadCode, type Entries } from "./frame/dead-code.ts";
import { checkImports, importTable, verifierFolders } from "./frame/import-rule.ts";
import { parseSource, type SourceFile, type Violation } from "./frame/source-file.ts";
import { checkMachinePaths, checkStyle } from "./frame/style-rules.ts";
import { projectRoot } from "./peers.ts";

/** What people and .ci/run start by hand must be written down where they look. */
const instructions: string = ["package.json", "CONTRIBUTING.md", ".ci/run"].map(read).join("\n");

/** Started by their paths, as processes of their own or inside of one. */
const startedByTests: readonly string[] = [
  "test/simulation/crash-archive.ts",
  "test/simulation/crash-worker-hook.ts",
];

const entries: Entries = {
  // The workers are started by their URLs.
  production: [
    "src/cli/bin.ts",
    "src/verifier.ts",
    "src/platform/node/codecs/codec-worker.ts",
    "src/site/marking/marking-worker.ts",
    "src/site/rendering/rendering-worker.ts",
    "src/site/verification-worker.ts",
    "src/site/gateway/examiner-worker.ts",
  ],
  isProgram: (path) =>
    path.endsWith(".test.ts") ||
    path.endsWith(".config.ts") ||
    startedByTests.includes(path) ||
    (/^(tools|bench)\//.test(path) && instructions.includes(path)),
  /** Production exports that only tests or benchmarks import: `path#name` -> reason. */
  testOnly: new Map([
    [
      "src/dicom-network/dicomweb/multipart-reader.ts#boundaryOf",
      "what is a boundary is tested alone; readMultipart uses it",
    ],
    [
      "src/keys/custody/device-keys.ts#keySigner",
      "openDeviceSigner is this over a key file; tests sign with keys in memory",
    ],
    [
      "src/digital-signatures/sign.ts#prepareSignature",
      "the plan is the specification: the worked example and handmade signatures of the vectors test it; signDataSet uses it",
    ],
    [
      "src/dicom-network/dimse/upper-layer/state-machine.ts#events",
      "the rows of PS3.8 table 9-10 in their order: the tests go through every state and event",
    ],
    [
      "src/sealing/frame-marking.ts#InlineFrameMarker",
      "the site marks in threads; tests and the benchmark compare with marking in their own",
    ],
  ]),
};

/** Folders whose TypeScript is ours. */
const sourceFolders = ["src", "test", "bench", "tools"];

const committed = filesBelow("");
const sources: readonly SourceFile[] = committed
  .filter(
    (path) => path.endsWith(".ts") && (sourceFolders.includes(path.split("/")[0]!) || !path.includes("/")),
  )
  .map((path) => parseSource(path, read(path)));

describe("architecture", () => {
  it("finds the sources", () => {
    expect(sources.map((file) => file.path)).toContain("src/foundation/errors.ts");
    expect(sources.map((file) => file.path)).toContain("test/architecture.test.ts");
  });

  it("imports follow the import rule", () => {
    const { dependencies } = JSON.parse(read("package.json")) as { dependencies: Record<string, string> };
    expectNone(checkImports(sources, new Set(Object.keys(dependencies))));
  });

  it("the import rule has no cycle", () => {
    const reaches = (from: string, to: string, seen: Set<string> = new Set()): boolean =>
      (importTable[from] ?? []).some((name) => {
        const next = name.replace("types:", "");
        if (next === to) return true;
        if (seen.has(next)) return false;
        seen.add(next);
        return reaches(next, to, seen);
      });
    expect(Object.keys(importTable).filter((folder) => reaches(folder, folder))).toEqual([]);
  });

  it("ARCHITECTURE.md shows every folder's rule", () => {
    const rule = read("ARCHITECTURE.md").split("## Import rule")[1]!.split("\n## ")[0]!;
    const shown = rule.split("\n").map((line) => line.split(" | ")[0]!.replace("| ", "").split(", "));
    expect(shown.flat()).toEqual(expect.arrayContaining(Object.keys(importTable)));
  });

  it("the verifier imports nothing but the verifier", () => {
    const outside = verifierFolders
      .flatMap((folder) => importTable[folder] ?? [])
      .map((name) => name.replace("types:", ""));
    expect(outside.filter((name) => !verifierFolders.includes(name))).toEqual([]);
  });

  it("tsconfig.verifier.json compiles every folder of the verifier that exists", () => {
    const { include } = JSON.parse(read("tsconfig.verifier.json")) as { include: string[] };
    const missing = verifierFolders.filter(
      (folder) =>
        sources.some((file) => file.path.startsWith(`src/${folder}/`)) &&
        !include.some((path) => `src/${folder}/`.startsWith(`${path}/`)),
    );
    expect(missing).toEqual([]);
  });

  it("files and functions follow the style", () => {
    expectNone(sources.flatMap(checkStyle));
  });

  it("no file and no export is dead", () => {
    expectNone(checkDeadCode(sources, entries));
  });

  it("no file names a folder of one machine", () => {
    expectNone(committed.flatMap((path) => checkMachinePaths(path, read(path))));
  });
});

function expectNone(violations: readonly Violation[]): void {
  expect(violations.map(({ file, line, message }) => `${file}:${line}: ${message}`)).toEqual([]);
}

function read(path: string): string {
  return readFileSync(join(projectRoot, path), "utf8");
}

/** Files that are, or would be, committed: all but .git and the folders .gitignore names. */
function filesBelow(folder: string): string[] {
  const ignored = [
    ".git",
    ...read(".gitignore")
      .split("\n")
      .map((line) => line.replace(/\/$/, "")),
  ];
  return readdirSync(join(projectRoot, folder), { withFileTypes: true }).flatMap((entry) => {
    if (ignored.includes(entry.name)) return [];
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : [];
  });
}
