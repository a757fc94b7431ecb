/** Random commands on a journal and on its model beside it: they answer alike, and end alike. */
import fc from "fast-check";
import { expect } from "vitest";
import type { Journal, Judgement } from "../../src/store/journal/journal.ts";
import { act, admitting, digestOf, holding, leaseMs, received, requestFor } from "./journal-fixture.ts";
import { JournalModel, type ModelDelivery } from "./journal-model.ts";

/** Small numbers choose among what is there, so that commands meet. */
type Command = readonly [name: (typeof names)[number], a: number, b: number, c: number];

/** Some more often: what the others need. */
const names = [
  "add",
  "add",
  "add",
  "add again",
  "claim",
  "claim",
  "admit",
  "admit",
  "admit",
  "hold",
  "hold",
  "hold",
  "recheck",
  "store",
  "leave",
  "claim deliveries",
  "claim deliveries",
  "complete",
  "complete",
  "retry",
  "die",
  "revive",
  "wait",
  "give back",
  "request",
  "request",
  "approve",
  "withdraw",
  "delete",
  "delete",
  "redirect",
] as const;

const command: fc.Arbitrary<Command> = fc.tuple(
  fc.constantFrom(...names),
  fc.nat({ max: 11 }),
  fc.nat({ max: 11 }),
  fc.nat({ max: 11 }),
);

export const commands: fc.Arbitrary<readonly Command[]> = fc.array(command, {
  minLength: 10,
  maxLength: 120,
  size: "max",
});

const destinations = ["pacs", "second", "workstation"];

export async function runBesideModel(journal: Journal, list: readonly Command[]): Promise<void> {
  const run = new Run(journal);
  for (const each of list) await run.step(each);
  await run.compare();
}

