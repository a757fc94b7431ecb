/** What is owed to destinations. */
import { expect } from "vitest";
import type { Journal } from "../../src/store/journal/journal.ts";
import {
  act,
  admitting,
  decided,
  digestOf,
  held,
  holding,
  judged,
  leaseMs,
  received,
} from "./journal-fixture.ts";
import type { JournalCases } from "./journal-suite.ts";

async function admitted(journal: Journal, destinations: readonly string[], at = 2_000): Promise<string> {
  const object = received();
  await judged(journal, object, { ...admitting, judgedAt: at }, destinations);
  return object.id;
}

async function deliverAll(journal: Journal, destination: string): Promise<void> {
  const leases = await journal.claimDeliveries("a", destination, 99, leaseMs, 10_000);
  const done = leases.map(({ work, fence }) => journal.completeDelivery(work.delivery.id, fence, 10_001));
  expect(await Promise.all(done)).toEqual(leases.map(() => true));
}

const departureCases: JournalCases = {
  "what every archive has leaves the object store, however it came there": async (under) => {
    const { journal } = under;
    const both = received();
    await judged(journal, both, admitting, ["pacs", "second"]);
    await journal.markStored(both.id);
    const late = received();
    await judged(journal, late, admitting, ["pacs"]);
    const kept = received();
    await judged(journal, kept, { ...admitting, stored: true }, []);
    const inQuarantine = await held(journal);
    await decided(journal, "release", [inQuarantine.id]);
    await deliverAll(journal, "pacs");
    expect(await journal.claimDeletions(10, 100_000)).toEqual([]);
    await deliverAll(journal, "second");
    await deliverAll(journal, "workstation");
    expect(await journal.object(both.id)).toMatchObject({ state: "admitted", stored: false });
    // It was being copied when its last delivery was done.
    expect(await journal.markStored(late.id)).toEqual(late.location);
    for (const { id } of [kept, inQuarantine]) expect((await journal.object(id))!.stored).toBe(true);
    const digests = [both.digest, late.digest].sort();
    expect(await journal.claimDeletions(10, 100_000)).toEqual(digests);
    await journal.confirmDeletions(digests, 100_000);
    expect(await journal.claimDeletions(10, 300_000)).toEqual([]);
  },

  "what was admitted before a destination was there is counted, and due there when somebody says so, once":
    async (under) => {
      const { journal } = under;
      const [spooled, stored] = [await admitted(journal, []), await admitted(journal, [])];
      await journal.markStored(stored);
      const waiting = await admitted(journal, ["pacs"]);
      const inQuarantine = await held(journal);
      const elsewhere = await admitted(journal, ["second"]);
      await deliverAll(journal, "second");
      await journal.markDelivered(elsewhere);
      expect((await journal.counts()).keptOnly).toBe(2);
      const ids = [spooled, stored, waiting, inQuarantine.id, elsewhere];
      expect(await journal.addDeliveries("pacs", ids, 5_000)).toEqual({ added: 2, there: 1, gone: 1 });
      expect(await journal.addDeliveries("pacs", ids, 5_000)).toEqual({ added: 0, there: 3, gone: 1 });
      expect((await journal.counts()).keptOnly).toBe(0);
      const due = await journal.claimDeliveries("a", "pacs", 99, leaseMs, 10_000);
      expect(due.map(({ work }) => work.object.id)).toEqual([waiting, spooled, stored]);
      expect(due[1]!.work.delivery).toMatchObject({ createdAt: 5_000, released: false });
      // Still here where it is to go to one more.
      expect(await journal.addDeliveries("third", [spooled], 5_000)).toMatchObject({ added: 1 });
      for (const { work, fence } of due) await journal.completeDelivery(work.delivery.id, fence, 10_001);
      expect(await journal.markDelivered(spooled)).toBeUndefined();
      expect(await journal.object(spooled)).toMatchObject({ state: "admitted", location: expect.anything() });
    },

  "a claim that was given back was no attempt; what an archive that is away keeps waiting is due in its order":
    async (under) => {
      const { journal } = under;
      const ids = [await admitted(journal, ["pacs"], 2_000), await admitted(journal, ["pacs"], 2_001)];
      ids.push(await admitted(journal, ["pacs"], 2_002));
      const claim = () => journal.claimDeliveries("a", "pacs", 99, leaseMs, 10_000);
      const [first, second, third] = await claim();
      const away = "network: away";
      expect(await journal.returnDelivery(first!.work.delivery.id, first!.fence, away)).toBe(true);
      expect(await journal.returnDelivery(first!.work.delivery.id, first!.fence, away)).toBe(false);
      const [again] = await claim();
      expect(again).toMatchObject({ attempt: 1, work: { delivery: { lastError: away } } });
      for (const [lease, error] of [
        [again, "timeout: away"],
        [third, "peer-aborted: away"],
        [second, "the archive answered 0xc000"],
      ] as const)
        await journal.failDelivery(lease!.work.delivery.id, lease!.fence, error, 99_000);
      expect(await claim()).toEqual([]);
      await journal.hastenDeliveries("second");
      expect(await claim()).toEqual([]);
      await journal.hastenDeliveries("pacs");
      expect((await claim()).map(({ work }) => work.object.id)).toEqual([ids[0], ids[2]]);
    },

  "a copy made of what is kept nowhere any more is to be deleted": async (under) => {
    const { journal } = under;
    const delivered = received();
    await judged(journal, delivered, admitting, ["pacs"]);
    await deliverAll(journal, "pacs");
    expect(await journal.markDelivered(delivered.id)).toEqual(delivered.location);
    expect(await journal.markStored(delivered.id)).toBeUndefined();
    expect(await journal.claimDeletions(10, 100_000)).toEqual([delivered.digest]);
  },

  "a re-send of what was delivered leaves no copy behind, also when it would be held now": async (under) => {
    const { journal } = under;
    const delivered = received();
    await judged(journal, delivered, admitting, ["pacs"]);
    const again = { digest: delivered.digest, sopInstanceUid: delivered.sopInstanceUid };
    await judged(journal, received(again), holding);
    // It is still to be delivered.
    expect(await journal.claimDeletions(10, 100_000)).toEqual([]);
    await deliverAll(journal, "pacs");
    await journal.markDelivered(delivered.id);
    const outcome = await judged(journal, received(again), holding);
    expect(outcome).toMatchObject({ state: "resent", spoolFreed: true });
    expect(await journal.claimDeletions(10, 200_000)).toEqual([delivered.digest]);
  },

  "bytes that anybody needs again are not given out": async (under) => {
    const { journal } = under;
    const gone = [1, 2, 3].map((n) => received({ digest: digestOf(n) }));
    for (const object of gone) {
      await judged(journal, object, { ...admitting, stored: true }, ["pacs"]);
    }
    await deliverAll(journal, "pacs");
    await held(journal, { digest: digestOf(1) });
    await journal.addReceived([received({ digest: digestOf(2) })]);
    expect(await journal.claimDeletions(10, 100_000)).toEqual([digestOf(3)]);
    // What arrives now waits, and is judged when nothing is deleted any more.
    const again = received({ digest: digestOf(3) });
    await journal.addReceived([again]);
    const claim = async (now: number) =>
      (await journal.claimReceived("a", 9, 1, now)).map(({ work }) => work.digest);
    expect(await claim(159_999)).toEqual([digestOf(2)]);
    expect(await claim(160_000)).toEqual([digestOf(2), digestOf(3)]);
    expect(await journal.claimDeletions(10, 160_000)).toEqual([]);
  },

  "deletions that were cut off come again, and a late confirmation does not count": async (under) => {
    const { journal } = under;
    const object = received();
    await judged(journal, object, { ...admitting, stored: true }, ["pacs"]);
    await deliverAll(journal, "pacs");
    expect(await journal.claimDeletions(10, 100_000)).toEqual([object.digest]);
    expect(await journal.claimDeletions(10, 159_999)).toEqual([]);
    expect(await journal.claimDeletions(10, 160_000)).toEqual([object.digest]);
    await journal.confirmDeletions([object.digest], 100_000);
    expect(await journal.claimDeletions(10, 220_000)).toEqual([object.digest]);
    await journal.confirmDeletions([object.digest], 220_000);
    expect(await journal.claimDeletions(10, 999_999)).toEqual([]);
    for (const limit of [0, 1_001])
      await expect(journal.claimDeletions(limit, 1)).rejects.toMatchObject({ code: "usage" });
  },

  "two gateways that end the last two deliveries at once leave nothing behind": async (under) => {
    const { journal } = under;
    const other = await under.another();
    for (let n = 0; n < 10; n++) {
      await judged(journal, received(), { ...admitting, stored: true }, ["pacs", "second"]);
    }
    await Promise.all([deliverAll(journal, "pacs"), deliverAll(other, "second")]);
    expect(await journal.claimDeletions(100, 100_000)).toHaveLength(10);
  },
};

