/** `scanseal start`: a site and a gateway where there is none, running in this terminal. */
import { relative } from "node:path";
import { ScansealError } from "../../foundation/errors.ts";
import { fewerRejections } from "../../operations/fewer-rejections.ts";
import { type GatewayConfig, loadConfig } from "../../site/gateway/config.ts";
import { firstPorts, prepareFirstRun } from "../../site/gateway/first-run.ts";
import type { RunningGateway } from "../../site/gateway/run.ts";
import { openHome } from "../../site/home.ts";
import { reportExpiry } from "../expiry-notice.ts";
import { eventLine } from "../gateway-lines.ts";
import { runUntilSignal } from "../gateway-process.ts";
import { packageVersion } from "../package-version.ts";
import { type Palette, paletteFor } from "../terminal/palette.ts";
import { visibleText } from "../terminal/visible-text.ts";
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
  const status = await runUntilSignal(config, {
    events: fewerRejections((event) => {
      const text = eventLine(event, palette);
      if (text !== undefined) say(text);
    }),
    onReady: (running) => say(...welcome(config, running, isNewSite, palette)),
    onStopping: () => say("", "Stopping: what is under way is finished first. Again: at once."),
    hangUp: "stop",
  });
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

function shownPath(path: string): string {
  const short = relative(process.cwd(), path);
  return visibleText(short === "" || short.startsWith("..") ? path : short);
}

function welcome(
  config: GatewayConfig,
  { listeners, httpPort }: RunningGateway,
  isNewSite: boolean,
  palette: Palette,
): string[] {
  const { aeTitle, sources } = config.settings;
  const secure = new Set(config.settings.listeners.filter(({ tls }) => tls).map(({ name }) => name));
  const plain = listeners.find(({ name }) => !secure.has(name));
  const host = plain && isEveryAddress(plain.address) ? "127.0.0.1" : plain?.address;
  const source = sources.find(({ listener }) => listener === plain?.name) ?? sources[0];
  const called = aeTitle === "SCANSEAL" ? "" : ` --called ${aeTitle}`;
  const home = shownPath(config.home);
  const option = home === "scanseal-data" ? "" : ` --home ${home}`;
  const { strong, faint } = palette;
  return [
    "",
    strong(`Scanseal ${packageVersion()}: the gate is open.`),
    `  ${isNewSite ? "A new site was made in" : "The site is in"} ${home}; its settings: ${shownPath(config.path)}`,
    "",
    ...(plain
      ? [
          strong("Send it a scan"),
          `  npx scanseal send file.dcm --to ${host}:${plain.port}${called}`,
          `  storescu -aec ${aeTitle} ${host} ${plain.port} file.dcm`,
          faint("  None at hand? npx scanseal demo leaves some in scanseal-demo/captured."),
        ]
      : ["Every listener asks for a client certificate: scanseal tls client makes one."]),
    "",
    strong("Watch it"),
    `  http://${urlHost(config.http.host)}:${httpPort}/`,
    "",
    ...(source
      ? [...fates(config, source, option, palette), "", ...nextSteps(source, option, palette)]
      : [`No source may send yet: npx scanseal source add${option}`, "  stop: Ctrl-C"]),
    "",
    faint("One line for each object follows."),
  ];
}

type Source = GatewayConfig["settings"]["sources"][number];

function fates(
  { settings }: GatewayConfig,
  { name, mode }: Source,
  option: string,
  { strong, good, notice, bad }: Palette,
): string[] {
  const archives = settings.destinations.filter(({ takes }) => takes === "admitted");
  const goes =
    archives.length === 0
      ? "kept in the data folder"
      : `delivered to ${archives.map((archive) => archive.name).join(", ")}`;
  return [
    strong(`What becomes of a scan (source ${name}, mode ${mode})`),
    `  sealed by a device of this site   ${good("verified")}   ${goes}`,
    `  not sealed                        ${notice("unsealed")}   ${unsealedFate(mode, goes)}`,
    `  changed after it was sealed       ${bad("altered")}    held, in every mode: npx scanseal quarantine list${option}`,
  ];
}

function nextSteps({ name, mode }: Source, option: string, { strong }: Palette): string[] {
  const steps = [
    ["enroll a device", `npx scanseal enroll CT1 --ae CT1 --serial 0001${option}`],
    ["seal scans with it", `npx scanseal seal FILES --device CT1 --out sealed${option}`],
    ...(mode === "enforce"
      ? []
      : [
          [
            "let nothing unproven through",
            `npx scanseal source mode ${name} enforce --by YOUR-NAME${option}`,
          ],
        ]),
    ["stop", "Ctrl-C"],
  ] as const;
  return [
    strong("Next, in another terminal"),
    ...steps.map(([what, command]) => `  ${(what ?? "").padEnd(32)}  ${command}`),
  ];
}

function unsealedFate(mode: string, goes: string): string {
  if (mode === "enforce") return "held, until two people release it";
  return mode === "warn" ? `${goes}, with a notice` : `${goes}, and reported`;
}

function isEveryAddress(address: string): boolean {
  return address === "0.0.0.0" || address === "::";
}

function urlHost(host: string): string {
  if (isEveryAddress(host)) return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
