/** The audit trail of a gateway, as its configuration asks for it. */
import { hostname } from "node:os";
import { join } from "node:path";
import { ScansealError } from "../../foundation/errors.ts";
import { AuditTrail } from "../../operations/audit/audit-trail.ts";
import type { EventSink } from "../../operations/event.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import type { GatewayConfig } from "./config.ts";

/** Undefined where none is configured. @throws ScansealError `io` when its queue cannot be opened */
export function openAudit(
  { audit, data, settings }: GatewayConfig,
  faults: EventSink,
): AuditTrail | undefined {
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