const redirectionCases: JournalCases = {
  "what waits for a destination goes to another one, with a record": async (under) => {
    const { journal } = under;
    const [waiting, dead, doubled, done] = [
      await admitted(journal, ["old"]),
      await admitted(journal, ["old"]),
      await admitted(journal, ["old", "new"]),
      await admitted(journal, ["old", "new"]),
    ];
    await journal.markStored(done);
    const leases = await journal.claimDeliveries("a", "old", 9, leaseMs, 10_000);
    const of = (id: string) => leases.find(({ work }) => work.object.id === id)!;
    await journal.failDelivery(of(dead).work.delivery.id, of(dead).fence, "refused", undefined);
    for (const { work, fence } of await journal.claimDeliveries("a", "new", 9, leaseMs, 10_000)) {
      const { id } = work.delivery;
      if (work.object.id === doubled) await journal.failDelivery(id, fence, "refused", undefined);
      else await journal.completeDelivery(id, fence, 10_001);
    }
    const record = act("deliveries.redirected", "old", 20_000);
    expect(await journal.redirectDeliveries("old", "new", 20_000, record)).toEqual({ moved: 2, merged: 2 });
    // Whoever was sending is too late.
    expect(await journal.completeDelivery(of(waiting).work.delivery.id, of(waiting).fence, 20_001)).toBe(
      false,
    );
    for (const id of [waiting, dead, doubled]) {
      expect(await journal.deliveriesOf(id)).toMatchObject([
        { destination: "new", state: "due", attempts: 0, nextAttemptAt: 20_000 },
      ]);
    }
    expect(await journal.deliveriesOf(done)).toMatchObject([{ destination: "new", state: "delivered" }]);
    expect((await journal.object(done))!.stored).toBe(false);
    expect((await journal.counts()).destinations).toEqual({ new: { due: 3, dead: 0 } });
    expect(await journal.records({ subject: "old", limit: 9 })).toMatchObject([
      { act: "deliveries.redirected", detail: { moved: 2, merged: 2 } },
    ]);
    await expect(journal.redirectDeliveries("new", "new", 1, act("x"))).rejects.toMatchObject({
      code: "usage",
    });
  },

  "what waits for a destination is given up, and can be revived; a release is not redirected": async (
    under,
  ) => {
    const { journal } = under;
    const id = await admitted(journal, ["old"]);
    const inQuarantine = await held(journal);
    await decided(journal, "release", [inQuarantine.id]);
    const nothing = { moved: 0, merged: 0 };
    expect(await journal.redirectDeliveries("workstation", "new", 20_000, act("x"))).toEqual(nothing);
    for (const from of ["old", "workstation"]) {
      const given = await journal.redirectDeliveries(from, undefined, 20_000, act("given up", from));
      expect(given).toEqual({ moved: 1, merged: 0 });
    }
    expect(await journal.deliveriesOf(id)).toMatchObject([
      { destination: "old", state: "dead", lastError: "given up by an operator" },
    ]);
    expect(await journal.reviveDeliveries(undefined, 30_000)).toBe(2);
  },
};

