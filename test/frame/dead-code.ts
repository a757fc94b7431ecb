/** Files nobody reaches and exports nobody imports. */
import { isTestFile, resolveFrom } from "./import-rule.ts";
import type { ExportFact, ImportFact, SourceFile, Violation } from "./source-file.ts";

export interface Entries {
  /** Production starts here; everything these files export is public. */
  readonly production: readonly string[];
  /** Started by hand or by vitest: tests, benchmarks, tools. */
  readonly isProgram: (path: string) => boolean;
  /** `path#name` -> why production code exports something that only tests or benchmarks import. */
  readonly testOnly: ReadonlyMap<string, string>;
}

/** Tests and benchmarks are no reason for production code to exist. */
function isProduction(path: string): boolean {
  return !isTestFile(path) && !path.startsWith("bench/");
}

export function checkDeadCode(files: readonly SourceFile[], entries: Entries): Violation[] {
  return [...deadFiles(files, entries), ...deadExports(files, entries)];
}

function deadFiles(files: readonly SourceFile[], entries: Entries): Violation[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const reach = (starts: readonly string[]): Set<string> => {
    const seen = new Set<string>();
    const todo = starts.filter((path) => byPath.has(path));
    for (let path = todo.pop(); path !== undefined; path = todo.pop()) {
      if (seen.has(path)) continue;
      seen.add(path);
      todo.push(...referencesOf(byPath.get(path)!).filter((next) => byPath.has(next)));
    }
    return seen;
  };
  const programs = files.map((file) => file.path).filter(entries.isProgram);
  const living = reach([...entries.production, ...programs.filter(isProduction)]);
  const reachedByAny = reach([...entries.production, ...programs]);
  const out: Violation[] = [];
  for (const { path } of files) {
    if (living.has(path) || (!isProduction(path) && reachedByAny.has(path))) continue;
    const who = isProduction(path) ? `${entries.production.join(", ")} and tools` : "any test or program";
    out.push({
      file: path,
      line: 1,
      message: `a dead file: not reached from ${who}; import it or delete it`,
    });
  }
  return out;
}

/** Imports, and files named in literals (workers). */
function referencesOf(file: SourceFile): string[] {
  const specifiers = [...file.imports.map((taken) => taken.specifier), ...file.literalPaths];
  return specifiers
    .filter((specifier) => specifier.startsWith("."))
    .map((specifier) => resolveFrom(file.path, specifier))
    .map((path) => path.replace(/\.$/, ""))
    .map((path) => (/\.(ts|json)$/.test(path) ? path : `${path}.ts`));
}

function deadExports(files: readonly SourceFile[], entries: Entries): Violation[] {
  const users = usersOf(files);
  const out: Violation[] = [];
  const stale = new Set(entries.testOnly.keys());
  for (const file of files) {
    if (entries.production.includes(file.path) || file.path.endsWith(".config.ts")) continue;
    for (const given of file.exports) {
      const by = (users.get(file.path) ?? []).filter(({ taken, from }) => takes(taken, from, given.name));
      const message = exportProblem(
        file,
        given,
        by.map(({ from }) => from.path),
      );
      if (message === undefined) continue;
      const key = `${file.path}#${given.name}`;
      if (entries.testOnly.has(key) && by.length > 0) stale.delete(key);
      else out.push({ file: file.path, line: given.line, message });
    }
  }
  for (const key of stale) {
    const message = `${key} is listed as exported for tests, but is not: remove it from the list`;
    out.push({ file: "test/architecture.test.ts", line: 1, message });
  }
  return out;
}

interface Use {
  readonly from: SourceFile;
  readonly taken: ImportFact;
}

function usersOf(files: readonly SourceFile[]): ReadonlyMap<string, readonly Use[]> {
  const users = new Map<string, Use[]>();
  for (const from of files) {
    for (const taken of from.imports) {
      if (!taken.specifier.startsWith(".")) continue;
      const target = resolveFrom(from.path, taken.specifier);
      const known = users.get(target);
      if (known) known.push({ from, taken });
      else users.set(target, [{ from, taken }]);
    }
  }
  return users;
}

function takes(taken: ImportFact, from: SourceFile, name: string): boolean {
  return taken.names === undefined ? from.identifiers.has(name) : taken.names.includes(name);
}

function exportProblem(file: SourceFile, given: ExportFact, users: readonly string[]): string | undefined {
  // A type may be exported because an exported signature of the same file names it.
  if (given.isType && (file.identifiers.get(given.name) ?? 0) > 1) return undefined;
  if (users.length === 0 && (file.identifiers.get(given.name) ?? 0) > 1) {
    return `only its own file uses ${given.name}: drop the word export`;
  }
  if (users.length === 0) return `nobody imports ${given.name}: drop the export, or the code`;
  if (!isProduction(file.path) || users.some(isProduction)) return undefined;
  return `only tests import ${given.name}: drop the export, or list it with a reason in test/architecture.test.ts`;
}
