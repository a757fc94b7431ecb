/** The shared suite on node:sqlite. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe } from "vitest";
import { openSqliteInstanceIndex } from "../../src/store/index/open-instance-index.ts";
import { indexSuite } from "./index-suite.ts";

describe("index on SQLite", () => {
  indexSuite(async () => {
    const folder = mkdtempSync(join(tmpdir(), "scanseal-index-"));
    const index = await openSqliteInstanceIndex(join(folder, "journal.sqlite"));
    return {
      index,
      async close() {
        await index.close();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  }, 80);
});
