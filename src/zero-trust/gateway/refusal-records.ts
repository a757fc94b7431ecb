/** Keeps a record of refused objects; a peer that is refused again and again gets one record a while, not one each. */
import type { ActRecord } from "../../store/journal/journal.ts";
import { told } from "./fault-words.ts";
import type { GatewayPorts } from "./ports.ts";

/** Between two records of one source and reason. */
const quietMs = 10_000;
/** What a look at the disk cannot tell (a file system that copies on writing, a quota) an object finds out. */
const storageCodes: ReadonlySet<string> = new Set(["storage-full", "io"]);

export interface Refusal {
  readonly source: string;
  readonly status: number;
  /** A code. */
  readonly why: string;
  /** Arrived before it was refused. */
  readonly bytes: number;
}

export class RefusalRecords {
  readonly #ports: Pick<GatewayPorts, "journal" | "events" | "clock" | "newId">;
  readonly #writing = new Set<Promise<void>>();
  /** Source and reason -> time of the last record, and refusals since. */
  readonly #last = new Map<string, { at: number; since: number }>();

  readonly #onStorage: () => void;
  #ofStorage: string | undefined;

  /** @param onStorage storage did not take an object */
  constructor(
    ports: Pick<GatewayPorts, "journal" | "events" | "clock" | "newId">,
    onStorage: () => void = () => undefined,
  ) {
    this.#ports = ports;
    this.#onStorage = onStorage;
  }

  /** Why storage did not take what came last; undefined once an object is durable again. */
  get ofStorage(): string | undefined {
    return this.#ofStorage;
  }

  /** An object is durable. */
  stored(): void {
    this.#ofStorage = undefined;
  }

  note({ source, status, why, bytes }: Refusal): void {
    if (storageCodes.has(why)) {
      this.#ofStorage = why;
      this.#onStorage();
    }
    this.#ports.events({ kind: "object-refused", source, status, why });
    const at = this.#ports.clock.now();
    const key = `${source} ${why}`;
    const last = this.#last.get(key);
    if (last && at - last.at < quietMs) {
      last.since++;
      return;
    }
    this.#last.set(key, { at, since: 0 });
    const detail = { status, why, bytes, notRecorded: last?.since ?? 0 };
    const writing = this.#write(source, at, detail).finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
  }

  async #write(subject: string, at: number, detail: ActRecord["detail"]): Promise<void> {
    const { journal, newId, events } = this.#ports;
    try {
      await journal.addRecord({ id: newId(), at, actor: "gateway", act: "object.refused", subject, detail });
    } catch (error) {
      events({ kind: "fault", where: "refusal record", ...told(error) });
    }
  }

  /** Waits for what is being written. */
  async stop(): Promise<void> {
    await Promise.all(this.#writing);
  }
}
