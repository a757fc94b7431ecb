/** Audit messages that were not sent yet: they survive a restart. */
import { DatabaseSync } from "node:sqlite";
import type { Bytes } from "../../foundation/bytes.ts";

export interface QueuedMessage {
  readonly id: number;
  readonly message: Bytes;
}

/** Of a record that is kept elsewhere. */
export interface KeptRecord {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly message: Bytes;
}

/** A record that is a day late is taken still. */
const overlapMs = 86_400_000;
/** What is freed at once when it is full: the oldest sixteenth. */
const freedPart = 16;

export class AuditQueue {
  readonly #database: DatabaseSync;
  /** Obeyed when something is added. */
  bytesMax: number;
  #length = 0;
  #bytes = 0;

  /** @param path of its file, made where it is not there; @throws the database's error */
  constructor(path: string, bytesMax: number) {
    this.#database = new DatabaseSync(path);
    this.bytesMax = bytesMax;
    // A killed process loses nothing that was added; a power cut the last moments: an event must not wait for the disk.
    this.#database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
      CREATE TABLE IF NOT EXISTS message (id INTEGER PRIMARY KEY AUTOINCREMENT, message BLOB NOT NULL) STRICT;
      CREATE TABLE IF NOT EXISTS taken (id TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID`);
    const row = this.#database
      .prepare("SELECT count(*) AS n, coalesce(sum(length(message)), 0) AS bytes FROM message")
      .get();
    this.#length = Number(row?.n);
    this.#bytes = Number(row?.bytes);
  }

  get length(): number {
    return this.#length;
  }

  /** @returns how many of the oldest were dropped for them */
  add(messages: readonly Bytes[]): number {
    return this.#insert(() => messages);
  }

  /** From when on records are to be offered to `addOnce`: some come later than others of their time, or with a clock that was set. */
  get takenSince(): number {
    const row = this.#database.prepare("SELECT coalesce(max(at), 0) AS at FROM taken").get();
    return Math.max(0, Number(row?.at) - overlapMs);
  }

  /** Of records that are kept elsewhere, oldest first: those that were not added before. @returns how many of the oldest messages were dropped */
  addOnce(records: readonly KeptRecord[]): number {
    const { takenSince } = this;
    return this.#insert(() => {
      const take = this.#database.prepare("INSERT OR IGNORE INTO taken (id, at) VALUES (?, ?)");
      const isNew = ({ id, at }: KeptRecord): boolean => at >= takenSince && take.run(id, at).changes === 1;
      const messages = records.filter(isNew).map(({ message }) => message);
      this.#database.prepare("DELETE FROM taken WHERE at < ?").run(this.takenSince);
      return messages;
    });
  }

  #insert(make: () => readonly Bytes[]): number {
    let messages: readonly Bytes[];
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      messages = make();
      const insert = this.#database.prepare("INSERT INTO message (message) VALUES (?)");
      for (const message of messages) insert.run(message);
      this.#database.exec("COMMIT");
    } catch (error) {
      // A full disk has ended it already.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
    let dropped = 0;
    this.#length += messages.length;
    this.#bytes += messages.reduce((sum, message) => sum + message.length, 0);
    while (this.#bytes > this.bytesMax && this.#length > 1) dropped += this.#dropOldest();
    return dropped;
  }

  /** Oldest first. */
  after(id: number, limit: number): readonly QueuedMessage[] {
    return this.#database
      .prepare("SELECT id, message FROM message WHERE id > ? ORDER BY id LIMIT ?")
      .all(id, limit)
      .map((row) => ({ id: Number(row.id), message: row.message as Bytes }));
  }

  removeThrough(id: number): void {
    const row = this.#database
      .prepare("SELECT coalesce(sum(length(message)), 0) AS bytes FROM message WHERE id <= ?")
      .get(id);
    const { changes } = this.#database.prepare("DELETE FROM message WHERE id <= ?").run(id);
    this.#length -= Number(changes);
    this.#bytes -= Number(row?.bytes);
  }

  close(): void {
    this.#database.close();
  }

  #dropOldest(): number {
    const before = this.#length;
    const count = Math.max(1, Math.floor(before / freedPart));
    const last = this.#database.prepare("SELECT id FROM message ORDER BY id LIMIT 1 OFFSET ?").get(count - 1);
    this.removeThrough(Number(last?.id));
    return before - this.#length;
  }
}
