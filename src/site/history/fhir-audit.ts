/** What the gate and its operators did, as FHIR R5 AuditEvent after the patterns of IHE's Basic Audit Log Patterns. */
import {
  type AuditCategory,
  actorReference,
  categoryConcept,
  coding,
  eventConcept,
  type FhirObject,
  informationRecipient,
  plain,
  transferRole,
  uidReference,
} from "./fhir-terms.ts";
import type { Actor, EventKind, HistoryEvent, HistoryObject } from "./history.ts";

/** ITI TF-2 3.20 and PS3.15 A.5: what it is called, what was done (create, read, update, delete, execute), how it ended. */
interface Pattern {
  readonly category: AuditCategory;
  readonly action: "C" | "R" | "U" | "D" | "E";
  readonly outcome: "success" | "information" | "warning" | "error";
  readonly severity: "informational" | "notice" | "warning" | "error";
}

function pattern(
  category: AuditCategory,
  action: Pattern["action"],
  outcome: Pattern["outcome"],
  severity: Pattern["severity"] = "informational",
): Pattern {
  return { category, action, outcome, severity };
}

/** A wish is no event: what two people decided is. */
const patterns: Partial<Readonly<Record<EventKind, Pattern>>> = {
  received: pattern("transferred", "C", "success"),
  resent: pattern("transferred", "E", "information"),
  admitted: pattern("accessed", "E", "success"),
  held: pattern("alert", "E", "warning", "warning"),
  conflict: pattern("alert", "E", "warning", "warning"),
  damaged: pattern("alert", "E", "error", "error"),
  rechecked: pattern("accessed", "E", "information", "notice"),
  exported: pattern("export", "R", "success", "notice"),
  released: pattern("export", "R", "success", "notice"),
  purged: pattern("deleted", "D", "success", "notice"),
  delivered: pattern("transferred", "R", "success"),
  "delivery-failed": pattern("transferred", "R", "error", "error"),
};

/** What a check refused is told as an alert, and never as provenance. */
const refused = pattern("alert", "E", "error", "error");

const gate: Actor = { role: "gateway", name: "Scanseal gate" };

/** Undefined for events that are none of the gate's, and sound. @param exportedAt ISO 8601, for what has no time of its own */
export function auditEventOf(
  event: HistoryEvent,
  object: HistoryObject,
  exportedAt: string,
): FhirObject | undefined {
  const { known, fault, at, what, text } = event;
  const found = fault !== undefined ? refused : known.by === "journal" ? patterns[what] : undefined;
  const { sopInstanceUid, studyInstanceUid } = object;
  if (!found || sopInstanceUid === undefined) return undefined;
  const { category, action, outcome, severity } = found;
  const detail = fault === undefined ? text : `${text} Not proven: ${fault}.`;
  return {
    resourceType: "AuditEvent",
    category: [categoryConcept(category)],
    code: eventConcept(what),
    action,
    severity,
    ...(at === undefined ? {} : { occurredDateTime: at }),
    recorded: fault === undefined && at !== undefined ? at : exportedAt,
    outcome: {
      code: coding("http://hl7.org/fhir/issue-severity", outcome),
      detail: [{ text: plain(detail) }],
    },
    agent: agentsOf(event),
    source: { observer: actorReference(gate) },
    entity: [
      { what: uidReference(sopInstanceUid), role: objectRole("4", "Domain Resource") },
      ...(studyInstanceUid === undefined
        ? []
        : [{ what: uidReference(studyInstanceUid), role: objectRole("3", "Report") }]),
    ],
  };
}

/** PS3.15 A.5.3: a study is audited as a report. */
function objectRole(code: string, display: string): FhirObject {
  return { coding: [coding("http://terminology.hl7.org/CodeSystem/object-role", code, display)] };
}

/** Who is at which end; people are whom it was done for, and asked for it. */
function agentsOf({ what, who }: HistoryEvent): FhirObject[] {
  const isIncoming = what === "received" || what === "resent";
  const people = who.filter(({ role }) => role === "operator");
  const ends = who.filter(({ role }) => role === "source" || role === "destination");
  const gateRole = ends.length === 0 ? "application" : isIncoming ? "destination" : "source";
  return [
    ...ends.map((actor) => ({
      type: transferRole(isIncoming ? "source" : "destination"),
      who: actorReference(actor),
      requestor: isIncoming,
      ...(actor.address === undefined || plain(actor.address) === ""
        ? {}
        : { networkString: plain(actor.address) }),
    })),
    {
      type: transferRole(gateRole),
      who: actorReference(gate),
      requestor: !isIncoming && people.length === 0,
    },
    ...people.map((actor) => ({ type: informationRecipient(), who: actorReference(actor), requestor: true })),
  ];
}
