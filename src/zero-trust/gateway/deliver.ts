/**
 * Delivers what is due at one destination: over up to `associationsMax` associations, each kept for a burst. Everything here can be repeated: an
 * archive that gets an object twice has it once.
 */
import {
  type ActRecord,
  type Delivery,
  damagedCopyError,
  type JudgedObject,
  type Lease,
} from "../../store/journal/journal.ts";
import { readmit } from "../policy/admitted.ts";
import { findRelease } from "../quarantine/released.ts";
import type { ArchiveLink, ContextNeed } from "./archive-link.ts";
import { told } from "./fault-words.ts";
import { type Forwardable, forward } from "./forward.ts";
import type { ObjectUse } from "./object-use.ts";
import type { GatewayPorts } from "./ports.ts";
import { backOffMs, type Failure, failureOf, retryIn } from "./retry.ts";
import type { DestinationSettings, GatewayLimits } from "./settings.ts";
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

/** The archive has it; the journal does not know yet. */
interface Sent {
  readonly lease: DueDelivery;
  readonly startedAt: number;
  readonly sentAt: number;
}

export type DueDelivery = Lease<{ readonly delivery: Delivery; readonly object: JudgedObject }>;

export interface DelivererParts {
  readonly use: ObjectUse;
  readonly limits: () => GatewayLimits;
  /** @throws ScansealError `network`, `timeout`, `peer-*` */
  readonly connect: (destination: DestinationSettings, needs: readonly ContextNeed[]) => Promise<ArchiveLink>;
  readonly onDelivered: (object: JudgedObject) => Promise<void>;
  /** It was tried and is still due: its bytes may move to the object store. */
  readonly onFailed: (object: JudgedObject) => void;
}

export class Deliverer {
  readonly destination: DestinationSettings;
  readonly #ports: GatewayPorts;
  readonly #parts: DelivererParts;
  readonly #wakers: readonly Waker[];
  #workers: readonly Promise<void>[] = [];
  /** By delivery the newest fence of what is claimed and has not ended: what a second worker claims meanwhile stays the first one's. */
  readonly #claimed = new Map<string, number>();
  /** The journal failed: it may have leases of ours that we do not know of. */
  #hasLost = false;
  #isStopping = false;
  /** Associations that failed in a row. */
  #failures = 0;
  #pausedUntil = 0;
  #sending = 0;

  constructor(destination: DestinationSettings, ports: GatewayPorts, parts: DelivererParts) {
    this.destination = destination;
    this.#ports = ports;
    this.#parts = parts;
    this.#wakers = Array.from({ length: Math.max(1, destination.associationsMax) }, () => new Waker());
  }

  /** Objects being sent right now. */
  get sending(): number {
    return this.#sending;
  }

  start(): void {
    if (this.#workers.length === 0) this.#workers = this.#wakers.map((waker) => this.#work(waker));
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
      const due = await this.#claim();
      if (due.length > 0) {
        link = await this.#deliverBurst(due, link);
        hasLingered = false;
        continue;
      }
      if (link && hasLingered) {
        await release(link);
        link = undefined;
      }
      await waker.sleep(link ? lingerMs : pollMs);
      hasLingered = link !== undefined;
    }
    if (link) await release(link);
  }

