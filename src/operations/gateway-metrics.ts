/** The gateway's metrics in Prometheus' text format (docs/metrics.md). Labels are names of the configuration and closed words: no patient data. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { Clock } from "../foundation/crypto.ts";
import type { EventSink, GatewayEvent } from "./event.ts";
import {
  configuredName,
  count,
  knownCode,
  knownDeliveryState,
  knownObjectState,
  knownVerdict,
} from "./event-fields.ts";
import { LabelNames } from "./label-names.ts";
import { SweepMetrics } from "./sweep-metrics.ts";

/** Read from journal and spool when somebody asks for the metrics. Times are milliseconds since 1970. */
export interface GatewayReadings {
  /** By state. */
  readonly objects: Readonly<Record<string, number>>;
  readonly deliveries: Readonly<Record<string, number>>;
  readonly oldestReceivedAt: number | undefined;
  readonly oldestDueAt: number | undefined;
  readonly spool: {
    readonly bytes: number;
    readonly records: number;
    readonly bytesMax: number;
    readonly isRefusing: boolean;
  };
  /** Of what every archive has; absent where the journal does not say. */
  readonly copies?: { readonly objects: number; readonly bytes: number } | undefined;
  readonly destinations: readonly { readonly name: string; readonly isReached: boolean }[];
  /** What archives that are asked have not committed to; by destination. */
  readonly commitments?:
    | readonly { readonly destination: string; readonly waits: number; readonly failed: number }[]
    | undefined;
  /** Every certificate and revocation list that site and gateway rest on. */
  readonly certificates?: readonly { readonly of: string; readonly name: string; readonly endsAt: number }[];
  /** Audit messages that wait for their server; absent where none are sent. */
  readonly auditQueue?: number | undefined;
}

export interface MetricsOptions {
  readonly version: string;
  readonly clock: Clock;
  readonly collect: () => Promise<GatewayReadings>;
  /** Memory, processor time, event loop of this process. Default true; a second instance in one process leaves them out. */
  readonly ofProcess?: boolean;
}

const dayMs = 86_400_000;
/** A database that hangs must not take the other metrics with it. */
const collectMsMax = 3_000;
/** Associations whose end has not been told; more than a gateway lets in. */
const openMax = 10_000;

/** From a small slice on a fast network to a multi-frame object on a slow one. */
const acknowledgementBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
/** From the fast path to the examiner's time limit. */
const verdictBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
const deliveryBuckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

type EventOf<Kind extends GatewayEvent["kind"]> = Extract<GatewayEvent, { kind: Kind }>;

export class GatewayMetrics {
  /** Takes every event; never throws. */
  readonly sink: EventSink;
  readonly #registry = new Registry();
  readonly #options: MetricsOptions;
  readonly #counters: Counters;
  readonly #gauges: Gauges;
  readonly #sweep: SweepMetrics;
  readonly #sources = new LabelNames();
  readonly #destinations = new LabelNames();
  /** Association -> source. */
  readonly #open = new Map<string, string>();
  readonly #verdicts = new Map<string, number>();

