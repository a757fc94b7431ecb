/**
 * One transfer of a small hospital with kills in it: a modality that sends over C-STORE and STOW-RS until everything is acknowledged, readers at every
 * door, Orthanc as the archive, commitment asked of it and of the gate; and what is found afterwards.
 */
import type { SeededRandom } from "../evaluation/seeded-random.ts";
import type { SealedSite } from "../gateway/sealed-site.ts";
import type { PostgresCluster } from "../store/postgres-cluster.ts";
import type { Audit } from "./crash-audit.ts";
import type { CrashLoad } from "./crash-objects.ts";
import { pause, until } from "./crash-process.ts";
import { isWhole } from "./crash-run.ts";
import { type CrashChoice, CrashSite, crashTitle } from "./crash-site.ts";
import { type CommitmentTally, HospitalCommitments } from "./hospital-commitments.ts";
import { type Door, doors, HospitalReaders, type ReadTally } from "./hospital-readers.ts";
import { ResendingModality } from "./resending-modality.ts";

export const hospitalTargets = ["modality", "gateway", "worker", "archive", "postgres"] as const;
export type HospitalTarget = (typeof hospitalTargets)[number];

export interface HospitalPlan extends CrashChoice {
  readonly kills: number;
  /** With a database server that can be killed. */
  readonly cluster?: PostgresCluster;
}

export interface HospitalOutcome extends Audit {
  readonly kills: Readonly<Record<HospitalTarget, number>>;
  readonly resent: number;
  readonly refused: number;
  readonly reads: ReadTally;
  readonly commitments: CommitmentTally;
  /** Alarms of a gate before which nobody changed anything. */
  readonly falseAlarms: number;
}

/** Between an object that is sent and the kill: what comes behind it is reached too. */
const afterSendMs = 40;
/** When everything was sent: judging, delivery, reading. */
const afterMs = 1_500;
const awayMs = 600;
/** Readers ask while it is away. */
const archiveAwayMs = 3_000;
/** Everybody has time to do something before the next one. */
const betweenMs = 800;
const startsMax = 10;

class HospitalRun {
  readonly #site: CrashSite;
  readonly #modality: ResendingModality;
  readonly #plan: HospitalPlan;
  readonly #random: SeededRandom;
  readonly kills: Record<HospitalTarget, number> = {
    modality: 0,
    gateway: 0,
    worker: 0,
    archive: 0,
    postgres: 0,
  };

  constructor(site: CrashSite, modality: ResendingModality, plan: HospitalPlan, random: SeededRandom) {
    this.#site = site;
    this.#modality = modality;
    this.#plan = plan;
    this.#random = random;
  }

