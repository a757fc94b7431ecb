/** Alerts of a gate: events become groups, groups messages, and each channel gets every message. No object waits for any of it. */
import type { EventSink, GatewayEvent } from "../event.ts";
import type { AlertEvent, Telling } from "./alert.ts";
import { type AlertChannel, ChannelQueue, type ChannelTimes, channelTimes } from "./alert-channel.ts";
import { AlertGroups } from "./alert-groups.ts";
import type { AlertMessage } from "./alert-message.ts";
import { type AlertState, readAlertState, writeAlertState } from "./alert-state.ts";
import { alertOf, channelAlert } from "./alert-table.ts";

export interface AlertsParts {
  readonly channels: readonly AlertChannel[];
  /** The file that is kept over restarts. */
  readonly path: string;
  /** The gate's AE title. */
  readonly gate: string;
  readonly clock: { now(): number };
  readonly newId: () => string;
  /** Faults of the alerts themselves: logged, and no alert. */
  readonly faults: EventSink;
  readonly times?: ChannelTimes;
}

/** Counts that a kill may cost. */
const savedEveryMs = 1000;
/** A timer longer than the process's patience is none: 2^31 ms would be at once. */
const sleepMsMax = 3_600_000;
/** At the end of the process; a receiver that is away must not hold it. */
const stopMsMax = 2000;

export class Alerts {
  readonly #parts: AlertsParts;
  readonly #groups: AlertGroups;
  readonly #queues: readonly ChannelQueue[];
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #saveTimer: NodeJS.Timeout | undefined;
  #saving: Promise<void> = Promise.resolve();
  #isChanged = false;
  #isBroken = false;
  #isStopped = false;

  constructor(parts: AlertsParts) {
    this.#parts = parts;
    const { groups, waiting } = this.#kept();
    this.#groups = new AlertGroups(groups, parts.clock.now());
    const queueParts = {
      times: parts.times ?? channelTimes,
      onState: (channel: string, isReached: boolean, why: string) =>
        this.#channelChanged(channel, isReached, why),
      onDropped: (channel: string) => this.#fault("limit-count", `${channel}: the oldest alert is removed`),
      onNote: (channel: string, note: string) => this.#fault("network", `alerts by ${channel}: ${note}`),
      onSent: () => this.#save(),
    };
    this.#queues = parts.channels.map(
      (channel) => new ChannelQueue(channel, waiting[channel.name] ?? [], queueParts),
    );
  }

  start(): void {
    for (const queue of this.#queues) queue.start();
    this.#plan();
  }

  /** Never throws; never waits. */
  readonly sink: EventSink = (event: GatewayEvent): void => {
    try {
      const alert = alertOf(event);
      if (alert) this.#take(alert);
    } catch {
      // Whatever is wrong with one alert must not cost an object, or the next one.
    }
  };

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#saveTimer);
    await Promise.all(this.#queues.map((queue) => queue.stop(stopMsMax)));
    await this.#save();
  }

  #kept(): AlertState {
    try {
      return readAlertState(this.#parts.path);
    } catch (error) {
      const isSystems = (error as NodeJS.ErrnoException).code !== undefined;
      this.#fault("io", isSystems ? "the file of alerts cannot be read" : "the file of alerts is damaged");
      return { groups: [], waiting: {} };
    }
  }

  #take(alert: AlertEvent): void {
    if (this.#isStopped) return;
    const now = this.#parts.clock.now();
    if ("rings" in alert) this.#tell(this.#groups.add(alert.rings, now));
    else this.#groups.end(alert.ends, alert.what, now);
    this.#saveSoon();
    this.#plan();
  }

  /** Nobody is told of a dead channel through it alone: it waits with the rest. */
  #channelChanged(channel: string, isReached: boolean, why: string): void {
    if (why !== "") this.#fault("network", `alerts by ${channel}: ${why}`);
    this.#take(channelAlert(channel, isReached));
  }

  #tell(tellings: readonly Telling[]): void {
    if (tellings.length === 0) return;
    const { gate, newId } = this.#parts;
    for (const telling of tellings) {
      const message: AlertMessage = { ...telling, id: newId(), gate };
      for (const queue of this.#queues) queue.push(message);
    }
    // What rang is remembered before somebody hears of it: after a crash it may be heard twice, but not never.
    // A disk that hangs keeps nobody from hearing.
    void Promise.race([this.#save(), pause(savedEveryMs)]).then(() => {
      for (const queue of this.#queues) queue.start();
    });
  }

  #plan(): void {
    const at = this.#groups.nextAt ?? Number.POSITIVE_INFINITY;
    if (this.#isStopped || (at >= this.#timerAt && this.#timerAt !== Number.POSITIVE_INFINITY)) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    if (at === Number.POSITIVE_INFINITY) return;
    const ms = Math.min(Math.max(at - this.#parts.clock.now(), 0), sleepMsMax);
    this.#timer = setTimeout(() => this.#due(), ms);
    this.#timer.unref();
  }

  #due(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    const tellings = this.#groups.due(this.#parts.clock.now());
    this.#tell(tellings);
    this.#saveSoon();
    this.#plan();
  }

  #saveSoon(): void {
    if (this.#saveTimer || this.#isStopped) return;
    this.#saveTimer = setTimeout(() => {
      this.#saveTimer = undefined;
      void this.#save();
    }, savedEveryMs);
    this.#saveTimer.unref();
  }

  /** One at a time; what changed meanwhile is written once more. */
  #save(): Promise<void> {
    this.#isChanged = true;
    this.#saving = this.#saving.then(() => this.#write());
    return this.#saving;
  }

  async #write(): Promise<void> {
    if (!this.#isChanged) return;
    this.#isChanged = false;
    const waiting = Object.fromEntries(this.#queues.map((queue) => [queue.name, queue.waiting]));
    try {
      await writeAlertState(this.#parts.path, { groups: this.#groups.state, waiting });
      this.#isBroken = false;
    } catch {
      if (!this.#isBroken) this.#fault("io", "the file of alerts cannot be written");
      this.#isBroken = true;
    }
  }

  #fault(code: string, why: string): void {
    this.#parts.faults({ kind: "fault", where: "alerts", code, why });
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