  constructor(options: MetricsOptions) {
    this.#options = options;
    this.#counters = makeCounters(this.#registry);
    this.#gauges = makeGauges(this.#registry, this.#destinations);
    this.#sweep = new SweepMetrics(this.#registry, options.clock);
    this.#gauges.build.set({ version: options.version }, 1);
    if (options.ofProcess !== false) collectDefaultMetrics({ register: this.#registry });
    this.sink = (event) => {
      try {
        this.#count(event);
      } catch {
        // A metric that is not counted costs no object.
      }
    };
  }

  /** Objects judged since the start, by verdict: for the status page. */
  verdicts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#verdicts);
  }

  /** The text format. Without the journal's answer its gauges are absent and `scanseal_readings_up` is 0. */
  async text(): Promise<string> {
    this.#gauges.open.reset();
    for (const source of this.#open.values()) this.#gauges.open.inc({ source });
    const readings = await within(collectMsMax, this.#options.collect);
    this.#gauges.show(readings, this.#options.clock.now());
    return this.#registry.metrics();
  }

  #count(event: GatewayEvent): void {
    const c = this.#counters;
    switch (event.kind) {
      case "association-accepted":
      case "association-rejected":
      case "association-ended":
        this.#countAssociation(event);
        break;
      case "object-acknowledged":
      case "object-refused":
      case "object-judged":
        this.#countObject(event, this.#sources.of(event.source));
        break;
      case "delivered":
      case "delivery-failed":
        this.#countDelivery(event, this.#destinations.of(event.destination));
        break;
      case "stored":
        c.stored.inc();
        c.storedBytes.inc(count(event.bytes));
        break;
      case "read-replaced":
        c.readsReplaced.inc({ reason: knownCode(event.why) });
        break;
      case "copy-damaged":
        c.copiesDamaged.inc();
        break;
      case "copies-dropped":
        c.copiesDropped.inc({ reason: knownCode(event.why) }, count(event.objects));
        break;
      case "study-checked":
      case "sweep-ended":
        this.#sweep.count(event);
        break;
      case "recovered":
        c.recovered.inc(count(event.objects));
        break;
      case "worker-ended":
        c.workerEnds.inc();
        break;
      case "fault":
        c.faults.inc({ code: knownCode(event.code) });
        break;
      default:
    }
  }

  #countObject(
    event: EventOf<"object-acknowledged" | "object-refused" | "object-judged">,
    source: string,
  ): void {
    const c = this.#counters;
    if (event.kind === "object-acknowledged") {
      c.received.inc({ source });
      c.receivedBytes.inc({ source }, count(event.bytes));
      c.acknowledgement.observe(count(event.ms) / 1000);
    } else if (event.kind === "object-refused") {
      c.refused.inc({ source, reason: knownCode(event.why) });
    } else {
      const [verdict, state] = [knownVerdict(event.verdict), knownObjectState(event.state)];
      c.judged.inc({ source, verdict, state });
      this.#verdicts.set(verdict, (this.#verdicts.get(verdict) ?? 0) + 1);
      c.verdict.observe(count(event.ms) / 1000);
    }
  }

  #countDelivery(event: EventOf<"delivered" | "delivery-failed">, destination: string): void {
    const c = this.#counters;
    if (event.kind === "delivery-failed") {
      c.deliveries.inc({ destination, outcome: event.isDead ? "dead" : "retried" });
    } else {
      c.deliveries.inc({ destination, outcome: "delivered" });
      c.deliveredBytes.inc({ destination }, count(event.bytes));
      c.delivery.observe({ destination }, count(event.ms) / 1000);
    }
  }

  #countAssociation(
    event: EventOf<"association-accepted" | "association-rejected" | "association-ended">,
  ): void {
    const { associations } = this.#counters;
    if (event.kind === "association-accepted") {
      const source = this.#sources.of(event.source);
      if (this.#open.size < openMax) this.#open.set(event.association, source);
      associations.inc({ source, outcome: "accepted" });
    } else if (event.kind === "association-rejected") {
      // A peer that was turned away is no source.
      associations.inc({ source: "none", outcome: "rejected" });
    } else {
      const source = this.#open.get(event.association);
      // The end of one that was rejected is counted already.
      if (source === undefined) return;
      this.#open.delete(event.association);
      associations.inc({ source, outcome: knownCode(event.how) });
    }
  }
}

