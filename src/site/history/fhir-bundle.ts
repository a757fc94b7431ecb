/** A chain of custody as a FHIR R5 Bundle: provenance, audit events, and the certificates that the signatures need. No patient is in it. */
import { auditEventOf } from "./fhir-audit.ts";
import { certificatesOf, provenanceOf } from "./fhir-provenance.ts";
import { type FhirObject, resourceId } from "./fhir-terms.ts";
import type { History, HistoryEvent } from "./history.ts";

/** @param exportedAt ISO 8601 */
export function fhirBundle(
  { object, events, statements }: Pick<History, "object" | "events" | "statements">,
  exportedAt: string,
): FhirObject {
  const byDigest = new Map(statements.map((statement) => [statement.digest, statement]));
  const own = events.filter(({ ofOtherBytes }) => !ofOtherBytes);
  const provenance = own.map((event) => provenanceOf(event, object, byDigest));
  const told = own.filter((_, i) => provenance[i] !== undefined);
  const signed = statements.filter(({ digest }) => told.some((event) => isBy(event, digest)));
  const audited = own.map((event) => auditEventOf(event, object, exportedAt));
  const resources = [...provenance, ...audited, ...certificatesOf(signed)].filter(
    (resource) => resource !== undefined,
  );
  const entries = new Map(resources.map((resource) => [resourceId(resource), resource]));
  const list = [...entries].map(([id, resource]) => ({
    fullUrl: `urn:uuid:${id}`,
    resource: { resourceType: resource.resourceType ?? "", id, ...resource },
  }));
  return {
    resourceType: "Bundle",
    type: "collection",
    timestamp: exportedAt,
    // R5 2.1.28: a list that is there is not empty.
    ...(list.length === 0 ? {} : { entry: list }),
  };
}

function isBy({ known }: HistoryEvent, digest: string): boolean {
  return known.by === "statement" && known.digest === digest;
}
