/** The journal in memory, as its contract's words say: lists and loops, written without a look at the real one. */
import type {
  DeliveryState,
  Judgement,
  JudgementOutcome,
  ObjectState,
  ReceivedObject,
} from "../../src/store/journal/journal.ts";

interface Leased {
  owner: string | undefined;
  until: number;
  fence: number;
  attempts: number;
}

export interface ModelObject extends Leased {
  readonly is: ReceivedObject;
  state: ObjectState;
  inSpool: boolean;
  stored: boolean;
  judgement: Judgement | undefined;
  relatedId: string | undefined;
}

export interface ModelDelivery extends Leased {
  readonly objectId: string;
  destination: string;
  readonly released: boolean;
  state: DeliveryState;
  nextAttemptAt: number;
}

interface ModelRequest {
  readonly act: "release" | "purge";
  readonly objectIds: readonly string[];
  state: "pending" | "approved" | "withdrawn";
}

const free = (): Leased => ({ owner: undefined, until: 0, fence: 0, attempts: 0 });

export class JournalModel {
  readonly objects: ModelObject[] = [];
  readonly deliveries: ModelDelivery[] = [];
  readonly admitted: Map<string, ModelObject> = new Map();
  readonly requests: ModelRequest[] = [];
  readonly studySources: Map<string, Set<string>> = new Map();
  readonly #purgedAt = new Map<string, number>();
  /** Digests that the gateway is to delete. */
  readonly #toDelete = new Set<string>();

  add(is: ReceivedObject): void {
    if (this.find(is.id)) return;
    const fresh = { inSpool: true, stored: false, judgement: undefined, relatedId: undefined };
    this.objects.push({ is, state: "received", ...fresh, ...free() });
  }

  find(id: string): ModelObject | undefined {
    return this.objects.find(({ is }) => is.id === id);
  }

