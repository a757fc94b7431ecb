/** The alerts of a gateway, as its configuration asks for them. */
import { hostname } from "node:os";
import { join } from "node:path";
import { v7 as newId } from "uuid";
import type { AlertChannel } from "../../operations/alerts/alert-channel.ts";
import { type AlertMessage, gateDownMessage, testMessage } from "../../operations/alerts/alert-message.ts";
import { Alerts } from "../../operations/alerts/alerts.ts";
import { MailChannel } from "../../operations/alerts/mail-channel.ts";
import { SyslogChannel } from "../../operations/alerts/syslog-channel.ts";
import { WebhookChannel } from "../../operations/alerts/webhook-channel.ts";
import type { EventSink, GatewayEvent } from "../../operations/event.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import type { GatewayConfig } from "./config.ts";
import type { AlertSettings, Unset } from "./config-alerts.ts";

/** Events that come while channels are exchanged, which takes two seconds at most. */
const meanwhileMax = 10_000;

/** Those of the configuration in force: what waits and which groups are open goes from one to the next by their file. */
export class GateAlerts {
  readonly #config: GatewayConfig;
  readonly #faults: EventSink;
  #alerts: Alerts | undefined;
  #settings: string | undefined;
  /** Undefined: nothing is exchanged now. */
  #meanwhile: GatewayEvent[] | undefined;
  #isStopped = false;

  /** @param faults of the alerts themselves: they are logged, and ring nothing */
  constructor(config: GatewayConfig, faults: EventSink) {
    this.#config = config;
    this.#faults = faults;
    this.#open(config.alerts);
  }

  readonly sink: EventSink = (event) => {
    if (!this.#meanwhile) this.#alerts?.sink(event);
    else if (this.#meanwhile.length < meanwhileMax) this.#meanwhile.push(event);
  };

  start(): void {
    this.#alerts?.start();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#alerts?.stop();
  }

  /** Not while another one is under way. */
  async apply(settings: AlertSettings | undefined): Promise<void> {
    if (JSON.stringify(settings) === this.#settings) return;
    const meanwhile: GatewayEvent[] = [];
    this.#meanwhile = meanwhile;
    await this.#alerts?.stop();
    this.#meanwhile = undefined;
    if (this.#isStopped) return;
    this.#open(settings);
    this.start();
    meanwhile.forEach(this.sink);
  }

  #open(settings: AlertSettings | undefined): void {
    this.#settings = JSON.stringify(settings);
    this.#alerts =
      settings &&
      new Alerts({
        channels: channelsOf(settings),
        path: join(this.#config.data, "alerts.json"),
        gate: this.#config.settings.aeTitle,
        clock: systemClock,
        newId,
        faults: this.#faults,
      });
  }
}

export interface ChannelTest {
  readonly channel: string;
  readonly ms: number;
  /** Undefined where it was taken by everybody. */
  readonly problem: string | undefined;
}

/** Each channel once, now, past queue and groups. */
export function testAlerts(settings: AlertSettings, gate: string): readonly Promise<ChannelTest>[] {
  return ringAll(settings, testMessage(gate, newId(), systemClock.now()));
}

/** The same with the alarm that this gate is down. */
export function alertDown(settings: AlertSettings, gate: string): readonly Promise<ChannelTest>[] {
  return ringAll(settings, gateDownMessage(gate, newId(), systemClock.now()));
}

function ringAll(settings: AlertSettings, message: AlertMessage): readonly Promise<ChannelTest>[] {
  return channelsOf(settings).map(async (channel) => {
    const began = performance.now();
    const problem = await channel
      .send(message)
      .catch((error: unknown) => (error instanceof Error ? error.message : "failed"));
    return { channel: channel.name, ms: Math.round(performance.now() - began), problem };
  });
}

function channelsOf({ webhook, mail, syslog }: AlertSettings): AlertChannel[] {
  const of = { host: hostname(), processId: process.pid };
  return [
    ...made("webhook", webhook, (settings) => new WebhookChannel(settings)),
    ...made("mail", mail, (settings) => new MailChannel(settings)),
    ...made("syslog", syslog, (target) => new SyslogChannel(target, of)),
  ];
}

/** One whose secret is not there fails like one whose receiver is not there: the others tell, and its messages wait. */
function made<T extends object>(
  name: string,
  settings: T | Unset | undefined,
  make: (settings: T) => AlertChannel,
): AlertChannel[] {
  if (settings === undefined) return [];
  if (!("unset" in settings)) return [make(settings)];
  const { unset } = settings;
  const send = (): Promise<never> =>
    Promise.reject(new Error(`the environment variable ${unset} is not set`));
  return [{ name, send }];
}
