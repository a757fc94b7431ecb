/** Keeps a record of refused objects; a peer that is refused again and again gets one record a while, not one each. */
import type { GatewayPorts } from "./ports.ts";

/** Between two records of one source and reason. */
const quietMs = 10_000;

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
  /** Source and reason -> time of the last record, and refusals since. */
  readonly #last = new Map<string, { at: number; since: number }>();

  constructor(ports: Pick<GatewayPorts, "journal" | "events" | "clock" | "newId">) {
    this.#ports = ports;
  }

  note({ source, status, why, bytes }: Refusal): void {
    this.#ports.events({ kind: "object-refused", source, status, why });
    const at = this.#ports.clock.now();
    const key = `${source} ${why}`;
    const last = this.#last.get(key);
    if (last && at - last.at < quietMs) {
      last.since++;
      return;
    }
    this.#last.set(key, { at, since: 0 });
    this.#ports.journal
      .addRecord({
        id: this.#ports.newId(),
        at,
        actor: "gateway",
        act: "object.refused",
        subject: source,
        detail: { status, why, bytes, notRecorded: last?.since ?? 0 },
      })
      .catch(() =>
        this.#ports.events({ kind: "fault", where: "refusal record", code: "io", why: "not written" }),
      );
  }
}
