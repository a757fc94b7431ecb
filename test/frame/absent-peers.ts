/** A vitest reporter: after the run, one line per absent peer with the number of tests that could not run without it. */
import type { Reporter, TestModule } from "vitest/node";

/** Must be the note that test/peers.ts writes; that module cannot be loaded outside a test. */
export const notePrefix = "absent peer: ";

export class AbsentPeersReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const notes: string[] = [];
    for (const module of modules) {
      for (const test of module.children.allTests("skipped")) {
        const result = test.result();
        if (result.state === "skipped" && result.note !== undefined) notes.push(result.note);
      }
    }
    for (const line of absentPeerLines(notes)) process.stdout.write(`${line}\n`);
  }
}

/** @param notes of skipped tests: `absent peer: dcmsign, openssl` */
export function absentPeerLines(notes: readonly string[]): string[] {
  const tests = new Map<string, number>();
  for (const note of notes) {
    if (!note.startsWith(notePrefix)) continue;
    for (const name of note.slice(notePrefix.length).split(", ")) tests.set(name, (tests.get(name) ?? 0) + 1);
  }
  const rows = [...tests].sort(([a], [b]) => (a < b ? -1 : 1));
  return rows.map(
    ([name, count]) => `Absent peer: ${name} (${count} ${count === 1 ? "test" : "tests"} or suites skipped)`,
  );
}
