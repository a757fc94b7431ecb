/** Lets go of originals when whoever should have the sealed object has it; those that nobody told of, after a crash say, are found by looking. */
import type { Originals } from "../../../store/journal/originals.ts";
import { told } from "../fault-words.ts";
import type { GatewayPorts } from "../ports.ts";
import { endWithin, Waker } from "../waker.ts";

const sweepMs = 15_000;
/** Deliveries end together. */
const gatherMs = 500;
const page = 500;
/** Of those that wait for an archive, so many are looked at in one sweep: the next one goes on. */
const pagesOfSweep = 4;

export class OriginalKeeper {
  readonly #originals: Originals;
  readonly #ports: Pick<GatewayPorts, "events" | "clock">;
  readonly #delivered = new Set<string>();
  readonly #waker: Waker = new Waker();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sweptAt = Number.NEGATIVE_INFINITY;
  #after = "";
  #isStopping = false;
  #loop: Promise<void> | undefined;

  constructor(originals: Originals, ports: Pick<GatewayPorts, "events" | "clock">) {
    this.#originals = originals;
    this.#ports = ports;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** A delivery of it is done; it may have been the last, and may be a sealed object. */
  delivered(id: string): void {
    this.#delivered.add(id);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#waker.wake();
    }, gatherMs);
  }

  async stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#timer);
    this.#waker.wake();
    await endWithin([this.#loop ?? Promise.resolve()], graceMs);
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      try {
        await this.#letGo();
      } catch (error) {
        this.#ports.events({ kind: "fault", where: "originals", ...told(error) });
      }
      await this.#waker.sleep(sweepMs);
    }
  }

  async #letGo(): Promise<void> {
    const sealed = [...this.#delivered].slice(0, page);
    if (sealed.length > 0) {
      await this.#originals.letGo(await this.#originals.kept({ sealed, limit: page }));
      for (const id of sealed) this.#delivered.delete(id);
    }
    const now = this.#ports.clock.now();
    if (Math.abs(now - this.#sweptAt) < sweepMs) return;
    this.#sweptAt = now;
    for (let i = 0; i < pagesOfSweep && !this.#isStopping; i++) {
      const kept = await this.#originals.kept({ after: this.#after, limit: page });
      await this.#originals.letGo(kept);
      this.#after = kept.length < page ? "" : kept.at(-1)!;
      if (kept.length < page) return;
    }
  }
}
