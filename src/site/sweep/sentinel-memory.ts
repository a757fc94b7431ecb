/** What the sentinel has verified already, in a file: a restart verifies nothing twice. Digests of UIDs, no names and no numbers of patients. */
import { createHash } from "node:crypto";
import { DatabaseSync, type StatementSync } from "node:sqlite";

export interface RememberedStudy {
  /** Digest of what the archive says of patient and study. */
  readonly attributes: string;
  /** As the archive counts them; undefined where it does not. */
  readonly instances: number | undefined;
  /** Something of it is still to be verified. */
  readonly isOpen: boolean;
  /** When its instances were listed; milliseconds since 1970. */
  readonly listedAt: number;
}

export class SentinelMemory {
  readonly #database: DatabaseSync;
  readonly #statements: Readonly<
    Record<
      | "study"
      | "checked"
      | "remove"
      | "put"
      | "has"
      | "add"
      | "forget"
      | "open"
      | "seen"
      | "dropInstances"
      | "dropStudies",
      StatementSync
    >
  >;

  /**
   * @param path of its file, made where it is not there @param place of the archive: what was verified in another one counts for nothing
   * @throws the database's error
   */
  constructor(path: string, place: string) {
    const database = new DatabaseSync(path);
    this.#database = database;
    // What a power cut loses is verified once more.
    database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
      CREATE TABLE IF NOT EXISTS study (uid TEXT PRIMARY KEY, attributes TEXT NOT NULL, instances INTEGER,
        is_open INTEGER NOT NULL, listed_at INTEGER NOT NULL, seen_at INTEGER NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS checked (study TEXT NOT NULL, instance BLOB NOT NULL,
        PRIMARY KEY (study, instance)) STRICT, WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS archive (place TEXT NOT NULL) STRICT`);
    this.#keepFor(place);
    this.#statements = {
      study: database.prepare("SELECT attributes, instances, is_open, listed_at FROM study WHERE uid = ?"),
      checked: database.prepare("SELECT instance FROM checked WHERE study = ?"),
      remove: database.prepare("DELETE FROM checked WHERE study = ? AND instance = ?"),
      put: database.prepare("INSERT OR REPLACE INTO study VALUES (?, ?, ?, ?, ?, ?)"),
      has: database.prepare("SELECT 1 FROM checked WHERE study = ? AND instance = ?"),
      add: database.prepare("INSERT OR IGNORE INTO checked VALUES (?, ?)"),
      forget: database.prepare("DELETE FROM checked WHERE study = ?"),
      open: database.prepare("SELECT uid FROM study WHERE is_open = 1 ORDER BY seen_at LIMIT ?"),
      seen: database.prepare("SELECT uid FROM study WHERE seen_at >= ? AND seen_at < ?"),
      dropInstances: database.prepare(
        "DELETE FROM checked WHERE study IN (SELECT uid FROM study WHERE seen_at < ?)",
      ),
      dropStudies: database.prepare("DELETE FROM study WHERE seen_at < ?"),
    };
  }

  #keepFor(place: string): void {
    const known = this.#database.prepare("SELECT place FROM archive").all();
    if (known.length === 1 && known[0]!.place === place) return;
    this.#database.exec("BEGIN; DELETE FROM study; DELETE FROM checked; DELETE FROM archive");
    this.#database.prepare("INSERT INTO archive VALUES (?)").run(place);
    this.#database.exec("COMMIT");
  }

  study(uid: string): RememberedStudy | undefined {
    const row = this.#statements.study.get(uid);
    if (!row) return undefined;
    const instances = row.instances === null ? undefined : Number(row.instances);
    const { attributes, is_open: isOpen, listed_at: listedAt } = row;
    return { attributes: String(attributes), instances, isOpen: isOpen === 1, listedAt: Number(listedAt) };
  }

  putStudy(uid: string, { attributes, instances, isOpen, listedAt }: RememberedStudy, seenAt: number): void {
    this.#statements.put.run(uid, attributes, instances ?? null, isOpen ? 1 : 0, listedAt, seenAt);
  }

  /** It was verified, or told as missing. */
  hasInstance(study: string, instance: string): boolean {
    const { has } = this.#statements;
    const digest = digestOf(instance);
    return has.get(study, digest) !== undefined || has.get(study, missingMark(digest)) !== undefined;
  }

  addInstance(study: string, instance: string): void {
    this.#statements.add.run(study, digestOf(instance));
  }

  addMissing(study: string, instance: string): void {
    this.#statements.add.run(study, missingMark(digestOf(instance)));
  }

  /** What was verified and is listed no more is looked for; what was missing and is there is verified. @param listed UIDs */
  compare(study: string, listed: Iterable<string>): void {
    const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
    const digests = new Set([...listed].map((uid) => hex(digestOf(uid))));
    for (const { instance } of this.#statements.checked.all(study)) {
      const bytes = instance as Uint8Array;
      const wasThere = bytes.length === digestBytes;
      const isThere = digests.has(hex(bytes.subarray(0, digestBytes)));
      if (wasThere !== isThere) this.#statements.remove.run(study, bytes);
    }
  }

  /** All of it is to be verified again. */
  forgetInstances(study: string): void {
    this.#statements.forget.run(study);
  }

  /** UIDs, the longest unseen first. */
  openStudies(limit: number): readonly string[] {
    return this.#statements.open.all(limit).map(({ uid }) => String(uid));
  }

  /** UIDs of studies that were seen then for the last time. */
  seenBetween(from: number, to: number): readonly string[] {
    return this.#statements.seen.all(from, to).map(({ uid }) => String(uid));
  }

  /** @param before studies that were last seen before; milliseconds since 1970 */
  drop(before: number): void {
    this.#statements.dropInstances.run(before);
    this.#statements.dropStudies.run(before);
  }

  close(): void {
    this.#database.close();
  }
}

/** 128 bits: of instances of one study, nobody finds two alike. */
const digestBytes = 16;

function digestOf(text: string): Uint8Array {
  return createHash("sha256").update(text).digest().subarray(0, digestBytes);
}

function missingMark(digest: Uint8Array): Uint8Array {
  return Uint8Array.of(...digest, 0);
}
