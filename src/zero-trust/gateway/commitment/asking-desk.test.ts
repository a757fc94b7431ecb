/** Archives of every kind, over a real journal and an injected clock. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { admitting, judged, leaseMs, received } from "../../../../test/store/journal-fixture.ts";
import type { CommitmentReport, CommitmentRequest } from "../../../dicom-network/dimse/storage-commitment.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import type { GatewayEvent } from "../../../operations/event.ts";
import { type IndexedJournal, openSqliteIndexedJournal } from "../../../store/index/indexed-journal.ts";
import type { ReceivedObject } from "../../../store/journal/journal.ts";
import type { DestinationSettings } from "../settings.ts";
import { AskingDesk } from "./asking-desk.ts";

const minute = 60_000;
const pollMs = 2_000;
const place = { host: "127.0.0.1", port: 104, aeTitle: "PACS" };
const commitment = { ...place, askAgainMs: 10 * minute, alarmAfter: 2, sendAgainMax: 1 };
const pacs: DestinationSettings = {
  ...place,
  name: "pacs",
  takes: "admitted",
  associationsMax: 1,
  commitment,
};

let folder: string;
let stores: IndexedJournal;
let now: number;
let events: GatewayEvent[];
let asked: CommitmentRequest[];
let committed: string[];
let destinations: readonly DestinationSettings[];
/** What the archive does with a request; its N-ACTION status. */
let answer: (request: CommitmentRequest) => Promise<number>;
let desk: AskingDesk;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  folder = mkdtempSync(join(tmpdir(), "scanseal-asking-"));
  stores = await openSqliteIndexedJournal(join(folder, "journal.sqlite"));
  await stores.commitments.askAt(["pacs"], []);
  now = 10_000;
  [events, asked, committed, destinations] = [[], [], [], [pacs]];
  let uids = 0;
  desk = new AskingDesk({
    commitments: stores.commitments,
    destinations: () => destinations,
    ask: async (_, request) => {
      asked.push(request);
      return { code: await answer(request) };
    },
    onCommitted: async (objects) => void committed.push(...objects),
    newTransactionUid: () => `2.25.${++uids}`,
    clock: { now: () => now },
    events: (event) => void events.push(event),
  });
});

afterEach(async () => {
  const stopped = desk.stop();
  await vi.advanceTimersByTimeAsync(10_000);
  await stopped;
  vi.useRealTimers();
  await stores.journal.close();
  rmSync(folder, { recursive: true });
});

async function deliver(): Promise<void> {
  const leases = await stores.journal.claimDeliveries("gate", "pacs", 100, leaseMs, now);
  for (const { work, fence } of leases) await stores.journal.completeDelivery(work.delivery.id, fence, now);
}

async function delivered(): Promise<ReceivedObject> {
  const object = received();
  await judged(stores.journal, object, admitting, ["pacs"]);
  await deliver();
  return object;
}

