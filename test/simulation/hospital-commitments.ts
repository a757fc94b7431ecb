/**
 * A modality that asks the gate whether what was acknowledged is committed, again and again, while things are killed: it would delete what it is told
 * of. Each request that was taken is to be answered, and each answer is compared with what was sent and with what is kept at the end.
 */
import { connectDimse } from "../../src/dicom-network/dimse/client.ts";
import { type DimseServer, startDimseServer } from "../../src/dicom-network/dimse/server.ts";
import { storageCommitmentClass } from "../../src/dicom-network/dimse/sop-classes.ts";
import { dimseStatus } from "../../src/dicom-network/dimse/status.ts";
import type { CommitmentReport, SopReference } from "../../src/dicom-network/dimse/storage-commitment.ts";
import type { SeededRandom } from "../evaluation/seeded-random.ts";
import type { CrashLoad, CrashObject } from "./crash-objects.ts";
import { pause, until } from "./crash-process.ts";

const explicit = "1.2.840.10008.1.2.1";
/** Instances of one request. */
const askedMax = 5;
const betweenMs = 400;

export interface CommitmentTally {
  /** Requests that were taken; each is owed a report. */
  readonly asked: number;
  /** Refused, or broken off by a kill: it may have been taken, and reported. */
  readonly untaken: number;
  /** Instances, those of repeated reports counted again. */
  readonly committed: number;
  readonly failed: number;
}

export class HospitalCommitments {
  readonly #load: CrashLoad;
  readonly #ports: { readonly dicom: number; readonly reports: number; readonly aeTitle: string };
  /** By Transaction UID: what was asked for. */
  readonly #asked = new Map<string, readonly CrashObject[]>();
  readonly #taken = new Set<string>();
  readonly #reports: CommitmentReport[] = [];
  #server: DimseServer | undefined;
  #untaken = 0;
  #isOver = false;

  constructor(
    load: CrashLoad,
    ports: { readonly dicom: number; readonly reports: number; readonly aeTitle: string },
  ) {
    this.#load = load;
    this.#ports = ports;
  }

  /** It hears reports from now on: it is not killed. */
  async open(): Promise<void> {
    this.#server = await startDimseServer(
      { host: "127.0.0.1", port: this.#ports.reports },
      {
        admit: () => ({
          accept: (_, [transferSyntax]) =>
            transferSyntax === undefined ? { refuse: 4 } : { transferSyntax },
          roles: () => ({ scu: false, scp: true }),
        }),
        store: () => ({ code: dimseStatus.notAuthorized }),
        report: (report) => {
          this.#reports.push(report);
          return { code: dimseStatus.success };
        },
      },
    );
  }

  async close(): Promise<void> {
    this.#isOver = true;
    await this.#server?.close();
  }

  /** Asks for some of what was acknowledged until `stop`. */
  async ask(acknowledged: readonly CrashObject[], random: SeededRandom): Promise<void> {
    while (!this.#isOver) {
      await pause(random.below(betweenMs));
      const some = new Map<string, CrashObject>();
      // What was acknowledged last is not in the archive yet, nor perhaps in the journal.
      for (const object of acknowledged.slice(-2)) some.set(object.sopInstanceUid, object);
      while (acknowledged.length > 0 && some.size < Math.min(askedMax, acknowledged.length / 2)) {
        const object = acknowledged[random.below(acknowledged.length)]!;
        some.set(object.sopInstanceUid, object);
      }
      if (some.size > 0) await this.#askFor([...some.values()]);
    }
  }

  stop(): void {
    this.#isOver = true;
  }

  async #askFor(objects: readonly CrashObject[]): Promise<void> {
    const transactionUid = `2.25.${5_000_000 + this.#asked.size}`;
    this.#asked.set(transactionUid, objects);
    const instances = objects.map(({ sopClassUid, sopInstanceUid }) => ({ sopClassUid, sopInstanceUid }));
    try {
      const client = await connectDimse({
        host: "127.0.0.1",
        port: this.#ports.dicom,
        callingAeTitle: "CT1",
        calledAeTitle: this.#ports.aeTitle,
        contexts: [{ id: 1, abstractSyntax: storageCommitmentClass, transferSyntaxes: [explicit] }],
      });
      try {
        const { code } = await client.requestCommitment({ transactionUid, instances });
        if (code === dimseStatus.success) this.#taken.add(transactionUid);
        else this.#untaken++;
      } finally {
        client.abort("over");
      }
    } catch {
      this.#untaken++;
    }
  }

  /** Everything is there again: what was taken is answered. */
  async answered(): Promise<void> {
    await until("every request of commitment answered", () => {
      const reported = new Set(this.#reports.map(({ transactionUid }) => transactionUid));
      return [...this.#taken].every((uid) => reported.has(uid));
    });
  }

  tally(): CommitmentTally {
    const sum = (of: (report: CommitmentReport) => readonly SopReference[]): number =>
      this.#reports.reduce((total, report) => total + of(report).length, 0);
    return {
      asked: this.#taken.size,
      untaken: this.#untaken,
      committed: sum(({ committed }) => committed),
      failed: sum(({ failed }) => failed),
    };
  }

  /**
   * What was said and is not so: one sentence each.
   * @param kept keys of what is in the archive, or in the store where there is none
   */
  faults(kept: ReadonlySet<string>): readonly string[] {
    return this.#reports.flatMap((report) => this.#faultsOf(report, kept));
  }

  #faultsOf({ transactionUid, committed, failed }: CommitmentReport, kept: ReadonlySet<string>): string[] {
    const uids = (this.#asked.get(transactionUid) ?? []).map(({ sopInstanceUid }) => sopInstanceUid);
    const told = [...committed, ...failed].map(({ sopInstanceUid }) => sopInstanceUid);
    const faults: string[] = [];
    if (told.toSorted().join() !== uids.toSorted().join())
      faults.push(`commitment: ${transactionUid} speaks of ${told}, and was asked of ${uids}`);
    for (const { sopInstanceUid } of committed) {
      // Where two objects have the name, one of them at least; the other one is held, and which was sent last only the gate can say.
      if (!this.#named(sopInstanceUid).some(({ key, truth }) => truth === "verified" && kept.has(key)))
        faults.push(`commitment: told of ${sopInstanceUid}, which is not kept`);
    }
    for (const { sopInstanceUid } of failed) {
      const named = this.#named(sopInstanceUid);
      const isOne = new Set(named.map(({ key }) => key)).size === 1;
      if (isOne && named.some(({ key }) => kept.has(key)))
        faults.push(`commitment: refused of ${sopInstanceUid}, which is kept`);
    }
    return faults;
  }

  #named(uid: string): readonly CrashObject[] {
    return this.#load.filter(({ sopInstanceUid }) => sopInstanceUid === uid);
  }
}
