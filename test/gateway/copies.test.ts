/** Copies at a whole gate, with its real stores on both databases: kept, within their limit, and never in the way of what arrives. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { textElement } from "../../src/dicom/encode.ts";
import { tags } from "../../src/dicom/tags.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { ScansealError } from "../../src/foundation/errors.ts";
import type { GatewayEvent } from "../../src/operations/event.ts";
import { KeptCopies } from "../../src/site/gateway/kept-copies.ts";
import type { JudgedObject } from "../../src/store/journal/journal.ts";
import type { Disk } from "../../src/store/spool/disk.ts";
import { nodeDisk } from "../../src/store/spool/node-disk.ts";
import { slice } from "../attacks/objects.ts";
import { newSite, type Site } from "../evaluation/fixture.ts";
import { describePeer } from "../peers.ts";
import { until } from "../simulation/crash-process.ts";
import { type PostgresCluster, startPostgresCluster } from "../store/postgres-cluster.ts";
import { archiveAt, examinerOf, Gate, type GateChoice } from "./gate.ts";
import { ReceivingArchive, send, sendAll } from "./network.ts";

const mebibyte: number = 1 << 20;
const plenty: number = 64 * mebibyte;

let site: Site;
/** Two of each study. */
let first: readonly Bytes[];
let second: readonly Bytes[];

beforeAll(async () => {
  site = newSite();
  const sealedOf = (study: number): Promise<Bytes[]> =>
    Promise.all(
      [1, 2].map((n) =>
        site.seal(
          slice([
            textElement(tags.studyInstanceUid, "UI", `2.25.${study}`),
            textElement(tags.sopInstanceUid, "UI", `2.25.${study}${n}`),
          ]),
        ),
      ),
    );
  [first, second] = [await sealedOf(100), await sealedOf(200)];
});
afterAll(() => site.close());

const toEnd: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end();
});

type More = () => Promise<Partial<GateChoice>>;

/** Before an archive that takes everything. */
async function gateWith(more: More, choice: GateChoice = {}): Promise<Gate> {
  const archive = await ReceivingArchive.open(0);
  toEnd.push(() => archive.close());
  const destinations = [archiveAt(archive.port)];
  const gate = await Gate.open(examinerOf(site), {
    ...{ destinations, copiesMax: plenty, ...(await more()), ...choice },
  });
  toEnd.push(() => gate.end());
  return gate;
}

/** Delivered, and moved. */
async function kept(gate: Gate, files: readonly Bytes[]): Promise<void> {
  const stored = gate.events.filter(({ kind }) => kind === "stored").length;
  for (const status of await sendAll(gate.port, files)) expect(status).toBe(0);
  await gate.seen("stored", stored + files.length);
  const rows = (await gate.rows()).length;
  await until("delivered, and copies", async () => (await gate.copies.usage()).objects === rows);
}

function filesOf(gate: Gate): string[] {
  return (readdirSync(join(gate.folder, "objects"), { recursive: true }) as string[])
    .map((name) => name.slice(-64))
    .filter((name) => /^[0-9a-f]{64}$/.test(name))
    .sort();
}

async function apply(gate: Gate, copiesMax: number | undefined): Promise<void> {
  const { reading: _, ...settings } = gate.settings;
  const reading = { readers: [], archive: undefined, copiesMax: copiesMax ?? 0 };
  await gate.gateway.applySettings(copiesMax === undefined ? settings : { ...settings, reading });
}

const digests = (rows: readonly JudgedObject[]): string[] => rows.map(({ digest }) => digest).sort();
const ofStudy = async (gate: Gate, study: number): Promise<readonly JudgedObject[]> =>
  (await gate.rows()).filter((row) => row.studyInstanceUid === `2.25.${study}`);

function keeping(more: More): void {
  it("keeps what the archive has, and gives up the spool's place of it", async () => {
    const gate = await gateWith(more);
    await kept(gate, first);
    const rows = await gate.rows();
    expect(rows.map(({ stored, location }) => [stored, location])).toEqual([
      [true, undefined],
      [true, undefined],
    ]);
    expect(filesOf(gate)).toEqual(digests(rows));
    await gate.stopped();
    expect(gate.usage.records).toBe(0);
  });

  it("lets the study go that was delivered first, whole, when there are more than it may keep; all, when none are wanted", async () => {
    const gate = await gateWith(more);
    await kept(gate, first);
    await kept(gate, second);
    const [old, young] = [await ofStudy(gate, 100), await ofStudy(gate, 200)];
    const bytes = young.reduce((sum, row) => sum + row.bytes, 0);
    // Above the limit by one object: both of the study go.
    await apply(gate, bytes + old[0]!.bytes);
    const [dropped] = await gate.seen("copies-dropped");
    expect(dropped).toMatchObject({ why: "limit", objects: 2 });
    await until("their bytes are gone", async () => filesOf(gate).length === 2);
    expect(filesOf(gate)).toEqual(digests(young));
    expect(await gate.copies.usage()).toEqual({ objects: 2, bytes });
    await apply(gate, undefined);
    expect((await gate.seen("copies-dropped", 2))[1]).toMatchObject({ why: "off", objects: 2 });
    await until("all are gone", async () => filesOf(gate).length === 0);
    await gate.stopped();
    expect(gate.events.filter(({ kind }) => kind === "fault")).toEqual([]);
  });

  it("goes on after a restart: what waits in the spool moves, or leaves where copies are wanted no more", async () => {
    const database = await more();
    const gate = await gateWith(async () => database);
    const { put } = gate.objects;
    let isStoring = true;
    // The bytes are there, and the row does not say so: as after a kill between the two.
    gate.objects.put = async (digest, content) => {
      await put.call(gate.objects, digest, content);
      isStoring = false;
      throw new ScansealError("io", "cut off");
    };
    expect(await send(gate.port, first[0]!)).toBe(0);
    await gate.seen("delivered");
    await until("the move was cut off", async () => !isStoring);
    await gate.stop();
    expect(filesOf(gate)).toHaveLength(1);
    const { folder } = gate;
    toEnd.splice(-1);
    const { destinations } = gate.settings;
    const again = await Gate.open(examinerOf(site), { destinations, folder, ...database });
    toEnd.push(() => again.end());
    await until("nothing is left", async () => filesOf(again).length === 0);
    expect((await again.rows())[0]).toMatchObject({ stored: false, location: undefined });
  });
}

