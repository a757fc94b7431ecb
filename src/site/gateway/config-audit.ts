/** The section `audit` of a gateway's configuration. */
import type { AuditTrailSettings } from "../../operations/audit/audit-trail.ts";
import type { FhirTarget } from "../../operations/audit/fhir-sender.ts";
import type { SyslogTarget } from "../../operations/audit/syslog-sender.ts";
import { type Placed, readTlsClient, type TlsClientSection } from "./config-peers.ts";
import { parseSection, type Section } from "./config-reader.ts";
import {
  flagValue,
  hostValue,
  portValue,
  sizeValue,
  textValue,
  variableValue,
  wordValue,
} from "./config-values.ts";
import { clientTls, type Making } from "./section-settings.ts";

const MiB: number = 2 ** 20;
/** RFC 5425 7.1. */
const syslogTlsPort = 6514;
/** Some sixty thousand messages: a weekend without the server. */
const queueBytesDefault: number = 64 * MiB;

/** A syslog server. */
export interface SyslogSection extends Placed {
  readonly host: string;
  readonly port: number;
  readonly transport: "tls" | "tcp" | "udp";
  readonly tls: TlsClientSection | undefined;
}

/** One of the servers, or both. */
export interface AuditSection {
  readonly syslog: SyslogSection | undefined;
  readonly queueBytesMax: number;
  /** What readers search for, too. */
  readonly isWithQueryValues: boolean;
  readonly fhir: FhirSection | undefined;
}

/** A FHIR server that gets the same. */
interface FhirSection extends Placed {
  readonly url: string;
  readonly tokenFrom: string | undefined;
  readonly tls: TlsClientSection | undefined;
}

export function readAudit(section: Section): AuditSection {
  const isFhirAlone = section.has("fhir") && !section.has("host");
  return {
    syslog: isFhirAlone ? undefined : readSyslog(section, "audit"),
    queueBytesMax: section.optional("queue", sizeValue(MiB, 1024 * MiB), queueBytesDefault),
    // Names and numbers of patients: who keeps the audit must be allowed to have them.
    isWithQueryValues: section.optional("queryValues", flagValue, false),
    fhir: section.optional<AuditSection["fhir"]>("fhir", parseSection(readFhir), undefined),
  };
}

function readFhir(section: Section): FhirSection {
  return {
    at: (key?: string) => section.at(key),
    url: section.required("url", textValue, ""),
    tokenFrom: section.optional<string | undefined>("tokenFrom", variableValue, undefined),
    tls: section.optional<FhirSection["tls"]>("tls", parseSection(readTlsClient), undefined),
  };
}

function fhirTarget({ url, tokenFrom, tls, at }: FhirSection, making: Making): FhirTarget {
  const { problems, environment } = making;
  const { protocol, username, search, hash } = URL.parse(url) ?? {};
  if (!/^https?:$/.test(protocol ?? "") || username !== "" || search !== "" || hash !== "")
    problems.error("value", at("url"), "the FHIR server's URL must be http(s)://host/path, and nothing more");
  else if (protocol === "http:" && (tls || tokenFrom !== undefined))
    problems.error("conflict", at("url"), '"tls" and a token go only with https');
  const token = tokenFrom === undefined ? undefined : environment[tokenFrom];
  // RFC 6750 2.1.
  if (tokenFrom !== undefined && !/^[A-Za-z0-9._~+/-]+=*$/.test(token ?? ""))
    problems.error("environment", at("tokenFrom"), `the environment variable ${tokenFrom} holds no token`);
  return {
    url,
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(tls ? { tls: clientTls(tls, making) } : {}),
  };
}

/** @param what is sent there */
export function readSyslog(section: Section, what: string): SyslogSection {
  const server = {
    at: (key?: string) => section.at(key),
    host: section.required("host", hostValue, ""),
    port: section.optional("port", portValue, syslogTlsPort),
    transport: section.optional<SyslogSection["transport"]>(
      "transport",
      wordValue(["tls", "tcp", "udp"]),
      "tls",
    ),
    tls: section.optional<SyslogSection["tls"]>("tls", parseSection(readTlsClient), undefined),
  };
  const { transport, tls } = server;
  if (transport === "tls" && !tls)
    section.problems.error("missing", section.at(), `${what} over TLS needs "tls" with its authorities`);
  else if (transport !== "tls" && tls)
    section.problems.error("conflict", section.at("tls"), `"tls" does not go with transport ${transport}`);
  return server;
}

export interface AuditSettings extends Pick<AuditTrailSettings, "queueBytesMax"> {
  readonly syslog: SyslogTarget | undefined;
  readonly isWithQueryValues: boolean;
  readonly fhir: FhirTarget | undefined;
}

export function auditSettings(section: AuditSection, making: Making): AuditSettings {
  const { queueBytesMax, isWithQueryValues } = section;
  const fhir = section.fhir && fhirTarget(section.fhir, making);
  const syslog = section.syslog && syslogTarget(section.syslog, making);
  return { syslog, fhir, queueBytesMax, isWithQueryValues };
}

export function syslogTarget({ host, port, transport, tls }: SyslogSection, making: Making): SyslogTarget {
  return { host, port, transport, tls: tls && clientTls(tls, making) };
}