/** Lets so much time pass, and the desk look once. */
async function pass(ms: number): Promise<void> {
  now += ms;
  await vi.advanceTimersByTimeAsync(pollMs);
  // The journal works in turns of the event loop, which are not faked.
  for (let i = 0; i < 50; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

const allOf = ({ transactionUid, instances }: CommitmentRequest): CommitmentReport => ({
  ...{ transactionUid, committed: instances, failed: [] },
});
const noneOf = ({ transactionUid, instances }: CommitmentRequest): CommitmentReport => ({
  ...{ transactionUid, committed: [], failed: instances.map((one) => ({ ...one, reason: 0x0112 })) },
});
const stateOf = async ({ id }: ReceivedObject) => (await stores.commitments.of(id))[0]!.state;
const told = (kind: GatewayEvent["kind"]): GatewayEvent[] => events.filter((event) => event.kind === kind);

describe("an archive that is asked", () => {
  it("and answers while it is asked, and once more: counted once", async () => {
    const objects = [await delivered(), await delivered()];
    const statuses: number[] = [];
    answer = async (request) => {
      for (const _ of [1, 2]) statuses.push((await desk.take(allOf(request), "pacs")).code);
      return 0;
    };
    desk.start();
    await pass(0);
    expect(statuses).toEqual([0, 0]);
    expect(committed.sort()).toEqual(objects.map(({ id }) => id).sort());
    expect(told("commitment-reported")).toHaveLength(1);
    await pass(24 * 60 * minute);
    expect(asked).toHaveLength(1);
  });

  it("and is silent: asked again with growing pauses, told after some, and believed when it speaks", async () => {
    const object = await delivered();
    answer = async () => 0;
    desk.start();
    await pass(0);
    const counts: number[] = [];
    for (const ms of [10, 19, 1, 39, 1, 79, 1]) {
      await pass(ms * minute);
      counts.push(asked.length);
    }
    expect(counts).toEqual([2, 2, 3, 3, 4, 4, 5]);
    expect(told("commitment-late")).toEqual([
      { kind: "commitment-late", destination: "pacs", waiting: 1, asks: 2 },
      { kind: "commitment-late", destination: "pacs", waiting: 1, asks: 3 },
      { kind: "commitment-late", destination: "pacs", waiting: 1, asks: 4 },
    ]);
    expect(await stateOf(object)).toBe("waits");
    // To the second of five questions.
    expect(await desk.take(allOf(asked[1]!), "pacs")).toEqual({ code: 0 });
    expect(await stateOf(object)).toBe("committed");
  });

  it("and lies: what it says of others, of nobody's question, or in another's name is refused, told, and counts for nothing", async () => {
    const object = await delivered();
    answer = async () => 0;
    desk.start();
    await pass(0);
    const [request] = asked;
    const other = { sopClassUid: "1.2.840.10008.5.1.4.1.1.2", sopInstanceUid: "2.25.99" };
    const lies = [
      { ...allOf(request!), transactionUid: "2.25.77" },
      { ...allOf(request!), committed: [...request!.instances, other] },
      { ...allOf(request!), failed: noneOf(request!).failed },
    ];
    for (const lie of lies) expect(await desk.take(lie, "pacs")).toEqual({ code: 0x0115 });
    expect(await desk.take(allOf(request!), "somebody")).toEqual({ code: 0x0124 });
    expect(told("fault")).toHaveLength(3);
    expect([await stateOf(object), committed]).toEqual(["waits", []]);
  });

  it("and refuses: sent again once, then left to a person, with its reason", async () => {
    const object = await delivered();
    answer = async (request) => {
      await desk.take(noneOf(request), "pacs");
      return 0;
    };
    desk.start();
    await pass(0);
    expect(await stateOf(object)).toBe("resent");
    await pass(minute);
    expect(asked).toHaveLength(1);
    await deliver();
    await pass(minute);
    expect(await stateOf(object)).toBe("failed");
    expect(told("commitment-reported")).toMatchObject([
      { resent: 1, failed: 0 },
      { resent: 0, failed: 1, object: object.id, reason: 0x0112 },
    ]);
    expect(committed).toEqual([]);
  });

  it("and cannot be, or does not want to be: tried again, and told", async () => {
    const object = await delivered();
    answer = async () => 0x0110;
    desk.start();
    await pass(0);
    answer = () => Promise.reject(new ScansealError("network", "connection refused"));
    await pass(10 * minute);
    expect(asked).toHaveLength(2);
    expect(told("fault")).toMatchObject([{ code: "peer-rejected" }, { code: "network" }]);
    // Nobody may answer what was not asked.
    expect(await desk.take(allOf(asked[1]!), "pacs")).toEqual({ code: 0x0115 });
    answer = async (request) => (await desk.take(allOf(request), "pacs")).code;
    await pass(10 * minute);
    expect(await stateOf(object)).toBe("committed");
  });

  it("and is not asked any more: its word is nobody's", async () => {
    await delivered();
    answer = async () => 0;
    desk.start();
    await pass(0);
    const { commitment: _, ...plain } = pacs;
    destinations = [plain];
    expect(await desk.take(allOf(asked[0]!), "pacs")).toEqual({ code: 0x0124 });
    await pass(24 * 60 * minute);
    expect(asked).toHaveLength(1);
  });
});
