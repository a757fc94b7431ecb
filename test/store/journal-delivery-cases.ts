/** What is owed to destinations. */
import { expect } from "vitest";
import type { Journal } from "../../src/store/journal/journal.ts";
import { admitting, decided, held, judged, leaseMs, received } from "./journal-fixture.ts";
import type { JournalCases } from "./journal-suite.ts";

async function admitted(journal: Journal, destinations: readonly string[], at = 2_000): Promise<string> {
  const object = received();
  await judged(journal, object, { ...admitting, judgedAt: at }, destinations);
  return object.id;
}

export const deliveryCases: JournalCases = {
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
