/** The shared suite on node:sqlite, and what is SQLite's own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, it } from "vitest";
import type { Journal } from "../../src/store/journal/journal.ts";
import { openSqliteJournal } from "../../src/store/journal/sqlite-journal.ts";
import type { JournalHarness } from "./journal-fixture.ts";
import { commands, runBesideModel } from "./journal-property.ts";
import { journalSuite } from "./journal-suite.ts";

async function sqliteHarness(): Promise<JournalHarness> {
  const folder = mkdtempSync(join(tmpdir(), "scanseal-journal-"));
  const opened: Journal[] = [];
  return {
    async open() {
      const journal = await openSqliteJournal(join(folder, "journal.db"));
      opened.push(journal);
      return journal;
    },
    async close() {
      await Promise.all(opened.map((journal) => journal.close()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

describe("SQLite journal", () => {
  journalSuite(sqliteHarness);

  it("does what its model does, whatever is asked", async () => {
    await fc.assert(
      fc.asyncProperty(commands, async (list) => {
        const harness = await sqliteHarness();
        try {
          await runBesideModel(await harness.open(), list);
        } finally {
          await harness.close();
        }
      }),
      { numRuns: 60 },
    );
  });
});
