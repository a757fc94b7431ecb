/** One admitted object for each SOP Instance UID, whatever arrives and in whatever order. */
import { expect } from "vitest";
import { damagedCopyError } from "../../src/store/journal/journal.ts";
import {
  act,
  admitting,
  digestOf,
  held,
  holding,
  judged,
  judgedAgain,
  leaseMs,
  received,
} from "./journal-fixture.ts";
import type { JournalCases } from "./journal-suite.ts";

export const judgementCases: JournalCases = {
  "admits: state, judgement, one delivery for each destination": async (under) => {
    const { journal } = under;
    const object = received();
    const outcome = await judged(journal, object, { ...admitting, payloadDigest: "p" }, [
      "pacs",
      "pacs",
      "second",
    ]);
    expect(outcome).toEqual({ result: "committed", state: "admitted", spoolFreed: false });
    expect(await journal.object(object.id)).toMatchObject({
      state: "admitted",
      verdict: "verified",
      basis: "verified",
      judgedAt: 2_000,
      location: object.location,
    });
    const there = await journal.admittedInstance(object.sopInstanceUid);
    expect(there).toEqual({ objectId: object.id, digest: object.digest, payloadDigest: "p" });
    expect(await journal.admittedInstance("2.25.1")).toBeUndefined();
    const deliveries = await journal.deliveriesOf(object.id);
    expect(deliveries.map(({ destination }) => destination).sort()).toEqual(["pacs", "second"]);
    expect(deliveries[0]).toMatchObject({ state: "due", attempts: 0, nextAttemptAt: 2_000, released: false });
  },

  "holds: nothing is delivered, the spool is free when the store has it": async (under) => {
    const { journal } = under;
    const inStore = received();
    const stored = await judged(journal, inStore, holding, ["pacs"]);
    expect(stored).toEqual({ result: "committed", state: "held", spoolFreed: true });
    const inSpool = received();
    const kept = await judged(journal, inSpool, { ...holding, stored: false });
    expect(kept).toEqual({ result: "committed", state: "held", spoolFreed: false });
    expect((await journal.object(inSpool.id))!.location).toEqual(inSpool.location);
    expect(await journal.deliveriesOf(inStore.id)).toEqual([]);
    expect(await journal.object(inStore.id)).toMatchObject({
      findings: holding.findings,
      disposition: "held",
    });
  },

  "the same bytes again are a re-send, admitted or not": async (under) => {
    const { journal } = under;
    const first = received();
    await judged(journal, first, admitting, ["pacs"]);
    for (const judgement of [admitting, { ...holding, stored: true }]) {
      const again = received({ sopInstanceUid: first.sopInstanceUid, digest: first.digest });
      const outcome = await judged(journal, again, judgement, ["pacs"]);
      expect(outcome).toEqual({
        result: "committed",
        state: "resent",
        spoolFreed: true,
        relatedId: first.id,
      });
      expect(await journal.object(again.id)).toMatchObject({
        location: undefined,
        stored: false,
        relatedId: first.id,
      });
      expect(await journal.deliveriesOf(again.id)).toEqual([]);
    }
  },

  "the same sealed object in another encoding is a re-send when it passes, and evidence when it does not":
    async (under) => {
      const { journal } = under;
      const first = received();
      const sealed = { ...admitting, payloadDigest: "payload" };
      await judged(journal, first, sealed);
      const other = received({ sopInstanceUid: first.sopInstanceUid });
      expect(await judged(journal, other, sealed)).toMatchObject({ state: "resent", relatedId: first.id });
      const painted = received({ sopInstanceUid: first.sopInstanceUid });
      const outcome = await judged(journal, painted, { ...holding, payloadDigest: "payload" });
      expect(outcome).toMatchObject({ state: "held" });
      const unsealed = received();
      await judged(journal, unsealed, admitting);
      const another = received({ sopInstanceUid: unsealed.sopInstanceUid });
      expect(await judged(journal, another, admitting)).toMatchObject({ result: "conflict" });
    },

  "anything else under an admitted UID is a conflict, and nothing is written until it is held": async (
    under,
  ) => {
    const { journal } = under;
    const first = received();
    await judged(journal, first, { ...admitting, payloadDigest: "one" });
    const other = received({ sopInstanceUid: first.sopInstanceUid });
    await journal.addReceived([other]);
    const [lease] = await journal.claimReceived("worker", 1, leaseMs, 5_000);
    const commit = (judgement: typeof admitting) =>
      journal.commitJudgement(other.id, lease!.fence, judgement, ["pacs"]);
    const refused = await commit({ ...admitting, payloadDigest: "two" });
    expect(refused).toEqual({ result: "conflict", conflictWith: first.id });
    expect((await journal.object(other.id))!.state).toBe("received");
    expect(await commit(holding)).toMatchObject({ result: "committed", state: "held" });
    expect((await journal.admittedInstance(first.sopInstanceUid))!.objectId).toBe(first.id);
  },

  "two objects of one UID at once: one is admitted, the other conflicts": async (under) => {
    const { journal } = under;
    const other = await under.another();
    for (let round = 0; round < 10; round++) {
      const pair = [
        received({ sopInstanceUid: `2.25.${round}` }),
        received({ sopInstanceUid: `2.25.${round}` }),
      ];
      await journal.addReceived(pair);
      const leases = await journal.claimReceived("worker", 2, leaseMs, 5_000);
      const outcomes = await Promise.all(
        [journal, other].map((each, n) =>
          each.commitJudgement(pair[n]!.id, leases[n]!.fence, admitting, ["pacs"]),
        ),
      );
      expect(outcomes.map(({ result }) => result).sort()).toEqual(["committed", "conflict"]);
      await journal.releaseLeases("worker");
      const [loser] = await journal.claimReceived("worker", 1, leaseMs, 5_000);
      await journal.commitJudgement(loser!.work.id, loser!.fence, holding, []);
    }
    expect((await journal.counts()).objects).toMatchObject({ admitted: 10, held: 10 });
  },

  "the same held twice is kept once": async (under) => {
    const { journal } = under;
    const first = await held(journal, { digest: digestOf(1), sopInstanceUid: "2.25.1" });
    const again = received({ digest: digestOf(1), sopInstanceUid: "2.25.1" });
    const outcome = await judged(journal, again, holding);
    expect(outcome).toEqual({ result: "committed", state: "resent", spoolFreed: true, relatedId: first.id });
    const otherName = received({ digest: digestOf(1), sopInstanceUid: "2.25.2" });
    expect(await judged(journal, otherName, holding)).toMatchObject({ state: "held" });
  },

  "what was held is resolved when the same is admitted, and its bytes are the admitted one's": async (
    under,
  ) => {
    const { journal } = under;
    const first = await held(journal, { digest: digestOf(1), sopInstanceUid: "2.25.1" });
    const again = received({ digest: digestOf(1), sopInstanceUid: "2.25.1" });
    const outcome = await judged(journal, again, admitting, ["pacs"]);
    expect(outcome).toEqual({ result: "committed", state: "admitted", spoolFreed: true });
    expect(await journal.object(first.id)).toMatchObject({
      state: "resolved",
      relatedId: again.id,
      stored: false,
    });
    expect(await journal.object(again.id)).toMatchObject({ stored: true, location: undefined });
  },

  "what was held is admitted itself after a recheck": async (under) => {
    const { journal } = under;
    const object = await held(journal);
    await journal.recheck([object.id]);
    const outcome = await judgedAgain(journal, object.id, admitting, ["pacs"]);
    expect(outcome).toEqual({ result: "committed", state: "admitted", spoolFreed: false });
    expect(await journal.object(object.id)).toMatchObject({
      stored: true,
      verdict: "verified",
      findings: [],
    });
    expect(await journal.deliveriesOf(object.id)).toHaveLength(1);
  },

  "a damaged copy is not kept in place of a fresh one": async (under) => {
    const { journal } = under;
    const first = received();
    await judged(journal, first, admitting, ["pacs", "second", "third"]);
    const again = received({ sopInstanceUid: first.sopInstanceUid, digest: first.digest });
    for (const [destination, error] of [
      ["pacs", damagedCopyError],
      ["second", "refused"],
    ] as const) {
      const [lease] = await journal.claimDeliveries("worker", destination, 1, leaseMs, 5_000);
      await journal.failDelivery(lease!.work.delivery.id, lease!.fence, error, undefined);
    }
    await journal.reportDamage(act("object.bytes-changed", first.id));
    const damaged = { result: "damaged", objectId: first.id };
    expect(await judged(journal, again, admitting, ["pacs"])).toEqual(damaged);
    expect((await journal.object(again.id))!.state).toBe("received");
    expect(await journal.restoreCopy(act("object.bytes-restored", first.id, 6_000))).toEqual(first.location);
    expect(await journal.restoreCopy(act("object.bytes-restored", first.id))).toBeUndefined();
    expect(await journal.object(first.id)).toMatchObject({ stored: true, location: undefined });
    const deliveries = await journal.deliveriesOf(first.id);
    expect(
      Object.fromEntries(
        deliveries.map(({ destination, state, attempts }) => [destination, [state, attempts]]),
      ),
    ).toEqual({ pacs: ["due", 0], second: ["dead", 1], third: ["due", 0] });
    expect(await judgedAgain(journal, again.id, admitting, ["pacs"])).toMatchObject({ state: "resent" });
    expect(
      (await journal.records({ subject: first.id, limit: 9 })).map((record) => record.act).sort(),
    ).toEqual(["object.bytes-changed", "object.bytes-restored"]);
  },

  "a damaged copy in quarantine is replaced before the same object is held or admitted": async (under) => {
    const { journal } = under;
    for (const judgement of [holding, admitting]) {
      const first = await held(journal);
      await journal.reportDamage(act("object.bytes-changed", first.id));
      const again = received({ digest: first.digest, sopInstanceUid: first.sopInstanceUid });
      expect(await judged(journal, again, judgement)).toEqual({ result: "damaged", objectId: first.id });
      expect(await journal.restoreCopy(act("object.bytes-restored", first.id))).toBeUndefined();
      expect(await judgedAgain(journal, again.id, judgement)).toMatchObject({ result: "committed" });
    }
  },

  "what is damaged and kept no more, or came again damaged, is a re-send as ever": async (under) => {
    const { journal } = under;
    const first = received();
    await judged(journal, first, admitting, ["pacs"]);
    const again = received({ sopInstanceUid: first.sopInstanceUid, digest: first.digest });
    for (const id of [first.id, again.id]) {
      if (id === again.id) await journal.addReceived([again]);
      await journal.reportDamage(act("object.bytes-changed", id));
    }
    expect(await judged(journal, again, admitting)).toMatchObject({ state: "resent" });
    const [lease] = await journal.claimDeliveries("worker", "pacs", 1, leaseMs, 5_000);
    await journal.completeDelivery(lease!.work.delivery.id, lease!.fence, 5_000);
    await journal.markDelivered(first.id);
    const third = received({ sopInstanceUid: first.sopInstanceUid, digest: first.digest });
    expect(await judged(journal, third, admitting)).toMatchObject({ state: "resent" });
    expect(await journal.restoreCopy(act("object.bytes-restored", first.id))).toBeUndefined();
  },

  "knows the sources of a study's verified seals": async (under) => {
    const { journal } = under;
    const sealed = { ...admitting, sealedBy: "device-7" };
    await judged(journal, received({ studyInstanceUid: "2.25.1", source: "b" }), sealed);
    await judged(journal, received({ studyInstanceUid: "2.25.1", source: "a" }), sealed);
    await judged(journal, received({ studyInstanceUid: "2.25.1", source: "a" }), sealed);
    await judged(journal, received({ studyInstanceUid: "2.25.1", source: "unsealed" }), admitting);
    const altered = { ...holding, sealedBy: "device-7" };
    await judged(journal, received({ studyInstanceUid: "2.25.1", source: "forger" }), altered);
    await judged(journal, received({ studyInstanceUid: undefined, source: "c" }), sealed);
    expect(await journal.sealedStudySources("2.25.1")).toEqual(["a", "b"]);
    expect(await journal.sealedStudySources("2.25.2")).toEqual([]);
  },
};
