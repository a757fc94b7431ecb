/** The gate's audit trail: events become messages, which are queued and sent. Nothing waits for it. */
import type { Bytes } from "../../foundation/bytes.ts";
import type { EventSink, GatewayEvent } from "../event.ts";
import { fewerRejections } from "../fewer-rejections.ts";
import { actRecord, type RecordedAct } from "./act-records.ts";
import type { AuditRecord } from "./audit-message.ts";
import { auditXml } from "./audit-message.ts";
import { AuditQueue } from "./audit-queue.ts";
import { activityRecord, auditRecordOf, overflowRecord } from "./audit-records.ts";
import { auditEventJson } from "./fhir-event.ts";
import { FhirSender, type FhirTarget } from "./fhir-sender.ts";
import { type ReaderSearch, searchRecord } from "./query-record.ts";
import { syslogMessage } from "./syslog-message.ts";
import { SyslogSender, type SyslogTarget, type SyslogTimes, syslogTimes } from "./syslog-sender.ts";

export interface AuditTrailSettings {
  /** A syslog server, or a FHIR server. */
  readonly target: SyslogTarget | FhirTarget;
  readonly queueBytesMax: number;
}

export interface AuditTrailParts {
  /** The queue's file. */
  readonly path: string;
  /** AuditSourceID, and the gate's name as a participant. */
  readonly title: string;
  readonly host: string;
  readonly processId: number;
  readonly clock: { now(): number };
  /** The trail's own faults: they are logged, not audited. */
  readonly faults: EventSink;
  readonly times?: SyslogTimes;
}

/** At the end of the process; a server that is away must not hold it. */
const stopMsMax = 2000;

export class AuditTrail {
  readonly #parts: AuditTrailParts;
  readonly #queue: AuditQueue;
  readonly #isFhir: boolean;
  #target: AuditTrailSettings["target"];
  #sender: SyslogSender | FhirSender;
  #waiting: { readonly record: AuditRecord; readonly at: number }[] = [];
  #isFull = false;
  #isBroken = false;
  #isStopped = false;

  /** @throws the database's error */
  constructor({ target, queueBytesMax }: AuditTrailSettings, parts: AuditTrailParts) {
    this.#parts = parts;
    this.#queue = new AuditQueue(parts.path, queueBytesMax);
    this.#isFhir = "url" in target;
    this.#target = target;
    this.#sender = this.#senderTo(target);
    this.#take(activityRecord("start", parts));
    this.#sender.start();
  }

  /** Another server of the same kind, its renewed certificate, another limit: what waits goes there. Not while another one is under way. */
  async apply({ target, queueBytesMax }: AuditTrailSettings): Promise<void> {
    this.#queue.bytesMax = queueBytesMax;
    if (JSON.stringify(target) === JSON.stringify(this.#target)) return;
    await this.#sender.stop(stopMsMax);
    if (this.#isStopped) return;
    this.#target = target;
    this.#sender = this.#senderTo(target);
    this.#sender.start();
  }

  /** A flood of rejections must not push everything else out of the queue. */
  readonly sink: EventSink = fewerRejections((event: GatewayEvent): void => {
    const record = auditRecordOf(event, this.#parts);
    if (record) this.#take(record);
  });

  /** A flood of searches fills the queue no faster than its readers ask. */
  takeSearch(search: ReaderSearch): void {
    this.#take(searchRecord(search, this.#parts));
  }

  /** Messages that wait for the server. */
  get length(): number {
    return this.#queue.length;
  }

  /** From when on `takeActs` is to be told of acts. @throws the database's error */
  get actsSince(): number {
    return this.#queue.takenSince;
  }

  /** Of acts that the journal keeps, oldest first: each is audited once, however often it is given. @throws the database's error */
  takeActs(acts: readonly RecordedAct[]): void {
    const messages = acts.map((one) => {
      const { id, at } = one;
      return { id, at, message: this.#message({ record: actRecord(one, this.#parts), at }) };
    });
    const dropped = this.#queue.addOnce(messages);
    if (dropped > 0) this.#overflowed(dropped);
    this.#sender.wake();
  }

  async stop(): Promise<void> {
    this.#take(activityRecord("stop", this.#parts));
    this.#isStopped = true;
    this.#store();
    await this.#sender.stop(stopMsMax);
    this.#queue.close();
  }

  #senderTo(target: AuditTrailSettings["target"]): SyslogSender | FhirSender {
    const onState = (isReached: boolean, why: string): void => {
      if (isReached) this.#isFull = false;
      else this.#fault("network", why);
    };
    const { times = syslogTimes } = this.#parts;
    return "url" in target
      ? new FhirSender(this.#queue, target, onState, times)
      : new SyslogSender(this.#queue, target, onState, times);
  }

  #take(record: AuditRecord): void {
    if (this.#isStopped) return;
    if (this.#waiting.length === 0) setImmediate(() => this.#store());
    this.#waiting.push({ record, at: this.#parts.clock.now() });
  }

  /** All of a turn at once. */
  #store(): void {
    const taken = this.#waiting;
    if (taken.length === 0) return;
    this.#waiting = [];
    try {
      const dropped = this.#queue.add(taken.map((one) => this.#message(one)));
      if (dropped > 0) this.#overflowed(dropped);
      this.#isBroken = false;
    } catch (error) {
      if (!this.#isBroken) this.#fault("io", (error as Error).message);
      this.#isBroken = true;
    }
    this.#sender.wake();
  }

  /** Each time it is audited, so that the numbers add up; logged once until the server is back. */
  #overflowed(dropped: number): void {
    const at = this.#parts.clock.now();
    this.#queue.add([this.#message({ record: overflowRecord(dropped, this.#parts), at })]);
    if (!this.#isFull) this.#fault("storage-full", "the queue is full: the oldest are removed");
    this.#isFull = true;
  }

  #message({ record, at }: { readonly record: AuditRecord; readonly at: number }): Bytes {
    const { title, host, processId } = this.#parts;
    if (this.#isFhir) return new TextEncoder().encode(auditEventJson(record, at, title));
    return syslogMessage(auditXml(record, at, title), { at, outcome: record.outcome, host, processId });
  }

  #fault(code: string, why: string): void {
    this.#parts.faults({ kind: "fault", where: "audit", code, why });
  }
}
