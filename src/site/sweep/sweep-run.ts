/** A sweep, put together in a process of its own: what it reads from, what it compares with, and the threads that examine. */

import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { systemClock } from "../../platform/node/crypto.ts";
import { ensurePrivateFolder } from "../../platform/node/private-files.ts";
import type { GatewayConfig } from "../gateway/config.ts";
import { WorkerExaminer } from "../gateway/examiner.ts";
import type { OpenArchive } from "../gateway/read-archive.ts";
import { StagingFolder } from "../gateway/staging.ts";
import { openIndexedJournal } from "../gateway/stores.ts";
import { TrustWatch } from "../gateway/trust-watch.ts";
import { openHome } from "../home.ts";
import { OpenedProvenance } from "../provenance/opened-provenance.ts";
import { sealedHere } from "../provenance/sealed-here.ts";
import { studiesAdmittedSince } from "./admitted-instances.ts";
import { ArchiveSweep } from "./archive-sweep.ts";
import { Pace } from "./pace.ts";
import { StudyCheck } from "./study-check.ts";
import { studiesOf, sweepDesk } from "./sweep-desk.ts";
import type { SweepFinding } from "./sweep-finding.ts";
import { newState, readSweepState, type SweepState, writeSweepState } from "./sweep-state.ts";

export interface SweepOrder {
  readonly config: GatewayConfig;
  readonly archive: OpenArchive;
  /** Name of the destination that is this archive; undefined where nobody knows. */
  readonly destination: string | undefined;
  /** As it was named: a sweep of something else does not go on where this one stopped. */
  readonly what: string;
  /** Objects a second at most. */
  readonly rate?: number | undefined;
  /** Only studies of which something was admitted since; milliseconds since 1970. */
  readonly admittedSince?: number | undefined;
  /** Begin anew, whatever was done before. */
  readonly isAgain: boolean;
  /** Where an earlier run of the same sweep stopped. */
  readonly onResume: (state: SweepState) => void;
  readonly onFinding: (finding: SweepFinding) => void;
  readonly onProgress: (state: SweepState, studies: number) => void;
}

const stagingBytesMax: number = 16 * 2 ** 30;
const aheadMax = 4;

/**
 * @returns the whole sweep's state, what earlier runs did included
 * @throws ScansealError `io`; `network`, `timeout`, `peer-*` of the archive's list, or when it answers nothing any more: the next run goes on there
 */
export async function runSweep(order: SweepOrder): Promise<SweepState> {
  const { config, archive, what } = order;
  const folder = join(config.data, "sweep");
  ensurePrivateFolder(folder);
  removeLeft(folder);
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
    const limits = { objectBytesMax, bytesMax: stagingBytesMax };
    const staging = await StagingFolder.open(join(folder, `staged-${process.pid}`), limits);
    closers.push(() => rmSync(join(folder, `staged-${process.pid}`), { recursive: true, force: true }));
    // Told here; what readers would get, the running gate holds when they ask.
    const hold = async (): Promise<string> => "";
    const { destination } = order;
    const sealed = sealedHere(provenance);
    const stores = { index, journal, destination, wasSealed: sealed.has };
    const desk = sweepDesk({ archive, staging, examiner, ...stores, hold, events, aheadMax });
    closers.push(() => desk.close());
    const studies = isPart
      ? { ofArchive: [], ofIndex: await studiesAdmittedSince(journal, order.admittedSince ?? 0), sealed: [] }
      : {
          ofArchive: await archive.studies(),
          ofIndex: [...(await studiesOf(index)), ...(await studiesAdmittedSince(journal, 0))],
          sealed: await sealed.studies(),
        };
    let state = earlier?.endedAt === undefined ? earlier : undefined;
    if (state && state.done !== "") order.onResume(state);
    state ??= newState(what, systemClock.now());
    const { findings } = state.counts;
    const onFinding = (finding: SweepFinding): void => {
      findings[finding.kind] = (findings[finding.kind] ?? 0) + 1;
      order.onFinding(finding);
    };
    const pace = new Pace({ clock: systemClock, rate: order.rate, sleep: (ms) => pause(ms) });
    const sweep = new ArchiveSweep({
      check: new StudyCheck({ desk, archive, pace, onFinding, ...(isPart ? {} : { sealed }) }),
      ...{ studies, onFinding, onProgress: order.onProgress },
      onStudy: (now) => {
        if (!isPart) writeSweepState(statePath, { ...now, counts: { ...now.counts, findings } });
      },
    });
    const { state: done } = await sweep.run(state);
    const whole = { ...done, counts: { ...done.counts, findings }, endedAt: systemClock.now() };
    // The next one begins anew.
    if (!isPart) writeSweepState(statePath, whole);
    return whole;
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

/** Of sweeps that were killed: objects of patients. */
function removeLeft(folder: string): void {
  for (const name of readdirSync(folder)) {
    const pid = /^staged-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid)))
      rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
