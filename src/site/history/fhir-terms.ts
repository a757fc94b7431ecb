/** Pieces of FHIR R5 resources, and the terms that events are told in. */
import { toHex, utf8 } from "../../foundation/bytes.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import type { Actor, EventKind } from "./history.ts";

export type FhirJson =
  | string
  | number
  | boolean
  | readonly FhirJson[]
  | { readonly [name: string]: FhirJson };
export type FhirObject = { readonly [name: string]: FhirJson };

const lifecycle = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle";
const participation = "http://terminology.hl7.org/CodeSystem/provenance-participant-type";
const dicom = "http://dicom.nema.org/resources/ontology/DCM";
const ownEvents = "https://scanseal.org/fhir/CodeSystem/history-event";

export function coding(system: string, code: string, display?: string): FhirObject {
  return { system, code, ...(display === undefined ? {} : { display }) };
}

function concept(...codings: readonly FhirObject[]): FhirObject {
  return { coding: codings };
}

/** Our own word for what happened, and the record lifecycle event (ISO/HL7 21089) that it is, where there is one. */
export function eventConcept(what: EventKind): FhirObject {
  const standard = lifecycleEvents[what];
  return concept(...(standard === undefined ? [] : [coding(lifecycle, standard)]), coding(ownEvents, what));
}

const lifecycleEvents: Partial<Readonly<Record<EventKind, string>>> = {
  sealed: "originate",
  receipt: "receive",
  received: "receive",
  resent: "receive",
  derived: "transform",
  restored: "transform",
  superseded: "transform",
  corrected: "amend",
  "series-listed": "attest",
  "series-closed": "attest",
  "study-closed": "attest",
  "archive-changes": "attest",
  admitted: "verify",
  held: "verify",
  conflict: "verify",
  damaged: "verify",
  rechecked: "verify",
  exported: "extract",
  released: "disclose",
  purged: "destroy",
  delivered: "transmit",
  "delivery-failed": "transmit",
};

/** PS3.16 CID 400. */
const auditCategories = {
  accessed: ["110103", "DICOM Instances Accessed"],
  transferred: ["110104", "DICOM Instances Transferred"],
  deleted: ["110105", "DICOM Study Deleted"],
  export: ["110106", "Export"],
  alert: ["110113", "Security Alert"],
} as const;
export type AuditCategory = keyof typeof auditCategories;

export function categoryConcept(category: AuditCategory): FhirObject {
  const [code, display] = auditCategories[category];
  return concept(coding(dicom, code, display));
}

/** PS3.16 CID 402, as DICOM's and IHE's audit patterns call the two ends of a transfer. */
export function transferRole(end: "source" | "destination" | "application"): FhirObject {
  const roles = {
    source: ["110153", "Source Role ID"],
    destination: ["110152", "Destination Role ID"],
    application: ["110150", "Application"],
  } as const;
  const [code, display] = roles[end];
  return concept(coding(dicom, code, display));
}

/** BALP's user: who asked for it. */
export function informationRecipient(): FhirObject {
  return concept(coding("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP"));
}

export function participantConcept(
  type: "performer" | "attester" | "assembler" | "informant" | "verifier",
): FhirObject {
  return concept(coding(participation, type));
}

/** DICOM objects have no FHIR resource here: named by UID, as FHIR names DICOM UIDs. */
export function uidReference(uid: string): FhirObject {
  return { identifier: { system: "urn:dicom:uid", value: `urn:oid:${uid}` } };
}

/** A signed statement, by the SHA-256 of its payload. */
export function statementReference(digest: string): FhirObject {
  return { identifier: { system: "https://scanseal.org/fhir/statement-sha256", value: digest } };
}

/** A device or person, as the site calls it; who signed is named by the certificate too. */
export function actorReference({ role, name, certificate }: Actor): FhirObject {
  const identifier =
    certificate === undefined
      ? {}
      : {
          identifier: { system: "https://scanseal.org/fhir/certificate-sha256", value: certificate },
        };
  const type = role === "operator" ? {} : { type: "Device" };
  const display = plain(name);
  return { ...type, ...identifier, display: display === "" ? "unknown" : display };
}

/** Names of peers and objects are anybody's: R5 strings hold no control characters, and none that is no character. */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/gu, " ").trim();
}

/** The same content has the same name in every export. */
export function resourceId(content: FhirObject): string {
  const digest = nodeCrypto.hash("SHA-256", utf8(JSON.stringify(content))).slice(0, 16);
  // RFC 9562 5.8: version 8, variant 10.
  digest[6] = 0x80 | (digest[6]! & 0x0f);
  digest[8] = 0x80 | (digest[8]! & 0x3f);
  const hex = toHex(digest);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
