/** What people and metrics ask, and what hostile objects may say. */
import { expect } from "vitest";
import type { Journal, Judgement } from "../../src/store/journal/journal.ts";
import { act, admitting, digestOf, held, holding, judged, received, requestFor } from "./journal-fixture.ts";
import type { JournalCases } from "./journal-suite.ts";

async function releaseOf(journal: Journal, id: string, destination: string, at: number): Promise<void> {
  const request = requestFor("release", [id], { destination });
  await journal.addRequest(request, act("requested"));
  await journal.approveRequest(request.id, "Grace", at, act("approved"));
}

export const questionCases: JournalCases = {
  "lists by each attribute, in pages, ascending by id": async (under) => {
    const { journal } = under;
    const objects = Array.from({ length: 25 }, (_, n) =>
      received({
        source: `source-${n % 2}`,
        studyInstanceUid: `2.25.${n % 3}`,
        seriesInstanceUid: `2.25.9${n % 5}`,
      }),
    );
    await journal.addReceived(objects);
    const ids = objects.map(({ id }) => id);
    const seen: string[] = [];
    for (let after: string | undefined; ; ) {
      const page = await journal.objects({ limit: 10, after });
      if (page.length === 0) break;
      seen.push(...page.map(({ id }) => id));
      after = seen.at(-1);
    }
    expect(seen).toEqual(ids);
    const some = await journal.objects({ limit: 1_000, source: "source-1", studyInstanceUid: "2.25.2" });
    expect(some.map(({ id }) => id)).toEqual(ids.filter((_, n) => n % 2 === 1 && n % 3 === 2));
    const series = await journal.objects({ limit: 1_000, seriesInstanceUid: "2.25.93" });
    expect(series).toHaveLength(5);
    const [one] = await journal.objects({ limit: 1, sopInstanceUid: objects[7]!.sopInstanceUid });
    expect(one?.id).toBe(ids[7]);
    expect(await journal.objects({ limit: 1_000, judgedSince: 0 })).toEqual([]);
    const ended = await journal.objects({ limit: 10, idEnding: ids[7]!.slice(-8) });
    expect(ended.map(({ id }) => id)).toEqual([ids[7]]);
    for (const idEnding of ["", "%", "0000000", "_".repeat(8), "A".repeat(8)])
      await expect(journal.objects({ limit: 1, idEnding })).rejects.toMatchObject({ code: "usage" });
    for (const limit of [0, 1_001, 1.5]) {
      await expect(journal.objects({ limit })).rejects.toMatchObject({ code: "usage" });
    }
  },

  "counts what a source sent, by what became of it, from a time on": async (under) => {
    const { journal } = under;
    const finding = (code: string, severity: "error" | "warning" | "info", layer = "seal") => {
      return { code, severity, layer, location: {}, message: "It is so.", detail: code };
    };
    const unsealed: Judgement = {
      ...admitting,
      ...{ verdict: "unsealed", mode: "observe", enforced: "held", basis: "observed" },
      findings: [finding("hidden-bytes", "warning", "format"), finding("seal-missing", "warning")],
    };
    const before = received({ source: "us" });
    await judged(journal, before, unsealed);
    const [first, ...more] = Array.from({ length: 3 }, () => received({ source: "us", peerTitle: "US1" }));
    for (const object of [first!, ...more]) await judged(journal, object, unsealed);
    await judged(journal, received({ source: "us" }), { ...admitting, sealedBy: "US 1" });
    await judged(
      journal,
      { ...received({ source: "us" }), digest: first!.digest, sopInstanceUid: first!.sopInstanceUid },
      unsealed,
    );
    const returned = {
      tolerate: [],
      expectation: { instance: "same", seal: "other", isOlder: false },
    } as const;
    await judged(journal, received({ source: "us", arrival: { uidDiffers: false, returned } }), unsealed);
    await held(journal, { source: "us" });
    await held(journal, { source: "ct" });
    await journal.addReceived([received({ source: "us" })]);
    const since = 0;
    const tallies = await journal.bySource().tallies({ source: "us", since });
    const told = tallies.map(({ state, verdict, cause, enforced, objects }) =>
      [state, verdict, cause, enforced, objects].join(" "),
    );
    expect(told.sort()).toEqual([
      "admitted unsealed seal-missing held 4",
      "admitted verified  delivered 1",
      "held altered pixels-changed held 1",
      "received    1",
    ]);
    const kinds = await journal.bySource().kinds({ source: "us", since }, 2);
    expect(kinds.map(({ peerTitle, objects }) => `${peerTitle} ${objects}`)).toEqual(["US1 3", "MODALITY 1"]);
    expect(kinds[0]).toMatchObject({
      examples: [first!.id, more[1]!.id],
      sealedBy: undefined,
      modality: "CT",
    });
    const like = { verdicts: ["altered"], causes: ["seal-missing"] };
    const samples = await journal.bySource().samples({ source: "us", since }, like, 3);
    expect(samples.map(({ verdict }) => verdict)).toEqual(["altered", "unsealed", "unsealed"]);
    // What would fill the memory, a thousand at once, is left out.
    const talkative = { ...unsealed.findings[1]!, detail: "x".repeat(70_000) };
    await judged(journal, received({ source: "talkative" }), { ...unsealed, findings: [talkative] });
    await judged(journal, received({ source: "talkative" }), unsealed);
    expect(await journal.bySource().samples({ source: "talkative", since }, like, 3)).toHaveLength(1);
    expect(await journal.bySource().tallies({ source: "us", since: Date.now() + 60_000 })).toEqual([]);
    expect(await journal.bySource().tallies({ source: "u\0s", since })).toEqual([]);
    for (const wrong of [-1, 0.5, 2 ** 48])
      await expect(journal.bySource().tallies({ source: "us", since: wrong })).rejects.toMatchObject({
        code: "usage",
      });
    await expect(journal.bySource().kinds({ source: "us", since }, 1_001)).rejects.toMatchObject({
      code: "usage",
    });
  },

  "finds what was judged since, for the dry run": async (under) => {
    const { journal } = under;
    const early = received();
    const late = received();
    await judged(journal, early, { ...admitting, mode: "observe", enforced: "held", judgedAt: 2_000 });
    await judged(journal, late, { ...admitting, mode: "observe", enforced: "held", judgedAt: 3_000 });
    const found = await journal.objects({ limit: 10, judgedSince: 3_000 });
    expect(found.map(({ id, mode, enforced }) => ({ id, mode, enforced }))).toEqual([
      { id: late.id, mode: "observe", enforced: "held" },
    ]);
  },

  "sums up what is held, study by study, latest first": async (under) => {
    const { journal } = under;
    const first = await held(journal, {
      studyInstanceUid: "2.25.1",
      seriesInstanceUid: "2.25.11",
      receivedAt: 10,
    });
    await held(journal, {
      studyInstanceUid: "2.25.1",
      seriesInstanceUid: "2.25.12",
      receivedAt: 30,
      source: "mr",
    });
    const unread = { studyInstanceUid: undefined, seriesInstanceUid: undefined, receivedAt: 40 };
    const { id: unreadId } = await held(journal, unread);
    const unjudged = received({ studyInstanceUid: "2.25.1", seriesInstanceUid: "2.25.12", receivedAt: 20 });
    await judged(journal, unjudged, { ...holding, verdict: undefined });
    await judged(journal, received({ studyInstanceUid: "2.25.1" }), admitting);
    expect(await journal.releasedHeld()).toBe(0);
    // To two places, the first one twice: one object.
    for (const [at, destination] of [
      [10_000, "reading"],
      [11_000, "reading"],
      [12_000, "teaching"],
    ] as const)
      await releaseOf(journal, first.id, destination, at);
    expect(await journal.releasedHeld()).toBe(1);
    expect(await journal.heldStudies(10)).toEqual([
      {
        studyInstanceUid: undefined,
        objects: 1,
        released: 0,
        series: 0,
        verdicts: { altered: 1 },
        samples: { altered: unreadId },
        sources: ["ct-1"],
        firstAt: 40,
        lastAt: 40,
      },
      {
        studyInstanceUid: "2.25.1",
        objects: 3,
        released: 1,
        series: 2,
        verdicts: { altered: 2, undetermined: 1 },
        samples: { altered: first.id, undetermined: unjudged.id },
        sources: ["ct-1", "mr"],
        firstAt: 10,
        lastAt: 30,
      },
    ]);
    expect(await journal.heldStudies(1)).toHaveLength(1);
  },

  "counts states and knows what waits longest": async (under) => {
    const { journal } = under;
    const nothing = await journal.counts();
    expect(nothing.oldestReceivedAt).toBeUndefined();
    expect(nothing.oldestDueAt).toBeUndefined();
    await held(journal);
    await judged(journal, received(), { ...admitting, judgedAt: 2_500 }, ["pacs", "second"]);
    await journal.addReceived([received({ receivedAt: 70 }), received({ receivedAt: 60 })]);
    const counts = await journal.counts();
    expect(counts.objects).toEqual({
      received: 2,
      admitted: 1,
      held: 1,
      resent: 0,
      resolved: 0,
      purged: 0,
      sealed: 0,
    });
    expect(counts.deliveries).toEqual({ due: 2, delivered: 0, dead: 0 });
    expect(counts.oldestReceivedAt).toBe(60);
    expect(counts.oldestDueAt).toBe(2_500);
  },

  "answers while open, and not after": async (under) => {
    const { journal } = under;
    await journal.ping();
    await journal.close();
    await journal.close();
    await expect(journal.ping()).rejects.toMatchObject({ code: "io" });
    await expect(journal.addReceived([received()])).rejects.toMatchObject({ code: "io" });
  },
};

