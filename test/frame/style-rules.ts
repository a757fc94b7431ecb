/** Rules that look at one file at a time. */
import { isTestFile } from "./import-rule.ts";
import { type AstNode, type SourceFile, type Violation, walk } from "./source-file.ts";

/** A file and a function that a reader can hold in the head. */
const fileLinesMax = 400;
const functionLinesMax = 70;

/** Names that say nothing about what is inside. */
const emptyNames = new Set(["util", "utils", "core", "common", "helper", "helpers", "misc", "lib", "shared"]);

const functionTypes = new Set(["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"]);
const testRoots = new Set(["it", "test", "describe", "suite", "bench", "context", "ctx", "task"]);
const suiteNames = new Set(["describe", "describePeer", "suite"]);
const skips = new Set(["only", "skip", "todo", "skipIf", "runIf", "fails"]);

/** The one place that may skip: it reports what was skipped, and can be told not to. */
const maySkip = "test/peers.ts";

export function checkStyle(file: SourceFile): Violation[] {
  const out: Violation[] = [];
  const add = (line: number, message: string): void => void out.push({ file: file.path, line, message });
  checkName(file.path, add);
  if (file.lineCount > fileLinesMax) {
    add(
      fileLinesMax + 1,
      `the file has ${file.lineCount} lines: split it by concept (at most ${fileLinesMax})`,
    );
  }
  walk(file.program, (node, parents) => {
    const message =
      lengthProblem(file, node, parents) ??
      syntaxProblem(file, node) ??
      (isTestFile(file.path) ? skipProblem(file, node) : undefined);
    if (message !== undefined) add(file.lineAt(node.start), message);
  });
  for (const match of file.text.matchAll(/^\s*\/[/*]\s*@ts-(ignore|nocheck)/gm)) {
    add(file.lineAt(match.index + match[0].indexOf("/")), `@ts-${match[1]}: repair the type instead`);
  }
  return out;
}

function checkName(path: string, add: (line: number, message: string) => void): void {
  const parts = path.split("/");
  const file = parts.pop()!;
  if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.(test|config|generated))?\.ts$/.test(file)) {
    add(1, "file names are kebab-case nouns of the domain");
  }
  for (const name of [...parts, file.split(".")[0]!]) {
    if (emptyNames.has(name)) add(1, `"${name}" says nothing: name it after what is inside`);
  }
}

function lengthProblem(file: SourceFile, node: AstNode, parents: readonly AstNode[]): string | undefined {
  if (!functionTypes.has(node.type)) return undefined;
  const lines = file.lineAt(node.end) - file.lineAt(node.start) + 1;
  if (lines <= functionLinesMax) return undefined;
  // The callback of a suite is a list of functions, not a function to understand.
  const parent = parents.at(-1);
  const isSuite =
    parent?.type === "CallExpression" && suiteNames.has(rootName(parent.callee as AstNode) ?? "");
  if (isSuite && isTestFile(file.path)) return undefined;
  return `a function of ${lines} lines: split it (at most ${functionLinesMax})`;
}

/** Types that are a proof: a cast would forge it. */
const proofCasts: ReadonlyMap<string, string> = new Map([
  ["Admitted", "a cast to Admitted: only the policy admits an object"],
  ["Released", "a cast to Released: only two people release an object"],
]);

function syntaxProblem(file: SourceFile, node: AstNode): string | undefined {
  switch (node.type) {
    case "TSAnyKeyword":
      return "any: say what it is, or unknown";
    case "ExportAllDeclaration":
      return "export *: name what is exported";
    case "ExportDefaultDeclaration":
    case "TSExportAssignment":
      return file.path.endsWith(".config.ts") ? undefined : "default export: export a name";
    case "TSAsExpression":
    case "TSTypeAssertion":
      return proofCasts.get(typeName(node.typeAnnotation as AstNode) ?? "");
    default:
      return undefined;
  }
}

function skipProblem(file: SourceFile, node: AstNode): string | undefined {
  if (file.path === maySkip) return undefined;
  const advice = "repair or remove it; for a missing program use itWithPeer of test/peers.ts";
  if (node.type === "MemberExpression") {
    const property = (node.property as AstNode).name;
    const root = rootName(node.object as AstNode);
    if (typeof property === "string" && skips.has(property) && root !== undefined && testRoots.has(root)) {
      return `${root}.${property}: ${advice}`;
    }
  }
  if (node.type === "CallExpression" && (node.callee as AstNode).name === "skip") return `skip(): ${advice}`;
  return undefined;
}

/** `describe.each(rows)("x", ...)` -> describe */
function rootName(node: AstNode): string | undefined {
  let at: AstNode = node;
  for (;;) {
    if (at.type === "MemberExpression") at = at.object as AstNode;
    else if (at.type === "CallExpression") at = at.callee as AstNode;
    else if (at.type === "TaggedTemplateExpression") at = at.tag as AstNode;
    else return at.type === "Identifier" ? (at.name as string) : undefined;
  }
}

function typeName(node: AstNode): string | undefined {
  const name = node.type === "TSTypeReference" ? (node.typeName as AstNode).name : undefined;
  return typeof name === "string" ? name : undefined;
}

/** Folders of one machine. They stand in parts so that this file does not name one itself. */
const machineFolders = ["work", "root", "home/[\\w.-]+", "Users/[\\w.-]+"].map((folder) => `/${folder}/`);
const machinePath = new RegExp(`(?<![\\w.~/:-])(${machineFolders.join("|")})|[A-Z]:\\\\{1,2}Users\\\\`, "g");

/** For any text file that is committed. */
export function checkMachinePaths(path: string, text: string): Violation[] {
  return [...text.matchAll(machinePath)].map((match) => ({
    file: path,
    line: text.slice(0, match.index).split("\n").length,
    message: `"${match[0]}" is a folder of one machine: use a path relative to the checkout`,
  }));
}
