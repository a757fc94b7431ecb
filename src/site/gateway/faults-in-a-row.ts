/** What fails again and again is told once. */
import { ScansealError } from "../../foundation/errors.ts";
import type { EventSink } from "../../operations/event.ts";

/** Tells what goes wrong in one place; the same again is no news. */
export class FaultsInARow {
  readonly #events: EventSink;
  readonly #where: string;
  #told: string | undefined;

  constructor(events: EventSink, where: string) {
    this.#events = events;
    this.#where = where;
  }

  /** @param otherwise what is said of an error that is not ours */
  tell(error: unknown, otherwise: string): void {
    const { code, message } =
      error instanceof ScansealError ? error : new ScansealError("internal", otherwise);
    if (message !== this.#told) this.#events({ kind: "fault", where: this.#where, code, why: message });
    this.#told = message;
  }

  /** It went well: the next fault is news. */
  over(): void {
    this.#told = undefined;
  }
}
