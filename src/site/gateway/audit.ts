/** The audit trail of a gateway, as its configuration asks for it. */
import { hostname } from "node:os";
import { join } from "node:path";
import type { Query } from "../../dicom-network/query/query.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { AuditTrail, type AuditTrailSettings } from "../../operations/audit/audit-trail.ts";
import type { EventSink } from "../../operations/event.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import { ActAudit, type ActAuditParts } from "./act-audit.ts";
import { auditedSearch } from "./audited-search.ts";
import type { GatewayConfig } from "./config.ts";

interface Kept {
  readonly trail: AuditTrail;
  readonly acts: ActAudit;
}

/** Where each kind of server's messages wait. */
const queueFiles = { syslog: "audit.sqlite", fhir: "audit-fhir.sqlite" } as const;
const kinds = ["syslog", "fhir"] as const;

/** What is audited: events, and what operators did; to the servers of the configuration in force. */
export class GateAudit {
  readonly #config: GatewayConfig;
  readonly #parts: ActAuditParts;
  readonly #kept = new Map<(typeof kinds)[number], Kept>();
  #isWithQueryValues = false;
  #isStopped = false;

  /** Begins at once. @param parts `events`: the trails' own faults @throws ScansealError `io` when a queue cannot be opened */
  constructor(config: GatewayConfig, parts: ActAuditParts) {
    this.#config = config;
    this.#parts = parts;
    this.#open(config.audit);
  }

  readonly sink: EventSink = (event) => {
    for (const { trail } of this.#kept.values()) trail.sink(event);
  };

  /** A reader searches. Never throws. */
  readonly searched = (reader: string, query: Query): void => {
    try {
      for (const { trail } of this.#kept.values())
        trail.takeSearch(auditedSearch(reader, query, this.#isWithQueryValues));
    } catch {
      const why = "a search was not audited";
      this.#parts.events({ kind: "fault", where: "audit", code: "internal", why });
    }
  };

  /** Messages that wait; undefined where none are sent. */
  get length(): number | undefined {
    if (this.#kept.size === 0) return undefined;
    return [...this.#kept.values()].reduce((sum, { trail }) => sum + trail.length, 0);
  }

  /** A server that is no longer named is told that the audit ends. Not while another one is under way. @throws ScansealError `io` when a queue cannot be opened */
  async apply(audit: GatewayConfig["audit"]): Promise<void> {
    if (this.#isStopped) return;
    for (const [kind, { trail, acts }] of [...this.#kept]) {
      const target = audit?.[kind];
      if (target) {
        await trail.apply({ target, queueBytesMax: audit.queueBytesMax });
        continue;
      }
      this.#kept.delete(kind);
      await acts.stop();
      await trail.stop();
    }
    if (!this.#isStopped) this.#open(audit);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    const kept = [...this.#kept.values()];
    await Promise.all(kept.map(({ acts }) => acts.stop()));
    await Promise.all(kept.map(({ trail }) => trail.stop()));
  }

  /** Those that are not open yet. */
  #open(audit: GatewayConfig["audit"]): void {
    this.#isWithQueryValues = audit?.isWithQueryValues ?? false;
    for (const kind of kinds) {
      const target = audit?.[kind];
      if (!target || this.#kept.has(kind)) continue;
      const trail = openTrail(
        this.#config,
        { target, queueBytesMax: audit.queueBytesMax },
        kind,
        this.#parts.events,
      );
      const acts = new ActAudit(trail, this.#parts);
      this.#kept.set(kind, { trail, acts });
      acts.start();
    }
  }
}

function openTrail(
  { data, settings }: GatewayConfig,
  to: AuditTrailSettings,
  kind: keyof typeof queueFiles,
  faults: EventSink,
): AuditTrail {
  const file = queueFiles[kind];
  try {
    return new AuditTrail(to, {
      path: join(data, file),
      title: settings.aeTitle,
      host: hostname(),
      processId: process.pid,
      clock: systemClock,
      faults,
    });
  } catch (cause) {
    throw new ScansealError("io", `the queue of audit messages (${file}) cannot be opened`, { cause });
  }
}
