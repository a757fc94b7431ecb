/** kill -9 between admission and index: nothing admitted is missing for ever, nothing counts twice. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, it } from "vitest";
import { openSqliteIndexedJournal } from "../../src/store/index/indexed-journal.ts";
import { all, queryFor } from "./index-fixture.ts";
import { entryFor, indexProcess } from "./index-process.ts";

it("killed at any moment, every admitted object is in the index or waits for it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "scanseal-index-kill-"));
  const path = join(folder, "journal.sqlite");
  try {
    const told: string[] = [];
    for (let round = 1; round <= 6; round++) {
      const child = spawn(process.execPath, [indexProcess, path], { stdio: ["ignore", "pipe", "inherit"] });
      const enough = Promise.withResolvers<void>();
      const before = told.length;
      createInterface({ input: child.stdout! }).on("line", (line) => {
        told.push(line);
        if (told.length - before >= 17 * round) enough.resolve();
      });
      await enough.promise;
      child.kill("SIGKILL");
      await once(child, "exit");
      const { journal, index, queue } = await openSqliteIndexedJournal(path);
      const waiting = await queue.waiting(1_000);
      const { instances } = await index.counts();
      const { objects } = await journal.counts();
      // What was put there and still waits is the same object.
      expect(instances + waiting.length).toBeGreaterThanOrEqual(objects.admitted);
      expect(await queue.addMissing()).toBe(0);
      if (round === 6) {
        const entries = waiting.map(({ object, attributes }) =>
          entryFor(object.id, object.sopInstanceUid, object.digest, attributes!),
        );
        await index.put(entries);
        expect((await index.counts()).instances).toBe(objects.admitted);
        const listed = [];
        for (const study of await all(index.search(queryFor("STUDY", []))))
          listed.push(
            ...(await all(index.instancesOf({ studyInstanceUid: String(study["0020000D"]!.Value![0]) }))),
          );
        const ids = listed.map(({ objectId }) => objectId);
        expect(new Set(ids).size).toBe(ids.length);
        expect(ids).toEqual(expect.arrayContaining(told));
        const counts = await index.counts();
        await index.rederive();
        expect(await index.counts()).toEqual(counts);
      }
      await journal.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
