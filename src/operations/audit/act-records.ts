/** What operators did, as audit messages: one row for each kind of act that the gate's journal records. */
import { configuredName, count, knownCode, madeId, phrase } from "../event-fields.ts";
import type { AuditObject, AuditRecord, Coded } from "./audit-message.ts";
import { alert, dcm, type Gate, gateAs, node, own, subject } from "./audit-records.ts";

/** As the journal has it. */
export interface RecordedAct {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly actor: string;
  readonly act: string;
  readonly subject: string;
  readonly detail: Readonly<Record<string, string | number | boolean>>;
}

/** Beginnings of the acts' names. What the gate itself does is told by its events. */
export const auditedActs: readonly string[] = [
  "quarantine.",
  "emergency.",
  "operator.",
  "source.",
  "deliveries.",
  "machine.",
];

// PS3.16 CID 403.
const restrictedFunction = dcm("110132", "Use of Restricted Function");
const objectSecurity = dcm("110135", "Object Security Attributes Changed");
const userSecurity = dcm("110137", "User Security Attributes Changed");

/** The longest beginning that fits holds. Alerts (PS3.15 A.5.3.11) but for the last ones. */
const alerts: readonly (readonly [beginning: string, type: Coded])[] = [
  ["quarantine.", objectSecurity],
  ["emergency.opened", dcm("110127", "Emergency Override Started")],
  ["emergency.closed", dcm("110138", "Emergency Override Stopped")],
  ["emergency.reviewed", own("emergency-reviewed", "Emergency override reviewed")],
  ["operator.", userSecurity],
  ["source.", dcm("110129", "Security Configuration")],
  ["machine.", dcm("110129", "Security Configuration")],
];

/** PS3.15 A.5.3.5 and A.5.3.12. */
const others: readonly (readonly [beginning: string, event: Coded, types: readonly Coded[]])[] = [
  ["quarantine.export", dcm("110106", "Export"), []],
  ["machine.backup-made", dcm("110106", "Export"), []],
  ["operator.refused", dcm("110114", "User Authentication"), [dcm("110122", "Login")]],
];

/** Fields are of closed forms: what people typed as a reason, a study's UID or an unproven name is not sent. */
export function actRecord(recorded: RecordedAct, gate: Gate): AuditRecord {
  const { act } = recorded;
  const outcome = act.endsWith(".failed") ? 8 : act.endsWith(".refused") ? 4 : 0;
  const description = textOf(recorded);
  // Of a refused try the person is who was named, and not the gate, which recorded it.
  const user = configuredName(act === "operator.refused" ? recorded.subject : recorded.actor);
  const participants = [{ user, isRequestor: true }, gateAs(gate, false)];
  const about = objectOf(recorded);
  const other = others.find(([beginning]) => act.startsWith(beginning));
  if (other) {
    const [, event, types] = other;
    const action = event.code === "110106" ? "R" : "E";
    return { event, types, action, outcome, description, participants, objects: [about] };
  }
  const type = alerts.find(([beginning]) => act.startsWith(beginning))?.[1] ?? restrictedFunction;
  return alert(type, outcome, description, participants, about);
}

/** An emergency's subject is a study: its record's id stands for it. */
function objectOf({ id, act, subject: name }: RecordedAct): AuditObject {
  if (act === "emergency.opened") return subject(id);
  if (madeId(name) === name) return subject(name);
  return node(configuredName(name));
}

/** What the log takes too (site/provenance/logged-acts.ts), and why somebody was refused. */
const names: readonly string[] = [
  "from",
  "to",
  "mode",
  "destination",
  "requestedBy",
  "and",
  "reader",
  "account",
];
const codes: readonly string[] = ["why", "verdict"];
const numbers: readonly string[] = ["objects", "until", "minutes", "epoch"];

function textOf({ act, detail }: RecordedAct): string {
  const told = [/^[a-z]+(?:[.-][a-z]+){1,4}$/.test(act) ? act : "act"];
  for (const [key, value] of Object.entries(detail)) {
    if (names.includes(key) && typeof value === "string") told.push(`${key} ${configuredName(value)}`);
    else if (key === "readers" && typeof value === "string")
      told.push(`readers ${value.split(", ").map(configuredName).join(" ")}`);
    else if (codes.includes(key) && typeof value === "string") told.push(`${key} ${knownCode(value)}`);
    else if (numbers.includes(key) && typeof value === "number") told.push(`${key} ${count(value)}`);
    else if (key === "command" && typeof value === "string") told.push(`in ${phrase(value)}`);
  }
  if (detail.isProven === false) told.push("by whoever had the machine: not proven");
  return told.join(", ");
}
