/** A process that appends and publishes without end until it is killed, and says what it was told. Started by the tests with its folder. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { toHex } from "../../src/foundation/bytes.ts";
import { nodeLogFiles } from "../../src/provenance/transparency-log/sequencer/node-log-files.ts";
import { Sequencer } from "../../src/provenance/transparency-log/sequencer/sequencer.ts";
import { openLogJournal } from "../../src/store/log-journal/open-log-journal.ts";
import { sampleEntry } from "./memory-log.ts";
import { partsOf } from "./sequencer-fixture.ts";

export function startLogProcess(
  folder: string,
  firstEntry: number,
): ChildProcessByStdio<null, Readable, null> {
  const args = [fileURLToPath(import.meta.url), folder, String(firstEntry)];
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
}

async function work(folder: string, firstEntry: number): Promise<void> {
  mkdirSync(join(folder, "tiles"), { recursive: true });
  const journal = await openLogJournal(join(folder, "journal.sqlite"));
  const sequencer = await Sequencer.open(partsOf(journal, nodeLogFiles(join(folder, "tiles"))));
  if (sequencer.problem) throw sequencer.problem;
  let next = firstEntry;
  const submit = async (): Promise<void> => {
    for (;;) {
      const entry = sampleEntry(next++);
      const index = await sequencer.append([entry]);
      process.stdout.write(`${toHex(entry)} ${index}\n`);
    }
  };
  const publish = async (): Promise<void> => {
    for (;;) {
      await sequencer.publish();
      const size = sequencer.size;
      process.stdout.write(`published ${Buffer.from(sequencer.published!).toString("base64")} ${size}\n`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await Promise.all([submit(), submit(), submit(), submit(), publish()]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await work(process.argv[2]!, Number(process.argv[3]));
