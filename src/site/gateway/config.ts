/** A gateway's configuration: from a YAML file to settings that can be run, or every problem it has. */
import { dirname, resolve } from "node:path";
import { tryUtf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { isSealingRole } from "../../keys/trust/roles.ts";
import type { DeviceRecord } from "../../keys/trust/trust-store.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import { readSmallFile } from "../../platform/node/file-source.ts";
import type { GatewaySettings } from "../../zero-trust/gateway/settings.ts";
import { openHome } from "../home.ts";
import { type AlertSettings, alertSettings } from "./config-alerts.ts";
import { type AuditSettings, auditSettings } from "./config-audit.ts";
import { checkSections } from "./config-checks.ts";
import type { ConfigProblem, ProblemList } from "./config-problem.ts";
import { Section, similar } from "./config-reader.ts";
import {
  type ConfigSections,
  type JournalSection,
  type LogLevel,
  readSections,
  type SourceSection,
} from "./config-sections.ts";
import {
  type SentinelSettings,
  type SweepSettings,
  sentinelSettings,
  sweepSettings,
} from "./config-sweep.ts";
import {
  destinationSettings,
  listenerSettings,
  type Making,
  readingSettings,
  sourceSettings,
} from "./section-settings.ts";
import { TlsFiles } from "./tls-files.ts";
import { configCharactersMax, readYaml } from "./yaml-document.ts";

export interface GatewayConfig {
  /** Absolute paths: of the file itself, of the site, of spool, objects and journal. */
  readonly path: string;
  readonly home: string;
  readonly data: string;
  readonly journal:
    | { readonly kind: "sqlite"; readonly path: string }
    /** `url` may hold a password and is never shown. */
    | { readonly kind: "postgres"; readonly url: string };
  readonly http: { readonly host: string; readonly port: number };
  readonly log: LogLevel;
  /** The attributes of what is admitted are kept, for those who read. */
  readonly index: boolean;
  /** Where audit messages go; undefined: nowhere. */
  readonly audit: AuditSettings | undefined;
  /** Whom to wake; undefined: nobody. It holds secrets. */
  readonly alerts: AlertSettings | undefined;
  /** When the archive is swept, and how new studies are looked at; undefined: not by the gateway itself. */
  readonly sweep: SweepSettings | undefined;
  readonly sentinel: SentinelSettings | undefined;
  readonly spoolBytesMax: number;
  readonly settings: GatewaySettings;
  /** Certificates and keys that it names: absolute paths. */
  readonly tlsFiles: readonly string[];
}

export interface ConfigReading {
  /** Undefined when there is an error among the problems. */
  readonly config: GatewayConfig | undefined;
  /** In the order of the file; warnings too. */
  readonly problems: readonly ConfigProblem[];
  /** As far as it could be read. */
  readonly tlsFiles: readonly string[];
}

export interface ConfigSurroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly now: number;
}

/** A file that cannot be read is a problem too. Nothing is changed, nothing but the files it names is looked at. */
export function loadConfig(
  path: string,
  surroundings: ConfigSurroundings = { environment: process.env, now: systemClock.now() },
): ConfigReading {
  const text = textOf(path);
  if (typeof text === "string") return readConfig(text, path, surroundings);
  return { config: undefined, problems: [text], tlsFiles: [] };
}

function textOf(path: string): string | ConfigProblem {
  const problem = (code: "unreadable" | "too-large", message: string, hint?: string): ConfigProblem => {
    return { level: "error", code, line: 1, column: 1, message, hint };
  };
  try {
    // Four bytes a character at most.
    const bytes = readSmallFile(path, 4 * configCharactersMax, (size) => new Uint8Array(size));
    if (!bytes) return problem("too-large", "the file is too large to be a configuration");
    return tryUtf8(bytes) ?? problem("unreadable", "the file is not UTF-8 text", "save it as UTF-8");
  } catch (error) {
    if (!(error instanceof ScansealError)) throw error;
    const { code } = (error.cause ?? {}) as NodeJS.ErrnoException;
    if (code === "ENOENT") return problem("unreadable", "there is no such file", "scanseal start makes one");
    return problem("unreadable", error.message);
  }
}

/** @param path of the file: paths in it are relative to its folder */
export function readConfig(
  text: string,
  path: string,
  { environment, now }: ConfigSurroundings,
): ConfigReading {
  const { contents, problems } = readYaml(text);
  const section = contents === undefined ? undefined : Section.of(contents, problems, "the configuration");
  const config = section && build(readSections(section), { path: resolve(path), environment, now, problems });
  const tlsFiles = config?.tlsFiles ?? [];
  return { config: problems.hasErrors ? undefined : config, problems: problems.all(), tlsFiles };
}

interface Building extends ConfigSurroundings {
  readonly path: string;
  readonly problems: ProblemList;
}

