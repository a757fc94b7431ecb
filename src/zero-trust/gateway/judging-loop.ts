/** Claims acknowledged objects and has them judged, as many at once as the examiner takes. */
import type { JudgedObject, Lease } from "../../store/journal/journal.ts";
import { told } from "./fault-words.ts";
import { Gathering } from "./gathering.ts";
import type { Judge, Judged } from "./judge.ts";
import type { GatewayPorts } from "./ports.ts";
import { Patience, type Traffic } from "./traffic.ts";
import { endWithin, Waker } from "./waker.ts";

/** For work that other processes left in the journal. */
const pollMs = 1_000;
/** Claimed beside those that are examined. */
const aheadMax = 16;
/** Claimed again when so few are left. */
const aheadMin = 4;
/** Examined, and being stored and committed. */
const committingMax = 64;
/** Between two transactions with judgements. */
const commitMs = 50;
/** Examination waits for a pause of the senders, but no longer. */
const lullMs = 1_000;
/** What an object needs beside its examinations: storing and committing it. */
const leaseSpareMs = 60_000;

export interface JudgingParts {
  readonly traffic: Traffic;
  readonly makeJudge: (gather: () => Promise<void>) => Judge;
  /** Time of one examination at most. */
  readonly evidenceMs: () => number;
  /** @param judged undefined where another gateway judges it */
  readonly onJudged: (id: string, judged: Judged | undefined) => void;
}

export class JudgingLoop {
  readonly #ports: GatewayPorts;
  readonly #judge: Judge;
  readonly #evidenceMs: () => number;
  readonly #onJudged: JudgingParts["onJudged"];
  readonly #gathering: Gathering = new Gathering(commitMs, committingMax / 2);
  readonly #waker: Waker = new Waker();
  readonly #traffic: Traffic;
  readonly #patience: Patience = new Patience();
  /** Since when there was work without a break. */
  #busySince: number | undefined;
  readonly #underWay = new Set<Promise<void>>();
  /** Of the objects under way. */
  readonly #ids = new Set<string>();
  /** When the journal last failed: it may have leases of ours that we do not know of. */
  #lostAt: number | undefined;
  #examining = 0;
  #isStopping = false;
  #loop: Promise<void> | undefined;

  constructor(ports: GatewayPorts, parts: JudgingParts) {
    this.#ports = ports;
    this.#judge = parts.makeJudge(() => this.#gathering.join());
    this.#evidenceMs = parts.evidenceMs;
    this.#traffic = parts.traffic;
    this.#onJudged = parts.onJudged;
  }

  get judging(): number {
    return this.#underWay.size;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** There are new rows. */
  wake(): void {
    this.#waker.wake();
  }

  /** Claims nothing more; waits for what is being judged. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    this.#waker.wake();
    this.#gathering.flush();
    await endWithin([...this.#underWay, this.#loop ?? Promise.resolve()], graceMs);
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      // Those that end together make room together.
      await new Promise<void>((resolve) => setImmediate(resolve));
      await this.#lull();
      const room = this.#isStopping ? 0 : this.#room();
      const leases = room > 0 ? await this.#claim(room) : [];
      // Claimed while it was being stopped: given back with the leases.
      if (this.#isStopping) return;
      for (const lease of leases) {
        const work = this.#judgeOne(lease).finally(() => {
          this.#underWay.delete(work);
          this.#waker.wake();
        });
        this.#underWay.add(work);
      }
      if (leases.length > 0) continue;
      if (room > 0 && this.#underWay.size === 0) {
        this.#busySince = undefined;
        this.#patience.end();
      }
      await this.#waker.sleep(pollMs);
    }
  }

  /** Who has waited once goes on until nothing is left: under a load that never pauses, objects are judged while others arrive. */
  #lull(): Promise<void> {
    const now = this.#ports.clock.now();
    this.#busySince ??= now;
    return this.#traffic.lull(this.#busySince + lullMs - now);
  }

  /** Resolves when nothing is left to be judged, after `msMax` at the latest. */
  rest(msMax: number): Promise<void> {
    return this.#busySince === undefined ? Promise.resolve() : this.#patience.wait(msMax);
  }

  #room(): number {
    const { width } = this.#ports.examiner;
    if (this.#examining > width + aheadMin) return 0;
    return Math.min(width + aheadMax - this.#examining, committingMax - this.#underWay.size);
  }

  async #claim(limit: number): Promise<readonly Lease<JudgedObject>[]> {
    const { journal, owner, clock, events, examiner } = this.#ports;
    // Three examinations, should the first two fail, behind all the others.
    const rounds = 3 * (1 + Math.ceil(aheadMax / examiner.width));
    const leaseMs = rounds * this.#evidenceMs() + leaseSpareMs;
    try {
      // Nobody else asks for them before the leases are over. After a moment: what fails again must not keep us busy.
      if (this.#lostAt !== undefined && Math.abs(clock.now() - this.#lostAt) >= pollMs) {
        this.#lostAt = undefined;
        await journal.releaseLeases(owner, { of: "objects", underWay: [...this.#ids] });
      }
      return await journal.claimReceived(owner, limit, leaseMs, clock.now());
    } catch (error) {
      this.#lostAt = clock.now();
      events({ kind: "fault", where: "claim", ...told(error) });
      return [];
    }
  }

  async #judgeOne(lease: Lease<JudgedObject>): Promise<void> {
    this.#examining++;
    this.#ids.add(lease.work.id);
    let isExamined = false;
    const onExamined = (): void => {
      if (isExamined) return;
      isExamined = true;
      this.#examining--;
      this.#waker.wake();
    };
    try {
      this.#onJudged(lease.work.id, await this.#judge.judge(lease, onExamined));
    } catch (error) {
      // Not even held: it stays received, and is claimed again when the lease was given back.
      this.#lostAt = this.#ports.clock.now();
      this.#ports.events({ kind: "fault", where: "judgement", ...told(error) });
    } finally {
      this.#ids.delete(lease.work.id);
      onExamined();
    }
  }
}
