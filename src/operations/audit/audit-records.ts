/** Which events are audited, and as what: one row for each kind. */
import type { GatewayEvent } from "../event.ts";
import {
  configuredName,
  ipAddress,
  knownCode,
  knownVerdict,
  madeId,
  phrase,
  titleLabel,
} from "../event-fields.ts";
import type { AuditObject, AuditParticipant, AuditRecord, Coded } from "./audit-message.ts";

export const dcm = (code: string, text: string): Coded => ({ code, system: "DCM", text });
/** Where PS3.16 has no code: audit code systems may be an implementation's (PS3.15 A.5.1). */
export const own = (code: string, text: string): Coded => ({ code, system: "99SCANSEAL", text });

// PS3.16 CID 400 to 403, Annex D.
const applicationActivity = dcm("110100", "Application Activity");
const instancesTransferred = dcm("110104", "DICOM Instances Transferred");
const securityAlert = dcm("110113", "Security Alert");
const nodeAuthentication = dcm("110126", "Node Authentication");
const securityConfiguration = dcm("110129", "Security Configuration");
const recordingStopped = dcm("110133", "Audit Recording Stopped");
const application = dcm("110150", "Application");
export const destinationRole: Coded = dcm("110152", "Destination Role ID");
export const sourceRole: Coded = dcm("110153", "Source Role ID");
const nodeId = dcm("110182", "Node ID");
const uri: Coded = { code: "12", system: "RFC-3881", text: "URI" };

/** Titles of the gate as a participant. */
export interface Gate {
  readonly title: string;
}

type RowOf<E> = (event: E, gate: Gate) => AuditRecord | undefined;
type Rows = { readonly [K in GatewayEvent["kind"]]?: RowOf<Extract<GatewayEvent, { readonly kind: K }>> };

const rows: Rows = {
  "association-accepted": (event, gate) =>
    event.titleDiffers === true
      ? alert(
          nodeAuthentication,
          0,
          "the certificate is the source's, the AE title is not",
          [peer(event.peerTitle, true, event.peerAddress), gateAs(gate, false)],
          node(configuredName(event.source)),
        )
      : undefined,
  "association-rejected": (event, gate) =>
    alert(
      nodeAuthentication,
      4,
      `${phrase(event.why)}${moreOf(event.more)}`,
      [peer(event.peerTitle, true, event.peerAddress), gateAs(gate, false)],
      node(ipAddress(event.peerAddress)),
    ),
  "object-acknowledged": ({ object, source }, gate) =>
    transfer("C", 0, [name(source, true, sourceRole), gateAs(gate, false, destinationRole)], object),
  "object-refused": ({ source, why, more }, gate) =>
    transfer(
      "C",
      4,
      [name(source, true, sourceRole), gateAs(gate, false, destinationRole)],
      undefined,
      `refused: ${knownCode(why)}${moreOf(more)}`,
    ),
  "object-judged": ({ object, source, verdict, state, codes }, gate) =>
    state === "held"
      ? alert(
          own("object-held", "Object held in quarantine"),
          8,
          `held: ${verdictText(verdict, codes)}`,
          [name(source, true, sourceRole), gateAs(gate, false)],
          subject(object),
        )
      : undefined,
  delivered: ({ object, destination }, gate) =>
    transfer("R", 0, [gateAs(gate, true, sourceRole), name(destination, false, destinationRole)], object),
  "delivery-failed": ({ object, destination, isDead, why }, gate) =>
    isDead
      ? transfer(
          "R",
          8,
          [gateAs(gate, true, sourceRole), name(destination, false, destinationRole)],
          object,
          `given up: ${phrase(why)}`,
        )
      : undefined,
  "read-withheld": ({ object, archive, verdict, codes }, gate) =>
    alert(
      own("object-altered-in-archive", "Object from an archive withheld"),
      8,
      `withheld: ${verdictText(verdict, codes)}`,
      [name(archive, false, sourceRole), gateAs(gate, true)],
      subject(object),
    ),
  "read-missing": ({ object, archive }, gate) =>
    alert(
      own("object-missing-in-archive", "Admitted object missing in an archive"),
      8,
      "the archive has an admitted object no more",
      [name(archive, false, sourceRole), gateAs(gate, true)],
      subject(object),
    ),
  "study-missing": ({ archive, instances }, gate) =>
    alert(
      own("study-missing-in-archive", "Admitted study missing in an archive"),
      8,
      `the archive has nothing of a study; admitted instances: ${instances}`,
      [name(archive, false, sourceRole), gateAs(gate, true)],
      node(configuredName(archive)),
    ),
  "sealed-missing": ({ archive, instances }, gate) =>
    alert(
      own("sealed-object-nowhere", "Object sealed here found nowhere"),
      4,
      `sealed here, neither admitted nor in the archive; instances: ${instances}`,
      [name(archive, false, sourceRole), gateAs(gate, true)],
      node(configuredName(archive)),
    ),
  "copy-damaged": ({ object }, gate) =>
    alert(
      own("kept-bytes-damaged", "Kept bytes of an object damaged"),
      8,
      "the gate's own bytes of an object are not those that were acknowledged",
      [gateAs(gate, true)],
      subject(object),
    ),
  "read-given": ({ reader, given, withheld, objects }, gate) => ({
    event: instancesTransferred,
    action: "R",
    outcome: withheld === 0 ? 0 : 4,
    description: `given to a reader: ${given}; withheld: ${withheld}`,
    participants: [gateAs(gate, false, sourceRole), name(reader, true, destinationRole)],
    objects: objects.map(subject),
  }),
  // PS3.16 CID 402: emergency override.
  "read-emergency": ({ reader, grant, verdict }, gate) =>
    alert(
      dcm("110127", "Emergency Override Started"),
      4,
      `given in an emergency: ${verdictText(verdict, [])}`,
      [gateAs(gate, true, sourceRole), name(reader, false, destinationRole)],
      subject(grant),
    ),
  "read-released": ({ reader, request, verdict }, gate) =>
    alert(
      own("released-object-read", "Object read that two people released"),
      4,
      `given after a release: ${verdictText(verdict, [])}`,
      [gateAs(gate, true, sourceRole), name(reader, false, destinationRole)],
      subject(request),
    ),
  "trust-reloaded": (_, gate) => changed("trust in devices was read again", gate),
  "settings-applied": (_, gate) => changed("the configuration file was changed", gate),
  "source-changed": ({ source, from, to }, gate) =>
    changed(`source ${configuredName(source)}: ${phrase(from ?? "none")} to ${phrase(to ?? "none")}`, gate),
};

