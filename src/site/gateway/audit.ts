/** The audit trail of a gateway, as its configuration asks for it. */
import { hostname } from "node:os";
import { join } from "node:path";
import type { Query } from "../../dicom-network/query/query.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { AuditTrail } from "../../operations/audit/audit-trail.ts";
import type { EventSink } from "../../operations/event.ts";
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

/** Begins at once. @param parts `events`: the trail's own faults @throws ScansealError `io` when its queue cannot be opened */
export function openAudit(config: GatewayConfig, parts: ActAuditParts): GateAudit {
  const trail = openTrail(config, parts.events);
  if (!trail) return nothingAudited;
  const acts = new ActAudit(trail, parts);
  acts.start();
  return {
    sink: trail.sink,
    searched: (reader, query) => {
      try {
        trail.takeSearch(auditedSearch(reader, query, config.audit?.isWithQueryValues === true));
      } catch {
        const why = "a search was not audited";
        parts.events({ kind: "fault", where: "audit", code: "internal", why });
      }
    },
    get length() {
      return trail.length;
    },
    stop: async () => {
      await acts.stop();
      await trail.stop();
    },
  };
}

function openTrail({ audit, data, settings }: GatewayConfig, faults: EventSink): AuditTrail | undefined {
  if (!audit) return undefined;
  try {
    return new AuditTrail(audit, {
      path: join(data, "audit.sqlite"),
      title: settings.aeTitle,
      host: hostname(),
      processId: process.pid,
      clock: systemClock,
      faults,
    });
  } catch (cause) {
    throw new ScansealError("io", "the queue of audit messages (audit.sqlite) cannot be opened", { cause });
  }
}
