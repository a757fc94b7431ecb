/** Writes journal rows of acknowledged objects in batches, behind the responses: the spool record is the durable one (DESIGN 5). */
import { ScansealError } from "../../foundation/errors.ts";
import type { EventSink } from "../../operations/event.ts";
import type { Journal, ReceivedObject } from "../../store/journal/journal.ts";
import type { Traffic } from "./traffic.ts";
import { Waker } from "./waker.ts";

/** Rows of one transaction. */
const batchRows = 500;
/** Rows wait for a pause of the senders, but no longer: the objects are acknowledged, and each transaction stops the event loop. */
const lullMs = 250;
/** Between tries while the database is away. */
const retryMs = 500;

export class RowWriter {
  readonly #journal: Journal;
  readonly #events: EventSink;
  readonly #onWritten: () => void;
  readonly #traffic: Traffic;
  readonly #queue: ReceivedObject[] = [];
  readonly #pause: Waker = new Waker();
  /** Rows in the journal so far. */
  #done = 0;
  /** Ends with the next batch. */
  #batch: PromiseWithResolvers<void> = Promise.withResolvers();
  #writing: Promise<void> | undefined;
  #isStopping = false;

  /** @param written called after each batch */
  constructor(
    ports: { readonly journal: Journal; readonly events: EventSink },
    traffic: Traffic,
    written: () => void,
  ) {
    this.#traffic = traffic;
    this.#journal = ports.journal;
    this.#events = ports.events;
    this.#onWritten = written;
  }

  /** Rows that are not in the journal yet. */
  get backlog(): number {
    return this.#queue.length;
  }

  add(object: ReceivedObject): void {
    this.#queue.push(object);
    this.#writing ??= this.#write();
  }

  /** Resolves when all that was added until now is in the journal, whatever comes meanwhile; or the writer stops. */
  async written(): Promise<void> {
    const upTo = this.#done + this.#queue.length;
    while (this.#writing && this.#done < upTo) await this.#batch.promise;
  }

  async #write(): Promise<void> {
    // Records whose writes end together are acknowledged in one turn.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0) {
      if (!this.#isStopping && this.#queue.length < batchRows) await this.#traffic.lull(lullMs);
      const batch = this.#queue.slice(0, batchRows);
      try {
        await this.#journal.addReceived(batch);
        this.#queue.splice(0, batch.length);
        this.#done += batch.length;
        this.#tell();
        this.#onWritten();
      } catch (error) {
        const code = error instanceof ScansealError ? error.code : "internal";
        this.#events({ kind: "fault", where: "journal rows", code, why: "rows could not be written" });
        if (this.#isStopping) break;
        await this.#pause.sleep(retryMs);
      }
    }
    this.#writing = undefined;
    this.#tell();
  }

  #tell(): void {
    this.#batch.resolve();
    this.#batch = Promise.withResolvers();
  }

  /** Writes what is left, with one more try; rows that cannot be written are made by the next start's recovery. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#pause.wake();
    await this.#writing;
  }
}
