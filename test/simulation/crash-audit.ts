/** What is where after a crash run, compared with what was sent and acknowledged. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { toHex } from "../../src/foundation/bytes.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import type { Journal, JudgedObject } from "../../src/store/journal/journal.ts";
import { openFolderObjectStore } from "../../src/store/objects/folder-object-store.ts";
import { openSegmentSpool } from "../../src/store/spool/segment-spool.ts";
import { type CrashObject, keyOf } from "./crash-objects.ts";
import type { CrashSender } from "./crash-sender.ts";

export interface Audit {
  /** Sends, re-sends included. */
  readonly acknowledged: number;
  /** Different objects among them. */
  readonly owed: number;
  readonly inQuarantine: number;
  /** In the embedded store, where there is no archive. */
  readonly inStore: number;
  readonly inArchive: number;
  /** Kept beside the archive on purpose. */
  readonly copies: number;
  /** Acknowledged, and nowhere. */
  readonly lost: number;
  /** In two places. */
  readonly duplicates: number;
  /** Delivered or admitted although they must not. */
  readonly unverified: number;
  /** Sound, and held because the check could not be completed. */
  readonly unchecked: number;
  /** Keys of what is in the archive, or in the store where there is none. */
  readonly kept: ReadonlySet<string>;
  /** One sentence each. */
  readonly faults: readonly string[];
}

/** What an archive has under a UID. */
export interface ArchivedFile {
  readonly sopInstanceUid: string;
  readonly dataSet: Bytes;
  /** Told apart by its name: a second object of a UID that the archive has. */
  readonly isOther?: boolean;
}

export interface AuditedPlaces {
  /** The gateway's data folder; the gateway is stopped. */
  readonly data: string;
  readonly journal: Journal;
  /** Undefined where there is no archive. */
  readonly archived: readonly ArchivedFile[] | undefined;
  readonly spoolBytesMax: number;
  /** What is stored here and in the archive too is a copy. */
  readonly keepsCopies?: boolean;
}

const digestOf = (bytes: Bytes): string => toHex(nodeCrypto.hash("SHA-256", bytes));

/** Of crash-archive.ts. */
export function archivedIn(folder: string): readonly ArchivedFile[] {
  const filesIn = (name: string): readonly string[] =>
    existsSync(join(folder, name)) ? readdirSync(join(folder, name)) : [];
  const read = (...names: readonly string[]): Bytes => new Uint8Array(readFileSync(join(folder, ...names)));
  return [
    ...filesIn("objects").map((sopInstanceUid) => ({
      sopInstanceUid,
      dataSet: read("objects", sopInstanceUid),
    })),
    ...filesIn("others").map((name) => ({
      sopInstanceUid: name,
      dataSet: read("others", name),
      isOther: true,
    })),
  ];
}

type Sender = Pick<CrashSender, "acknowledged" | "attempted">;

export async function audit(places: AuditedPlaces, sender: Sender): Promise<Audit> {
  return new Auditor(places, sender).run();
}

interface Kept {
  readonly row: JudgedObject;
  readonly file: Bytes;
}

class Auditor {
  readonly #places: AuditedPlaces;
  readonly #sender: Sender;
  readonly #sent: ReadonlyMap<string, CrashObject>;
  readonly #faults: string[] = [];
  #rows: readonly JudgedObject[] = [];

  constructor(places: AuditedPlaces, sender: Sender) {
    this.#places = places;
    this.#sender = sender;
    this.#sent = new Map(sender.attempted.map((object) => [object.key, object]));
  }