  async run(total: number): Promise<void> {
    const random = this.#random;
    const sending = this.#modality.send(1 + random.below(2), 1 + random.below(2));
    // Whatever becomes of the kills.
    sending.catch(() => undefined);
    const points = Array.from({ length: this.#plan.kills }, () => random.below(total)).sort((a, b) => a - b);
    for (const point of points) {
      await this.#modality.tried(Math.max(point, this.#modality.attempted.length + 1), sending);
      await pause(random.next() * (this.#modality.left > 0 ? afterSendMs : afterMs));
      await this.#kill(this.#target());
      await pause(random.next() * betweenMs);
    }
    await this.#listening();
    await sending;
  }

  #target(): HospitalTarget {
    const { hasArchive, cluster } = this.#plan;
    const here = hospitalTargets.filter(
      (one) => (one !== "archive" || hasArchive) && (one !== "postgres" || cluster !== undefined),
    );
    return here[this.#random.below(here.length)]!;
  }

  async #kill(target: HospitalTarget): Promise<void> {
    const { cluster } = this.#plan;
    const { gateway, archive } = this.#site;
    const away = (): Promise<void> => pause(this.#random.next() * awayMs);
    this.kills[target]++;
    if (target === "modality") await this.#modality.kill();
    else if (target === "worker") gateway.signal("SIGUSR2");
    else if (target === "archive") {
      await archive!.end("SIGKILL");
      await pause(this.#random.next() * archiveAwayMs);
      await this.#site.startArchive();
    } else if (target === "postgres") {
      await cluster!.kill();
      await away();
      await cluster!.restart();
    } else {
      await gateway.end("SIGKILL");
      await away();
      gateway.start();
      // Now and then the next kill comes while it recovers.
      if (this.#random.next() < 0.7) await this.#listening();
    }
  }

  /** A gate that is started without its database, or whose threads end before it has begun, ends; systemd starts it again. */
  async #listening(): Promise<void> {
    const { gateway } = this.#site;
    for (let starts = 1; ; starts++) {
      try {
        return await this.#site.listening();
      } catch (error) {
        if (gateway.isRunning || starts === startsMax) throw error;
        await pause(this.#random.next() * awayMs);
        gateway.start();
      }
    }
  }
}

export async function hospitalTransfer(
  sealed: SealedSite,
  load: CrashLoad,
  plan: HospitalPlan,
  random: SeededRandom,
): Promise<HospitalOutcome> {
  const site = await CrashSite.open(sealed, plan);
  const { dicom, web, sink, reports } = site.ports;
  const modality = new ResendingModality(load, dicom, web, crashTitle);
  const readers = new HospitalReaders(load, { dicom, web, sink, aeTitle: crashTitle });
  const commitments = new HospitalCommitments(load, { dicom, reports, aeTitle: crashTitle });
  let outcome: HospitalOutcome | undefined;
  try {
    await readers.open();
    await commitments.open();
    await site.start();
    const run = new HospitalRun(site, modality, plan, random);
    const others = [readers.read(random), commitments.ask(modality.acknowledged, random)];
    await run.run(load.length).finally(() => {
      readers.stop();
      commitments.stop();
    });
    await Promise.all(others);
    await site.settled(new Set(modality.acknowledged).size);
    await commitments.answered();
    const given = await readingOfAdmitted(site, readers);
    const status = await site.gateway.end("SIGTERM");
    const found = await site.audit(modality);
    const reads = readers.tally();
    const ended = status === 0 ? [] : [`the gateway ended with ${status}`];
    const alarms = falseAlarms(site.gateway.log());
    const said = commitments.faults(found.kept);
    outcome = {
      ...found,
      faults: [...found.faults, ...ended, ...given, ...reads.faults, ...said, ...alarms.slice(0, 3)],
      kills: run.kills,
      resent: modality.resent,
      refused: modality.refusals.length,
      reads,
      commitments: commitments.tally(),
      falseAlarms: alarms.length,
    };
    return outcome;
  } finally {
    readers.stop();
    await modality.kill();
    await readers.close();
    await commitments.close();
    await site.kill();
    if (process.env.SCANSEAL_KEEP === undefined || (outcome && isWhole(outcome))) site.remove();
    else process.stderr.write(`kept: ${site.folder}\n`);
  }
}

/** Everything that was admitted is found and given by every door, when nobody is away. @returns what is not so */
export async function readingOfAdmitted(
  site: CrashSite,
  readers: HospitalReaders,
): Promise<readonly string[]> {
  const admitted = await site.withJournal(async (journal) => {
    const rows = await journal.objects({ state: "admitted", limit: 1000 });
    return new Set(rows.map(({ sopInstanceUid }) => sopInstanceUid));
  });
  const missingAt = (given: ReadonlyMap<Door, ReadonlySet<string>>, door: Door): readonly string[] =>
    [...admitted].filter((uid) => !given.get(door)?.has(uid));
  const asked = doors.filter((door) => door !== "WADO-RS instance");
  let given = await readers.readAll();
  // What was admitted last may not be in the index yet.
  await until("everything admitted in the index", async () => {
    if (missingAt(given, "C-FIND").length + missingAt(given, "QIDO-RS").length === 0) return true;
    await pause(500);
    given = await readers.readAll();
    return false;
  });
  given = await readers.readAll();
  return asked.flatMap((door) =>
    missingAt(given, door).map((uid) => `${door} does not give ${uid}, which was admitted`),
  );
}

/** What the archive has is what was admitted: it returned nothing else, has lost nothing and has nothing of others. */
function falseAlarms(log: string): readonly string[] {
  return log.split("\n").filter((line) => /"event":"read-(withheld|missing|unknown)"/.test(line));
}