  claim(owner: string, limit: number, leaseMs: number, now: number): ModelObject[] {
    const waiting = this.objects.filter(
      (each) =>
        each.state === "received" &&
        isFree(each, now) &&
        !((this.#purgedAt.get(each.is.digest) ?? 0) > now - 60_000),
    );
    return take(
      waiting.sort((a, b) => (a.is.id < b.is.id ? -1 : 1)),
      owner,
      limit,
      leaseMs,
      now,
    );
  }

  commit(id: string, fence: number, judgement: Judgement, destinations: readonly string[]): JudgementOutcome {
    const object = this.find(id)!;
    if (object.state !== "received" || object.fence !== fence || object.owner === undefined)
      return { result: "lease-lost" };
    const there = this.admitted.get(object.is.sopInstanceUid);
    const twin = this.#heldTwin(object);
    const isHeld = judgement.disposition === "held";
    if (there?.is.digest === object.is.digest) {
      if (!there.stored && !there.inSpool && !object.stored) this.#listForDeletion(object.is.digest);
      return this.#resent(object, judgement, there);
    }
    if (isHeld && twin) return this.#resent(object, judgement, twin);
    if (!isHeld && there) {
      const payload = there.judgement!.payloadDigest;
      if (payload !== undefined && payload === judgement.payloadDigest)
        return this.#resent(object, judgement, there);
      return { result: "conflict", conflictWith: there.is.id };
    }
    object.stored ||= judgement.stored;
    if (!isHeld) {
      this.admitted.set(object.is.sopInstanceUid, object);
      for (let other = this.#heldTwin(object); other; other = this.#heldTwin(object)) {
        other.state = "resolved";
        other.relatedId = id;
        other.inSpool = false;
        object.stored ||= other.stored;
        other.stored = false;
      }
      for (const destination of new Set(destinations)) this.#owe(id, destination, false, judgement.judgedAt);
    }
    return this.#judge(object, judgement, isHeld ? "held" : "admitted", !object.stored, undefined);
  }

  recheck(ids: readonly string[]): number {
    const held = this.objects.filter(({ is, state }) => state === "held" && ids.includes(is.id));
    for (const object of held) {
      Object.assign(object, { state: "received", judgement: undefined, relatedId: undefined, attempts: 0 });
    }
    return held.length;
  }

  markStored(id: string): boolean {
    const object = this.find(id)!;
    if (!object.inSpool) {
      if (!object.stored) this.#listForDeletion(object.is.digest);
      return false;
    }
    object.stored = true;
    object.inSpool = false;
    this.#leaveStore(object);
    return true;
  }

  claimDeletions(limit: number, now: number): string[] {
    const at = (digest: string) => this.#purgedAt.get(digest) ?? 0;
    const claimed = [...this.#toDelete]
      .filter((digest) => at(digest) <= now - 60_000)
      .sort((a, b) => at(a) - at(b) || (a < b ? -1 : 1))
      .slice(0, limit);
    const out: string[] = [];
    for (const digest of claimed) {
      if (this.objects.some((each) => each.is.digest === digest && this.#needs(each))) {
        this.#toDelete.delete(digest);
      } else {
        this.#purgedAt.set(digest, now);
        out.push(digest);
      }
    }
    return out;
  }

  confirmDeletions(digests: readonly string[], claimedAt: number): void {
    for (const digest of digests) {
      if (!this.#toDelete.has(digest) || this.#purgedAt.get(digest) !== claimedAt) continue;
      this.#toDelete.delete(digest);
      this.#purgedAt.delete(digest);
    }
  }

  redirect(from: string, to: string | undefined, now: number): { moved: number; merged: number } {
    const waiting = this.deliveries.filter(
      ({ destination, state, released }) =>
        destination === from && (to === undefined ? state === "due" : state !== "delivered" && !released),
    );
    let merged = 0;
    for (const delivery of waiting) {
      const { objectId } = delivery;
      delivery.fence++;
      delivery.owner = undefined;
      const there = this.deliveries.find(
        (each) => each.objectId === objectId && each.destination === to && !each.released,
      );
      if (to === undefined) {
        delivery.state = "dead";
      } else if (there) {
        merged++;
        this.deliveries.splice(this.deliveries.indexOf(delivery), 1);
        delivery.state = "dead";
        if (there.state === "dead") Object.assign(there, { state: "due", nextAttemptAt: now, attempts: 0 });
        this.#leaveStore(this.find(objectId)!);
      } else {
        Object.assign(delivery, { destination: to, state: "due", nextAttemptAt: now, attempts: 0 });
      }
    }
    return { moved: waiting.length - merged, merged };
  }

  #listForDeletion(digest: string): void {
    this.#toDelete.add(digest);
    if (!this.#purgedAt.has(digest)) this.#purgedAt.set(digest, 0);
  }

  #isDelivered({ is }: ModelObject): boolean {
    const owed = this.deliveries.filter(({ objectId }) => objectId === is.id);
    return owed.length > 0 && owed.every(({ state }) => state === "delivered");
  }

  #leaveStore(object: ModelObject): void {
    if (object.state !== "admitted" || !object.stored || !this.#isDelivered(object)) return;
    object.stored = false;
    this.#listForDeletion(object.is.digest);
  }

  markDelivered(id: string): boolean {
    const object = this.find(id)!;
    this.#leaveStore(object);
    if (object.state !== "admitted" || !object.inSpool || !this.#isDelivered(object)) return false;
    object.inSpool = false;
    return true;
  }

  claimDeliveries(
    owner: string,
    destination: string,
    limit: number,
    leaseMs: number,
    now: number,
  ): ModelDelivery[] {
    const due = this.deliveries.filter(
      (each) =>
        each.destination === destination &&
        each.state === "due" &&
        each.nextAttemptAt <= now &&
        isFree(each, now),
    );
    // The sort is stable: those of one time stay in the order they were made.
    return take(
      due.sort((a, b) => a.nextAttemptAt - b.nextAttemptAt),
      owner,
      limit,
      leaseMs,
      now,
    );
  }

  end(delivery: ModelDelivery, fence: number, state: DeliveryState, nextAttemptAt?: number): boolean {
    if (delivery.state !== "due" || delivery.fence !== fence || delivery.owner === undefined) return false;
    delivery.state = state;
    delivery.owner = undefined;
    delivery.nextAttemptAt = nextAttemptAt ?? delivery.nextAttemptAt;
    if (state === "delivered") this.#leaveStore(this.find(delivery.objectId)!);
    return true;
  }

  revive(now: number): number {
    const dead = this.deliveries.filter(
      ({ state, objectId }) => state === "dead" && this.find(objectId)!.state !== "purged",
    );
    for (const delivery of dead) Object.assign(delivery, { state: "due", nextAttemptAt: now, attempts: 0 });
    return dead.length;
  }

  releaseLeases(owner: string): void {
    for (const each of [...this.objects, ...this.deliveries])
      if (each.owner === owner) each.owner = undefined;
  }

  approve(request: ModelRequest, now: number): string[] | undefined {
    if (request.state !== "pending") return undefined;
    request.state = "approved";
    const held = this.objects.filter(
      ({ is, state }) => state === "held" && request.objectIds.includes(is.id),
    );
    if (request.act === "release") {
      for (const { is } of held) this.#owe(is.id, "workstation", true, now);
      return [];
    }
    for (const object of held) {
      Object.assign(object, { state: "purged", inSpool: false, stored: false });
      for (const delivery of this.deliveries) {
        if (delivery.objectId !== object.is.id || delivery.state !== "due") continue;
        Object.assign(delivery, { state: "dead", owner: undefined, fence: delivery.fence + 1 });
      }
    }
    const out = held.filter(
      ({ is }) => !this.objects.some((each) => each.is.digest === is.digest && this.#needs(each)),
    );
    for (const { is } of out) this.#purgedAt.set(is.digest, now);
    return out.map(({ is }) => is.id).sort();
  }

  #heldTwin({ is }: ModelObject): ModelObject | undefined {
    return this.objects
      .filter(
        (each) =>
          each.state === "held" &&
          each.is.digest === is.digest &&
          each.is.sopInstanceUid === is.sopInstanceUid,
      )
      .sort((a, b) => (a.is.id < b.is.id ? -1 : 1))[0];
  }

  #resent(object: ModelObject, judgement: Judgement, of: ModelObject): JudgementOutcome {
    if (judgement.stored && !object.stored) this.#listForDeletion(object.is.digest);
    return this.#judge(object, judgement, "resent", false, of.is.id);
  }

  #judge(
    object: ModelObject,
    judgement: Judgement,
    state: ObjectState,
    keepsSpool: boolean,
    relatedId: string | undefined,
  ): JudgementOutcome {
    const spoolFreed = object.inSpool && !keepsSpool;
    object.inSpool &&= keepsSpool;
    Object.assign(object, { state, judgement, relatedId, owner: undefined });
    const study = object.is.studyInstanceUid;
    if (judgement.sealedBy !== undefined && judgement.verdict === "verified" && study !== undefined) {
      this.studySources.set(study, (this.studySources.get(study) ?? new Set()).add(object.is.source));
    }
    const related = relatedId === undefined ? {} : { relatedId };
    return { result: "committed", state, spoolFreed, ...related };
  }

  #owe(objectId: string, destination: string, released: boolean, now: number): void {
    const there = this.deliveries.find(
      (each) => each.objectId === objectId && each.destination === destination && each.released === released,
    );
    if (!there) {
      this.deliveries.push({ objectId, destination, released, state: "due", nextAttemptAt: now, ...free() });
    } else if (there.state !== "due") {
      Object.assign(there, { state: "due", nextAttemptAt: now, attempts: 0 });
    }
  }

  #needs(object: ModelObject): boolean {
    if (object.state === "received" || object.state === "held") return true;
    if (object.state === "admitted") return object.stored || object.inSpool;
    return this.deliveries.some(({ objectId, state }) => objectId === object.is.id && state === "due");
  }
}

function isFree(each: Leased, now: number): boolean {
  return each.owner === undefined || each.until <= now;
}

function take<T extends Leased>(
  from: readonly T[],
  owner: string,
  limit: number,
  leaseMs: number,
  now: number,
): T[] {
  const taken = from.slice(0, limit);
  for (const each of taken) {
    Object.assign(each, { owner, until: now + leaseMs, fence: each.fence + 1, attempts: each.attempts + 1 });
  }
  return taken;
}
