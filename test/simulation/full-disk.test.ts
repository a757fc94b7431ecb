/**
 * The spool's disk is full, cannot be written, or its quota is used up while objects arrive: they are refused with a status, nothing that was
 * acknowledged suffers, and when the disk is well again objects are taken again, without a restart. `node bench/full-disk.ts` does it on a real one.
 */
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { textElement } from "../../src/dicom/encode.ts";
import { tags } from "../../src/dicom/tags.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { ScansealError } from "../../src/foundation/errors.ts";
import type { Disk, DiskFile } from "../../src/store/spool/disk.ts";
import { nodeDisk } from "../../src/store/spool/node-disk.ts";
import { slice } from "../attacks/objects.ts";
import { newSite, type Site } from "../evaluation/fixture.ts";
import { examinerOf, Gate, sourceOf } from "../gateway/gate.ts";
import { dataSetOf, send, sendAll } from "../gateway/network.ts";
import { until } from "./crash-process.ts";

let site: Site;
let files: readonly Bytes[];

beforeAll(async () => {
  site = newSite();
  const uids = Array.from({ length: 8 }, (_, i) => textElement(tags.sopInstanceUid, "UI", `2.25.${i + 1}`));
  files = await Promise.all(uids.map((uid) => site.seal(slice([uid]))));
});
afterAll(() => site.close());

let gate: Gate | undefined;
afterEach(async () => {
  await gate?.end();
  gate = undefined;
});

/** The machine's disk, whose calls that change something fail on demand. */
class AilingDisk implements Disk {
  ailment: "storage-full" | "io" | undefined;
  readonly claim: Disk["claim"] = nodeDisk.claim;
  readonly list: Disk["list"] = nodeDisk.list;
  readonly unlink: Disk["unlink"] = nodeDisk.unlink;
  /** In place of what is really free. */
  free: number | undefined;

  async freeBytes(folder: string): Promise<number> {
    return this.free ?? nodeDisk.freeBytes(folder);
  }

  async create(path: string): Promise<DiskFile> {
    this.#fail();
    return this.#file(await nodeDisk.create(path));
  }

  async open(path: string): Promise<DiskFile> {
    return this.#file(await nodeDisk.open(path));
  }

  async syncFolder(folder: string): Promise<void> {
    this.#fail();
    return nodeDisk.syncFolder(folder);
  }

  #fail(): void {
    if (this.ailment) throw new ScansealError(this.ailment, "the disk is ailing");
  }

  #file(file: DiskFile): DiskFile {
    const guarded =
      <A extends unknown[]>(call: (...given: A) => Promise<void>) =>
      async (...given: A): Promise<void> => {
        this.#fail();
        return call(...given);
      };
    return {
      write: guarded((bytes: Bytes, offset: number) => file.write(bytes, offset)),
      writeThrough: guarded((bytes: Bytes, offset: number) => file.writeThrough(bytes, offset)),
      datasync: guarded(() => file.datasync()),
      read: (into, offset) => file.read(into, offset),
      size: () => file.size(),
      close: () => file.close(),
    };
  }
}

/** What was acknowledged is in the store, whole, once. */
async function expectKept(kept: readonly Bytes[]): Promise<void> {
  await gate!.seen("object-judged", kept.length);
  await gate!.stopped();
  const rows = await gate!.rows();
  expect(rows.map(({ state }) => state)).toEqual(kept.map(() => "admitted"));
  const bytes = await Promise.all(
    rows.map(async (row) => (await gate!.kept(row))!.subarray(row.dataSetOffset)),
  );
  expect(bytes).toEqual(await Promise.all(kept.map((file) => dataSetOf(file))));
}

it.each([
  ["a disk that is full", "storage-full", 0xa700],
  ["a disk that is read-only, or fails", "io", 0x0110],
] as const)("%s: a refusal, and no loss", async (_, ailment, status) => {
  const disk = new AilingDisk();
  gate = await Gate.open(examinerOf(site), { spoolDisk: disk });
  const { port } = gate;
  expect(await sendAll(port, files.slice(0, 3))).toEqual([0, 0, 0]);
  disk.ailment = ailment;
  const refused = await sendAll(port, files.slice(3, 6));
  // The first finds out, by a write; from then on the spool knows.
  expect(new Set(refused)).toEqual(new Set([status]));
  expect(await gate.gateway.storageProblem()).toMatch(/^the disk /);
  disk.ailment = undefined;
  await until("room again", async () => (await send(port, files[6]!)) === 0);
  expect(await gate.gateway.storageProblem()).toBeUndefined();
  await expectKept([...files.slice(0, 3), files[6]!]);
});

it("a disk that is nearly full before the first object came: the gate says so, and takes objects as soon as there is room", async () => {
  const disk = new AilingDisk();
  disk.free = 1000;
  gate = await Gate.open(examinerOf(site), { spoolDisk: disk });
  const { port } = gate;
  expect(await gate.gateway.storageProblem()).toBe(
    "the disk takes no object: the spool's disk has no room for another segment",
  );
  expect(await send(port, files[0]!)).toBe(0xa700);
  disk.free = undefined;
  // Refused once, nothing says that it is well until an object was stored.
  await until("room again", async () => (await gate!.spool.refusal()) === undefined);
  expect(await gate.gateway.storageProblem()).toBe(
    "the disk did not take the last object that came: storage-full",
  );
  expect(await send(port, files[1]!)).toBe(0);
  expect(await gate.gateway.storageProblem()).toBeUndefined();
  await expectKept([files[1]!]);
});

it("a spool without room, and a source over its quota: a refusal until the others are judged", async () => {
  const examiner = examinerOf(site);
  let go = (): void => undefined;
  const told = new Promise<void>((resolve) => {
    go = resolve;
  });
  const waiting: typeof examiner = {
    ...examiner,
    examine: async (object) => {
      await told;
      return examiner.examine(object);
    },
  };
  // An object that waits counts 16 KiB beside its bytes.
  const quotaBytes = 2 * (files[0]!.length + 16_384) + 1000;
  gate = await Gate.open(waiting, { sources: [sourceOf({ quotaBytes })] });
  const { port } = gate;
  expect(await sendAll(port, files.slice(0, 4))).toEqual([0, 0, 0xa700, 0xa700]);
  go();
  await gate.seen("object-judged", 2);
  expect(await send(port, files[4]!)).toBe(0);
  await expectKept([files[0]!, files[1]!, files[4]!]);
});
