/** The schema of a gateway's configuration file (docs/gateway.md says it in words): sections, keys, ranges, defaults and why. */
import type { MalformedCode } from "../../foundation/errors.ts";
import type { GatewayLimits } from "../../zero-trust/gateway/settings.ts";
import type { Mode } from "../../zero-trust/policy/decide.ts";
import { type Parse, parseList, parseSection, parseText, Refusal, type Section } from "./config-reader.ts";
import {
  aeTitleValue,
  durationValue,
  flagValue,
  hostValue,
  integerValue,
  listenAddressValue,
  nameValue,
  networkValue,
  pathValue,
  portValue,
  sizeValue,
  textValue,
  toleranceValue,
  wordValue,
} from "./config-values.ts";

const modes: readonly Mode[] = ["observe", "warn", "enforce"];

const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Registered with IANA for DICOM ("acr-nema" is 104, "dicom" 11112, "dicom-tls" 2762). */
export const dicomPort = 11112;
/** 8042 is Orthanc's, 8080 everybody's: on the machine of an archive both are often taken. */
export const httpPort = 8112;

const second = 1000;
const minute: number = 60 * second;
const hour: number = 60 * minute;
const day: number = 24 * hour;
const MiB: number = 2 ** 20;
const GiB: number = 2 ** 30;
const TiB: number = 2 ** 40;

const defaultLimits: GatewayLimits = {
  // A hospital's morning has some thirty modalities at work; each association holds a few hundred kilobytes.
  associationsMax: 64,
  // Whole-slide and breast tomosynthesis objects reach two; more is an accident, or meant to fill the disk.
  objectBytesMax: 4 * GiB,
  // Four GiB over a line of 20 Mbit/s take half an hour.
  objectMs: 30 * minute,
  // Four GiB are hashed in ten seconds; hundreds of compressed frames take a minute to decode.
  evidenceMs: 2 * minute,
  // An archive that restarts is back within seconds; an object that it does not take is not sent more than six times an hour (reachability.ts: one that is away).
  retryMs: 5 * second,
  retryMsMax: 10 * minute,
  // An archive that fails on Friday evening is mended on Monday.
  deliveryMsMax: 3 * day,
};
/** What arrives while judging or the object store is slow: an hour of a busy hospital. */
const spoolBytesDefault: number = 16 * GiB;
/** Modalities open two to four. */
const sourceAssociationsDefault = 8;
/** One source must not fill the spool for all others. */
const quotaBytesDefault: number = 4 * GiB;
/** Archives commonly take ten; four fill a gigabit line. */
const destinationAssociationsDefault = 4;

/** A place in the file, for checks that compare sections. */
interface Placed {
  /** Of a key's value, or of the whole. */
  readonly at: (key?: string) => number;
}

export interface ListenerSection extends Placed {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly tls: (TlsServerSection & Placed) | undefined;
}

interface TlsServerSection {
  readonly certificate: string;
  readonly key: string;
  readonly clientAuthorities: string;
}

export interface SourceSection extends Placed {
  readonly name: string;
  readonly listener: string;
  readonly mode: Mode;
  /** Fingerprints, or paths of PEM files. */
  readonly certificates: readonly CertificateName[];
  readonly aeTitles: readonly string[];
  readonly networks: readonly string[];
  readonly tolerate: readonly MalformedCode[];
  readonly devices: readonly string[];
  readonly receipts: boolean;
  readonly associationsMax: number;
  readonly quotaBytes: number;
}

export type CertificateName = { readonly fingerprint: string } | { readonly path: string };

export interface DestinationSection extends Placed {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly aeTitle: string;
  readonly takes: "admitted" | "released";
  readonly associationsMax: number;
  readonly tls: (TlsClientSection & Placed) | undefined;
}

interface TlsClientSection {
  readonly authorities: string;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  readonly serverName: string | undefined;
}

export type JournalSection =
  | { readonly kind: "sqlite" }
  | ({ readonly kind: "postgres"; readonly url?: string; readonly urlFrom?: string } & Placed);

export interface ConfigSections extends Placed {
  readonly aeTitle: string;
  readonly home: string;
  readonly data: string | undefined;
  readonly journal: JournalSection;
  readonly http: { readonly host: string; readonly port: number } & Placed;
  readonly log: LogLevel;
  readonly listeners: readonly ListenerSection[];
  readonly sources: readonly SourceSection[];
  readonly destinations: readonly DestinationSection[];
  readonly limits: GatewayLimits & { readonly spoolBytesMax: number };
}

export function readSections(section: Section): ConfigSections {
  const sections = {
    at: (key?: string) => section.at(key),
    aeTitle: section.required("aeTitle", aeTitleValue, ""),
    home: section.required("home", pathValue, ""),
    data: section.optional<string | undefined>("data", pathValue, undefined),
    journal: section.optional("journal", journalValue, { kind: "sqlite" }),
    http: section.optional("http", parseSection(readHttp), {
      host: "127.0.0.1",
      port: httpPort,
      at: () => section.at(),
    }),
    log: section.optional("log", wordValue(logLevels), "info"),
    listeners: section.list("listeners", readListener),
    sources: section.list("sources", readSource),
    destinations: section.list("destinations", readDestination),
    limits: section.optional("limits", parseSection(readLimits), {
      ...defaultLimits,
      spoolBytesMax: spoolBytesDefault,
    }),
  };
  section.end();
  return sections;
}

