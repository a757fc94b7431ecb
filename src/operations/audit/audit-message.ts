/** DICOM audit messages (PS3.15 A.5.1, attribute names since 2017): written here, so that nothing of a peer's can become markup. */

/** PS3.15 A.5.1 CodedValueType. */
export interface Coded {
  readonly code: string;
  readonly system: string;
  readonly text: string;
}

export interface AuditParticipant {
  readonly user: string;
  readonly isRequestor: boolean;
  readonly role?: Coded;
  /** A numeric IP address. */
  readonly address?: string;
}

export interface AuditObject {
  readonly id: string;
  readonly idType: Coded;
  readonly name: string;
  /** PS3.15 A.5.1.2.2; all are system objects. */
  readonly typeRole: string;
  /** Base64 of a query's data set, told in place of the name. */
  readonly query?: string;
  readonly details?: readonly (readonly [type: string, value: string])[];
}

/** PS3.15 A.5.1: success, minor, serious and major failure. */
type AuditOutcome = 0 | 4 | 8 | 12;

export interface AuditRecord {
  readonly event: Coded;
  readonly types?: readonly Coded[];
  readonly action: "C" | "R" | "U" | "D" | "E";
  readonly outcome: AuditOutcome;
  readonly description?: string;
  readonly participants: readonly AuditParticipant[];
  readonly objects?: readonly AuditObject[];
}

/** Nothing that an event holds is longer; a syslog receiver takes 32 KiB at least (PS3.15 A.6). */
const valueCharactersMax = 512;

/** @param at milliseconds since 1970; @param source AuditSourceID */
export function auditXml(record: AuditRecord, at: number, source: string): string {
  const { event, types = [], action, outcome, description } = record;
  const time = new Date(at).toISOString();
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<AuditMessage><EventIdentification${attributes({
      EventActionCode: action,
      EventDateTime: time,
      EventOutcomeIndicator: String(outcome),
    })}>`,
    coded("EventID", event),
    ...types.map((type) => coded("EventTypeCode", type)),
    description === undefined
      ? ""
      : `<EventOutcomeDescription>${escaped(description)}</EventOutcomeDescription>`,
    "</EventIdentification>",
    ...record.participants.map(participantXml),
    // An application server process.
    `<AuditSourceIdentification${attributes({ AuditSourceID: source })}><AuditSourceTypeCode csd-code="4"/></AuditSourceIdentification>`,
    ...(record.objects ?? []).map(objectXml),
    "</AuditMessage>",
  ].join("");
}

function participantXml({ user, isRequestor, role, address }: AuditParticipant): string {
  const own = attributes({
    UserID: user,
    UserIsRequestor: String(isRequestor),
    NetworkAccessPointID: address,
    // An IP address.
    NetworkAccessPointTypeCode: address === undefined ? undefined : "2",
  });
  return `<ActiveParticipant${own}>${role ? coded("RoleIDCode", role) : ""}</ActiveParticipant>`;
}

function objectXml({ id, idType, name, typeRole, query, details = [] }: AuditObject): string {
  const own = attributes({
    ParticipantObjectID: id,
    ParticipantObjectTypeCode: "2",
    ParticipantObjectTypeCodeRole: typeRole,
  });
  const pairs = details.map(
    ([type, value]) =>
      `<ParticipantObjectDetail${attributes({ type, value: Buffer.from(value).toString("base64") })}/>`,
  );
  return [
    `<ParticipantObjectIdentification${own}>`,
    coded("ParticipantObjectIDTypeCode", idType),
    query === undefined
      ? `<ParticipantObjectName>${escaped(name)}</ParticipantObjectName>`
      : `<ParticipantObjectQuery>${query}</ParticipantObjectQuery>`,
    ...pairs,
    "</ParticipantObjectIdentification>",
  ].join("");
}

function coded(element: string, { code, system, text }: Coded): string {
  return `<${element}${attributes({ "csd-code": code, codeSystemName: system, originalText: text })}/>`;
}

function attributes(values: Readonly<Record<string, string | undefined>>): string {
  return Object.entries(values)
    .map(([name, value]) => (value === undefined ? "" : ` ${name}="${escaped(value)}"`))
    .join("");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

function escaped(text: string): string {
  return toldText(text).replace(/[&<>"']/g, (character) => entities[character]!);
}

/** Controls, what changes the direction of text, and what XML 1.0 2.2 does not know become a question mark. */
export function toldText(text: string): string {
  return text
    .slice(0, valueCharactersMax)
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029\ufffe\uffff]/gu, "?");
}
