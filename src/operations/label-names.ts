/** Bounds the number of time series: a metric's labels come from here or from a closed list. */
import { configuredName } from "./event-fields.ts";

/** Sources or destinations of one gateway; far above what a hospital configures. */
const namesMax = 500;
const rest = "other";

/** Names of the configuration as they occur; beyond `namesMax`, and for what is no name, "other". */
export class LabelNames {
  readonly #names = new Set<string>();

  of(text: string): string {
    const name = configuredName(text);
    if (this.#names.has(name)) return name;
    if (this.#names.size >= namesMax) return rest;
    this.#names.add(name);
    return name;
  }
}