const journalValue: Parse<JournalSection> = (node, problems, what) => {
  const at = (): number => node.range?.[0] ?? 0;
  if ("value" in node) {
    return wordValue(["sqlite"])(node, problems, what) && { kind: "sqlite" };
  }
  return parseSection<JournalSection>((section) => {
    const url = section.optional<string | undefined>("postgres", textValue, undefined);
    const urlFrom = section.optional<string | undefined>("postgresFrom", variableValue, undefined);
    if ((url === undefined) === (urlFrom === undefined)) {
      problems.error(
        "missing",
        at(),
        'the journal needs either "postgres" or "postgresFrom"',
        "postgresFrom: NAME takes the URL from an environment variable",
      );
    }
    return {
      kind: "postgres",
      at: (key) => section.at(key),
      ...(url === undefined ? {} : { url }),
      ...(urlFrom === undefined ? {} : { urlFrom }),
    };
  })(node, problems, what);
};

const variableValue: Parse<string> = parseText((text) =>
  /^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(text)
    ? text
    : new Refusal("must be the name of an environment variable"),
);

/** Fingerprints are told by their form: no path of a certificate looks like one. */
const certificateValue: Parse<CertificateName> = parseText((text) => {
  const hex = text.replace(/^sha256:/i, "").replaceAll(":", "");
  if (/^[0-9a-fA-F]{64}$/.test(hex)) return { fingerprint: hex.toLowerCase() };
  if (/^sha256:/i.test(text)) return new Refusal("must be 64 hexadecimal digits after sha256:");
  return { path: text };
});

function readHttp(section: Section): ConfigSections["http"] {
  return {
    at: (key) => section.at(key),
    host: section.optional("host", listenAddressValue, "127.0.0.1"),
    port: section.optional("port", portValue, httpPort),
  };
}

function readListener(section: Section): ListenerSection {
  return {
    at: (key) => section.at(key),
    name: section.required("name", nameValue, ""),
    host: section.optional("host", listenAddressValue, "127.0.0.1"),
    port: section.required("port", portValue, 0),
    tls: section.optional<ListenerSection["tls"]>("tls", parseSection(readTlsServer), undefined),
  };
}

function readTlsServer(section: Section): TlsServerSection & Placed {
  return {
    at: (key) => section.at(key),
    certificate: section.required("certificate", pathValue, ""),
    key: section.required("key", pathValue, ""),
    clientAuthorities: section.required("clientAuthorities", pathValue, ""),
  };
}

function readSource(section: Section): SourceSection {
  return {
    at: (key) => section.at(key),
    name: section.required("name", nameValue, ""),
    listener: section.required("listener", nameValue, ""),
    mode: section.optional("mode", wordValue(modes), "observe"),
    certificates: section.optional("certificates", parseList(certificateValue), []),
    aeTitles: section.optional("aeTitles", parseList(aeTitleValue), []),
    networks: section.optional("networks", parseList(networkValue), []),
    tolerate: section.optional("tolerate", parseList(toleranceValue), []),
    devices: section.optional("devices", parseList(nameValue), []),
    receipts: section.optional("receipts", flagValue, false),
    associationsMax: section.optional("associations", integerValue(1, 1000), sourceAssociationsDefault),
    quotaBytes: section.optional("quota", sizeValue(MiB, 100 * TiB), quotaBytesDefault),
  };
}

function readDestination(section: Section): DestinationSection {
  return {
    at: (key) => section.at(key),
    name: section.required("name", nameValue, ""),
    host: section.required("host", hostValue, ""),
    port: section.required("port", portValue, 0),
    aeTitle: section.required("aeTitle", aeTitleValue, ""),
    takes: section.optional("takes", wordValue(["admitted", "released"]), "admitted"),
    associationsMax: section.optional("associations", integerValue(1, 64), destinationAssociationsDefault),
    tls: section.optional<DestinationSection["tls"]>("tls", parseSection(readTlsClient), undefined),
  };
}

function readTlsClient(section: Section): TlsClientSection & Placed {
  return {
    at: (key) => section.at(key),
    authorities: section.required("authorities", pathValue, ""),
    certificate: section.optional<string | undefined>("certificate", pathValue, undefined),
    key: section.optional<string | undefined>("key", pathValue, undefined),
    serverName: section.optional<string | undefined>("serverName", hostValue, undefined),
  };
}

function readLimits(section: Section): ConfigSections["limits"] {
  const d = defaultLimits;
  const limits = {
    associationsMax: section.optional("associations", integerValue(1, 10_000), d.associationsMax),
    objectBytesMax: section.optional("objectSize", sizeValue(MiB, TiB), d.objectBytesMax),
    objectMs: section.optional("objectTime", durationValue(second, day), d.objectMs),
    evidenceMs: section.optional("evidenceTime", durationValue(second, hour), d.evidenceMs),
    retryMs: section.optional("retryAfter", durationValue(100, hour), d.retryMs),
    retryMsMax: section.optional("retryAtMost", durationValue(second, day), d.retryMsMax),
    deliveryMsMax: section.optional("giveUpAfter", durationValue(minute, 365 * day), d.deliveryMsMax),
    spoolBytesMax: section.optional("spoolSize", sizeValue(64 * MiB, 100 * TiB), spoolBytesDefault),
  };
  if (limits.retryMs > limits.retryMsMax)
    section.problems.error("conflict", section.at("retryAfter"), '"retryAfter" is longer than "retryAtMost"');
  if (limits.objectBytesMax > limits.spoolBytesMax)
    section.problems.error("conflict", section.at("objectSize"), '"objectSize" is larger than "spoolSize"');
  return limits;
}