export const deliveryCases: JournalCases = {
  ...departureCases,
  ...redirectionCases,

  "claims what is due for one destination, with its object": async (under) => {
    const { journal } = under;
    const late = await admitted(journal, ["pacs", "second"], 9_000);
    const early = await admitted(journal, ["pacs"], 8_000);
    expect(await journal.claimDeliveries("a", "pacs", 10, leaseMs, 7_999)).toEqual([]);
    const leases = await journal.claimDeliveries("a", "pacs", 10, leaseMs, 9_000);
    expect(leases.map(({ work }) => work.object.id)).toEqual([early, late]);
    expect(leases[0]).toMatchObject({
      fence: 1,
      attempt: 1,
      work: { delivery: { attempts: 1, state: "due" } },
    });
    expect(leases[0]!.work.object).toEqual(await journal.object(early));
    expect(await journal.claimDeliveries("b", "pacs", 10, leaseMs, 9_000)).toEqual([]);
    expect(await journal.claimDeliveries("b", "third", 10, leaseMs, 9_000)).toEqual([]);
    const again = await journal.claimDeliveries("b", "pacs", 1, leaseMs, 9_000 + leaseMs);
    expect(again).toMatchObject([{ fence: 2, attempt: 2, work: { object: { id: early } } }]);
  },

  "completes once, by the holder of the lease": async (under) => {
    const { journal } = under;
    const id = await admitted(journal, ["pacs"]);
    const [slow] = await journal.claimDeliveries("slow", "pacs", 1, leaseMs, 10_000);
    const [quick] = await journal.claimDeliveries("quick", "pacs", 1, leaseMs, 10_000 + leaseMs);
    const delivery = quick!.work.delivery.id;
    expect(await journal.completeDelivery(delivery, slow!.fence, 11_500)).toBe(false);
    expect(await journal.failDelivery(delivery, slow!.fence, "late", undefined)).toBe(false);
    expect(await journal.completeDelivery(delivery, quick!.fence, 11_500)).toBe(true);
    expect(await journal.completeDelivery(delivery, quick!.fence, 11_501)).toBe(false);
    expect(await journal.deliveriesOf(id)).toMatchObject([{ state: "delivered", deliveredAt: 11_500 }]);
    expect(await journal.claimDeliveries("next", "pacs", 9, leaseMs, 99_999)).toEqual([]);
  },

  "waits, fails, dies and is revived": async (under) => {
    const { journal } = under;
    const id = await admitted(journal, ["pacs"]);
    const claim = (now: number) => journal.claimDeliveries("a", "pacs", 1, leaseMs, now);
    const [first] = await claim(10_000);
    const delivery = first!.work.delivery.id;
    expect(await journal.failDelivery(delivery, first!.fence, "refused\0", 20_000)).toBe(true);
    expect(await journal.deliveriesOf(id)).toMatchObject([{ lastError: "refused ", nextAttemptAt: 20_000 }]);
    expect(await claim(19_999)).toEqual([]);
    const [second] = await claim(20_000);
    expect(second!.attempt).toBe(2);
    expect(await journal.failDelivery(delivery, second!.fence, "x".repeat(9_999), undefined)).toBe(true);
    expect(await claim(99_999)).toEqual([]);
    expect(await journal.deadDeliveries(10)).toMatchObject([{ id: delivery, state: "dead", attempts: 2 }]);
    // What nobody got is kept.
    expect(await journal.markDelivered(id)).toBeUndefined();
    expect(await journal.reviveDeliveries("second", 30_000)).toBe(0);
    expect(await journal.reviveDeliveries("pacs", 30_000)).toBe(1);
    expect(await journal.reviveDeliveries(undefined, 30_000)).toBe(0);
    expect(await claim(29_999)).toEqual([]);
    const [third] = await claim(30_000);
    expect([third!.attempt, third!.fence]).toEqual([1, 3]);
  },

  "gives back the leases of an owner that is gone": async (under) => {
    const { journal } = under;
    await admitted(journal, ["pacs"]);
    const [gone] = await journal.claimDeliveries("gone", "pacs", 1, leaseMs, 10_000);
    await journal.releaseLeases("gone");
    expect(await journal.completeDelivery(gone!.work.delivery.id, gone!.fence, 10_001)).toBe(false);
    expect(await journal.claimDeliveries("next", "pacs", 1, leaseMs, 10_000)).toHaveLength(1);
  },

  "gives back the leases of a destination that their owner does not know of": async (under) => {
    const { journal } = under;
    for (let n = 0; n < 2; n++) await admitted(journal, ["pacs", "second"]);
    const claim = (destination: string) => journal.claimDeliveries("gate", destination, 9, leaseMs, 10_000);
    const [kept, lost] = await claim("pacs");
    expect(await claim("second")).toHaveLength(2);
    const underWay = [kept!.work.delivery.id];
    await journal.releaseLeases("gate", { of: "deliveries", destination: "pacs", underWay });
    expect((await claim("pacs")).map(({ work }) => work.delivery.id)).toEqual([lost!.work.delivery.id]);
    expect(await claim("second")).toEqual([]);
    expect(await journal.completeDelivery(underWay[0]!, kept!.fence, 10_001)).toBe(true);
  },

  "never gives the same delivery twice, whoever asks at once": async (under) => {
    const { journal } = under;
    const other = await under.another();
    for (let n = 0; n < 20; n++) await admitted(journal, ["pacs"]);
    const claims = [journal, other, journal, other, journal].map((each, n) =>
      each.claimDeliveries(`owner-${n}`, "pacs", 6, leaseMs, 10_000),
    );
    const ids = (await Promise.all(claims)).flat().map(({ work }) => work.delivery.id);
    expect(new Set(ids).size).toBe(ids.length);
    const rest = await journal.claimDeliveries("last", "pacs", 100, leaseMs, 10_000);
    expect(ids.length + rest.length).toBe(20);
  },

  "leaves the spool after the last delivery, unless the object store has it": async (under) => {
    const { journal } = under;
    const deliver = async (destination: string) => {
      const leases = await journal.claimDeliveries("a", destination, 9, leaseMs, 10_000);
      for (const { work, fence } of leases) await journal.completeDelivery(work.delivery.id, fence, 10_001);
    };
    const object = received();
    await judged(journal, object, admitting, ["pacs", "second"]);
    const stored = await admitted(journal, ["pacs"]);
    await journal.markStored(stored);
    const alone = await admitted(journal, []);
    await deliver("pacs");
    expect(await journal.markDelivered(object.id)).toBeUndefined();
    await deliver("second");
    expect(await journal.markDelivered(object.id)).toEqual(object.location);
    expect(await journal.markDelivered(object.id)).toBeUndefined();
    expect(await journal.object(object.id)).toMatchObject({
      state: "admitted",
      stored: false,
      location: undefined,
    });
    for (const id of [stored, alone, "nobody"]) expect(await journal.markDelivered(id)).toBeUndefined();
    expect((await journal.object(alone))!.location).toBeDefined();
    expect((await journal.unsettled(99_999, 10)).map(({ id }) => id)).toEqual([alone]);
  },

  "a release is delivered as such, and does not mix with the archive's": async (under) => {
    const { journal } = under;
    const object = await held(journal);
    await decided(journal, "release", [object.id]);
    const [lease] = await journal.claimDeliveries("a", "workstation", 1, leaseMs, 10_000);
    expect(lease!.work).toMatchObject({
      delivery: { released: true },
      object: { id: object.id, state: "held" },
    });
    expect(await journal.completeDelivery(lease!.work.delivery.id, lease!.fence, 10_001)).toBe(true);
    expect((await journal.object(object.id))!.state).toBe("held");
    expect(await journal.markDelivered(object.id)).toBeUndefined();
  },
};
