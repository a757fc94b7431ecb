/** `scanseal source`: who may send to the gateway, and what their objects meet. */
import { createInterface } from "node:readline/promises";
import { ScansealError } from "../../foundation/errors.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import type { GatewayConfig } from "../../site/gateway/config.ts";
import { addSource, setMode } from "../../site/gateway/config-edit.ts";
import { durationOf } from "../../site/gateway/config-values.ts";
import { type DryRun, dryRun } from "../../site/gateway/dry-run.ts";
import { withJournal } from "../../site/gateway/stores.ts";
import { certificateSummary } from "../../site/gateway/tls-files.ts";
import type { SourceSettings } from "../../zero-trust/gateway/settings.ts";
import type { Mode } from "../../zero-trust/policy/decide.ts";
import { reportProblem } from "../problem.ts";
import { formatTable } from "../terminal/table.ts";
import { readText } from "../text-file.ts";
import { reportConfigProblems } from "./config.ts";
import { configOf, configPathOf, type DeskOptions } from "./gateway-desk.ts";
import { actorOf, meaningOf, recordChange, requireSource, tellUptake } from "./source-desk.ts";

export interface AddOptions extends DeskOptions {
  readonly listener: string;
  readonly mode: Mode;
  readonly by: string;
  readonly cert?: string;
  readonly ae?: string;
  readonly net?: string;
}

/** @returns 0; 1 when the running gateway did not confirm it */
export async function addSourceCommand(name: string, options: AddOptions): Promise<number> {
  const { listener, mode, cert, ae, net, by } = options;
  if (mode === "enforce")
    throw new ScansealError(
      "usage",
      "a new source starts in observe (or warn): enforce would hold whatever nobody has looked at yet; scanseal source mode moves it after a dry run",
    );
  if (cert === undefined && ae === undefined)
    throw new ScansealError("usage", "name the source by --cert (on a TLS listener) or by --ae, with --net");
  const certificate = cert === undefined ? undefined : certificateSummary(readText(cert));
  const source = { name, listener, mode, certificate, aeTitle: ae, network: net };
  const actor = await actorOf(by, configOf(options), "source add");
  const path = configPathOf(options);
  const change = addSource(path, source);
  await recordChange(change, actor, "source.added", name, { listener, mode });
  reportConfigProblems(path, change.warnings);
  process.stdout.write(
    [
      `Source ${name} added at listener ${listener}, mode ${mode}.`,
      meaningOf(mode),
      `After a clean day: scanseal source mode ${name} enforce --by YOUR-NAME`,
      "",
    ].join("\n"),
  );
  return tellUptake(change.after, { name, mode });
}

/** @returns 0 */
export function listSources(options: DeskOptions & { readonly json: boolean }): number {
  const { sources } = configOf(options).settings;
  if (options.json) {
    for (const source of sources) process.stdout.write(`${JSON.stringify(source)}\n`);
    return 0;
  }
  const rows = sources.map((source) => [source.name, source.listener, source.mode, identityOf(source)]);
  for (const line of formatTable(sourceColumns, rows, process.stdout.columns))
    process.stdout.write(`${line}\n`);
  return 0;
}

const sourceColumns = [
  { title: "SOURCE" },
  { title: "LISTENER" },
  { title: "MODE" },
  { title: "KNOWN BY", shrinks: true },
] as const;

function identityOf({ certificates, aeTitles, networks }: SourceSettings): string {
  const parts = [
    ...certificates.map((fingerprint) => `certificate ${fingerprint.slice(0, 16)}...`),
    ...(aeTitles.length === 0 ? [] : [`AE ${aeTitles.join(", ")}`]),
    ...(networks.length === 0 ? [] : [`from ${networks.join(", ")}`]),
  ];
  return parts.join("; ") || "anybody who reaches the listener";
}

export interface ModeOptions extends DeskOptions {
  readonly by: string;
  readonly afterDryRun: boolean;
  readonly since: string;
}

/** @returns 0; 1 when nothing was changed because nobody confirmed it, or the running gateway did not take it up */
export async function changeMode(name: string, mode: Mode, options: ModeOptions): Promise<number> {
  const config = configOf(options);
  const source = requireSource(config, name);
  if (source.mode === mode) {
    process.stdout.write(`Source ${name} is in ${mode} already.\n`);
    return tellUptake(config, source);
  }
  const actor = await actorOf(options.by, config, "source mode");
  if (mode === "enforce" && !(await isEnforceWanted(name, config, options))) return 1;
  const change = setMode(configPathOf(options), name, mode);
  await recordChange(change, actor, "source.mode.changed", name, { from: source.mode, to: mode });
  process.stdout.write(`Source ${name}: ${source.mode} -> ${mode}. ${meaningOf(mode)}\n`);
  return tellUptake(change.after, { name, mode });
}

async function isEnforceWanted(name: string, config: GatewayConfig, options: ModeOptions): Promise<boolean> {
  const report = await reportOf(name, config, options.since);
  printReport(report, options.since);
  if (report.judged > 0 && report.wouldBeHeld === 0) return true;
  if (options.afterDryRun) return true;
  const concern =
    report.judged === 0
      ? `nothing from ${name} was seen in the last ${options.since}: what it sends is not known`
      : `${report.wouldBeHeld} objects that passed would have been held`;
  if (process.stdin.isTTY === true && process.stdout.isTTY === true) {
    const lines = createInterface({ input: process.stdin, output: process.stdout });
    try {
      const answer = await lines.question(`${concern}. Change to enforce all the same? (yes/no) `);
      if (answer.trim().toLowerCase() === "yes") return true;
    } finally {
      lines.close();
    }
    process.stdout.write("Nothing was changed.\n");
    return false;
  }
  reportProblem(`${concern}; nothing was changed (--after-dry-run changes it all the same)`);
  return false;
}

export interface DryRunOptions extends DeskOptions {
  readonly since: string;
  readonly json: boolean;
}

/** @returns 0 */
export async function sourceDryRun(name: string, options: DryRunOptions): Promise<number> {
  const config = configOf(options);
  requireSource(config, name);
  const report = await reportOf(name, config, options.since);
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ ...report, since: new Date(report.since).toISOString() })}\n`);
  } else printReport(report, options.since);
  return 0;
}

function reportOf(name: string, config: GatewayConfig, since: string): Promise<DryRun> {
  const ms = durationOf(since);
  if (ms === undefined) throw new ScansealError("usage", '--since is a time such as "24h" or "7d"');
  return withJournal(config, (journal) => dryRun(journal, name, systemClock.now() - ms));
}

const reportColumns = [
  { title: "OBJECTS", align: "right" },
  { title: "STUDIES", align: "right" },
  { title: "VERDICT" },
  { title: "FINDING" },
  { title: "MEANING", shrinks: true },
] as const;

function printReport(report: DryRun, since: string): void {
  const { source, judged, held, wouldBeHeld, groups } = report;
  const lines = [
    `${source}, the last ${since}: ${judged} objects judged, ${held} held as things are.`,
    judged === 0
      ? "Nothing was seen from it: there is nothing to go by."
      : `Under enforce ${wouldBeHeld === 0 ? "nothing" : wouldBeHeld} more would have been held.`,
  ];
  const rows = groups.map(({ objects, studies, verdict, code, message }) => [
    String(objects),
    String(studies),
    verdict,
    code,
    message,
  ]);
  if (rows.length > 0) lines.push("", ...formatTable(reportColumns, rows, process.stdout.columns));
  process.stdout.write(`${lines.join("\n")}\n`);
}
