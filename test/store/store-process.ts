/**
 * A process that writes without end until it is killed, and says on a line of its own what is durable. Started by the tests:
 * `store-process.ts objects FOLDER` or `store-process.ts journal FILE`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { openSqliteJournal } from "../../src/store/journal/sqlite-journal.ts";
import { openFolderObjectStore } from "../../src/store/objects/folder-object-store.ts";
import { admitting, leaseMs, received } from "./journal-fixture.ts";
import { inPieces, sample } from "./object-store-suite.ts";

export interface StoreProcess {
  readonly process: ChildProcess;
  /** Resolves when it has said so many lines; rejects when it ends before. */
  lines(count: number): Promise<void>;
  seen(): readonly string[];
}

export function startStoreProcess(what: "objects" | "journal", path: string): StoreProcess {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), what, path], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const said: string[] = [];
  let check: () => void = () => undefined;
  createInterface({ input: child.stdout! }).on("line", (line) => {
    said.push(line);
    check();
  });
  return {
    process: child,
    seen: () => said,
    lines: (count) =>
      new Promise((resolve, reject) => {
        child.once("exit", () => reject(new Error("the process ended by itself")));
        check = () => {
          if (said.length >= count) resolve();
        };
        check();
      }),
  };
}

async function writeObjects(folder: string): Promise<void> {
  const store = await openFolderObjectStore(folder);
  const worker = async () => {
    for (;;) {
      const one = sample(200_000);
      await store.put(one.digest, inPieces(one));
      process.stdout.write(`${one.digest}\n`);
    }
  };
  await Promise.all([worker(), worker(), worker()]);
}

async function writeJournal(path: string): Promise<void> {
  const journal = await openSqliteJournal(path);
  for (;;) {
    await journal.addReceived(Array.from({ length: 5 }, () => received()));
    const leases = await journal.claimReceived("child", 5, leaseMs, Date.now());
    await Promise.all(
      leases.map(async ({ work, fence }) => {
        await journal.commitJudgement(work.id, fence, admitting, ["pacs", "second"]);
        process.stdout.write(`${work.id}\n`);
      }),
    );
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , what, path] = process.argv;
  await (what === "objects" ? writeObjects(path!) : writeJournal(path!));
}