async function within(
  ms: number,
  read: () => Promise<GatewayReadings>,
): Promise<GatewayReadings | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  try {
    return await Promise.race([read(), late]);
  } catch {
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/** Explicit, because a mistyped label is an error at run time only. */
interface Counters {
  readonly associations: Counter<"source" | "outcome">;
  readonly received: Counter<"source">;
  readonly receivedBytes: Counter<"source">;
  readonly refused: Counter<"source" | "reason">;
  readonly judged: Counter<"source" | "verdict" | "state">;
  readonly stored: Counter<never>;
  readonly storedBytes: Counter<never>;
  readonly readsReplaced: Counter<"reason">;
  readonly copiesDamaged: Counter<never>;
  readonly copiesDropped: Counter<"reason">;
  readonly recovered: Counter<never>;
  readonly workerEnds: Counter<never>;
  readonly faults: Counter<"code">;
  readonly deliveries: Counter<"destination" | "outcome">;
  readonly deliveredBytes: Counter<"destination">;
  readonly acknowledgement: Histogram<never>;
  readonly verdict: Histogram<never>;
  readonly delivery: Histogram<"destination">;
}

function makeCounters(registry: Registry): Counters {
  const counter = <Label extends string = never>(
    name: string,
    help: string,
    ...labelNames: Label[]
  ): Counter<Label> =>
    new Counter({ name: `scanseal_${name}_total`, help, labelNames, registers: [registry] });
  const histogram = <Label extends string = never>(
    name: string,
    help: string,
    buckets: number[],
    ...labelNames: Label[]
  ): Histogram<Label> =>
    new Histogram({ name: `scanseal_${name}_seconds`, help, buckets, labelNames, registers: [registry] });
  return {
    associations: counter("associations", "Associations begun and ended", "source", "outcome"),
    received: counter("objects_received", "Objects acknowledged to their sender", "source"),
    receivedBytes: counter("received_bytes", "Bytes of acknowledged objects", "source"),
    refused: counter("objects_refused", "Objects refused while they arrived", "source", "reason"),
    judged: counter("objects_judged", "Objects judged", "source", "verdict", "state"),
    stored: counter("objects_stored", "Objects put into the object store"),
    storedBytes: counter("stored_bytes", "Bytes put into the object store"),
    readsReplaced: counter("reads_replaced", "Copies given to readers in the archive's place", "reason"),
    copiesDamaged: counter("copies_damaged", "Own bytes that were not what was acknowledged"),
    copiesDropped: counter("copies_dropped", "Copies let go", "reason"),
    recovered: counter("objects_recovered", "Acknowledged objects found again after a crash"),
    workerEnds: counter("worker_ends", "Examining workers that had to be ended or died"),
    faults: counter("faults", "What should not happen", "code"),
    deliveries: counter("deliveries", "Attempts to deliver", "destination", "outcome"),
    deliveredBytes: counter("delivered_bytes", "Bytes confirmed by destinations", "destination"),
    acknowledgement: histogram("acknowledgement", "First byte to response", acknowledgementBuckets),
    verdict: histogram("verdict", "Acknowledgement to verdict", verdictBuckets),
    delivery: histogram("delivery", "One successful delivery", deliveryBuckets, "destination"),
  };
}

interface Gauges {
  readonly build: Gauge<"version">;
  readonly open: Gauge<"source">;
  show(readings: GatewayReadings | undefined, now: number): void;
}

function makeGauges(registry: Registry, names: LabelNames): Gauges {
  const gauge = <Label extends string = never>(
    name: string,
    help: string,
    ...labelNames: Label[]
  ): Gauge<Label> => new Gauge({ name: `scanseal_${name}`, help, labelNames, registers: [registry] });
  const up = gauge("readings_up", "1 when journal and spool answered, else their gauges are absent");
  const objects = gauge("objects", "Objects by state", "state");
  const deliveries = gauge("deliveries", "Deliveries by state", "state");
  const unjudged = gauge(
    "oldest_unjudged_seconds",
    "Age of the oldest object without a verdict, 0 without one",
  );
  const due = gauge("oldest_due_seconds", "Age of the oldest delivery that is due, 0 without one");
  const bytes = gauge("spool_bytes", "Bytes in the spool");
  const bytesMax = gauge("spool_bytes_max", "Bytes the spool may take");
  const records = gauge("spool_records", "Objects in the spool");
  const copies = gauge("copies", "Copies of objects that every archive has");
  const copiesBytes = gauge("copies_bytes", "Bytes of these copies");
  const refusing = gauge("spool_refusing", "1 while objects are refused for want of storage, else 0");
  const auditQueue = gauge("audit_queue", "Audit messages that wait for the syslog server");
  const reached = gauge("destination_reached", "0 while it cannot be reached, else 1", "destination");
  const uncommitted = gauge("uncommitted", "Delivered, and not committed to", "destination", "state");
  const certificate = gauge("certificate_days", "Days until it ends, negative after", "of", "name");
  const age = (since: number | undefined, now: number): number =>
    since === undefined ? 0 : Math.max(0, now - since) / 1000;
  return {
    build: gauge("build_info", "1, with the version", "version"),
    open: gauge("associations_open", "Associations that are open", "source"),
    show(readings, now) {
      up.set(readings === undefined ? 0 : 1);
      for (const one of [unjudged, due, bytes, bytesMax, records, copies, copiesBytes, refusing, auditQueue])
        one.remove();
      objects.reset();
      deliveries.reset();
      certificate.reset();
      reached.reset();
      uncommitted.reset();
      if (readings === undefined) return;
      for (const [state, n] of Object.entries(readings.objects))
        objects.set({ state: knownObjectState(state) }, n);
      for (const [state, n] of Object.entries(readings.deliveries))
        deliveries.set({ state: knownDeliveryState(state) }, n);
      unjudged.set(age(readings.oldestReceivedAt, now));
      due.set(age(readings.oldestDueAt, now));
      bytes.set(readings.spool.bytes);
      bytesMax.set(readings.spool.bytesMax);
      records.set(readings.spool.records);
      if (readings.copies) {
        copies.set(readings.copies.objects);
        copiesBytes.set(readings.copies.bytes);
      }
      for (const { name, isReached } of readings.destinations)
        reached.set({ destination: names.of(name) }, isReached ? 1 : 0);
      for (const { destination, waits, failed } of readings.commitments ?? []) {
        uncommitted.inc({ destination: names.of(destination), state: "waits" }, waits);
        uncommitted.inc({ destination: names.of(destination), state: "failed" }, failed);
      }
      // Names that are told as "other" share a line: the first to end stands there.
      const ends = [...(readings.certificates ?? [])].sort((a, b) => b.endsAt - a.endsAt);
      for (const { of, name, endsAt } of ends)
        certificate.set({ of: knownCode(of), name: configuredName(name) }, (endsAt - now) / dayMs);
      if (readings.auditQueue !== undefined) auditQueue.set(readings.auditQueue);
      refusing.set(readings.spool.isRefusing ? 1 : 0);
    },
  };
}
