/** Metrics of sweep and sentinel. */
import { Counter, Gauge, type Registry } from "prom-client";
import type { Clock } from "../foundation/crypto.ts";
import { count, knownCode } from "./event-fields.ts";
import type { SweepEvent } from "./sweep-fields.ts";

export class SweepMetrics {
  readonly #clock: Clock;
  readonly #objects: Counter<"by" | "result">;
  readonly #bytes: Counter<"by">;
  readonly #studies: Counter<"by">;
  readonly #findings: Gauge<"kind">;
  readonly #completed: Gauge<never>;

  constructor(registry: Registry, clock: Clock) {
    const registers = [registry];
    this.#clock = clock;
    this.#objects = new Counter({
      name: "scanseal_archive_objects_checked_total",
      help: "Objects of the archive verified again",
      labelNames: ["by", "result"],
      registers,
    });
    this.#bytes = new Counter({
      name: "scanseal_archive_checked_bytes_total",
      help: "Bytes of these objects",
      labelNames: ["by"],
      registers,
    });
    this.#studies = new Counter({
      name: "scanseal_archive_studies_checked_total",
      help: "Studies of the archive verified again, wholly or what is new of them",
      labelNames: ["by"],
      registers,
    });
    this.#findings = new Gauge({
      name: "scanseal_sweep_findings",
      help: "Findings of the last complete sweep",
      labelNames: ["kind"],
      registers,
    });
    this.#completed = new Gauge({
      name: "scanseal_sweep_completed_timestamp_seconds",
      help: "When the last complete sweep ended, since this gateway started; absent before",
      registers,
    });
    this.#completed.remove();
  }

  count(event: SweepEvent): void {
    switch (event.kind) {
      case "study-checked": {
        const by = knownCode(event.by);
        const { held, missing, unavailable } = event;
        const failing = { held, missing, unavailable };
        let passed = count(event.objects);
        for (const [result, n] of Object.entries(failing)) {
          this.#objects.inc({ by, result }, count(n));
          passed -= count(n);
        }
        this.#objects.inc({ by, result: "passed" }, Math.max(0, passed));
        this.#bytes.inc({ by }, count(event.bytes));
        this.#studies.inc({ by });
        break;
      }
      case "sweep-ended": {
        const { held, missing, unavailable, unknown, sealedMissing } = event;
        const kinds = { held, missing, unavailable, unknown, "never-admitted": sealedMissing };
        for (const [kind, n] of Object.entries(kinds)) this.#findings.set({ kind }, count(n));
        this.#completed.set(this.#clock.now() / 1_000);
        break;
      }
      default:
    }
  }
}
