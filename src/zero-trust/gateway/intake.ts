/** What each source has sent within the last hour and day, against its quotas: asked before anything of an object is spooled. */
import type { Clock } from "../../foundation/crypto.ts";
import type { IntakeLimit, SourceSettings } from "./settings.ts";

const hourMs = 3_600_000;
const dayMs: number = 24 * hourMs;
/** Time is counted in steps: an hour is over within ten minutes of its end. */
const stepMs = 600_000;

interface Step {
  /** Milliseconds since 1970, of its begin. */
  readonly at: number;
  objects: number;
  bytes: number;
}

/** By name of the source, oldest step first. */
export type IntakeCounts = Readonly<Record<string, readonly Readonly<Step>[]>>;

export interface OverIntake {
  readonly why: "quota-hour" | "quota-day";
  /** When there is room again for something, at the earliest. */
  readonly retryInMs: number;
}

export class Intake {
  readonly #clock: Clock;
  readonly #steps = new Map<string, Step[]>();

  /** @param counts of an earlier run */
  constructor(clock: Clock, counts: IntakeCounts = {}) {
    this.#clock = clock;
    for (const [source, steps] of Object.entries(counts))
      this.#steps.set(
        source,
        steps.map((one) => ({ ...one })),
      );
  }

  /** An object begins; it counts, whatever becomes of it: who breaks off again and again has no more than others. */
  begin(source: string): void {
    this.#now(source).objects++;
  }

  /** Bytes arrived. */
  add(source: string, bytes: number): void {
    this.#now(source).bytes += bytes;
  }

  /** Undefined while there is room for so many bytes more, and for an object that begins. */
  over(
    { name, intake }: Pick<SourceSettings, "name" | "intake">,
    bytes: number,
    isBeginning: boolean,
  ): OverIntake | undefined {
    if (!intake) return undefined;
    const steps = this.#kept(name);
    const { hour, day } = intake;
    const more = { bytes, objects: isBeginning ? 1 : 0 };
    const ofDay = day && this.#overOne(steps, dayMs, day, more);
    if (ofDay !== undefined) return { why: "quota-day", retryInMs: ofDay };
    const ofHour = hour && this.#overOne(steps, hourMs, hour, more);
    return ofHour === undefined ? undefined : { why: "quota-hour", retryInMs: ofHour };
  }

  counts(): IntakeCounts {
    return Object.fromEntries([...this.#steps.keys()].map((name) => [name, this.#kept(name)]));
  }

  /** @returns until the oldest step that counts does not any more; undefined: there is room */
  #overOne(
    steps: readonly Step[],
    windowMs: number,
    limit: IntakeLimit,
    more: { readonly bytes: number; readonly objects: number },
  ): number | undefined {
    const now = this.#clock.now();
    const counted = steps.filter(({ at }) => at > now - windowMs);
    const sum = (of: "objects" | "bytes"): number => counted.reduce((all, step) => all + step[of], more[of]);
    const isOver =
      sum("objects") > (limit.objects ?? Number.POSITIVE_INFINITY) ||
      sum("bytes") > (limit.bytes ?? Number.POSITIVE_INFINITY);
    if (!isOver) return undefined;
    return Math.max(stepMs / 10, (counted[0]?.at ?? now) + windowMs - now);
  }

  #now(source: string): Step {
    const at = Math.floor(this.#clock.now() / stepMs) * stepMs;
    const last = this.#steps.get(source)?.at(-1);
    if (last?.at === at) return last;
    const steps = this.#kept(source);
    const step = { at, objects: 0, bytes: 0 };
    steps.push(step);
    return step;
  }

  /** Of the last day. A clock that was set back must not leave a source out for longer than that day. */
  #kept(source: string): Step[] {
    const now = this.#clock.now();
    const steps = (this.#steps.get(source) ?? []).filter(({ at }) => at > now - dayMs && at <= now);
    this.#steps.set(source, steps);
    return steps;
  }
}