  async run(): Promise<Audit> {
    this.#rows = await this.#places.journal.objects({ limit: 1000 });
    const kept = await this.#kept();
    const quarantine = new Map<string, number>();
    const store = new Map<string, number>();
    for (const { row, file } of kept) {
      const key = this.#keyOf(row, file);
      const place = row.state === "held" ? quarantine : store;
      place.set(key, (place.get(key) ?? 0) + 1);
    }
    const archive = this.#archived();
    const copies = this.#places.keepsCopies ? [...store.keys()].filter((key) => archive.has(key)) : [];
    const unverified = [...store.keys(), ...archive.keys()].filter(
      (key) => this.#sent.get(key)?.truth !== "verified",
    );
    for (const key of copies) store.delete(key);
    this.#checkRows();
    await this.#checkDeliveries();
    this.#checkStaging();
    const owed = new Set(this.#sender.acknowledged.map(({ key }) => key));
    // Admitted objects are kept here until every archive has them: at rest they are in one place.
    const placesOf = (key: string): number =>
      (quarantine.get(key) ?? 0) + (store.get(key) ?? 0) + (archive.has(key) ? 1 : 0);
    const found = (place: ReadonlyMap<string, unknown>): number =>
      [...owed].filter((key) => place.has(key)).length;
    return {
      acknowledged: this.#sender.acknowledged.length,
      owed: owed.size,
      inQuarantine: found(quarantine),
      inStore: found(store),
      inArchive: found(archive),
      copies: copies.length,
      lost: [...owed].filter((key) => placesOf(key) === 0).length,
      duplicates: [...this.#sent.keys()].filter((key) => placesOf(key) > 1).length,
      unverified: unverified.length,
      unchecked: this.#rows.filter((row) => row.state === "held" && row.verdict === undefined).length,
      kept: new Set([...store.keys(), ...archive.keys()]),
      faults: this.#faults,
    };
  }

  #keyOf(row: JudgedObject, file: Bytes): string {
    const key = keyOf(file.subarray(row.dataSetOffset));
    if (digestOf(file) !== row.digest) this.#faults.push(`${row.id}: its bytes are not its digest's`);
    if (!this.#sent.has(key)) this.#faults.push(`${row.id} (${row.state}): nobody sent these bytes`);
    return key;
  }

  /** Every row's bytes; every file of the object store and every record a row refers to. */
  async #kept(): Promise<Kept[]> {
    const { data, spoolBytesMax } = this.#places;
    const objects = join(data, "objects");
    const store = await openFolderObjectStore(objects);
    const spool = await openSegmentSpool(join(data, "spool"), { bytesMax: spoolBytesMax });
    const records = new Set<string>();
    for await (const { location } of spool.recover()) records.add(JSON.stringify(location));
    const kept: Kept[] = [];
    for (const row of this.#rows) {
      if (!row.stored && !row.location) continue;
      if (row.location && !records.has(JSON.stringify(row.location)))
        this.#faults.push(`${row.id} (${row.state}): its spool record is gone`);
      try {
        const source = row.stored ? await store.open(row.digest) : await spool.open(row.location!);
        kept.push({ row, file: (await source.read(0, source.size)).slice() });
        await source.close();
      } catch (error) {
        this.#faults.push(`${row.id} (${row.state}): its bytes cannot be read: ${error}`);
      }
    }
    await spool.close();
    this.#checkStore(objects);
    return kept;
  }

  /** No file that no row needs, none that is half written. */
  #checkStore(folder: string): void {
    const needed = new Set(this.#rows.filter(({ stored }) => stored).map(({ digest }) => digest));
    const incoming = join(folder, "incoming");
    for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
      const digest = /(?:^|\/)([0-9a-f]{64})$/.exec(name)?.[1];
      if (digest !== undefined && !needed.has(digest))
        this.#faults.push(`object store: ${digest} is nobody's`);
    }
    for (const { name } of readdirSync(incoming, { withFileTypes: true }).filter((one) =>
      one.isDirectory(),
    )) {
      if (readdirSync(join(incoming, name)).length > 0)
        this.#faults.push(`object store: ${name} was left half written`);
    }
  }

  #archived(): ReadonlyMap<string, string> {
    const found = new Map<string, string>();
    for (const { sopInstanceUid, dataSet, isOther } of this.#places.archived ?? []) {
      if (isOther) {
        this.#faults.push(`archive: another object of a UID it had was sent: ${sopInstanceUid}`);
        continue;
      }
      const key = keyOf(dataSet);
      found.set(key, sopInstanceUid);
      if (this.#sent.get(key)?.sopInstanceUid !== sopInstanceUid)
        this.#faults.push(`archive: ${sopInstanceUid} is not what was sent`);
    }
    return found;
  }

  /** A row for each acknowledged send and none for what was not sent; one state that stands; the right verdict. */
  #checkRows(): void {
    const rowsOf = Map.groupBy(this.#rows, ({ sopInstanceUid }) => sopInstanceUid);
    const sends = Map.groupBy(this.#sender.attempted, ({ sopInstanceUid }) => sopInstanceUid);
    const owed = Map.groupBy(this.#sender.acknowledged, ({ sopInstanceUid }) => sopInstanceUid);
    for (const [uid, rows] of rowsOf) {
      const [most, least] = [sends.get(uid)?.length ?? 0, owed.get(uid)?.length ?? 0];
      if (rows.length > most || rows.length < least)
        this.#faults.push(`${uid}: ${rows.length} rows for ${least} acknowledged of ${most} sent`);
      const admitted = rows.filter(({ state }) => state === "admitted");
      if (admitted.length > 1) this.#faults.push(`${uid}: admitted twice`);
      for (const row of rows) this.#checkRow(row, sends.get(uid) ?? []);
    }
    for (const uid of owed.keys())
      if (!rowsOf.has(uid)) this.#faults.push(`${uid}: acknowledged, and without a row`);
  }

  /** Each archive has each admitted object by one delivery, and nothing else is delivered. */
  async #checkDeliveries(): Promise<void> {
    const { journal, archived } = this.#places;
    for (const { id, state } of this.#rows) {
      const all = await journal.deliveriesOf(id);
      const most = state === "admitted" && archived ? 1 : 0;
      if (all.length !== most || all.some((one) => one.state !== "delivered"))
        this.#faults.push(`${id} (${state}): deliveries ${all.map((one) => one.state)}`);
    }
  }

  /** Nothing stays of what was fetched for readers. */
  #checkStaging(): void {
    const staged = join(this.#places.data, "reading", "staged");
    if (!existsSync(staged)) return;
    for (const name of readdirSync(staged)) this.#faults.push(`readers' staging: ${name} was left`);
  }

  #checkRow({ id, state, verdict }: JudgedObject, sent: readonly CrashObject[]): void {
    if (state === "received") this.#faults.push(`${id}: was never judged`);
    // An examination that was cut off too often proves nothing: held, for a person to have it checked again.
    if (state === "received" || (state !== "admitted" && verdict === undefined)) return;
    if (!sent.some(({ truth }) => truth === verdict))
      this.#faults.push(`${id} (${state}): judged ${verdict}`);
  }
}