  async #claim(): Promise<readonly DueDelivery[]> {
    const { journal, owner, clock, events } = this.#ports;
    const now = clock.now();
    if (now < this.#pausedUntil) return [];
    try {
      if (this.#hasLost) {
        this.#hasLost = false;
        const underWay = [...this.#claimed.keys()];
        const destination = this.destination.name;
        await journal.releaseLeases(owner, { of: "deliveries", destination, underWay });
      }
      const due = await journal.claimDeliveries(owner, this.destination.name, burst, leaseMs, now);
      const fresh = due.filter(({ work }) => !this.#claimed.has(work.delivery.id));
      for (const { work, fence } of due) this.#claimed.set(work.delivery.id, fence);
      return fresh;
    } catch (error) {
      this.#hasLost = true;
      events({ kind: "fault", where: "deliveries", ...told(error) });
      return [];
    }
  }

  /** @returns the fence to end it with */
  #endOf({ work, fence }: DueDelivery): number {
    const { id } = work.delivery;
    const newest = this.#claimed.get(id) ?? fence;
    this.#claimed.delete(id);
    return newest;
  }

  /** @returns the association, where it can be used again */
  async #deliverBurst(
    due: readonly DueDelivery[],
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
        this.#failures++;
        const { limits } = this.#parts;
        const pause = backOffMs(this.#failures, limits(), this.#ports.random());
        this.#pausedUntil = this.#ports.clock.now() + pause;
        const { code, why } = told(error);
        await this.#writeDown(sent);
        await Promise.all(
          due.slice(i).map((rest) => this.#fail(rest, { kind: "passing", why: `${code}: ${why}` })),
        );
        return undefined;
      }
      this.#failures = 0;
      const one = await this.#deliver(lease, link);
      if (one) sent.push(one);
      const first = sent[0];
      if (first && this.#ports.clock.now() - first.sentAt >= writeDownMs) await this.#writeDown(sent);
    }
    await this.#writeDown(sent);
    return link;
  }

  async #writeDown(sent: Sent[]): Promise<void> {
    await Promise.all(
      sent.splice(0).map((one) =>
        // The lease is given back, and the delivery is repeated.
        this.#complete(one).catch((error: unknown) => {
          this.#hasLost = true;
          this.#ports.events({ kind: "fault", where: "delivery", ...told(error) });
        }),
      ),
    );
  }

  /** One association that proposes what these objects need. */
  async #linkFor(needs: readonly ContextNeed[], link: ArchiveLink | undefined): Promise<ArchiveLink> {
    if (link?.isOpen && link.answerTo(needs[0]!) !== "not-proposed") return link;
    if (link?.isOpen) await release(link);
    return this.#parts.connect(this.destination, needs);
  }

  /** Undefined where the archive does not have it. */
  async #deliver(lease: DueDelivery, link: ArchiveLink): Promise<Sent | undefined> {
    const startedAt = this.#ports.clock.now();
    this.#sending++;
    try {
      const failure = await this.#send(lease, link);
      if (!failure) return { lease, startedAt, sentAt: this.#ports.clock.now() };
      await this.#fail(lease, failure);
    } catch (error) {
      // The journal: the lease is given back, and the delivery is repeated.
      this.#hasLost = true;
      this.#endOf(lease);
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
        if (forwarded.result === "answered") return await this.#judgeAnswer(forwarded.status.code, delivery);
        await this.#reportChanged(proof.object);
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

  async #judgeAnswer(status: number, { objectId }: Delivery): Promise<Failure | undefined> {
    const failure = failureOf(status);
    if (!failure && status !== 0)
      await this.#ports.journal.addRecord(
        this.#recordOf("object.delivered-with-warning", objectId, { status }),
      );
    return failure;
  }

  async #reportChanged({ id }: JudgedObject): Promise<void> {
    const why = "the kept bytes of an object are not those that were judged; nothing was delivered";
    this.#ports.events({ kind: "fault", where: "delivery", code: "internal", why });
    await this.#ports.journal.reportDamage(this.#recordOf("object.bytes-changed", id, {}));
  }

  #recordOf(act: string, subject: string, detail: ActRecord["detail"]): ActRecord {
    const { newId, clock } = this.#ports;
    const named = { ...detail, destination: this.destination.name };
    return { id: newId(), at: clock.now(), actor: "gateway", act, subject, detail: named };
  }

  async #complete({ lease, startedAt, sentAt }: Sent): Promise<void> {
    const { journal, events } = this.#ports;
    const { delivery, object } = lease.work;
    if (!(await journal.completeDelivery(delivery.id, this.#endOf(lease), sentAt))) return;
    const { name } = this.destination;
    events({
      kind: "delivered",
      object: object.id,
      destination: name,
      bytes: object.bytes,
      ms: sentAt - startedAt,
    });
    await this.#parts.onDelivered(object);
  }

  async #fail(lease: DueDelivery, failure: Failure): Promise<void> {
    const { journal, clock, events, random } = this.#ports;
    const { attempt, work } = lease;
    const { delivery, object } = work;
    const fence = this.#endOf(lease);
    const now = clock.now();
    const tried = { createdAt: delivery.createdAt, attempts: attempt };
    const retryInMs = retryIn(failure, tried, this.#parts.limits(), now, random());
    const nextAt = retryInMs === undefined ? undefined : now + retryInMs;
    try {
      if (!(await journal.failDelivery(delivery.id, fence, failure.why, nextAt))) return;
    } catch (error) {
      this.#hasLost = true;
      events({ kind: "fault", where: "deliveries", ...told(error) });
      return;
    }
    events({
      kind: "delivery-failed",
      object: object.id,
      destination: this.destination.name,
      why: failure.why,
      isDead: retryInMs === undefined,
      retryInMs,
    });
    if (failure.kind !== "final") this.#parts.onFailed(object);
  }
}

async function release(link: ArchiveLink): Promise<void> {
  await link.release().catch(() => link.abort("not released"));
}