function pressed(more: More): void {
  it("lets copies go first when the disk gets short, before anything is refused", async () => {
    let free = 1 << 30;
    const disk: Disk = { ...nodeDisk, freeBytes: async () => free };
    const gate = await gateWith(more, { spoolDisk: disk });
    await kept(gate, first);
    await kept(gate, second);
    // 16 MiB are needed for another segment.
    free = 8 * 16 * mebibyte - 1;
    const [dropped] = await gate.seen("copies-dropped");
    expect(dropped).toMatchObject({ why: "disk", objects: 2 });
    free = 1 << 30;
    await until("their bytes are gone", async () => filesOf(gate).length === 2);
    expect(filesOf(gate)).toEqual(digests(await ofStudy(gate, 200)));
    expect(gate.events.filter(({ kind }) => kind === "object-refused")).toEqual([]);
  });

  it.each(["the object store takes nothing", "the spool is half full"])(
    "keeps no copy where %s: it leaves as it would without",
    async (what) => {
      const gate = await gateWith(more);
      if (what === "the spool is half full") {
        const usage = gate.spool.usage();
        gate.spool.usage = () => ({ ...usage, bytes: usage.bytesMax / 2 + 1 });
      } else gate.objects.put = () => Promise.reject(new ScansealError("storage-full", "full"));
      for (const status of await sendAll(gate.port, first)) expect(status).toBe(0);
      await gate.seen("delivered", 2);
      await until("they left", async () =>
        (await gate.rows()).every(({ stored, location }) => !stored && location === undefined),
      );
      expect([filesOf(gate), await gate.copies.usage()]).toEqual([[], { objects: 0, bytes: 0 }]);
      expect(gate.events.filter(({ kind }) => kind === "fault")).toEqual([]);
    },
  );
}

function damaged(more: More): void {
  it("gives nobody a damaged copy: it is told, recorded and deleted; what no archive has stays for a re-send", async () => {
    const gate = await gateWith(more);
    await kept(gate, first);
    const [row, other] = (await gate.rows()) as readonly [JudgedObject, JudgedObject];
    const told: GatewayEvent[] = [];
    const copies = new KeptCopies({ ...stores(gate), events: (event) => told.push(event) });
    const read = async ({ id, digest }: JudgedObject): Promise<number | string> => {
      let bytes = 0;
      try {
        for await (const piece of (await copies.open({ objectId: id, digest })) ?? []) bytes += piece.length;
        return bytes;
      } catch (error) {
        return (error as ScansealError).code;
      }
    };
    expect(await read(row)).toBe(row.bytes);
    const path = join(gate.folder, "objects", row.digest.slice(0, 2), row.digest.slice(2, 4), row.digest);
    const file = readFileSync(path);
    file[500]! ^= 1;
    writeFileSync(path, file);
    expect([await read(row), await read(row), await read(other)]).toEqual(["internal", 0, other.bytes]);
    expect(told).toEqual([{ kind: "copy-damaged", object: row.id, isDropped: true }]);
    const [record] = await gate.journal.records({ subject: row.id, limit: 9 });
    expect(record).toMatchObject({ act: "object.bytes-changed", actor: "gateway" });
    expect(await gate.journal.object(row.id)).toMatchObject({ stored: false });
    expect((await gate.copies.usage()).objects).toBe(1);
  });
}

const stores = ({ journal, copies, objects, spool }: Gate) => ({ journal, copies, objects, spool });

describe("a gate's copies, on SQLite", () => {
  const more: More = async () => ({});
  keeping(more);
  pressed(more);
  damaged(more);
});

describePeer("postgres", "a gate's copies, on PostgreSQL", () => {
  let cluster: PostgresCluster;
  beforeAll(async () => {
    cluster = await startPostgresCluster();
  });
  afterAll(() => cluster.stop());
  const more: More = async () => ({ postgresUrl: await cluster.createDatabase() });
  keeping(more);
  pressed(more);
  damaged(more);
});
