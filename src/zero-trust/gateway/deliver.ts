/**
 * Delivers what is due at one destination: over up to `associationsMax` associations, each kept for a burst. Everything here can be repeated: an
 * archive that gets an object twice has it once.
 */
import { type Delivery, damagedCopyError, type JudgedObject } from "../../store/journal/journal.ts";
import { readmit } from "../policy/admitted.ts";
import { findRelease } from "../quarantine/released.ts";
import type { ArchiveLink, ContextNeed } from "./archive-link.ts";
import { DeliveryEnds, type DueDelivery, type EndParts, type Sent } from "./delivery-ends.ts";
import { told } from "./fault-words.ts";
import { type Forwardable, forward } from "./forward.ts";
import type { ObjectUse } from "./object-use.ts";
import type { GatewayPorts } from "./ports.ts";
import { type Outage, Reachability } from "./reachability.ts";
import { backOffMs, type Failure, isOfLink, isOverdue } from "./retry.ts";
import type { DestinationSettings } from "./settings.ts";
import { endWithin, Waker } from "./waker.ts";

/** Retries become due without anybody telling. */
const pollMs = 1_000;
/** An association without work is kept this long. */
const lingerMs = 500;
/** Deliveries claimed at once by one worker. */
const burst = 16;
/** What the archive has is written down together, at the latest after this: a crash before it means that the archive gets it again. */
const writeDownMs = 100;
/** A burst of objects; another gateway takes over after it. Over a slow line a large one takes longer: then this gateway claims it again itself. */
const leaseMs = 15 * 60_000;

export interface DelivererParts extends EndParts {
  readonly use: ObjectUse;
  /** @throws ScansealError `network`, `timeout`, `peer-*` */
  readonly connect: (destination: DestinationSettings, needs: readonly ContextNeed[]) => Promise<ArchiveLink>;
}

export class Deliverer {
  readonly destination: DestinationSettings;
  readonly #ports: GatewayPorts;
  readonly #parts: DelivererParts;
  readonly #wakers: readonly Waker[];
  #workers: readonly Promise<void>[] = [];
  readonly #ends: DeliveryEnds;
  #isStopping = false;
  readonly #reach: Reachability;
  /** By worker. */
  readonly #links = new Map<Waker, ArchiveLink>();
  /** Workers that got no association beside those of others: the archive takes no more of them. */
  readonly #resting = new Map<Waker, number>();
  #sending = 0;

  constructor(destination: DestinationSettings, ports: GatewayPorts, parts: DelivererParts) {
    this.destination = destination;
    this.#ports = ports;
    this.#parts = parts;
    this.#ends = new DeliveryEnds(destination.name, ports, parts);
    this.#reach = new Reachability(parts.limits, ports.random);
    this.#wakers = Array.from({ length: Math.max(1, destination.associationsMax) }, () => new Waker());
  }

  /** Objects being sent right now. */
  get sending(): number {
    return this.#sending;
  }

  /** While it cannot be reached. */
  get outage(): Outage | undefined {
    return this.#reach.outage;
  }

