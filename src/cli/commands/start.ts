/** `scanseal start`: a site and a gateway where there is none, running in this terminal. */
import { ScansealError } from "../../foundation/errors.ts";
import { fewerRejections } from "../../operations/fewer-rejections.ts";
import { loadConfig } from "../../site/gateway/config.ts";
import { firstPorts, prepareFirstRun } from "../../site/gateway/first-run.ts";
import { openHome } from "../../site/home.ts";
import { reportExpiry } from "../expiry-notice.ts";
import { eventLine } from "../gateway-lines.ts";
import { runUntilSignal } from "../gateway-process.ts";
import { paletteFor } from "../terminal/palette.ts";
import { homeOption, shownPath, welcome } from "../welcome.ts";
import { reportConfigProblems } from "./config.ts";

export interface StartOptions {
  readonly home: string;
  /** For a new configuration. */
  readonly port?: string;
  readonly httpPort?: string;
}

/** @returns 0 when a signal ended it and it was drained @throws ScansealError when it cannot start */
export async function start(options: StartOptions): Promise<number> {
  const ports = {
    dicom: portOf(options.port) ?? firstPorts.dicom,
    http: portOf(options.httpPort) ?? firstPorts.http,
  };
  const { configPath, isNewSite, isNewConfig } = await prepareFirstRun(options.home, ports);
  if (!isNewConfig && (options.port !== undefined || options.httpPort !== undefined))
    throw new ScansealError("usage", `the ports are in ${shownPath(configPath)}: change them there`);
  const { config, problems } = loadConfig(configPath);
  reportConfigProblems(shownPath(configPath), problems);
  if (!config)
    throw new ScansealError(
      "config-invalid",
      `${shownPath(configPath)} has errors: mend it, or move it away and a new one is made`,
    );
  reportExpiry(openHome(config.home));
  const palette = paletteFor(process.stdout, process.env);
  const lines = new LinesAfterGreeting();
  const events = fewerRejections((event) => {
    // What the first configuration says is told by the greeting.
    if (isNewConfig && event.kind === "source-changed" && event.from === undefined && !lines.isGreeted)
      return;
    const text = eventLine(event, palette, homeOption(config));
    if (text !== undefined) lines.say(text);
  });
  const status = await runUntilSignal(config, {
    events,
    onReady: (running) => lines.greet(welcome(config, running, isNewSite, palette)),
    onStopping: () => say("", "Stopping: what is under way is finished first. Again: at once."),
    hangUp: "stop",
  }).finally(() => lines.greet([]));
  say("Stopped. What was acknowledged is on the disk.");
  return status;
}

function portOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65535) throw new ScansealError("usage", "a port is a number from 1 to 65535");
  return port;
}

function say(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}

/** What happens while the gate opens is told below the greeting; where it does not open, at the end. */
class LinesAfterGreeting {
  #early: string[] | undefined = [];

  get isGreeted(): boolean {
    return this.#early === undefined;
  }

  say(line: string): void {
    if (this.#early) this.#early.push(line);
    else say(line);
  }

  greet(lines: readonly string[]): void {
    const all = [...lines, ...(this.#early ?? [])];
    this.#early = undefined;
    if (all.length > 0) say(...all);
  }
}
