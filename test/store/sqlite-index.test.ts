/** The shared suite on node:sqlite. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openSqliteIndexedJournal } from "../../src/store/index/indexed-journal.ts";
import { SqlInstanceIndex } from "../../src/store/index/sql-instance-index.ts";
import { openSqliteDatabase } from "../../src/store/journal/sqlite-journal.ts";
import { GroupWriter } from "../../src/store/journal/writers.ts";
import { all, entryOf, key, queryFor, single } from "./index-fixture.ts";
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
  }, 200);

  it("a query that would look at more than a bound one by one is refused, and gives no part as if it were all", async () => {
    const folder = mkdtempSync(join(tmpdir(), "scanseal-index-"));
    const db = await openSqliteDatabase(join(folder, "journal.sqlite"));
    try {
      const index = new SqlInstanceIndex(db, "sqlite", new GroupWriter(db), 20);
      await index.put(
        Array.from({ length: 30 }, (_, n) => entryOf({ series: (n % 3) + 1, instance: n + 1 })),
      );
      const byColumn = queryFor("IMAGE", [key(0x00200013, single("7"))]);
      expect(await all(index.search(byColumn))).toHaveLength(1);
      const oneByOne = queryFor("IMAGE", [key(0x00181151, single("7"))]);
      await expect(all(index.search(oneByOne))).rejects.toMatchObject({ code: "usage" });
      // What the columns leave is little enough.
      const narrow = queryFor("IMAGE", [...oneByOne.keys, ...byColumn.keys]);
      expect(await all(index.search(narrow))).toEqual([]);
    } finally {
      await db.destroy();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
