import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CommitmentReport } from "../../../dicom-network/dimse/storage-commitment.ts";
import type { GatewayEvent } from "../../../operations/event.ts";
import { CommitmentFolder } from "../../../site/gateway/commitment-folder.ts";
import type { Delivery, JudgedObject } from "../../../store/journal/journal.ts";
import { CommitmentDesk } from "./commitment-desk.ts";
import { commitmentFailure, instanceCommitment, type KnownObject } from "./instance-commitment.ts";

const ct = "1.2.840.10008.5.1.4.1.1.2";
const reference = { sopClassUid: ct, sopInstanceUid: "2.25.1" };

describe("an instance", () => {
  const known = (state: JudgedObject["state"], ...deliveries: readonly string[]): KnownObject => ({
    object: {
      id: "1",
      state,
      sopClassUid: ct,
      source: "ct1",
      relatedId: undefined,
      arrival: { uidDiffers: false },
    },
    deliveries: deliveries.map((one) => ({
      state: one.replace("released ", "") as Delivery["state"],
      released: one.startsWith("released"),
    })),
  });

  it.each([
    ["never received", [], { failed: 0x0112 }],
    ["received, not judged", [known("received")], "waits"],
    ["held", [known("held")], { failed: 0x0110 }],
    ["purged", [known("purged")], { failed: 0x0110 }],
    ["held, and sent again", [known("held"), known("received")], "waits"],
    ["admitted, kept here", [known("admitted")], { kept: "1" }],
    ["admitted, not delivered", [known("admitted", "due")], "waits"],
    ["in one archive of two", [known("admitted", "delivered", "due")], "waits"],
    [
      "in every archive",
      [
        known("admitted", "delivered", "delivered"),
        { ...known("resent"), object: { ...known("resent").object, relatedId: "1" } },
      ],
      "committed",
    ],
    ["given up", [known("admitted", "delivered", "dead")], { failed: 0x0110 }],
    ["released to a reading place", [known("admitted", "delivered", "released due")], "committed"],
    ["held, and released", [known("held", "released delivered")], { failed: 0x0110 }],
  ] as const)("%s", (_, rows, expected) => {
    expect(instanceCommitment(reference, rows, "ct1")).toEqual(expected);
  });

  it.each([
    ["waits", "waits"],
    ["resent", "waits"],
    ["failed", { failed: 0x0110 }],
    ["committed", "committed"],
  ] as const)("delivered to an archive that is asked, whose word is: %s", (state, expected) => {
    const commitments = [{ state: "committed" as const }, { state }];
    const rows = [{ ...known("admitted", "delivered", "delivered"), commitments }];
    expect(instanceCommitment(reference, rows, "ct1")).toEqual(expected);
  });

  it("is of what the source itself sent last: not of another object that was admitted under its UID", () => {
    const row = (
      id: string,
      of: Partial<KnownObject["object"]>,
      ...deliveries: readonly string[]
    ): KnownObject => {
      const one = known("admitted", ...deliveries);
      return { ...one, object: { ...one.object, id, ...of } };
    };
    const said = (...rows: readonly KnownObject[]) => instanceCommitment(reference, rows, "ct1");
    const first = row("1", {}, "delivered");
    const stranger = row("1", { source: "ct2" }, "delivered");
    const refused = { failed: commitmentFailure.processingFailure };
    for (const there of [first, stranger]) {
      expect(said(there, row("2", { state: "held" }))).toEqual(refused);
      expect(said(there, row("2", { state: "received" }))).toBe("waits");
      expect(said(there, row("2", { state: "resent", relatedId: "1" }))).toBe("committed");
      expect(said(there, row("2", { state: "purged" }))).toEqual(refused);
    }
    // The same bytes as what is held.
    expect(said(first, row("2", { state: "held" }), row("3", { state: "resent", relatedId: "2" }))).toEqual(
      refused,
    );
    // It never sent it here.
    expect(said(stranger)).toBe("committed");
    // A sealer beside it.
    const original = row("1", { state: "sealed", relatedId: "2" });
    const made = { arrival: { uidDiffers: false, sealedFrom: "1" } };
    expect(said(original, row("2", made, "delivered"))).toBe("committed");
    expect(said(original, row("2", { ...made, state: "held" }))).toEqual(refused);
    expect(said(original, row("2", made, "delivered"), row("3", { state: "received" }))).toBe("waits");
    expect(said(original, row("3", { state: "received" }), row("4", made, "delivered"))).toBe("waits");
  });

  it("of another class than is asked for", () => {
    expect(instanceCommitment({ ...reference, sopClassUid: "1.2" }, [known("admitted")], "ct1")).toEqual({
      failed: 0x0119,
    });
  });
});

