/** The schema of a gateway's configuration file (docs/gateway.md says it in words): sections, keys, ranges, defaults and why. */
import type { MalformedCode } from "../../foundation/errors.ts";
import type { GatewayLimits, IntakeLimit, SourceSettings } from "../../zero-trust/gateway/settings.ts";
import type { Mode } from "../../zero-trust/policy/decide.ts";
import { type AlertsSection, readAlerts } from "./config-alerts.ts";
import { type AuditSection, readAudit } from "./config-audit.ts";
import { type CommitmentAskSection, readCommitmentAsk } from "./config-commitment.ts";
import {
  type CommitmentPlaceSection,
  type PeerSection,
  type Placed,
  readCommitmentPlace,
  readPeer,
  readTlsClient,
  readTlsServer,
  type TlsClientSection,
  type TlsServerSection,
} from "./config-peers.ts";
import { type Parse, parseList, parseSection, type Section } from "./config-reader.ts";
import { type ReadingSection, readReading } from "./config-reading.ts";
import { readSealing, type SealingSection } from "./config-sealing.ts";
import { readSentinel, readSweep, type SentinelSection, type SweepSection } from "./config-sweep.ts";
import {
  aeTitleValue,
  durationValue,
  flagValue,
  hostValue,
  integerValue,
  listenAddressValue,
  modes,
  nameValue,
  pathValue,
  portValue,
  sizeValue,
  textValue,
  toleranceValue,
  variableValue,
  wordValue,
} from "./config-values.ts";

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

export interface ListenerSection extends Placed {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly protocol: "dimse" | "dicomweb";
  readonly names: readonly string[];
  readonly tls: TlsServerSection | undefined;
}

export interface SourceSection extends PeerSection {
  /** The device that seals what it sends unsealed. */
  readonly seals: string | undefined;
  readonly sealing: SealingSection | undefined;
  readonly mode: Mode;
  readonly tolerate: readonly MalformedCode[];
  readonly devices: readonly string[];
  readonly receipts: boolean;
  readonly commitment: CommitmentPlaceSection | undefined;
  readonly associationsMax: number;
  readonly quotaBytes: number;
  readonly intake: SourceSettings["intake"];
}

export interface DestinationSection extends Placed {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly aeTitle: string;
  readonly takes: "admitted" | "released";
  readonly associationsMax: number;
  readonly tls: TlsClientSection | undefined;
  readonly commitment: CommitmentAskSection | undefined;
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
  readonly index: boolean;
  readonly audit: AuditSection | undefined;
  readonly alerts: AlertsSection | undefined;
  readonly listeners: readonly ListenerSection[];
  readonly sources: readonly SourceSection[];
  readonly destinations: readonly DestinationSection[];
  readonly reading: ReadingSection | undefined;
  readonly sweep: SweepSection | undefined;
  readonly sentinel: SentinelSection | undefined;
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
    // What is in it is patient data: only where somebody reads through the gate.
    index: section.optional("index", flagValue, false),
    audit: section.optional<AuditSection | undefined>("audit", parseSection(readAudit), undefined),
    alerts: section.optional<AlertsSection | undefined>("alerts", parseSection(readAlerts), undefined),
    listeners: section.list("listeners", readListener),
    sources: section.list("sources", readSource),
    destinations: section.list("destinations", readDestination),
    reading: section.optional<ReadingSection | undefined>("reading", parseSection(readReading), undefined),
    sweep: section.optional<SweepSection | undefined>("sweep", parseSection(readSweep), undefined),
    sentinel: section.optional<SentinelSection | undefined>(
      "sentinel",
      parseSection(readSentinel),
      undefined,
    ),
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
    protocol: section.optional("protocol", wordValue(["dimse", "dicomweb"]), "dimse"),
    names: section.optional("names", parseList(hostValue), []),
    tls: section.optional<ListenerSection["tls"]>("tls", parseSection(readTlsServer), undefined),
  };
}

function readSource(section: Section): SourceSection {
  const seals = section.optional<string | undefined>("seals", nameValue, undefined);
  const devices = section.optional<readonly string[]>("devices", parseList(nameValue), []);
  return {
    ...readPeer(section),
    seals,
    sealing: section.optional<SourceSection["sealing"]>("sealing", parseSection(readSealing), undefined),
    // What is sealed here has nothing to be observed.
    mode: section.optional("mode", wordValue(modes), seals === undefined ? "observe" : "enforce"),
    tolerate: section.optional("tolerate", parseList(toleranceValue), []),
    // Whoever sends unsealed what the modality made has gone around the sealer.
    devices: seals === undefined || devices.includes(seals) ? devices : [...devices, seals],
    receipts: section.optional("receipts", flagValue, false),
    commitment: section.optional<SourceSection["commitment"]>(
      "commitment",
      parseSection(readCommitmentPlace),
      undefined,
    ),
    associationsMax: section.optional("associations", integerValue(1, 1000), sourceAssociationsDefault),
    quotaBytes: section.optional("quota", sizeValue(MiB, 100 * TiB), quotaBytesDefault),
    intake: intakeIn(section),
  };
}

/** An object's size is at least what an empty one has; a limit of 0 would be a source that may not send. */
function intakeIn(section: Section): SourceSettings["intake"] {
  const limit = (name: "Hour" | "Day"): IntakeLimit | undefined => {
    const objects = section.optional<number | undefined>(
      `objectsPer${name}`,
      integerValue(1, 1e9),
      undefined,
    );
    const bytes = section.optional<number | undefined>(
      `sizePer${name}`,
      sizeValue(MiB, 1000 * TiB),
      undefined,
    );
    return objects === undefined && bytes === undefined ? undefined : { objects, bytes };
  };
  const [hour, day] = [limit("Hour"), limit("Day")];
  return hour || day ? { hour, day } : undefined;
}

function readDestination(section: Section): DestinationSection {
  const name = section.required("name", nameValue, "");
  const aeTitle = section.required("aeTitle", aeTitleValue, "");
  return {
    at: (key) => section.at(key),
    name,
    host: section.required("host", hostValue, ""),
    port: section.required("port", portValue, 0),
    aeTitle,
    takes: section.optional("takes", wordValue(["admitted", "released"]), "admitted"),
    associationsMax: section.optional("associations", integerValue(1, 64), destinationAssociationsDefault),
    tls: section.optional<DestinationSection["tls"]>("tls", parseSection(readTlsClient), undefined),
    commitment: section.optional<DestinationSection["commitment"]>(
      "commitment",
      parseSection((one) => readCommitmentAsk(one, name, aeTitle)),
      undefined,
    ),
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
