/** Audit records as FHIR R4 AuditEvent, which maps DICOM's audit messages field by field (hl7.org/fhir/R4/auditevent-mappings.html; IHE BALP is R4 too). */
import {
  type AuditObject,
  type AuditParticipant,
  type AuditRecord,
  type Coded,
  toldText,
} from "./audit-message.ts";

type Json = string | boolean | readonly Json[] | { readonly [name: string]: Json };

const terminology = "http://terminology.hl7.org/CodeSystem";
const systems: Readonly<Record<string, string>> = {
  DCM: "http://dicom.nema.org/resources/ontology/DCM",
  "99SCANSEAL": "https://scanseal.org/fhir/CodeSystem/audit-event",
};
const objectRoles: Readonly<Record<string, string>> = { "3": "Report", "13": "Security Resource" };

/** @param at milliseconds since 1970; @param source who observed it @returns JSON text */
export function auditEventJson(record: AuditRecord, at: number, source: string): string {
  const { event, types = [], action, outcome, description, participants, objects = [] } = record;
  const resource: Json = {
    resourceType: "AuditEvent",
    type: coding(event),
    ...(types.length === 0 ? {} : { subtype: types.map(coding) }),
    action,
    recorded: new Date(at).toISOString(),
    outcome: String(outcome),
    ...(description === undefined ? {} : { outcomeDesc: toldText(description) }),
    agent: participants.map(agent),
    source: {
      observer: { display: toldText(source), identifier: { value: toldText(source) } },
      type: [{ system: `${terminology}/security-source-type`, code: "4", display: "Application Server" }],
    },
    ...(objects.length === 0 ? {} : { entity: objects.map(entity) }),
  };
  return JSON.stringify(resource);
}

function coding({ code, system, text }: Coded): Json {
  return { system: systems[system] ?? system, code, display: text };
}

function agent({ user, isRequestor, role, address }: AuditParticipant): Json {
  const name = toldText(user);
  return {
    ...(role ? { type: { coding: [coding(role)] } } : {}),
    // An identifier without a value is none.
    who: name === "" ? { display: "unknown" } : { identifier: { value: name } },
    requestor: isRequestor,
    // An IP address.
    ...(address === undefined ? {} : { network: { address: toldText(address), type: "2" } }),
  };
}

/** sev-1: a name or a query, never both. */
function entity({ id, idType, name, typeRole, query, details = [] }: AuditObject): Json {
  const identifier = id.startsWith("urn:uuid:")
    ? { system: "urn:ietf:rfc:3986", value: id }
    : { type: { coding: [coding(idType)] }, value: toldText(id) };
  return {
    what: { identifier },
    type: { system: `${terminology}/audit-entity-type`, code: "2", display: "System Object" },
    role: {
      system: `${terminology}/object-role`,
      code: typeRole,
      display: objectRoles[typeRole] ?? typeRole,
    },
    ...(query === undefined ? { name: toldText(name) } : { query }),
    ...(details.length === 0
      ? {}
      : { detail: details.map(([type, value]) => ({ type, valueString: toldText(value) })) }),
  };
}
