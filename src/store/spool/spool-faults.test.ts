/** Disks that fail, are full or slow: on the simulated disk, where every call ends when the test says so. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type DiskCall, type FaultPlan, SimulatedDisk } from "../../../test/simulation/simulated-disk.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { openSegmentSpool } from "./segment-spool.ts";
import type { Spool, SpoolLocation } from "./spool.ts";

const segmentBytes: number = 256 << 10;

interface Bench {
  readonly disk: SimulatedDisk;
  readonly spool: Spool;
  readonly now: { value: number };
}

async function bench(files?: ReadonlyMap<string, Bytes>): Promise<Bench> {
  const disk = new SimulatedDisk(1, files);
  const now = { value: 0 };
  const options = { bytesMax: 40 * segmentBytes, segmentBytes, disk, clock: { now: () => now.value } };
  const spool = await ended(disk, openSegmentSpool("/spool", options));
  return { disk, spool, now };
}

/** Lets the disk work until the promise has an answer. */
async function ended<T>(disk: SimulatedDisk, work: Promise<T>): Promise<T> {
  let isDone = false;
  const finish = (): void => {
    isDone = true;
  };
  work.then(finish, finish);
  await disk.run(100_000, () => isDone);
  expect(isDone).toBe(true);
  return work;
}

function idle(disk: SimulatedDisk): Promise<number> {
  return disk.run(100_000, () => false);
}

function failing(code: FaultPlan["code"], ...calls: DiskCall[]): FaultPlan {
  return { calls, first: 1, every: 1, code };
}

const bytes: Bytes = Buffer.alloc(3000, 7);
const digest: Bytes = createHash("sha256").update(bytes).digest();

async function store(spool: Spool, name = "record"): Promise<SpoolLocation> {
  const writer = spool.begin();
  await writer.write(bytes);
  return writer.commit(Buffer.from(name), digest);
}

async function namesAfterRestart(disk: SimulatedDisk, loss: number): Promise<string[]> {
  const again = await bench(disk.afterCut(3, loss));
  const names: string[] = [];
  const all = async (): Promise<void> => {
    for await (const record of again.spool.recover()) names.push(Buffer.from(record.header).toString());
  };
  await ended(again.disk, all());
  return names;
}

