/** The shared suite on node:sqlite. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe } from "vitest";
import { openSqliteIndexedJournal } from "../../src/store/index/indexed-journal.ts";
import { indexSuite } from "./index-suite.ts";

describe("index on SQLite", () => {
  indexSuite(async () => {
    const folder = mkdtempSync(join(tmpdir(), "scanseal-index-"));
    const stores = await openSqliteIndexedJournal(join(folder, "journal.sqlite"));
    return {
      stores,
      async close() {
        await stores.journal.close();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  }, 80);
});
