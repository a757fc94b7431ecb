/** What `scanseal start` says first: where to send a scan, and what becomes of it. */
import { relative } from "node:path";
import type { GatewayConfig } from "../site/gateway/config.ts";
import type { RunningGateway } from "../site/gateway/run.ts";
import { packageVersion } from "./package-version.ts";
import type { Palette } from "./terminal/palette.ts";
import { visibleText } from "./terminal/visible-text.ts";

/** Below the current folder as people type it. */
export function shownPath(path: string): string {
  const short = relative(process.cwd(), path);
  return visibleText(short === "" || short.startsWith("..") ? path : short);
}

/** What a command needs to find this site. */
export function homeOption(config: GatewayConfig): string {
  const home = shownPath(config.home);
  return home === "scanseal-data" ? "" : ` --home ${home}`;
}

export function welcome(
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
  const option = homeOption(config);
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
    ...listenerLines(listeners, secure, palette),
    strong("Watch it"),
    `  http://${urlHost(config.http.host)}:${httpPort}/`,
    "",
    ...(source
      ? [
          ...fates(config, source, option, palette),
          ...otherSources(config, source),
          "",
          ...nextSteps(source, option, palette),
        ]
      : [`No source may send yet: npx scanseal source add${option}`, "  stop: Ctrl-C"]),
    "",
    faint("One line for each object follows."),
  ];
}

/** Where there are several. */
function listenerLines(
  listeners: RunningGateway["listeners"],
  secure: ReadonlySet<string>,
  { strong }: Palette,
): string[] {
  if (listeners.length < 2) return [];
  const width = Math.max(...listeners.map(({ name }) => name.length));
  const lines = listeners.map(({ name, address, port }) => {
    const host = address.includes(":") ? `[${address}]` : address;
    return `  ${name.padEnd(width)}  ${host}:${port}  ${secure.has(name) ? "TLS, with a client certificate" : "no encryption"}`;
  });
  return [strong("Listeners"), ...lines, ""];
}

function otherSources({ settings }: GatewayConfig, shown: Source): string[] {
  const others = settings.sources.filter((source) => source !== shown);
  if (others.length === 0) return [];
  const told = others
    .slice(0, sourcesMax)
    .map(({ name, listener, mode }) => `${name} (${listener}, ${mode})`);
  const more = others.length > sourcesMax ? `, and ${others.length - sourcesMax} more` : "";
  return [`  Other sources: ${told.join(", ")}${more}.`];
}

/** A partner network has hundreds; `source list` shows them. */
const sourcesMax = 6;

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
    "  Seal before you send: a scan that came unsealed keeps its place. The same scan sealed later, under the same UID, is held,",
    "  because nothing that passed is ever overwritten. To try sealing, take other scans than those you sent unsealed.",
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
