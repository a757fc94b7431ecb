/** What waits for the index, on either database. */
import { expect } from "vitest";
import type { IndexedJournal } from "../../src/store/index/indexed-journal.ts";
import { packedJson, unpackedAttributes } from "../../src/store/index/packed-attributes.ts";
import { entryOf } from "./index-fixture.ts";
import { admitting, holding, judged, received } from "./journal-fixture.ts";

/** Title -> test. */
export const queueCases: Readonly<Record<string, (stores: IndexedJournal) => Promise<void>>> = {
  async "waits from the judgement on that admits it, with what was read of it, until it is settled"({
    journal,
    queue,
  }) {
    const { attributes } = entryOf({});
    const packed = packedJson(JSON.stringify(attributes));
    const [read, unread, later, without] = [received(), received(), received(), received()];
    await judged(journal, read, { ...admitting, toIndex: { attributes: packed, payloadDigest: "ab" } });
    await judged(journal, unread, {
      ...admitting,
      payloadDigest: "cd",
      toIndex: { attributes: undefined, payloadDigest: undefined },
    });
    await judged(journal, later, { ...holding, toIndex: { attributes: packed, payloadDigest: "ab" } });
    await judged(journal, without, admitting);
    // The same bytes again wait for nothing.
    await judged(
      journal,
      { ...read, id: received().id },
      { ...admitting, toIndex: { attributes: packed, payloadDigest: "ab" } },
    );
    const waiting = await queue.waiting(10);
    expect(waiting.map(({ object }) => object.id)).toEqual([read.id, unread.id]);
    expect(waiting.map(({ payloadDigest }) => payloadDigest)).toEqual(["ab", "cd"]);
    expect(unpackedAttributes(waiting[0]!.attributes!)).toEqual(attributes);
    expect(waiting[1]!.attributes).toBeUndefined();
    expect(waiting[0]!.object).toEqual(await journal.object(read.id));
    await queue.failed(unread.id, "its bytes are gone");
    await queue.settled([read.id]);
    expect(await queue.waiting(10)).toEqual([]);
    expect(await queue.counts()).toEqual({ waiting: 0, problems: { "its bytes are gone": 1 } });
    expect(await queue.retry()).toBe(1);
    expect((await queue.waiting(10)).map(({ object }) => object.id)).toEqual([unread.id]);
  },

  async "what was admitted and is neither in the index nor waiting is found, once"({
    journal,
    index,
    queue,
  }) {
    const objects = Array.from({ length: 5 }, () => received());
    for (const object of objects) await judged(journal, object, admitting);
    const [first, second] = objects;
    await index.put([
      { ...entryOf({}), sopInstanceUid: first!.sopInstanceUid, objectId: first!.id },
      // Another object of its UID is no substitute.
      { ...entryOf({}), sopInstanceUid: second!.sopInstanceUid, objectId: "another" },
    ]);
    expect(await queue.addMissing()).toBe(4);
    expect(await queue.addMissing()).toBe(0);
    expect((await queue.waiting(10)).map(({ object }) => object.id)).toEqual(
      objects.slice(1).map(({ id }) => id),
    );
  },

  async "more than a page of it"({ journal, queue }) {
    const objects = Array.from({ length: 1_200 }, () => received());
    await journal.addReceived(objects);
    const leases = await journal.claimReceived("worker", 2_000, 1_000, 5_000);
    await Promise.all(
      leases.map(({ work, fence }) => journal.commitJudgement(work.id, fence, admitting, [])),
    );
    expect(await queue.addMissing()).toBe(1_200);
    expect((await queue.counts()).waiting).toBe(1_200);
  },
};