/** Undefined for what is not audited. Fields are of closed forms, as in the log: no patient data. */
export function auditRecordOf(event: GatewayEvent, gate: Gate): AuditRecord | undefined {
  const row = rows[event.kind] as RowOf<GatewayEvent> | undefined;
  return row?.(event, gate);
}

/** PS3.15 A.5.3.1. */
export function activityRecord(what: "start" | "stop", gate: Gate): AuditRecord {
  return {
    event: applicationActivity,
    types: [what === "start" ? dcm("110120", "Application Start") : dcm("110121", "Application Stop")],
    action: "E",
    outcome: 0,
    participants: [gateAs(gate, false, application)],
  };
}

/** Messages that were never sent are gone: that is an alert of its own. */
export function overflowRecord(dropped: number, gate: Gate): AuditRecord {
  const text = `${dropped} audit messages were dropped: the queue was full`;
  return alert(recordingStopped, 8, text, [gateAs(gate, true)], node(gate.title));
}

/** PS3.15 A.5.3.11: who reports is first. */
export function alert(
  type: Coded,
  outcome: AuditRecord["outcome"],
  description: string,
  participants: readonly AuditParticipant[],
  alerted: AuditObject,
): AuditRecord {
  const details = [["Alert Description", description]] as const;
  const objects = [{ ...alerted, details }];
  return { event: securityAlert, types: [type], action: "E", outcome, description, participants, objects };
}

function changed(text: string, gate: Gate): AuditRecord {
  return alert(securityConfiguration, 0, text, [gateAs(gate, true)], node(gate.title));
}

function transfer(
  action: "C" | "R",
  outcome: AuditRecord["outcome"],
  participants: readonly AuditParticipant[],
  object: string | undefined,
  description?: string,
): AuditRecord {
  const base = { event: instancesTransferred, action, outcome, participants };
  return {
    ...base,
    ...(description === undefined ? {} : { description }),
    objects: object === undefined ? [] : [subject(object)],
  };
}

/** By its id in the journal: UIDs and patients stay there. */
export function subject(object: string): AuditObject {
  const id = madeId(object);
  // 13: a security resource.
  return { id: `urn:uuid:${id}`, idType: uri, name: "object in the gate's journal", typeRole: "13" };
}

export function node(id: string): AuditObject {
  return { id, idType: nodeId, name: id, typeRole: "13" };
}

export function gateAs({ title }: Gate, isRequestor: boolean, role?: Coded): AuditParticipant {
  return { user: title, isRequestor, ...(role ? { role } : {}) };
}

export function name(configured: string, isRequestor: boolean, role: Coded): AuditParticipant {
  return { user: configuredName(configured), isRequestor, role };
}

function peer(title: string, isRequestor: boolean, address: string): AuditParticipant {
  return { user: titleLabel(title), isRequestor, address: ipAddress(address) };
}

/** As in the log: the first codes say what it is about. */
const codesMax = 16;

function verdictText(verdict: string, codes: readonly string[]): string {
  return [knownVerdict(verdict), ...codes.slice(0, codesMax).map(knownCode)].join(" ");
}

function moreOf(more: number | undefined): string {
  return more === undefined ? "" : ` (and ${more} more)`;
}