const nasty = "'; drop table objects; -- \" \\ % _ \u{1F9E0} é";

export const valueCases: JournalCases = {
  "keeps any text as it is, and nothing of it is SQL": async (under) => {
    const { journal } = under;
    const object = received({ peerTitle: nasty, studyInstanceUid: nasty, modality: nasty });
    await journal.addReceived([object]);
    const kept = await journal.object(object.id);
    expect(kept).toMatchObject({ peerTitle: nasty, studyInstanceUid: nasty, modality: nasty });
    expect(await journal.objects({ limit: 10, studyInstanceUid: nasty })).toHaveLength(1);
    expect(await journal.objects({ limit: 10, source: nasty })).toEqual([]);
  },

  "takes for unread what a data set says and no database keeps": async (under) => {
    const { journal } = under;
    const object = received({
      studyInstanceUid: "1.2\u0000",
      seriesInstanceUid: "9".repeat(5_000),
      modality: "\0",
    });
    await journal.addReceived([object]);
    const kept = await journal.object(object.id);
    expect(kept).toMatchObject({
      studyInstanceUid: undefined,
      seriesInstanceUid: undefined,
      modality: undefined,
    });
  },

  "refuses what names an object, whole or not at all, without repeating it": async (under) => {
    const { journal } = under;
    for (const change of [
      { peerTitle: "SECRET\0" },
      { sopInstanceUid: "SECRET".repeat(100) },
      { digest: "SECRET" },
    ]) {
      const refusal = journal.addReceived([received(), received(change)]);
      await expect(refusal).rejects.toMatchObject({ code: "usage" });
      await expect(refusal).rejects.not.toThrow(/SECRET/);
    }
    expect(await journal.objects({ limit: 10 })).toEqual([]);
    expect(await journal.objects({ limit: 10, sopInstanceUid: "\0" })).toEqual([]);
    expect(await journal.admittedInstance("\0")).toBeUndefined();
    expect(await journal.sealedStudySources("\0")).toEqual([]);
  },

  "keeps findings with any text, and the first of too many": async (under) => {
    const { journal } = under;
    const object = received({ digest: digestOf(1) });
    const finding = { ...holding.findings[0]!, detail: `\0${nasty}` };
    const findings = Array.from({ length: 30_000 }, () => finding);
    await judged(journal, object, { ...holding, findings });
    const kept = (await journal.object(object.id))!.findings;
    expect(kept[0]).toEqual(finding);
    expect(kept.length).toBeGreaterThan(1_000);
    expect(kept.at(-1)).toMatchObject({
      code: "findings-shortened",
      detail: `${30_000 - (kept.length - 1)} findings are not kept`,
    });
  },
};
