/** The section `audit` of a gateway's configuration. */
import type { AuditTrailSettings } from "../../operations/audit/audit-trail.ts";
import { type Placed, readTlsClient, type TlsClientSection } from "./config-peers.ts";
import { parseSection, type Section } from "./config-reader.ts";
import { hostValue, portValue, sizeValue, wordValue } from "./config-values.ts";
import { clientTls, type Making } from "./section-settings.ts";

const MiB: number = 2 ** 20;
/** RFC 5425 7.1. */
const syslogTlsPort = 6514;
/** Some sixty thousand messages: a weekend without the server. */
const queueBytesDefault: number = 64 * MiB;

export interface AuditSection extends Placed {
  readonly host: string;
  readonly port: number;
  readonly transport: "tls" | "tcp" | "udp";
  readonly tls: TlsClientSection | undefined;
  readonly queueBytesMax: number;
}

export function readAudit(section: Section): AuditSection {
  const audit = {
    at: (key?: string) => section.at(key),
    host: section.required("host", hostValue, ""),
    port: section.optional("port", portValue, syslogTlsPort),
    transport: section.optional<AuditSection["transport"]>(
      "transport",
      wordValue(["tls", "tcp", "udp"]),
      "tls",
    ),
    tls: section.optional<AuditSection["tls"]>("tls", parseSection(readTlsClient), undefined),
    queueBytesMax: section.optional("queue", sizeValue(MiB, 1024 * MiB), queueBytesDefault),
  };
  const { transport, tls } = audit;
  if (transport === "tls" && !tls)
    section.problems.error("missing", section.at(), 'audit over TLS needs "tls" with its authorities');
  else if (transport !== "tls" && tls)
    section.problems.error("conflict", section.at("tls"), `"tls" does not go with transport ${transport}`);
  return audit;
}

export function auditSettings(
  { host, port, transport, tls, queueBytesMax }: AuditSection,
  making: Making,
): AuditTrailSettings {
  const target = { host, port, transport, tls: tls && clientTls(tls, making) };
  return { target, queueBytesMax };
}
