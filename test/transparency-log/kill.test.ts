/** kill -9, in the middle of whatever it did: nothing that was acknowledged is lost, nothing that was seen is taken back. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, describe, expect, it } from "vitest";
import { nodeLogFiles } from "../../src/provenance/transparency-log/sequencer/node-log-files.ts";
import { Sequencer } from "../../src/provenance/transparency-log/sequencer/sequencer.ts";
import { openLogJournal } from "../../src/store/log-journal/open-log-journal.ts";
import { startLogProcess } from "./log-process.ts";
import { hasher, origin } from "./memory-log.ts";
import { auditLog, partsOf } from "./sequencer-fixture.ts";

const lives = 8;

describe("a log that is killed", () => {
  const folder = mkdtempSync(join(tmpdir(), "scanseal-log-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("again and again, goes on as if nothing had been", { timeout: 300_000 }, async () => {
    const setup = await openLogJournal(join(folder, "journal.sqlite"));
    await setup.create(origin, hasher.empty());
    await setup.close();
    const acknowledged = new Map<string, number>();
    const seen: Uint8Array[] = [];
    for (let life = 0; life < lives; life++) {
      const child = startLogProcess(folder, life * 1_000_000);
      // Not always at the same place of a batch.
      let left = 150 + life * 37;
      createInterface({ input: child.stdout }).on("line", (line) => {
        const [first, second] = line.split(" ") as [string, string];
        if (first === "published") seen.push(Buffer.from(second, "base64"));
        else acknowledged.set(first, Number(second));
        if (--left === 0) child.kill("SIGKILL");
      });
      const [, signal] = (await once(child, "close")) as [number | null, string | null];
      expect(signal).toBe("SIGKILL");
    }
    const journal = await openLogJournal(join(folder, "journal.sqlite"));
    const files = nodeLogFiles(join(folder, "tiles"));
    const sequencer = await Sequencer.open(partsOf(journal, files));
    expect(sequencer.problem).toBeUndefined();
    await sequencer.publish();
    await journal.close();
    expect(seen.length).toBeGreaterThan(lives);
    expect(acknowledged.size).toBeGreaterThan(lives * 50);
    expect(await auditLog(files, seen, acknowledged)).toBeGreaterThanOrEqual(acknowledged.size);
  });
});