describe("a spool on a failing disk", () => {
  it("acknowledges nothing before its writes have ended, each durable by itself", async () => {
    const { disk, spool } = await bench();
    await idle(disk);
    disk.held = "writeThrough";
    let acknowledged = 0;
    const commits = Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        await store(spool, `record ${i}`);
        acknowledged++;
      }),
    );
    await idle(disk);
    expect(acknowledged).toBe(0);
    disk.held = undefined;
    await ended(disk, commits);
    expect((await namesAfterRestart(disk, 1)).length).toBe(20);
  });

  it("acknowledges nothing of a segment after a failure in it, and takes another", async () => {
    const { disk, spool } = await bench();
    const before = await ended(disk, store(spool, "before"));
    await idle(disk);
    disk.faults = failing("io", "writeThrough");
    const during = Promise.allSettled([store(spool, "a"), store(spool, "b")]);
    const [a, b] = await ended(disk, during);
    expect(a).toMatchObject({ status: "rejected", reason: { code: "io" } });
    expect(b).toMatchObject({ status: "rejected", reason: { code: "io" } });
    disk.faults = undefined;
    const after = await ended(disk, store(spool, "after"));
    expect(after.extents[0]!.segment).not.toBe(before.extents[0]!.segment);
    expect(spool.usage()).toMatchObject({ bytes: 2 * bytes.length, records: 2 });
    expect(await namesAfterRestart(disk, 1)).toEqual(expect.arrayContaining(["before", "after"]));
  });

  it.each(["io", "storage-full"] as const)("loses only the record whose write failed (%s)", async (code) => {
    const { disk, spool } = await bench();
    await ended(disk, store(spool, "before"));
    await idle(disk);
    disk.faults = { calls: ["writeThrough"], first: disk.count("writeThrough") + 1, every: 1000, code };
    await expect(ended(disk, store(spool, "during"))).rejects.toMatchObject({ code });
    await ended(disk, store(spool, "after"));
    expect(await namesAfterRestart(disk, 1)).toEqual(expect.arrayContaining(["before", "after"]));
  });

  it("refuses on a read-only disk, and takes objects again when it is writable", async () => {
    const disk = new SimulatedDisk(1);
    disk.faults = failing("io", "create", "write", "writeThrough", "datasync", "unlink");
    const options = { bytesMax: 40 * segmentBytes, segmentBytes, disk };
    const spool = await ended(disk, openSegmentSpool("/spool", options));
    expect(() => spool.begin()).toThrow(expect.objectContaining({ code: "io" }));
    await idle(disk);
    expect(() => spool.begin()).toThrow(ScansealError);
    disk.faults = undefined;
    await idle(disk);
    await ended(disk, store(spool));
  });

  it("on a full disk takes what allocated segments have room for, gives back the others, and says when it refuses", async () => {
    const { disk, spool, now } = await bench();
    const kept = [await ended(disk, store(spool))];
    await idle(disk);
    const segments = async (): Promise<number> => (await disk.list()).length;
    expect(await segments()).toBe(3);
    disk.free = 0;
    now.value += 2000;
    spool.begin().discard();
    await idle(disk);
    // The one that is being filled, and one more.
    expect(await segments()).toBe(2);
    while ((await ended(disk, spool.refusal())) === undefined) kept.push(await ended(disk, store(spool)));
    expect(kept.length).toBeGreaterThan(10);
    expect(() => spool.begin()).toThrow(expect.objectContaining({ code: "storage-full" }));
    // What is needed no more is room again, without any new space.
    for (const location of kept) await spool.release(location);
    expect(await ended(disk, spool.refusal())).toBeUndefined();
    await ended(disk, store(spool));
    expect(await segments()).toBe(1);
  });

  it("refuses before the disk is full, and takes objects when somebody made room", async () => {
    const disk = new SimulatedDisk(1);
    disk.free = 2 * segmentBytes - 1;
    const spool = await ended(
      disk,
      openSegmentSpool("/spool", { bytesMax: 40 * segmentBytes, segmentBytes, disk }),
    );
    expect(() => spool.begin()).toThrow(expect.objectContaining({ code: "storage-full" }));
    expect(await ended(disk, spool.refusal())).toMatchObject({ code: "storage-full" });
    expect(await disk.list()).toEqual([]);
    disk.free = 2 * segmentBytes;
    // Whoever asks finds out, without an object.
    expect(await ended(disk, spool.refusal())).toBeUndefined();
    await ended(disk, store(spool));
  });

  it("ends a record for which the disk has no more segments, and the others live", async () => {
    const { disk, spool } = await bench();
    await idle(disk);
    const small = await ended(disk, store(spool, "small"));
    disk.faults = failing("storage-full", "create");
    const writer = spool.begin();
    const flood = async (): Promise<void> => {
      for (let i = 0; i < 100; i++) await writer.write(Buffer.alloc(100_000));
    };
    await expect(ended(disk, flood())).rejects.toMatchObject({ code: "storage-full" });
    expect(() => writer.write(bytes)).toThrow(expect.objectContaining({ code: "storage-full" }));
    writer.discard();
    await idle(disk);
    expect(spool.usage()).toMatchObject({ bytes: bytes.length, records: 1 });
    // Its segments are free again: no new one has to be made.
    await ended(disk, store(spool, "next"));
    expect((await ended(disk, spool.open(small))).size).toBe(bytes.length);
  });

  it("makes a writer wait while the disk is behind", async () => {
    const { disk, spool } = await bench();
    await idle(disk);
    const writer = spool.begin();
    let waits: Promise<void> | undefined;
    let written = 0;
    while (waits === undefined && written < 100) {
      waits = writer.write(Buffer.alloc(250_000)) as Promise<void> | undefined;
      written++;
    }
    // Nothing has reached the disk yet.
    expect(written).toBeGreaterThan(10);
    expect(written).toBeLessThan(100);
    await ended(disk, waits!);
    expect(writer.write(bytes)).toBeUndefined();
    writer.discard();
    await idle(disk);
    expect(spool.usage()).toMatchObject({ bytes: 0, records: 0 });
  });

  it("forgets a record that is discarded while it is committed", async () => {
    const { disk, spool } = await bench();
    const writer = spool.begin();
    writer.write(bytes);
    const commit = writer.commit(Buffer.from("x"), digest);
    writer.discard();
    await expect(ended(disk, commit)).rejects.toMatchObject({ code: "usage" });
    expect(spool.usage()).toMatchObject({ bytes: 0, records: 0 });
  });
});
