/** One transfer with kills in it, and what is found afterwards. */
import type { SeededRandom } from "../evaluation/seeded-random.ts";
import type { SealedSite } from "../gateway/sealed-site.ts";
import type { PostgresCluster } from "../store/postgres-cluster.ts";
import type { Audit } from "./crash-audit.ts";
import type { CrashLoad } from "./crash-objects.ts";
import { pause } from "./crash-process.ts";
import { CrashSender } from "./crash-sender.ts";
import { type CrashChoice, CrashSite, crashTitle } from "./crash-site.ts";

export type CrashTarget = "gateway" | "worker" | "archive" | "postgres";

export interface CrashPlan extends CrashChoice {
  readonly target: CrashTarget;
  readonly kills: number;
  /** Associations. */
  readonly lines: number;
  /** For the target `postgres`. */
  readonly cluster?: PostgresCluster;
}

export interface CrashOutcome extends Audit {
  readonly kills: number;
  /** The archive got them once more, and has them once. */
  readonly deliveredAgain: number;
  readonly refusals: readonly number[];
}

/** Between an object that is sent and the kill: what comes behind it is reached too. */
const afterSendMs = 40;
/** Between a start and the next kill, where nothing else says when: start, recovery, judging, delivery. */
const afterStartMs = 2_000;
const awayMs = 300;

class CrashRun {
  readonly #site: CrashSite;
  readonly #sender: CrashSender;
  readonly #plan: CrashPlan;
  readonly #random: SeededRandom;
  #sending: Promise<void> = Promise.resolve();

  constructor(site: CrashSite, sender: CrashSender, plan: CrashPlan, random: SeededRandom) {
    this.#site = site;
    this.#sender = sender;
    this.#plan = plan;
    this.#random = random;
  }

  async run(total: number): Promise<void> {
    const { kills } = this.#plan;
    await this.#site.start();
    this.#send();
    const points = Array.from({ length: kills }, () => this.#random.below(total)).sort((a, b) => a - b);
    for (const [i, point] of points.entries()) {
      await this.#sender.tried(Math.max(point, this.#sender.attempted.length + 1), this.#sending);
      const isBusy = this.#sender.left > 0;
      await pause(this.#random.next() * (isBusy ? afterSendMs : afterStartMs));
      await this.#kill(i === kills - 1);
    }
    await this.#sending;
  }

  #send(): void {
    this.#sending = this.#sender.send(this.#site.port);
  }

  async #kill(isLast: boolean): Promise<void> {
    const { target, cluster } = this.#plan;
    const { gateway, archive } = this.#site;
    if (target === "worker") gateway.signal("SIGUSR2");
    else if (target === "archive") {
      await archive!.end("SIGKILL");
      await pause(this.#random.next() * awayMs);
      await this.#site.startArchive();
    } else if (target === "postgres") {
      await cluster!.kill();
      await pause(this.#random.next() * awayMs);
      await cluster!.restart();
    } else await this.#killGateway(isLast);
  }

  async #killGateway(isLast: boolean): Promise<void> {
    const { gateway } = this.#site;
    await gateway.end("SIGKILL");
    await this.#sending;
    this.#site.switchCopies();
    // Nothing is sent again, and after the last kill nothing at all.
    gateway.start();
    if (isLast) return this.#site.listening();
    const isInRecovery = this.#random.next() < 0.3;
    if (isInRecovery) return;
    await this.#site.listening();
    this.#send();
  }
}

export async function crashTransfer(
  sealed: SealedSite,
  load: CrashLoad,
  plan: CrashPlan,
  random: SeededRandom,
): Promise<CrashOutcome> {
  const site = await CrashSite.open(sealed, plan);
  const sender = new CrashSender(load, plan.lines, crashTitle);
  try {
    await new CrashRun(site, sender, plan, random).run(load.length);
    await site.settled(sender.acknowledged.length);
    const status = await site.gateway.end("SIGTERM");
    await site.archive?.end("SIGKILL");
    const found = await site.audit(sender);
    const faults = status === 0 ? found.faults : [...found.faults, `the gateway ended with ${status}`];
    const outcome = { ...found, faults, kills: plan.kills, deliveredAgain: site.deliveredAgain() };
    if (process.env.SCANSEAL_KEEP === undefined || isWhole(outcome)) site.remove();
    else process.stderr.write(`kept: ${site.folder}\n`);
    return { ...outcome, refusals: sender.refusals };
  } catch (error) {
    await site.kill();
    if (process.env.SCANSEAL_KEEP === undefined) site.remove();
    else process.stderr.write(`kept: ${site.folder}\n`);
    throw error;
  }
}

/** Everything that was acknowledged is there once, and nothing passed that must not. */
export function isWhole(found: Audit): boolean {
  const { lost, duplicates, unverified, faults } = found;
  return lost + duplicates + unverified + faults.length === 0;
}
