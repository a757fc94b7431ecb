/** Two people's decisions, and the record of them. */
import { expect } from "vitest";
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
  requestFor,
} from "./journal-fixture.ts";
import type { JournalCases } from "./journal-suite.ts";

const requestCases: JournalCases = {
  "keeps a request and its record": async (under) => {
    const { journal } = under;
    const request = requestFor("release", ["a", "b"]);
    await journal.addRequest(request, act("requested", request.id));
    expect(await journal.request(request.id)).toEqual(request);
    expect(await journal.request("nobody")).toBeUndefined();
    expect(await journal.requests("pending", 10)).toEqual([request]);
    expect(await journal.requests("approved", 10)).toEqual([]);
    expect(await journal.records({ subject: request.id, limit: 10 })).toHaveLength(1);
  },

  "finds the requests that name an object, newest first": async (under) => {
    const { journal } = under;
    const first = requestFor("release", ["a-1", "b"], { requestedAt: 1_000 });
    const second = requestFor("purge", ["a-1"], { requestedAt: 2_000 });
    for (const request of [second, first]) await journal.addRequest(request, act("requested"));
    await journal.addRequest(requestFor("purge", ["A-1", "a-12", "xa-1"]), act("requested"));
    expect(await journal.withdrawRequest(first.id, act("withdrawn"))).toBe(true);
    expect(await journal.requestsOf("a-1")).toEqual([second, { ...first, state: "withdrawn" }]);
    for (const name of ["a", "a_1", "%", "", '"', "a-1\0"])
      expect(await journal.requestsOf(name)).toEqual([]);
  },

  "refuses requests that nobody could carry out": async (under) => {
    const { journal } = under;
    const wrong = [
      requestFor("purge", []),
      requestFor("release", ["a"], { destination: undefined }),
      requestFor("release", ["a"], { forReaders: { names: ["ward"], ms: 1 } }),
      ...[
        { names: [], ms: 1 },
        { names: ["ward", "ward"], ms: 1 },
        { names: ["ward\0"], ms: 1 },
        { names: ["ward"], ms: 0 },
        { names: ["ward"], ms: 7 * 24 * 3_600_000 + 1 },
      ].map((forReaders) => requestFor("release", ["a"], { destination: undefined, forReaders })),
      requestFor("purge", ["a"], { state: "approved" }),
      requestFor("purge", ["a\0"]),
      requestFor("purge", ["a"], { reason: "x".repeat(3_000) }),
    ];
    for (const request of wrong) {
      await expect(journal.addRequest(request, act("requested"))).rejects.toMatchObject({ code: "usage" });
    }
    expect(await journal.records({ limit: 10 })).toEqual([]);
  },

  "releases to readers for a time, until somebody ends it": async (under) => {
    const { journal } = under;
    const object = await held(journal);
    const forReaders = { names: ["ward", "office"], ms: 60_000 };
    const request = requestFor("release", [object.id], { destination: undefined, forReaders });
    await journal.addRequest(request, act("requested"));
    const at = request.requestedAt + 5;
    expect(await journal.releasesTo("ward", at)).toEqual([]);
    expect(await journal.approveRequest(request.id, "Grace", at, act("approved"))).toEqual([]);
    const approved = { ...request, state: "approved", approvedBy: "Grace", approvedAt: at };
    for (const reader of forReaders.names)
      expect(await journal.releasesTo(reader, at + 59_999)).toEqual([approved]);
    expect(await journal.releasesTo("ward", at + 60_000)).toEqual([]);
    for (const other of ["war", "ward,", "", "%"]) expect(await journal.releasesTo(other, at)).toEqual([]);
    expect(await journal.deliveriesOf(object.id)).toEqual([]);
    expect(await journal.withdrawRequest(request.id, act("ended"))).toBe(true);
    expect(await journal.withdrawRequest(request.id, act("ended"))).toBe(false);
    expect(await journal.releasesTo("ward", at)).toEqual([]);
  },

  "takes two people, whatever the spelling": async (under) => {
    const { journal } = under;
    const object = await held(journal);
    const request = requestFor("purge", [object.id], { requestedBy: "Ada Lovelace" });
    await journal.addRequest(request, act("requested"));
    for (const name of ["Ada Lovelace", " ada  lovelace", "AdaLovelace", "ＡＤＡ Lovelace"]) {
      const approval = journal.approveRequest(request.id, name, 4_000, act("approved"));
      await expect(approval).rejects.toMatchObject({ code: "usage" });
    }
    expect((await journal.object(object.id))!.state).toBe("held");
    expect((await journal.request(request.id))!.state).toBe("pending");
    expect(await journal.records({ limit: 10 })).toHaveLength(1);
  },

  "is carried out once when two approve at once": async (under) => {
    const { journal } = under;
    const other = await under.another();
    const object = await held(journal);
    const request = requestFor("release", [object.id, object.id, "nobody"]);
    await journal.addRequest(request, act("requested"));
    const approvals = await Promise.all([
      journal.approveRequest(request.id, "Grace", 4_000, act("approved")),
      other.approveRequest(request.id, "Mary", 4_000, act("approved")),
    ]);
    expect(approvals.filter((done) => done !== undefined)).toEqual([[]]);
    expect(await journal.deliveriesOf(object.id)).toHaveLength(1);
    expect(await journal.records({ limit: 10 })).toHaveLength(2);
    const kept = (await journal.request(request.id))!;
    expect(kept.state).toBe("approved");
    expect(kept.approvedAt).toBe(4_000);
    expect(await journal.withdrawRequest(request.id, act("withdrawn"))).toBe(false);
  },

  "a withdrawn request is not approved": async (under) => {
    const { journal } = under;
    const object = await held(journal);
    const request = requestFor("purge", [object.id]);
    await journal.addRequest(request, act("requested"));
    expect(await journal.withdrawRequest(request.id, act("withdrawn"))).toBe(true);
    expect(await journal.withdrawRequest(request.id, act("withdrawn"))).toBe(false);
    expect(await journal.approveRequest(request.id, "Grace", 4_000, act("approved"))).toBeUndefined();
    expect(await journal.approveRequest("nobody", "Grace", 4_000, act("approved"))).toBeUndefined();
    expect((await journal.object(object.id))!.state).toBe("held");
    expect(await journal.records({ limit: 10 })).toHaveLength(2);
  },

  "a second release of the same is never a second delivery": async (under) => {
    const { journal } = under;
    const object = await held(journal);
    await decided(journal, "release", [object.id]);
    const [lease] = await journal.claimDeliveries("a", "workstation", 1, leaseMs, 10_000);
    await decided(journal, "release", [object.id], 10_500);
    expect(await journal.deliveriesOf(object.id)).toMatchObject([{ nextAttemptAt: 4_000, attempts: 1 }]);
    expect(await journal.completeDelivery(lease!.work.delivery.id, lease!.fence, 11_000)).toBe(true);
    expect(await journal.deliveriesOf(object.id)).toMatchObject([{ state: "delivered", createdAt: 4_000 }]);
    await decided(journal, "release", [object.id], 12_000);
    const deliveries = await journal.deliveriesOf(object.id);
    expect(deliveries).toMatchObject([
      { state: "due", nextAttemptAt: 12_000, deliveredAt: undefined, attempts: 0 },
    ]);
  },

  "leaves alone what is held no more": async (under) => {
    const { journal } = under;
    const object = received();
    await judged(journal, object, admitting, ["pacs"]);
    expect(await decided(journal, "purge", [object.id])).toEqual([]);
    await decided(journal, "release", [object.id]);
    expect((await journal.object(object.id))!.state).toBe("admitted");
    expect(await journal.deliveriesOf(object.id)).toMatchObject([{ destination: "pacs", released: false }]);
  },
};

