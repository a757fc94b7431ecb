/** A progress bar for a person at a terminal: nothing at all is written when the stream is not one. */
import type { Clock } from "../../foundation/crypto.ts";
import { fitText } from "./text-width.ts";
import { visibleText } from "./visible-text.ts";

export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Ten drawings a second look smooth and cost nothing beside the work. */
const redrawMs = 100;
const barColumns = 24;
const columnsDefault = 80;
/** Back to the line's start, and erase it. */
const eraseLine = "\r\u001b[2K";

export class ProgressBar {
  readonly #stream: ProgressStream;
  readonly #clock: Clock;
  readonly #total: number;
  #drawnAt = Number.NEGATIVE_INFINITY;

  /** @param total steps in all */
  constructor(stream: ProgressStream, clock: Clock, total: number) {
    this.#stream = stream;
    this.#clock = clock;
    this.#total = total;
  }

  /** Shows that `done` steps are over; `label` says what is worked on and may come from a file. */
  show(done: number, label: string): void {
    if (this.#stream.isTTY !== true || this.#total === 0) return;
    const now = this.#clock.now();
    if (now - this.#drawnAt < redrawMs && done < this.#total) return;
    this.#drawnAt = now;
    const filled = Math.floor((Math.min(done, this.#total) / this.#total) * barColumns);
    const bar = "#".repeat(filled) + ".".repeat(barColumns - filled);
    const line = `[${bar}] ${done}/${this.#total} ${visibleText(label)}`;
    // One column stays free: writing into the last one wraps in some terminals.
    this.#stream.write(eraseLine + fitText(line, (this.#stream.columns || columnsDefault) - 1));
  }

  /** Leaves an empty line for whatever is printed next. */
  clear(): void {
    if (this.#drawnAt === Number.NEGATIVE_INFINITY) return;
    this.#drawnAt = Number.NEGATIVE_INFINITY;
    this.#stream.write(eraseLine);
  }
}