describe("the desk", () => {
  let folder: string;
  let now: number;
  let state: JudgedObject["state"] | undefined;
  /** The gate's own bytes. */
  let isIntact: boolean;
  let answers: (boolean | undefined)[];
  let sent: CommitmentReport[];
  let events: GatewayEvent[];
  let off: PromiseWithResolvers<void>;
  let desk: CommitmentDesk;

  function open(): CommitmentDesk {
    let ids = 0;
    return new CommitmentDesk({
      commitments: { of: async () => [] },
      journal: {
        object: async () => ({ id: "a", stored: true }) as JudgedObject,
        objects: async () =>
          state === undefined
            ? []
            : [{ id: "a", state, sopClassUid: ct, source: "ct1", arrival: {} } as JudgedObject],
        deliveriesOf: async () => [],
      },
      store: new CommitmentFolder(folder),
      isKept: async () => isIntact,
      send: async ({ source }, report) => {
        if (source === "off") await off.promise;
        sent.push(report);
        return answers.length > 1 ? answers.shift() : answers[0];
      },
      clock: { now: () => now },
      events: (event) => events.push(event),
      newId: () => `id-${++ids}`,
    });
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "scanseal-commitment-"));
    now = 1_000_000;
    state = "received";
    answers = [true];
    isIntact = true;
    sent = [];
    events = [];
    off = Promise.withResolvers();
    desk = open();
  });
  afterEach(async () => {
    await desk.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("says nothing while something waits, across a restart, and then says it once", async () => {
    await desk.take({ transactionUid: "2.25.9", instances: [reference] }, "ct", "CT1");
    desk.start();
    await desk.stop();
    expect([sent, readdirSync(folder)]).toEqual([[], ["id-1.json"]]);
    state = "admitted";
    desk = open();
    desk.start();
    await expect.poll(() => sent.length).toBe(1);
    expect(sent).toEqual([{ transactionUid: "2.25.9", committed: [reference], failed: [] }]);
    await expect.poll(() => readdirSync(folder)).toEqual([]);
  });

  it("tries a report again that was not taken, and gives a day to what waits", async () => {
    answers = [false, true];
    await desk.take({ transactionUid: "2.25.9", instances: [reference] }, "ct", "CT1");
    now += 24 * 60 * 60_000;
    desk.start();
    await expect.poll(() => sent.length).toBe(1);
    expect(sent[0]!.failed).toEqual([{ ...reference, reason: 0x0110 }]);
    now += 60_000;
    await expect.poll(() => sent.length, { timeout: 5_000 }).toBe(2);
    await expect.poll(() => readdirSync(folder)).toEqual([]);
  });

  it("forgets a request whose source has no place for reports any more, and says so", async () => {
    answers = [undefined];
    state = "held";
    await desk.take({ transactionUid: "2.25.9", instances: [reference] }, "ct", "CT1");
    desk.start();
    await expect.poll(() => readdirSync(folder)).toEqual([]);
    expect(events).toMatchObject([{ kind: "fault", where: "storage commitment" }]);
  });

  it("says nothing of what the gate alone keeps, and has damaged", async () => {
    state = "admitted";
    isIntact = false;
    await desk.take({ transactionUid: "2.25.9", instances: [reference] }, "ct", "CT1");
    desk.start();
    await expect.poll(() => sent.length).toBe(1);
    expect(sent[0]).toMatchObject({ committed: [], failed: [{ ...reference, reason: 0x0110 }] });
  });

  it("reports to one source while another one does not answer", async () => {
    state = "admitted";
    for (const [uid, source] of [
      ["2.25.8", "off"],
      ["2.25.9", "ct"],
    ] as const)
      await desk.take({ transactionUid: uid, instances: [reference] }, source, "CT1");
    desk.start();
    await expect.poll(() => sent.map(({ transactionUid }) => transactionUid)).toEqual(["2.25.9"]);
    off.resolve();
    await expect.poll(() => sent.length).toBe(2);
  });

  it("sets a damaged file aside, and goes on with the others", async () => {
    state = "admitted";
    await desk.take({ transactionUid: "2.25.8", instances: [reference] }, "ct", "CT1");
    await desk.take({ transactionUid: "2.25.9", instances: [reference] }, "ct", "CT1");
    writeFileSync(join(folder, "id-1.json"), "{", { mode: 0o600 });
    desk.start();
    await expect.poll(() => sent.map(({ transactionUid }) => transactionUid)).toEqual(["2.25.9"]);
    expect(events).toMatchObject([{ kind: "fault", where: "storage commitment", code: "io" }]);
    writeFileSync(join(folder, "x.json"), "{", { mode: 0o600 });
    const damaged: string[] = [];
    expect(new CommitmentFolder(folder, (name) => damaged.push(name)).waiting()).toEqual([]);
    expect(damaged).toEqual(["x.json"]);
    expect(readdirSync(folder).sort()).toEqual(["id-1.damaged", "x.damaged"]);
  });

  it("has room for each source, and a source that never listens fills its own", async () => {
    const store = new CommitmentFolder(folder);
    const instances = Array.from({ length: 20_000 }, (_, i) => ({
      ...reference,
      sopInstanceUid: `2.25.${i}`,
    }));
    const ask = (id: string, source: string): Promise<void> =>
      store.add({ id, source, aeTitle: "CT1", askedAt: 0, transactionUid: "2.25.9", instances });
    let taken = 0;
    const full = async (): Promise<void> => {
      for (; taken < 1_000; taken++) await ask(`a${taken}`, "ct");
    };
    await expect(full()).rejects.toMatchObject({ code: "storage-full" });
    expect(taken).toBeGreaterThan(10);
    await ask("b", "other");
    await store.remove("a0");
    await ask("c", "ct");
    expect(new CommitmentFolder(folder).waiting()).toHaveLength(taken + 1);
  });
});
