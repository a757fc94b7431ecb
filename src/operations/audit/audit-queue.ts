/** Audit messages that were not sent yet: they survive a restart. */
import { DatabaseSync } from "node:sqlite";
import type { Bytes } from "../../foundation/bytes.ts";

export interface QueuedMessage {
  readonly id: number;
  readonly message: Bytes;
}

/** What is freed at once when it is full: the oldest sixteenth. */
const freedPart = 16;

export class AuditQueue {
  readonly #database: DatabaseSync;
  readonly #bytesMax: number;
  #length = 0;
  #bytes = 0;

  /** @param path of its file, made where it is not there; @throws the database's error */
  constructor(path: string, bytesMax: number) {
    this.#database = new DatabaseSync(path);
    this.#bytesMax = bytesMax;
    // A killed process loses nothing that was added; a power cut the last moments: an event must not wait for the disk.
    this.#database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
      CREATE TABLE IF NOT EXISTS message (id INTEGER PRIMARY KEY AUTOINCREMENT, message BLOB NOT NULL) STRICT`);
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
    const { length } = this;
    let dropped = 0;
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const insert = this.#database.prepare("INSERT INTO message (message) VALUES (?)");
      for (const message of messages) insert.run(message);
      this.#database.exec("COMMIT");
    } catch (error) {
      this.#database.exec("ROLLBACK");
      throw error;
    }
    this.#length = length + messages.length;
    this.#bytes += messages.reduce((sum, message) => sum + message.length, 0);
    while (this.#bytes > this.#bytesMax && this.#length > 1) dropped += this.#dropOldest();
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
