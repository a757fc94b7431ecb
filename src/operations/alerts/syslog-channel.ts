/** Alerts to a syslog server (RFC 5424), over TLS (RFC 5425), TCP or UDP. */
import type { Bytes } from "../../foundation/bytes.ts";
import { alertSyslogMessage } from "../audit/syslog-message.ts";
import { SyslogSender, type SyslogTarget, type SyslogTimes } from "../audit/syslog-sender.ts";
import { type AlertChannel, sendMsMax } from "./alert-channel.ts";
import { type AlertMessage, lineOf } from "./alert-message.ts";

/** A server that took it and lives on for so long has it: within what one try may take. */
const times: SyslogTimes = { settleMs: 2_000, stallMs: 6_000, retryMs: 1_000, retryMsMax: 1_000 };

/** RFC 5424 6.2.1. */
const severities: Readonly<Record<AlertMessage["severity"], number>> = { critical: 2, warning: 4, notice: 5 };

export class SyslogChannel implements AlertChannel {
  readonly name = "syslog";
  readonly #target: SyslogTarget;
  readonly #of: { readonly host: string; readonly processId: number };

  constructor(target: SyslogTarget, of: { readonly host: string; readonly processId: number }) {
    this.#target = target;
    this.#of = of;
  }

  async send(message: AlertMessage): Promise<undefined> {
    const { at, severity } = message;
    const header = { at, severity: severities[severity], ...this.#of };
    const queue = new QueueOfOne(alertSyslogMessage(lineOf(message), header));
    let problem = "the server does not answer";
    const onState = (isReached: boolean, why: string): void => {
      if (!isReached) problem = why;
    };
    const sender = new SyslogSender(queue, this.#target, onState, times);
    sender.start();
    // Ends when its connection did; a server that keeps its side open has it nevertheless.
    await Promise.race([sender.stop(sendMsMax), queue.taken]);
    if (queue.length > 0) throw new Error(problem);
  }
}

/** What the sender asks of a queue. */
class QueueOfOne {
  readonly #message: Bytes;
  readonly #taken = Promise.withResolvers<void>();
  #length = 1;

  constructor(message: Bytes) {
    this.#message = message;
  }

  get taken(): Promise<void> {
    return this.#taken.promise;
  }

  get length(): number {
    return this.#length;
  }

  after(id: number): { readonly id: number; readonly message: Bytes }[] {
    return id === 0 && this.#length > 0 ? [{ id: 1, message: this.#message }] : [];
  }

  removeThrough(): void {
    this.#length = 0;
    this.#taken.resolve();
  }
}
