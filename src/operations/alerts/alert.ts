/** What somebody is woken by. Every text in it is ours, or a name of the configuration: nothing that a peer chose. */

export type Severity = "critical" | "warning" | "notice";

/** Each has its paragraph in docs/alarms.md. */
export type AlarmName =
  | "held"
  | "delivery-dead"
  | "destination-down"
  | "commitment-failed"
  | "commitment-late"
  | "read-withheld"
  | "read-missing"
  | "read-unknown"
  | "study-missing"
  | "sealed-missing"
  | "read-failed"
  | "emergency"
  | "emergency-unreviewed"
  | "disk-low"
  | "copy-damaged"
  | "strangers"
  | "objects-refused"
  | "checking-fails"
  | "certificate-ending"
  | "audit-stopped"
  | "channel-dead"
  | "fault";

/** When a group rings, and when it is over. */
export interface RingRule {
  /** So many have to come within the time, or the first one rings. */
  readonly atLeast: number;
  readonly withinMs: number;
  /** It has to last so long; 0: it rings at once. */
  readonly afterMs: number;
  /** Over when nothing was heard for so long. */
  readonly quietMs: number;
}

export interface Alert {
  readonly alarm: AlarmName;
  /** One cause: what has the same key rings once. */
  readonly key: string;
  /** Keys of which only some ring alone: whoever makes many causes rings no hundred times. */
  readonly crowd: string;
  readonly severity: Severity;
  readonly what: string;
  readonly todo: string;
  /** How many of them; 0 where it is a state that is told again and again. */
  readonly count: number;
  /** The journal's id of the object. */
  readonly object?: string;
  /** A state that got worse rings again: fewer days, say. */
  readonly grade?: number;
  readonly rule: RingRule;
}

export type AlertEvent = { readonly rings: Alert } | { readonly ends: string; readonly what: string };

/** What is told of a group: its first, how many more, its end; `quiet`: nobody said that it ended, and nothing was heard of it for long. */
export interface Telling {
  readonly phase: "began" | "more" | "ended" | "quiet";
  readonly alarm: AlarmName;
  readonly severity: Severity;
  readonly what: string;
  readonly todo: string;
  readonly object?: string;
  /** Since it was told the last time, this one included; 0 for states. */
  readonly count: number;
  /** Since it began. */
  readonly total: number;
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly at: number;
}