  start(): void {
    if (this.#workers.length > 0) return;
    // What waits for it because it could not be reached is tried at once.
    const hastened = this.#hasten();
    this.#workers = this.#wakers.map((waker) => hastened.then(() => this.#work(waker)));
  }

  /** There are new deliveries. */
  wake(): void {
    for (const waker of this.#wakers) waker.wake();
  }

  /** Sends no further object; waits for those that are being sent. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    this.wake();
    await endWithin(this.#workers, graceMs);
  }

  async #work(waker: Waker): Promise<void> {
    let link: ArchiveLink | undefined;
    let hasLingered = false;
    while (!this.#isStopping) {
      const due = await this.#claim(waker);
      if (due.length > 0) {
        link = await this.#deliverBurst(due, waker, link);
        if (!link) this.#links.delete(waker);
        this.#reach.rest(waker);
        hasLingered = false;
        continue;
      }
      if (link && hasLingered) {
        this.#links.delete(waker);
        await release(link);
        link = undefined;
      }
      await waker.sleep(link ? lingerMs : this.#pauseMs());
      hasLingered = link !== undefined;
    }
    if (link) await release(link);
  }

  #pauseMs(): number {
    const { nextTryAt } = this.#reach.outage ?? { nextTryAt: Number.POSITIVE_INFINITY };
    const left = nextTryAt - this.#ports.clock.now();
    return left > 0 ? Math.min(pollMs, left) : pollMs;
  }

  async #claim(waker: Waker): Promise<readonly DueDelivery[]> {
    const { clock } = this.#ports;
    const now = clock.now();
    if (now < (this.#resting.get(waker) ?? 0) || !this.#reach.mayTry(now, waker)) return [];
    const due = await this.#claimDue(now);
    if (due.length > 0) return due;
    this.#reach.rest(waker);
    if (this.#reach.outage && (await this.#waiting()) === 0) this.#reach.forget();
    return due;
  }

  async #claimDue(now: number): Promise<readonly DueDelivery[]> {
    const { journal, owner, events } = this.#ports;
    try {
      if (this.#ends.hasLost) {
        this.#ends.hasLost = false;
        const underWay = [...this.#ends.claimed.keys()];
        const destination = this.destination.name;
        await journal.releaseLeases(owner, { of: "deliveries", destination, underWay });
      }
      const due = await journal.claimDeliveries(owner, this.destination.name, burst, leaseMs, now);
      const fresh = due.filter(({ work }) => !this.#ends.claimed.has(work.delivery.id));
      for (const { work, fence } of due) this.#ends.claimed.set(work.delivery.id, fence);
      return fresh;
    } catch (error) {
      this.#ends.hasLost = true;
      events({ kind: "fault", where: "deliveries", ...told(error) });
      return [];
    }
  }

  /** @returns the association, where it can be used again */
  async #deliverBurst(
    due: readonly DueDelivery[],
    waker: Waker,
    before: ArchiveLink | undefined,
  ): Promise<ArchiveLink | undefined> {
    let link = before;
    const sent: Sent[] = [];
    for (const [i, lease] of due.entries()) {
      // The rest is given back with the leases.
      if (this.#isStopping) break;
      const needs = due.slice(i).map(({ work }) => work.object);
      try {
        link = await this.#linkFor(needs, link);
      } catch (error) {
        const { code, why } = told(error);
        await this.#ends.writeDown(sent);
        await this.#notReached(due.slice(i), waker, `${code}: ${why}`);
        return undefined;
      }
      this.#links.set(waker, link);
      await this.#back(this.#reach.accepted());
      const one = await this.#deliver(lease, link);
      if (one === "broken") {
        await this.#ends.writeDown(sent);
        if (!this.#reach.outage) continue;
        await this.#ends.giveBack(due.slice(i + 1), this.#reach.outage.why);
        return undefined;
      }
      if (one) sent.push(one);
      const first = sent[0];
      if (first && this.#ports.clock.now() - first.sentAt >= writeDownMs) await this.#ends.writeDown(sent);
    }
    await this.#ends.writeDown(sent);
    return link;
  }

  /** One association that proposes what these objects need. */
  async #linkFor(needs: readonly ContextNeed[], link: ArchiveLink | undefined): Promise<ArchiveLink> {
    if (link?.isOpen && link.answerTo(needs[0]!) !== "not-proposed") return link;
    if (link?.isOpen) await release(link);
    return this.#parts.connect(this.destination, needs);
  }

  /** No association: the deliveries stay due as they are, but for those that are too old. */
  async #notReached(rest: readonly DueDelivery[], waker: Waker, why: string): Promise<void> {
    const now = this.#ports.clock.now();
    const isOthersOpen = [...this.#links].some(([other, link]) => other !== waker && link.isOpen);
    if (isOthersOpen) {
      const { limits } = this.#parts;
      this.#resting.set(waker, now + backOffMs(1, limits(), this.#ports.random()));
      return this.#ends.giveBack(rest, why);
    }
    const { outage } = this.#reach;
    // Somebody else found out at the same time.
    const isKnown = outage !== undefined && now < outage.nextTryAt;
    const next = isKnown ? outage : this.#reach.failed("no-association", why, now);
    await this.#leave(rest, why, now);
    if (!isKnown) await this.#tellOutage(next, now);
  }

  async #leave(rest: readonly DueDelivery[], why: string, now: number): Promise<void> {
    const { deliveryMsMax } = this.#parts.limits();
    const isOld = ({ work }: DueDelivery): boolean => isOverdue(work.delivery, { deliveryMsMax }, now);
    // The oldest come first: where all are too old, there may be more.
    for (let some = rest; some.length > 0; some = await this.#claimDue(now)) {
      await Promise.all(some.filter(isOld).map((one) => this.#ends.fail(one, { kind: "passing", why })));
      const young = some.filter((one) => !isOld(one));
      await this.#ends.giveBack(young, why);
      if (young.length > 0 || this.#isStopping) return;
    }
  }

  /** The association ended in the midst of one object: with a second one it is the destination. */
  async #broke({ work }: DueDelivery, why: string): Promise<void> {
    const now = this.#ports.clock.now();
    const known = this.#reach.outage;
    if (known && now < known.nextTryAt) return;
    const outage = this.#reach.broke(work.delivery.id, why, now);
    if (outage) await this.#tellOutage(outage, now);
  }

  async #tellOutage({ why, nextTryAt }: Outage, now: number): Promise<void> {
    const waiting = await this.#waiting();
    const { name } = this.destination;
    const retryInMs = nextTryAt - now;
    this.#ports.events({ kind: "destination-down", destination: name, why, waiting, retryInMs });
  }

  /** All that waited is due at once, in its order. @param ended undefined where there was no outage */
  async #back(ended: Outage | undefined): Promise<void> {
    if (!ended) return;
    await this.#hasten();
    const waiting = await this.#waiting();
    const downMs = this.#ports.clock.now() - ended.since;
    this.#ports.events({ kind: "destination-back", destination: this.destination.name, waiting, downMs });
    this.wake();
  }

  async #hasten(): Promise<void> {
    try {
      await this.#ports.journal.hastenDeliveries(this.destination.name);
    } catch (error) {
      // They have times of their own.
      this.#ports.events({ kind: "fault", where: "deliveries", ...told(error) });
    }
  }

  /** Deliveries that wait for it; undefined where the journal does not say. */
  async #waiting(): Promise<number | undefined> {
    try {
      return (await this.#ports.journal.counts()).destinations[this.destination.name]?.due ?? 0;
    } catch {
      return undefined;
    }
  }

  /** Undefined where the archive answered and does not have it, "broken" where it did not answer. */
  async #deliver(lease: DueDelivery, link: ArchiveLink): Promise<Sent | "broken" | undefined> {
    const startedAt = this.#ports.clock.now();
    this.#sending++;
    try {
      const failure = await this.#send(lease, link);
      if (!failure) return { lease, startedAt, sentAt: this.#ports.clock.now() };
      await this.#ends.fail(lease, failure);
      if (isOfLink(failure)) {
        await this.#broke(lease, failure.why);
        return "broken";
      }
    } catch (error) {
      // The journal: the lease is given back, and the delivery is repeated.
      this.#ends.hasLost = true;
      this.#ends.endOf(lease);
      this.#ports.events({ kind: "fault", where: "delivery", ...told(error) });
    } finally {
      this.#sending--;
    }
    return undefined;
  }

  /** Undefined: the archive has it. */
  async #send({ work }: DueDelivery, link: ArchiveLink): Promise<Failure | undefined> {
    const { delivery } = work;
    return this.#parts.use.reading(delivery.objectId, async () => {
      // Since it was claimed its bytes may have moved.
      const object = await this.#ports.journal.object(delivery.objectId);
      const proof = object && (await this.#proofOf(delivery, object));
      if (!proof) return { kind: "final", why: "nothing admits or releases this object" };
      if (link.answerTo(proof.object) !== "taken")
        return { kind: "refused", why: "the archive does not take its class in its transfer syntax" };
      try {
        const forwarded = await forward(proof, link, this.#ports);
        if (forwarded.result === "answered") {
          await this.#back(this.#reach.answered());
          return await this.#ends.judgeAnswer(forwarded.status.code, delivery);
        }
        await this.#ends.reportChanged(proof.object);
        return { kind: "final", why: damagedCopyError };
      } catch (error) {
        const { code, why } = told(error);
        return { kind: "passing", why: `${code}: ${why}` };
      }
    });
  }

  async #proofOf(delivery: Delivery, object: JudgedObject): Promise<Forwardable | undefined> {
    const { takes, name } = this.destination;
    if (delivery.released) {
      return takes === "released" ? findRelease(object, name, this.#ports.journal) : undefined;
    }
    return takes === "admitted" && object.state === "admitted" ? readmit(object, object) : undefined;
  }
}

async function release(link: ArchiveLink): Promise<void> {
  await link.release().catch(() => link.abort("not released"));
}