class Run {
  readonly #journal: Journal;
  readonly #model: JournalModel = new JournalModel();
  /** As they were given out, the lost ones too. */
  readonly #leases: { readonly id: string; readonly fence: number }[] = [];
  readonly #deliveryLeases: { readonly id: string; readonly fence: number; readonly of: ModelDelivery }[] =
    [];
  readonly #requestIds: string[] = [];
  #now = 100_000;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  async step([name, a, b, c]: Command): Promise<void> {
    this.#now++;
    switch (name) {
      case "add":
      case "add again":
        return await this.#add(name, a, b, c);
      case "claim":
        return await this.#claim(a, b);
      case "admit":
      case "hold":
        return await this.#judge(name, a, b, c);
      case "recheck":
      case "store":
      case "leave":
        return await this.#move(name, a);
      case "claim deliveries":
        return await this.#claimDeliveries(a, b, c);
      case "complete":
      case "retry":
      case "die":
        return await this.#end(name, a, b);
      case "revive":
        expect(await this.#journal.reviveDeliveries(undefined, this.#now)).toBe(
          this.#model.revive(this.#now),
        );
        return;
      case "wait":
        // Now and then past the time for which purged bytes may still be deleted.
        this.#now += a > 9 ? 61_000 : a * 200;
        return;
      case "give back":
        this.#model.releaseLeases(`owner-${a % 2}`);
        return await this.#journal.releaseLeases(`owner-${a % 2}`);
      case "request":
      case "approve":
      case "withdraw":
        return await this.#decide(name, a, b);
      case "delete":
        return await this.#delete(a, b);
      case "redirect":
        return await this.#redirect(a, b);
    }
  }

  async #delete(a: number, b: number): Promise<void> {
    const at = this.#now;
    const digests = await this.#journal.claimDeletions(1 + (a % 3), at);
    expect(digests).toEqual(this.#model.claimDeletions(1 + (a % 3), at));
    // Cut off now and then.
    if (b % 3 === 0) return;
    await this.#journal.confirmDeletions(digests, at);
    this.#model.confirmDeletions(digests, at);
  }

  async #redirect(a: number, b: number): Promise<void> {
    const from = destinations[a % 3]!;
    const to = [undefined, ...destinations.filter((name) => name !== from)][b % 3];
    const redirected = await this.#journal.redirectDeliveries(from, to, this.#now, act("redirected"));
    expect(redirected).toEqual(this.#model.redirect(from, to, this.#now));
  }

  async #add(name: string, a: number, b: number, c: number): Promise<void> {
    const old = this.#model.objects[a % Math.max(1, this.#model.objects.length)]?.is;
    const fresh = received({
      sopInstanceUid: `2.25.${a % 3}`,
      digest: digestOf(b % 4),
      studyInstanceUid: c % 3 === 2 ? undefined : `2.25.9${c % 3}`,
      source: `source-${c % 2}`,
    });
    const object = name === "add again" && old ? { ...fresh, id: old.id } : fresh;
    this.#model.add(object);
    await this.#journal.addReceived([object]);
  }

  async #claim(a: number, b: number): Promise<void> {
    const owner = `owner-${a % 2}`;
    const leases = await this.#journal.claimReceived(owner, 1 + (b % 4), leaseMs, this.#now);
    const expected = this.#model.claim(owner, 1 + (b % 4), leaseMs, this.#now);
    expect(leases.map(({ work, fence, attempt }) => [work.id, fence, attempt])).toEqual(
      expected.map(({ is, fence, attempts }) => [is.id, fence, attempts]),
    );
    for (const { work, fence } of leases) this.#leases.push({ id: work.id, fence });
  }

  async #judge(name: "admit" | "hold", a: number, b: number, c: number): Promise<void> {
    const lease = this.#leases.at(-1 - (a % Math.max(1, this.#leases.length)));
    if (!lease) return;
    const judgement: Judgement = {
      ...(name === "admit" ? admitting : holding),
      payloadDigest: b % 3 === 0 ? undefined : `payload-${b % 3}`,
      sealedBy: b % 3 === 0 ? undefined : "device",
      stored: c % 2 === 0,
      judgedAt: this.#now,
    };
    const to = destinations.slice(0, c % 3);
    const outcome = await this.#journal.commitJudgement(lease.id, lease.fence, judgement, to);
    expect(outcome).toEqual(this.#model.commit(lease.id, lease.fence, judgement, to));
  }

  async #move(name: "recheck" | "store" | "leave", a: number): Promise<void> {
    const object = this.#model.objects[a % Math.max(1, this.#model.objects.length)]?.is;
    if (!object) return;
    const { id } = object;
    if (name === "recheck") {
      expect(await this.#journal.recheck([id])).toBe(this.#model.recheck([id]));
      return;
    }
    const freed = await (name === "store" ? this.#journal.markStored(id) : this.#journal.markDelivered(id));
    const isFreed = name === "store" ? this.#model.markStored(id) : this.#model.markDelivered(id);
    expect(freed).toEqual(isFreed ? object.location : undefined);
  }

  async #claimDeliveries(a: number, b: number, c: number): Promise<void> {
    const owner = `owner-${a % 2}`;
    const destination = destinations[b % 3]!;
    const leases = await this.#journal.claimDeliveries(owner, destination, 1 + (c % 3), leaseMs, this.#now);
    const expected = this.#model.claimDeliveries(owner, destination, 1 + (c % 3), leaseMs, this.#now);
    expect(leases.map(({ work, fence, attempt }) => [work.object.id, fence, attempt])).toEqual(
      expected.map(({ objectId, fence, attempts }) => [objectId, fence, attempts]),
    );
    leases.forEach(({ work, fence }, n) => {
      this.#deliveryLeases.push({ id: work.delivery.id, fence, of: expected[n]! });
    });
  }

  async #end(name: "complete" | "retry" | "die", a: number, b: number): Promise<void> {
    const lease = this.#deliveryLeases.at(-1 - (a % Math.max(1, this.#deliveryLeases.length)));
    if (!lease) return;
    const { id, fence, of } = lease;
    if (name === "complete") {
      const done = this.#model.end(of, fence, "delivered");
      expect(await this.#journal.completeDelivery(id, fence, this.#now)).toBe(done);
      return;
    }
    const next = name === "retry" ? this.#now + b * 100 : undefined;
    const done = this.#model.end(of, fence, name === "retry" ? "due" : "dead", next);
    expect(await this.#journal.failDelivery(id, fence, "no answer", next)).toBe(done);
  }

  async #decide(name: "request" | "approve" | "withdraw", a: number, b: number): Promise<void> {
    const { objects, requests } = this.#model;
    if (name === "request") {
      const objectIds = objects.filter((_, n) => n % 3 === a % 3).map(({ is }) => is.id);
      if (objectIds.length === 0) return;
      const request = requestFor(b % 2 === 0 ? "release" : "purge", objectIds);
      requests.push({ act: request.act, objectIds, state: "pending" });
      this.#requestIds.push(request.id);
      return await this.#journal.addRequest(request, act("requested"));
    }
    const at = requests.length - 1 - (a % Math.max(1, requests.length));
    const request = requests[at];
    const id = this.#requestIds[at];
    if (!request || id === undefined) return;
    if (name === "approve") {
      const purged = await this.#journal.approveRequest(id, "Grace", this.#now, act("approved"));
      expect(purged?.map((object) => object.id)).toEqual(this.#model.approve(request, this.#now));
    } else {
      const isPending = request.state === "pending";
      if (isPending) request.state = "withdrawn";
      expect(await this.#journal.withdrawRequest(id, act("withdrawn"))).toBe(isPending);
    }
  }

  async compare(): Promise<void> {
    const { objects, deliveries, admitted, requests, studySources } = this.#model;
    const rows = await this.#journal.objects({ limit: 1_000 });
    expect(rows.map(summary)).toEqual(
      [...objects]
        .sort((a, b) => (a.is.id < b.is.id ? -1 : 1))
        .map(({ is, state, inSpool, stored, relatedId, judgement }) => {
          const verdict = judgement?.verdict;
          return { id: is.id, state, inSpool, stored, relatedId, verdict, digest: is.digest };
        }),
    );
    const owed = (await Promise.all(rows.map(({ id }) => this.#journal.deliveriesOf(id)))).flat();
    const key = (
      each: Pick<ModelDelivery, "objectId" | "destination" | "released" | "state" | "nextAttemptAt">,
    ) => [each.objectId, each.destination, each.released, each.state, each.nextAttemptAt].join();
    expect(owed.map(key).sort()).toEqual(deliveries.map(key).sort());
    for (const uid of ["2.25.0", "2.25.1", "2.25.2"]) {
      expect((await this.#journal.admittedInstance(uid))?.objectId).toBe(admitted.get(uid)?.is.id);
    }
    for (const study of ["2.25.90", "2.25.91"]) {
      const sources = [...(studySources.get(study) ?? [])].sort();
      expect(await this.#journal.sealedStudySources(study)).toEqual(sources);
    }
    const counts = await this.#journal.counts();
    for (const [state, count] of Object.entries(counts.objects)) {
      expect(count, state).toBe(objects.filter((object) => object.state === state).length);
    }
    for (const [state, count] of Object.entries(counts.deliveries)) {
      expect(count, state).toBe(deliveries.filter((delivery) => delivery.state === state).length);
    }
    for (const name of destinations) {
      const count = (state: string) =>
        deliveries.filter((each) => each.destination === name && each.state === state).length;
      const { due, dead } = counts.destinations[name] ?? { due: 0, dead: 0 };
      expect([due, dead], name).toEqual([count("due"), count("dead")]);
    }
    const unsettled = await this.#journal.unsettled(this.#now + 1, 1_000);
    expect(unsettled.map(({ id }) => id).sort()).toEqual(
      objects
        .filter(({ state, inSpool }) => state === "admitted" && inSpool)
        .map(({ is }) => is.id)
        .sort(),
    );
    const known = await this.#journal.known(rows.map(({ id }) => id));
    for (const { is, inSpool } of objects) expect(known.get(is.id)).toEqual({ inSpool });
    for (const [n, id] of this.#requestIds.entries()) {
      expect((await this.#journal.request(id))!.state).toBe(requests[n]!.state);
    }
  }
}

function summary(row: Awaited<ReturnType<Journal["objects"]>>[number]) {
  const { id, state, stored, relatedId, verdict, digest } = row;
  return { id, state, inSpool: row.location !== undefined, stored, relatedId, verdict, digest };
}
