/**
 * What happens again and again is told once in a while, with how many more there were, not each time: a peer that is rejected, objects that are
 * refused. Whoever reaches the port writes no log, and a full disk no nine hundred lines.
 */
import type { EventSink, GatewayEvent } from "./event.ts";

type Repeated = Extract<GatewayEvent, { kind: "association-rejected" | "object-refused" }>;

/** Between two of one kind: listener, address and reason; or source and reason. */
const quietMs = 10_000;
/** Kinds that are told apart; of all others one is told at a time. */
const kindsMax = 1_000;

interface Told {
  readonly at: number;
  /** The newest that was not told, and how many there are. */
  event: Repeated;
  more: number;
}

function kindOf(event: Repeated): string {
  return event.kind === "object-refused"
    ? `refused ${event.source} ${event.why}`
    : `rejected ${event.listener} ${event.peerAddress} ${event.why}`;
}

/** Everything else passes. @param now milliseconds of a clock that is never set back */
export function fewerRejections(sink: EventSink, now: () => number = () => performance.now()): EventSink {
  /** In the order they were told. */
  const told = new Map<string, Told>();
  /** What was kept back is told with whatever happens next, and at the end. */
  const forget = (until: number): void => {
    for (const [key, { at, event, more }] of told) {
      if (at > until) return;
      told.delete(key);
      if (more > 0) sink({ ...event, more: more - 1 });
    }
  };
  return (event) => {
    const at = now();
    if (event.kind !== "association-rejected" && event.kind !== "object-refused") {
      forget(event.kind === "stopped" ? Number.POSITIVE_INFINITY : at - quietMs);
      sink(event);
      return;
    }
    const kind = kindOf(event);
    const key = told.has(kind) || told.size < kindsMax ? kind : `${event.kind}, others`;
    const last = told.get(key);
    if (last && at - last.at < quietMs) {
      last.event = event;
      last.more++;
      return;
    }
    told.delete(key);
    forget(at - quietMs);
    told.set(key, { at, event, more: 0 });
    sink(last && last.more > 0 ? { ...event, more: last.more } : event);
  };
}
