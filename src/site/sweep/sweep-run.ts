/** A sweep, put together in a process of its own: what it reads from, what it compares with, and the threads that examine. */

import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { systemClock } from "../../platform/node/crypto.ts";
import { ensurePrivateFolder } from "../../platform/node/private-files.ts";
import type { InstanceIndex } from "../../store/index/instance-index.ts";
import { ReadingDesk } from "../../zero-trust/gateway/reading/reading-desk.ts";
import { admissionsOf } from "../gateway/admissions.ts";
import type { GatewayConfig } from "../gateway/config.ts";
import { WorkerExaminer } from "../gateway/examiner.ts";
import type { OpenArchive } from "../gateway/read-archive.ts";
import { StagingFolder } from "../gateway/staging.ts";
import { openIndexedJournal } from "../gateway/stores.ts";
import { TrustWatch } from "../gateway/trust-watch.ts";
import { openHome } from "../home.ts";
import { OpenedProvenance } from "../provenance/opened-provenance.ts";
import { ArchiveSweep, type SweepFinding } from "./archive-sweep.ts";
import { readSweepState, type SweepState, writeSweepState } from "./sweep-state.ts";

export interface SweepOrder {
  readonly config: GatewayConfig;
  readonly archive: OpenArchive;
  /** As it was named: a sweep of something else does not go on where this one stopped. */
  readonly what: string;
  /** Objects a second at most. */
  readonly rate?: number | undefined;
  /** Only studies of which something was admitted since; milliseconds since 1970. */
  readonly admittedSince?: number | undefined;
  /** Begin anew, whatever was done before. */
  readonly isAgain: boolean;
  readonly onFinding: (finding: SweepFinding) => void;
  readonly onProgress: (state: SweepState, studies: number) => void;
}

/** For one command; nothing of it is kept longer. */
const cache = { bytesMax: 0, ageMsMax: 0 };
const stagingBytesMax: number = 16 * 2 ** 30;
const aheadMax = 4;
/** Objects and series of one question. */
const pageSize = 1_000;

/** @returns the whole sweep's state, what earlier runs did included @throws ScansealError `io`, `network`, `timeout`, `peer-*` of the archive's list */
export async function runSweep(order: SweepOrder): Promise<SweepState> {
  const { config, archive, what } = order;
  const folder = join(config.data, "sweep");
  ensurePrivateFolder(folder);
  const statePath = join(folder, "state.json");
  const isPart = order.admittedSince !== undefined;
  const earlier = order.isAgain || isPart ? undefined : readSweepState(statePath, what);
  const closers: (() => Promise<void> | void)[] = [];
  try {
    const home = openHome(config.home);
    const events = (): void => undefined;
    const beside = home.beside();
    const trust = new TrustWatch(home, systemClock, events);
    const { evidenceMs, objectBytesMax } = config.settings.limits;
    const examiner = new WorkerExaminer({ trust, clock: systemClock, events, ...beside, evidenceMs });
    closers.push(() => examiner.close());
    await examiner.start();
    const { journal, index } = await openIndexedJournal(config);
    closers.push(() => journal.close());
    const provenance = new OpenedProvenance(home.provenancePath);
    closers.push(() => provenance.close());
    const staging = await StagingFolder.open(join(folder, `staged-${process.pid}`), {
      objectBytesMax,
      bytesMax: stagingBytesMax,
    });
    const desk = new ReadingDesk({
      ...{ archive, staging, examiner, events, cache, aheadMax, clock: systemClock },
      admitted: { entriesOf: (scope) => index.instancesOf(scope) },
      admissions: admissionsOf(journal),
      // What the gate still has proves nothing of the archive.
      replicas: { open: async () => undefined },
      // Told here; what readers would get, the running gate holds when they ask.
      hold: async () => "",
    });
    closers.push(() => desk.close());
    const studies = isPart
      ? { ofArchive: [], ofIndex: await studiesSince(journal, order.admittedSince ?? 0), sealed: [] }
      : {
          ofArchive: await archive.studies(),
          ofIndex: await studiesOf(index),
          sealed: await sealedStudies(provenance),
        };
    const sweep = new ArchiveSweep({
      ...{ desk, studies, clock: systemClock, rate: order.rate },
      ...{ onFinding: order.onFinding, onProgress: order.onProgress },
      onStudy: (state) => {
        if (!isPart) writeSweepState(statePath, state);
      },
      sleep: (ms) => pause(ms),
    });
    const done = await sweep.run(earlier ?? newState(what));
    // The next one begins anew.
    if (!isPart) writeSweepState(statePath, { ...newState(what), done: "" });
    return done;
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

function newState(what: string): SweepState {
  const counts = { studies: 0, instances: {}, bytes: 0 };
  return { format: "scanseal-sweep-1", what, startedAt: systemClock.now(), done: "", counts };
}

async function studiesOf(index: Pick<InstanceIndex, "search">): Promise<readonly string[]> {
  const uids: string[] = [];
  const keys = [{ path: [0x0020000d], match: { kind: "universal" } }] as const;
  const query = {
    root: "study",
    level: "STUDY",
    keys,
    isEverythingAsked: false,
    offset: 0,
    limit: undefined,
  } as const;
  for await (const match of index.search(query)) {
    const uid = match["0020000D"]?.Value?.[0];
    if (typeof uid === "string") uids.push(uid);
  }
  return uids;
}

/** What this site sealed, wherever it went. */
async function sealedStudies(provenance: OpenedProvenance): Promise<readonly string[]> {
  const journal = await provenance.journal();
  const studies = new Set<string>();
  for (let after = ""; journal; ) {
    const page = await journal.sealedSeries({ after, limit: pageSize });
    for (const { studyInstanceUid } of page) studies.add(studyInstanceUid);
    if (page.length < pageSize) break;
    after = page.at(-1)!.seriesInstanceUid;
  }
  return [...studies];
}

async function studiesSince(
  journal: Awaited<ReturnType<typeof openIndexedJournal>>["journal"],
  judgedSince: number,
): Promise<readonly string[]> {
  const studies = new Set<string>();
  for (let after: string | undefined; ; ) {
    const page = await journal.objects({ state: "admitted", judgedSince, after, limit: pageSize });
    for (const { studyInstanceUid } of page)
      if (studyInstanceUid !== undefined) studies.add(studyInstanceUid);
    if (page.length < pageSize) return [...studies];
    after = page.at(-1)!.id;
  }
}
