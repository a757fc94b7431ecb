/** The audit trail of a gateway, as its configuration asks for it. */
import { hostname } from "node:os";
import { join } from "node:path";
import type { Query } from "../../dicom-network/query/query.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { AuditTrail, type AuditTrailSettings } from "../../operations/audit/audit-trail.ts";
import type { EventSink } from "../../operations/event.ts";
import { fanOut } from "../../operations/fan-out.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import { ActAudit, type ActAuditParts } from "./act-audit.ts";
import { auditedSearch } from "./audited-search.ts";
import type { GatewayConfig } from "./config.ts";

/** What is audited: events, and what operators did. */
interface GateAudit {
  readonly sink: EventSink;
  /** A reader searches. Never throws. */
  readonly searched: (reader: string, query: Query) => void;
  /** Messages that wait; undefined where none are sent. */
  readonly length: number | undefined;
  stop(): Promise<void>;
}

const nothingAudited: GateAudit = {
  sink: () => {},
  searched: () => {},
  length: undefined,
  stop: async () => {},
};

/** Begins at once. @param parts `events`: the trails' own faults @throws ScansealError `io` when a queue cannot be opened */
export function openAudit(config: GatewayConfig, parts: ActAuditParts): GateAudit {
  const { audit } = config;
  if (!audit) return nothingAudited;
  const { syslog, fhir, isWithQueryValues } = audit;
  const trails: AuditTrail[] = [];
  if (syslog) trails.push(openTrail(config, { target: syslog, file: "audit.sqlite" }, parts.events));
  if (fhir) trails.push(openTrail(config, { target: fhir, file: "audit-fhir.sqlite" }, parts.events));
  const acts = trails.map((trail) => new ActAudit(trail, parts));
  for (const one of acts) one.start();
  return {
    sink: fanOut(...trails.map(({ sink }) => sink)),
    searched: (reader, query) => {
      try {
        for (const trail of trails) trail.takeSearch(auditedSearch(reader, query, isWithQueryValues));
      } catch {
        const why = "a search was not audited";
        parts.events({ kind: "fault", where: "audit", code: "internal", why });
      }
    },
    get length() {
      return trails.reduce((sum, trail) => sum + trail.length, 0);
    },
    stop: async () => {
      await Promise.all(acts.map((one) => one.stop()));
      await Promise.all(trails.map((trail) => trail.stop()));
    },
  };
}

function openTrail(
  { audit, data, settings }: GatewayConfig,
  { target, file }: { readonly target: AuditTrailSettings["target"]; readonly file: string },
  faults: EventSink,
): AuditTrail {
  try {
    return new AuditTrail(
      { target, queueBytesMax: audit!.queueBytesMax },
      {
        path: join(data, file),
        title: settings.aeTitle,
        host: hostname(),
        processId: process.pid,
        clock: systemClock,
        faults,
      },
    );
  } catch (cause) {
    throw new ScansealError("io", `the queue of audit messages (${file}) cannot be opened`, { cause });
  }
}
