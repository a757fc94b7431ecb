/** What waits to be judged, and who has it. */
import { expect } from "vitest";
import { admitting, claimOne, digestOf, held, judged, leaseMs, received } from "./journal-fixture.ts";
import type { JournalCases } from "./journal-suite.ts";

export const workCases: JournalCases = {
  "keeps what was received": async (under) => {
    const { journal } = under;
    const object = received({
      seriesInstanceUid: undefined,
      studyInstanceUid: undefined,
      modality: undefined,
    });
    await journal.addReceived([object]);
    expect(await journal.object(object.id)).toEqual({
      ...object,
      state: "received",
      stored: false,
      judgedAt: undefined,
      verdict: undefined,
      disposition: undefined,
      assurance: undefined,
      basis: undefined,
      mode: undefined,
      enforced: undefined,
      findings: [],
      relatedId: undefined,
    });
    expect(await journal.object("nobody")).toBeUndefined();
  },

  "keeps the location of an object in ten thousands of pieces": async (under) => {
    const { journal } = under;
    const extent = { segment: "segment-00000001.0123456789abcdef", offset: 4_160, length: 589_760 };
    const extents = Array.from({ length: 20_000 }, () => extent);
    const object = received({ location: { extents, bytes: 20_000 * extent.length } });
    await journal.addReceived([received(), object]);
    expect((await journal.object(object.id))!.location).toEqual(object.location);
  },

  "recovery repeats: a row that is there stays as it is": async (under) => {
    const { journal } = under;
    const first = received();
    await judged(journal, first, admitting);
    const before = await journal.object(first.id);
    const second = received();
    await journal.addReceived([{ ...first, source: "other" }, second, second]);
    await journal.addReceived([]);
    expect(await journal.object(first.id)).toEqual(before);
    expect(await journal.objects({ limit: 10 })).toHaveLength(2);
  },

  "adds and knows more rows than a statement takes": async (under) => {
    const { journal } = under;
    const objects = Array.from({ length: 1_203 }, () => received());
    await journal.addReceived(objects);
    await journal.markStored(objects[1_200]!.id);
    const known = await journal.known([...objects.map(({ id }) => id), "unknown"]);
    expect(known.size).toBe(1_203);
    expect(known.get(objects[0]!.id)).toEqual({ inSpool: true });
    expect(known.get(objects[1_200]!.id)).toEqual({ inSpool: false });
  },

  "gives work to one owner at a time, oldest first, until the lease ends": async (under) => {
    const { journal } = under;
    const objects = [received(), received(), received()];
    await journal.addReceived([...objects].reverse());
    const first = await journal.claimReceived("a", 2, leaseMs, 10_000);
    expect(first.map(({ work, fence, attempt }) => [work.id, fence, attempt])).toEqual([
      [objects[0]!.id, 1, 1],
      [objects[1]!.id, 1, 1],
    ]);
    const second = await journal.claimReceived("b", 2, leaseMs, 10_000);
    expect(second.map(({ work }) => work.id)).toEqual([objects[2]!.id]);
    expect(await journal.claimReceived("b", 2, leaseMs, 10_000 + leaseMs - 1)).toEqual([]);
    const later = await journal.claimReceived("b", 9, leaseMs, 10_000 + leaseMs);
    expect(later.map(({ fence, attempt }) => [fence, attempt])).toEqual([
      [2, 2],
      [2, 2],
      [2, 2],
    ]);
  },

  "fences off the worker whose lease went to another": async (under) => {
    const { journal } = under;
    const object = received();
    await journal.addReceived([object]);
    const [slow] = await journal.claimReceived("slow", 1, leaseMs, 10_000);
    const [quick] = await journal.claimReceived("quick", 1, leaseMs, 10_000 + leaseMs);
    const late = await journal.commitJudgement(object.id, slow!.fence, admitting, ["pacs"]);
    expect(late).toEqual({ result: "lease-lost" });
    expect((await journal.object(object.id))!.state).toBe("received");
    expect(await journal.deliveriesOf(object.id)).toEqual([]);
    const done = await journal.commitJudgement(object.id, quick!.fence, admitting, ["pacs"]);
    expect(done.result).toBe("committed");
    const twice = await journal.commitJudgement(object.id, quick!.fence, admitting, ["pacs"]);
    expect(twice).toEqual({ result: "lease-lost" });
    expect(await journal.deliveriesOf(object.id)).toHaveLength(1);
    const nobody = await journal.commitJudgement("nobody", 1, admitting, []);
    expect(nobody).toEqual({ result: "lease-lost" });
  },

  "a lease that is over and nobody else's still commits": async (under) => {
    const { journal } = under;
    const object = received();
    await journal.addReceived([object]);
    const [lease] = await journal.claimReceived("slow", 1, 1, 10_000);
    const outcome = await journal.commitJudgement(
      object.id,
      lease!.fence,
      { ...admitting, judgedAt: 99_999 },
      [],
    );
    expect(outcome.result).toBe("committed");
  },

  "gives back the leases of an owner that is gone, and its late commit is lost": async (under) => {
    const { journal } = under;
    const object = received();
    await journal.addReceived([object]);
    const [gone] = await journal.claimReceived("gone", 1, leaseMs, 10_000);
    await journal.releaseLeases("somebody else");
    expect(await journal.claimReceived("next", 1, leaseMs, 10_000)).toEqual([]);
    await journal.releaseLeases("gone");
    const late = await journal.commitJudgement(object.id, gone!.fence, admitting, []);
    expect(late).toEqual({ result: "lease-lost" });
    const [next] = await journal.claimReceived("next", 1, leaseMs, 10_000);
    expect([next!.fence, next!.attempt]).toEqual([2, 2]);
  },

  "gives back the leases that their owner does not know of, and no others": async (under) => {
    const { journal } = under;
    const objects = Array.from({ length: 3 }, () => received());
    await journal.addReceived(objects);
    const leases = await journal.claimReceived("gate", 2, leaseMs, 10_000);
    const [other] = await journal.claimReceived("other", 1, leaseMs, 10_000);
    const [kept, lost] = leases.map(({ work }) => work.id);
    await journal.releaseLeases("gate", { of: "deliveries", destination: "pacs", underWay: [] });
    expect(await journal.claimReceived("gate", 9, leaseMs, 10_000)).toEqual([]);
    await journal.releaseLeases("gate", { of: "objects", underWay: [kept!] });
    const again = await journal.claimReceived("gate", 9, leaseMs, 10_000);
    // The claim whose answer never came was no attempt.
    expect(again.map(({ work, fence, attempt }) => [work.id, fence, attempt])).toEqual([[lost, 2, 1]]);
    const commit = (id: string, fence: number) => journal.commitJudgement(id, fence, admitting, []);
    expect(await commit(kept!, leases[0]!.fence)).toMatchObject({ result: "committed" });
    expect(await commit(other!.work.id, other!.fence)).toMatchObject({ result: "committed" });
  },

  "never gives the same work twice, whoever asks at once": async (under) => {
    const { journal } = under;
    const others = await Promise.all([under.another(), under.another()]);
    const objects = Array.from({ length: 60 }, () => received());
    await journal.addReceived(objects);
    const claims = [journal, ...others].flatMap((each, owner) =>
      [1, 2, 3, 4].map(() => each.claimReceived(`owner-${owner}`, 7, leaseMs, 10_000)),
    );
    const ids = (await Promise.all(claims)).flat().map(({ work }) => work.id);
    expect(new Set(ids).size).toBe(ids.length);
    const rest = await journal.claimReceived("last", 1_000, leaseMs, 10_000);
    expect(ids.length + rest.length).toBe(60);
  },

  "commits judgements side by side, each with its own outcome": async (under) => {
    const { journal } = under;
    const objects = Array.from({ length: 150 }, (_, n) =>
      received({ sopInstanceUid: `2.25.${n % 100}`, digest: digestOf(n) }),
    );
    await journal.addReceived(objects);
    const leases = await journal.claimReceived("worker", 1_000, leaseMs, 10_000);
    const outcomes = await Promise.all(
      leases
        .map(({ work, fence }, n) =>
          n === 17
            ? journal.commitJudgement(work.id, fence, { ...admitting, verdict: "\0" }, [])
            : journal.commitJudgement(work.id, n === 18 ? fence + 1 : fence, admitting, ["pacs"]),
        )
        .map((outcome) => outcome.catch((error: unknown) => ({ result: (error as { code: string }).code }))),
    );
    const count = (result: string) => outcomes.filter((outcome) => outcome.result === result).length;
    expect(outcomes[17]).toEqual({ result: "usage" });
    expect(outcomes[18]).toEqual({ result: "lease-lost" });
    // 0 to 99 less two, and the two of the second round that found their UID free.
    expect([count("committed"), count("conflict")]).toEqual([100, 48]);
  },

  "moves to the object store and leaves the spool": async (under) => {
    const { journal } = under;
    const admitted = received();
    await judged(journal, admitted, { ...admitting, judgedAt: 2_000 });
    expect(await journal.unsettled(2_000, 10)).toEqual([]);
    expect((await journal.unsettled(2_001, 10)).map(({ id }) => id)).toEqual([admitted.id]);
    expect(await journal.markStored(admitted.id)).toEqual(admitted.location);
    expect(await journal.markStored(admitted.id)).toBeUndefined();
    expect(await journal.markStored("nobody")).toBeUndefined();
    expect(await journal.unsettled(2_001, 10)).toEqual([]);
    expect(await journal.object(admitted.id)).toMatchObject({ stored: true, location: undefined });
  },

  "rechecks what is held, and only that": async (under) => {
    const { journal } = under;
    const inQuarantine = await held(journal);
    const admitted = received();
    await judged(journal, admitted, admitting);
    expect(await journal.recheck([inQuarantine.id, inQuarantine.id, admitted.id, "nobody"])).toBe(1);
    expect(await journal.object(inQuarantine.id)).toMatchObject({
      state: "received",
      stored: true,
      verdict: undefined,
      judgedAt: undefined,
      findings: [],
    });
    const lease = await claimOne(journal, inQuarantine.id);
    expect(lease.fence).toBeGreaterThan(1);
    expect(lease.work.location).toBeUndefined();
  },
};
