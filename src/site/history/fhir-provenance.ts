/** Signed statements as FHIR R5 Provenance: what came about, by whom, from what, with the signature itself. */
import { fromBase64, latin1, toBase64, utf8 } from "../../foundation/bytes.ts";
import {
  actorReference,
  coding,
  eventConcept,
  type FhirObject,
  participantConcept,
  statementReference,
  uidReference,
} from "./fhir-terms.ts";
import type { Actor, EventKind, HistoryEvent, HistoryObject, SignedStatement } from "./history.ts";

/** ASTM E1762: what a signature is for. */
const purposes = {
  source: ["1.2.840.10065.1.12.1.14", "Source Signature"],
  verification: ["1.2.840.10065.1.12.1.5", "Verification Signature"],
  modification: ["1.2.840.10065.1.12.1.16", "Modification Signature"],
  administrative: ["1.2.840.10065.1.12.1.17", "Administrative (Error/Edit) Signature"],
  timestamp: ["1.2.840.10065.1.12.1.18", "Timestamp Signature"],
} as const;

const purposeOf: Partial<Readonly<Record<EventKind, keyof typeof purposes>>> = {
  sealed: "source",
  receipt: "verification",
  derived: "modification",
  restored: "modification",
  superseded: "modification",
  corrected: "modification",
};

/** Undefined for an event that is no sound statement, or of which the statement or its subject is not at hand. */
export function provenanceOf(
  event: HistoryEvent,
  object: HistoryObject,
  statements: ReadonlyMap<string, SignedStatement>,
): FhirObject | undefined {
  const { known, fault, at, what, who, from = [] } = event;
  if (known.by !== "statement" || fault !== undefined || at === undefined) return undefined;
  const statement = statements.get(known.digest);
  const subject = subjectOf(what, object);
  const [signer, ...others] = who;
  if (!statement || subject === undefined || !signer) return undefined;
  const entityRole =
    what === "derived" || what === "restored" || what === "superseded" ? "source" : "revision";
  return {
    resourceType: "Provenance",
    target: [uidReference(subject)],
    occurredDateTime: at,
    recorded: at,
    activity: eventConcept(what),
    agent: [
      { type: participantConcept(signerType(what)), who: actorReference(signer) },
      ...others.map((actor) => ({ type: participantConcept(typeOf(actor)), who: actorReference(actor) })),
    ],
    ...(from.length === 0
      ? {}
      : { entity: from.map((digest) => ({ role: entityRole, what: statementReference(digest) })) }),
    signature: [envelopeSignature(what, at, signer, statement), ...timeStamps(statement)],
  };
}

/** Of what was made from the object, only the statement is known here. */
function subjectOf(what: EventKind, object: HistoryObject): string | undefined {
  if (what === "parent-of") return undefined;
  if (what === "series-closed" || what === "series-listed") return object.seriesInstanceUid;
  return what === "study-closed" ? object.studyInstanceUid : object.sopInstanceUid;
}

function signerType(what: EventKind): "performer" | "attester" | "assembler" {
  if (what === "sealed") return "performer";
  return what === "derived" || what === "restored" || what === "superseded" ? "assembler" : "attester";
}

function typeOf({ role }: Actor): "verifier" | "informant" {
  return role === "operator" ? "verifier" : "informant";
}

/** DSSE alone, as its specification writes it; the certificate is a Binary of the bundle, found by `keyid`. */
function envelopeSignature(
  what: EventKind,
  when: string,
  signer: Actor,
  statement: SignedStatement,
): FhirObject {
  const [code, display] = purposes[purposeOf[what] ?? "administrative"];
  return {
    type: [coding("urn:iso-astm:E1762-95:2013", code, display)],
    when,
    who: actorReference(signer),
    targetFormat: "application/vnd.in-toto+json",
    sigFormat: "application/vnd.dsse.envelope.v1+json",
    data: toBase64(utf8(JSON.stringify(documentOf(statement).dsse))),
  };
}

/** RFC 3161 tokens over the statement's first signature, as they are kept. */
function timeStamps({ lateEvidence }: SignedStatement): FhirObject[] {
  const [code, display] = purposes.timestamp;
  return lateEvidence.flatMap(({ type, bytes }) =>
    type === "time-stamp"
      ? [
          {
            type: [coding("urn:iso-astm:E1762-95:2013", code, display)],
            targetFormat: "application/octet-stream",
            sigFormat: "application/cms",
            data: bytes,
          },
        ]
      : [],
  );
}

interface EnvelopeDocument {
  readonly dsse: { readonly signatures: readonly { readonly keyid: string }[] };
  /** Base64 of DER. */
  readonly certificates: readonly string[];
}

/** It was read strictly when the statement was checked. */
function documentOf({ envelope }: SignedStatement): EnvelopeDocument {
  return JSON.parse(latin1(fromBase64(envelope))) as EnvelopeDocument;
}

/** Certificates of signers, each once. */
export function certificatesOf(statements: readonly SignedStatement[]): FhirObject[] {
  const all = new Set(statements.flatMap((statement) => documentOf(statement).certificates));
  return [...all].map((data) => ({ resourceType: "Binary", contentType: "application/pkix-cert", data }));
}
