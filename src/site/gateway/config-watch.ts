/**
 * A gateway's configuration file, and the certificates and keys it names, while it runs: a source's new mode or a renewed certificate applies within
 * seconds, a file with errors not at all.
 */
import { statSync } from "node:fs";
import { ScansealError } from "../../foundation/errors.ts";
import type { EventSink } from "../../operations/event.ts";
import type { GatewaySettings } from "../../zero-trust/gateway/settings.ts";
import { type GatewayConfig, loadConfig } from "./config.ts";

/** Looking takes a call of the system for each file. */
const lookedAtEveryMs = 2000;

const notTaken = "configuration not taken, or in part: tried again every two seconds";

export interface ConfigWatch {
  /** In force. */
  readonly settings: GatewaySettings;
  start(): void;
  /** Reads the file now, changed or not. Never throws: what is wrong is an event. */
  look(): Promise<void>;
  stop(): void;
}

export function watchConfig(
  config: GatewayConfig,
  events: EventSink,
  apply: (found: GatewayConfig) => Promise<void>,
): ConfigWatch {
  let settings = config.settings;
  let { tlsFiles } = config;
  const stampNow = (): string => [config.path, ...tlsFiles].map(stampOf).join(" ");
  let stamp = stampNow();
  let timer: NodeJS.Timeout | undefined;
  let busy: Promise<void> = Promise.resolve();
  let told = "";
  const tell = (why: string, code = "config-invalid"): void =>
    events({ kind: "fault", where: "configuration", code, why });

  /** @param isAsked somebody wants to know: what is still wrong is told again */
  const take = async (isAsked: boolean): Promise<void> => {
    // Before they are read: what changes meanwhile is seen the next time.
    stamp = stampNow();
    const { config: found, problems, tlsFiles: named } = loadConfig(config.path);
    if (named.join("\n") !== tlsFiles.join("\n")) {
      tlsFiles = named;
      // And these are looked at, and read, once more.
      stamp = "";
    }
    if (!found) {
      const { line, message } = problems.find(({ level }) => level === "error")!;
      const why = `configuration not changed: error in line ${line}: ${message}; scanseal config check shows all`;
      if (isAsked || why !== told) tell(why);
      told = why;
      return;
    }
    const isSameStart = startOf(found) === startOf(config);
    if (!isSameStart && told !== notTaken)
      tell("listener, store or kind of reading changed: only after a restart");
    await apply(found);
    told = "";
    const { aeTitle, listeners } = config.settings;
    settings = { ...found.settings, aeTitle, listeners };
    const { sources, destinations } = settings;
    events({ kind: "settings-applied", sources: sources.length, destinations: destinations.length });
  };
  const look = (isAsked = true): Promise<void> => {
    busy = busy
      .then(() => take(isAsked))
      .catch((error: unknown) => {
        // The journal, say, was away for a moment: what was made stricter must not stay out of force until somebody touches the file.
        stamp = "";
        if (isAsked || told !== notTaken)
          tell(notTaken, error instanceof ScansealError ? error.code : "internal");
        told = notTaken;
      });
    return busy;
  };
  return {
    get settings() {
      return settings;
    },
    look: () => look(),
    start: () => {
      timer = setInterval(() => {
        if (stampNow() !== stamp) void look(false);
      }, lookedAtEveryMs);
      timer.unref();
    },
    stop: () => clearInterval(timer),
  };
}

/** What is taken at the start only. */
function startOf({
  home,
  data,
  journal,
  http,
  log,
  index,
  sweep,
  sentinel,
  spoolBytesMax,
  settings,
}: GatewayConfig): string {
  return JSON.stringify([
    home,
    data,
    journal,
    http,
    log,
    index,
    sweep,
    sentinel,
    spoolBytesMax,
    settings.aeTitle,
    // Whom it asks may change.
    [settings.reading !== undefined, settings.reading?.archive !== undefined],
    // A renewed certificate needs no restart.
    settings.listeners.map(({ tls, ...listener }) => ({ ...listener, isTls: tls !== undefined })),
  ]);
}

/** What cannot be looked at (a folder that was closed to us, a link to itself) is a change too: reading it tells why. */
function stampOf(path: string): string {
  try {
    const { ino, size, mtimeNs } = statSync(path, { bigint: true });
    return `${ino}.${size}.${mtimeNs}`;
  } catch {
    return "-";
  }
}