function build(sections: ConfigSections, building: Building): GatewayConfig {
  const { path, problems } = building;
  const folder = dirname(path);
  checkSections(sections, problems);
  const files = new TlsFiles(problems, building.now);
  const making: Making = {
    files,
    named: (shown, at) => ({ path: resolve(folder, shown), shown, at }),
    environment: building.environment,
    problems,
  };
  const home = resolve(folder, sections.home);
  const data = sections.data === undefined ? resolve(home, "gateway") : resolve(folder, sections.data);
  checkSite(home, sections, problems);
  const { aeTitle, limits, http, log, index } = sections;
  const { spoolBytesMax, ...gatewayLimits } = limits;
  const settings: GatewaySettings = {
    aeTitle,
    listeners: sections.listeners.map((listener) => listenerSettings(listener, making)),
    sources: sections.sources.map((source) => sourceSettings(source, making)),
    destinations: sections.destinations.map((destination) => destinationSettings(destination, making)),
    ...(sections.reading ? { reading: readingSettings(sections.reading, making) } : {}),
    limits: gatewayLimits,
  };
  checkFingerprints(settings, sections, problems);
  const journal = journalSettings(sections.journal, resolve(data, "journal.sqlite"), building);
  return {
    path,
    home,
    data,
    journal,
    http: { host: http.host, port: http.port },
    log,
    // Readers are answered from it.
    index: index || (sections.reading?.readers.length ?? 0) > 0,
    audit: sections.audit && auditSettings(sections.audit, making),
    alerts: sections.alerts && alertSettings(sections.alerts, making),
    sweep: sections.sweep && sweepSettings(sections.sweep, making),
    sentinel: sections.sentinel && sentinelSettings(sections.sentinel, making),
    spoolBytesMax,
    settings,
    tlsFiles: files.paths,
  };
}

/** One certificate is one source's: it could not be told whose mode applies. */
function checkFingerprints(
  { sources }: GatewaySettings,
  sections: ConfigSections,
  problems: ProblemList,
): void {
  const owners = new Map<string, string>();
  for (const [i, { name, listener, certificates }] of sources.entries()) {
    for (const fingerprint of certificates) {
      const key = `${listener} ${fingerprint}`;
      const owner = owners.get(key);
      if (fingerprint !== "" && owner !== undefined) {
        const at = sections.sources[i]!.at("certificates");
        problems.error("duplicate-name", at, `source ${name} has a certificate of source ${owner}`);
      }
      owners.set(key, name);
    }
  }
}

function checkSite(home: string, { at, sources }: ConfigSections, problems: ProblemList): void {
  let known: readonly string[];
  try {
    const { devices = [] } = openHome(home).trustContent();
    checkRoles(devices, sources, problems);
    known = devices.filter(({ roles }) => roles.some(isSealingRole)).map(({ name }) => name);
  } catch (error) {
    if (!(error instanceof ScansealError)) throw error;
    const isAbsent = error.code === "usage";
    const message = isAbsent ? "there is no site in the folder" : `the site cannot be used: ${error.message}`;
    problems.error("site", at("home"), message, isAbsent ? "scanseal init makes one" : undefined);
    return;
  }
  for (const source of sources) {
    for (const device of source.devices.filter((name) => !known.includes(name))) {
      const like = similar(device, known);
      problems.warn(
        "unknown-device",
        source.at("devices"),
        `source ${source.name} stands for ${device}, a device this site has not enrolled`,
        like === undefined ? undefined : `did you mean ${like}?`,
      );
    }
  }
  warnOfUnlisted(known, sources, at("sources"), problems);
}

/** What a gateway seals is sealed beside the device: never "in the device". */
function checkRoles(
  devices: readonly DeviceRecord[],
  sources: readonly SourceSection[],
  problems: ProblemList,
): void {
  for (const { name, seals, at } of sources) {
    const roles = devices.findLast((device) => device.name === seals)?.roles;
    if (roles && !roles.includes("beside-device"))
      problems.error(
        "site",
        at("seals"),
        `source ${name} cannot be sealed by ${seals}, which is enrolled as a modality that seals itself`,
        "scanseal enroll NAME --role beside-device",
      );
  }
}

/** Where every source is in enforce it makes no difference. */
function warnOfUnlisted(
  known: readonly string[],
  sources: readonly SourceSection[],
  at: number,
  problems: ProblemList,
): void {
  const listed = new Set(sources.flatMap(({ devices }) => devices));
  const unlisted = [...new Set(known)].filter((name) => !listed.has(name));
  const isWithoutEffect = unlisted.length === 0 || sources.every(({ mode }) => mode === "enforce");
  if (isWithoutEffect || problems.hasErrors) return;
  const names = `${unlisted.slice(0, namesMax).join(", ")}${unlisted.length > namesMax ? ", ..." : ""}`;
  problems.warn(
    "unlisted-device",
    at,
    `no source stands for ${names}: an unsealed object that claims one of them meets the mode of whoever sends it`,
    'name enrolled devices in the "devices" of their source',
  );
}

/** In one sentence. */
const namesMax = 8;

function journalSettings(
  journal: JournalSection,
  path: string,
  { environment, problems }: Building,
): GatewayConfig["journal"] {
  if (journal.kind === "sqlite") return { kind: "sqlite", path };
  const { url: written, urlFrom, at } = journal;
  const key = urlFrom === undefined ? "postgres" : "postgresFrom";
  const url = urlFrom === undefined ? written : environment[urlFrom];
  if (urlFrom !== undefined && (url === undefined || url === "")) {
    problems.error("environment", at(key), `the environment variable ${urlFrom} is not set`);
    return { kind: "postgres", url: "" };
  }
  const parsed = url === undefined ? null : URL.parse(url);
  // What is wrong with it is not repeated: it may hold a password.
  if (url !== undefined && (parsed === null || !/^postgres(ql)?:$/.test(parsed.protocol)))
    problems.error("value", at(key), "the journal's URL must be postgres://user@host:port/database");
  else if (written !== undefined && parsed?.password)
    problems.warn(
      "secret",
      at(key),
      "the file holds the database's password",
      "postgresFrom: VARIABLE takes the URL from there",
    );
  return { kind: "postgres", url: url ?? "" };
}