const purgeCases: JournalCases = {
  "gives out for deletion what nothing else refers to": async (under) => {
    const { journal } = under;
    const inStore = await held(journal);
    const inSpool = received();
    await judged(journal, inSpool, { ...holding, stored: false });
    const purged = await decided(journal, "purge", [inStore.id, inSpool.id]);
    expect(purged.map(({ id, state, stored, location }) => ({ id, state, stored, location }))).toEqual([
      { id: inStore.id, state: "purged", stored: true, location: undefined },
      { id: inSpool.id, state: "purged", stored: false, location: inSpool.location },
    ]);
    for (const { id } of purged) {
      const row = await journal.object(id);
      expect(row).toMatchObject({ state: "purged", stored: false, location: undefined, verdict: "altered" });
    }
    expect(await journal.markStored(inSpool.id)).toBeUndefined();
    expect(await journal.recheck([inStore.id])).toBe(0);
  },

  "keeps bytes that another object needs": async (under) => {
    const { journal } = under;
    const digest = digestOf(1);
    const first = await held(journal, { digest });
    const second = await held(journal, { digest });
    expect(await decided(journal, "purge", [first.id])).toEqual([]);
    expect((await journal.object(first.id))!.state).toBe("purged");
    const waiting = received({ digest });
    await journal.addReceived([waiting]);
    expect(await decided(journal, "purge", [second.id])).toEqual([]);
    await judged(journal, received({ digest: digestOf(2), sopInstanceUid: "2.25.1" }), {
      ...admitting,
      stored: true,
    });
    const sameBytes = await held(journal, { digest: digestOf(2), sopInstanceUid: "2.25.2" });
    expect(await decided(journal, "purge", [sameBytes.id])).toEqual([]);
    const both = [await held(journal, { digest: digestOf(3) }), await held(journal, { digest: digestOf(3) })];
    const ids = both.map(({ id }) => id);
    expect((await decided(journal, "purge", ids)).map(({ id }) => id)).toEqual(ids);
  },

  "gives out once more what a purge gave out, and nothing else": async (under) => {
    const { journal } = under;
    const [gone, sent] = [await held(journal), await held(journal)];
    const kept = await held(journal);
    await decided(journal, "purge", [gone.id, sent.id], 100_000);
    const again = received({ digest: sent.digest });
    await journal.addReceived([again]);
    const digests = [gone.digest, gone.digest, sent.digest, kept.digest, digestOf(9)];
    expect(await journal.renewPurge(digests, 200_000)).toEqual([gone.digest]);
    // As at the first time, what arrives with these bytes waits a minute; what another one needs does not.
    const third = received({ digest: gone.digest });
    await journal.addReceived([third]);
    const claimed = await journal.claimReceived("a", 9, leaseMs, 259_999);
    expect(claimed.map(({ work }) => work.id)).toEqual([again.id]);
    expect(await journal.claimReceived("a", 9, leaseMs, 260_000)).toHaveLength(1);
    expect(await journal.renewPurge([], 300_000)).toEqual([]);
  },

  "what arrives with purged bytes is judged after they are deleted": async (under) => {
    const { journal } = under;
    const digest = digestOf(1);
    const object = await held(journal, { digest });
    expect(await decided(journal, "purge", [object.id], 100_000)).toHaveLength(1);
    const again = received({ digest });
    await journal.addReceived([again]);
    expect(await journal.claimReceived("a", 9, leaseMs, 159_999)).toEqual([]);
    expect(await journal.claimReceived("a", 9, leaseMs, 160_000)).toHaveLength(1);
  },

  "what was still to be delivered of a purged object is dead, and stays so": async (under) => {
    const { journal } = under;
    const object = await held(journal);
    await decided(journal, "release", [object.id]);
    const [lease] = await journal.claimDeliveries("a", "workstation", 1, leaseMs, 10_000);
    await decided(journal, "purge", [object.id]);
    expect(await journal.completeDelivery(lease!.work.delivery.id, lease!.fence, 10_001)).toBe(false);
    expect(await journal.reviveDeliveries(undefined, 20_000)).toBe(0);
    expect(await journal.deadDeliveries(10)).toMatchObject([{ lastError: "the object was purged" }]);
  },
};

export const quarantineCases: JournalCases = {
  ...requestCases,
  ...purgeCases,

  "records are only added, newest first": async (under) => {
    const { journal } = under;
    const records = [act("a", "x", 1), act("b", "y", 3), act("c", "x", 2), act("d", "x", 3)];
    for (const record of records) await journal.addRecord(record);
    expect((await journal.records({ limit: 10 })).map((row) => row.act)).toEqual(["d", "b", "c", "a"]);
    expect((await journal.records({ subject: "x", limit: 2 })).map((row) => row.act)).toEqual(["d", "c"]);
    expect(await journal.records({ subject: "y", limit: 2 })).toEqual([records[1]]);
    await expect(journal.addRecord(records[0]!)).rejects.toMatchObject({ code: "io" });
  },
};
