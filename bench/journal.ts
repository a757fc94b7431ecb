/** What it costs to write down what became of objects: on the embedded journal and on a PostgreSQL server, alone and side by side. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { v7 as newId } from "uuid";
import type { Journal, JudgedObject, Lease } from "../src/store/journal/journal.ts";
import { openPostgresJournal } from "../src/store/journal/postgres-journal.ts";
import { openSqliteJournal } from "../src/store/journal/sqlite-journal.ts";
import { peer } from "../test/peers.ts";
import { admitting, received } from "../test/store/journal-fixture.ts";
import { startPostgresCluster } from "../test/store/postgres-cluster.ts";
import { type Benchmark, type Candidate, compare, type Measured } from "./compare.ts";

/** Of one call, of which each is timed as a whole. */
const objects = 200;
const rounds = 9;
const widths = [1, 50] as const;
/** Objects that wait while somebody asks for the counts. */
const waiting = 200_000;
const leaseMs = 3_600_000;

interface Engine {
  readonly name: string;
  open(): Promise<Journal>;
  close(): Promise<void>;
}

/** Work on all of them, `width` at a time. */
async function sideBySide<T>(
  all: readonly T[],
  width: number,
  work: (one: T) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < all.length) await work(all[next++]!);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

async function claimed(journal: Journal, count: number): Promise<readonly Lease<JudgedObject>[]> {
  await journal.addReceived(Array.from({ length: count }, () => received({ receivedAt: Date.now() })));
  return journal.claimReceived("bench", count, leaseMs, Date.now());
}

async function judge(journal: Journal, leases: readonly Lease<JudgedObject>[], width: number): Promise<void> {
  await sideBySide(leases, width, async ({ work, fence }) => {
    const judgement = { ...admitting, judgedAt: Date.now() };
    const outcome = await journal.commitJudgement(work.id, fence, judgement, ["archive"]);
    if (outcome.result !== "committed") throw new Error("a judgement was not committed");
  });
}

async function deliver(journal: Journal, width: number): Promise<void> {
  for (;;) {
    const leases = await journal.claimDeliveries(
      "bench",
      "archive",
      Math.max(16, width),
      leaseMs,
      Date.now(),
    );
    if (leases.length === 0) return;
    await sideBySide(leases, width, async ({ work, fence }) => {
      if (!(await journal.completeDelivery(work.delivery.id, fence, Date.now())))
        throw new Error("a delivery was not completed");
      await journal.markDelivered(work.object.id);
    });
  }
}

/** Judgements alone, and all that an object needs from its arrival to its delivery. */
function candidatesOf(name: string, alone: Journal, whole: Journal, width: number): Candidate[] {
  const prepared: (readonly Lease<JudgedObject>[])[] = [];
  return [
    {
      name: `${name}: judgements, ${width} side by side`,
      prepare: async () => {
        prepared.push(await claimed(alone, objects));
      },
      run: () => judge(alone, prepared.pop()!, width),
    },
    {
      name: `${name}: received, judged, delivered, ${width} side by side`,
      run: async () => {
        await judge(whole, await claimed(whole, objects), width);
        await deliver(whole, width);
      },
    },
  ];
}

async function engines(): Promise<Engine[]> {
  const folder = mkdtempSync(join(tmpdir(), "scanseal-journal-"));
  const list: Engine[] = [
    {
      name: "SQLite",
      open: () => openSqliteJournal(join(folder, `${newId()}.db`)),
      close: async () => rmSync(folder, { recursive: true }),
    },
  ];
  if (peer("postgres") === undefined) return list;
  const cluster = await startPostgresCluster();
  const open = async (): Promise<Journal> => openPostgresJournal(await cluster.createDatabase());
  return [...list, { name: "PostgreSQL", open, close: () => cluster.stop() }];
}

export const journal: Benchmark = {
  name: "journal",
  about: `${objects} objects a call: judged (admitted, one destination) as far as the commit; received in one batch, judged, delivered and settled; counts() beside ${waiting} objects that wait.`,
  async measure(): Promise<readonly Measured[]> {
    const opened: Journal[] = [];
    const all = await engines();
    try {
      const candidates: Candidate[] = [];
      for (const { name, open } of all) {
        const one = async (): Promise<Journal> => {
          const made = await open();
          opened.push(made);
          return made;
        };
        const full = await one();
        for (let at = 0; at < waiting; at += 5_000)
          await full.addReceived(Array.from({ length: 5_000 }, () => received()));
        candidates.push({ name: `${name}: counts()`, run: () => full.counts() });
        for (const width of widths) candidates.push(...candidatesOf(name, await one(), await one(), width));
      }
      const measured = await compare(candidates, rounds);
      return measured.map((row) => {
        const rate = row.name.endsWith("counts()")
          ? ""
          : `: ${((objects / row.medianMs) * 1000).toFixed(0)}/s`;
        return { ...row, name: `${row.name}${rate}` };
      });
    } finally {
      await Promise.all(opened.map((each) => each.close()));
      for (const { close } of all) await close();
    }
  },
};
