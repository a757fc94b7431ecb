/** `scanseal commission`: a source's walk from observe to enforce, step by step, each of them a person's act. */
import { ScansealError } from "../../foundation/errors.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import type { ArchiveHabit } from "../../provenance/manifest/archive-statement.ts";
import { approvedHabits, approveHabits } from "../../site/archives/archive-approval.ts";
import {
  type CertificateEnd,
  gatewayCertificates,
  siteCertificates,
} from "../../site/commissioning/certificate-ends.ts";
import { type CommissionReport, commissionReport } from "../../site/commissioning/commission-report.ts";
import type { GatewayConfig } from "../../site/gateway/config.ts";
import { addTolerances, setMode } from "../../site/gateway/config-edit.ts";
import { durationOf } from "../../site/gateway/config-values.ts";
import { withJournal } from "../../site/gateway/stores.ts";
import { openHome } from "../../site/home.ts";
import { Operators } from "../../site/operators.ts";
import type { SourceSettings } from "../../zero-trust/gateway/settings.ts";
import { tolerableOnArrival } from "../../zero-trust/gateway/tolerable.ts";
import type { Mode } from "../../zero-trust/policy/decide.ts";
import { recheck } from "../../zero-trust/quarantine/decisions.ts";
import { commissionJson, commissionLines } from "../commission-text.ts";
import { reportProblem } from "../problem.ts";
import { configOf, configPathOf, type DeskOptions, proveOperator, withDesk } from "./gateway-desk.ts";
import { actorOf, meaningOf, recordAct, recordChange, requireSource, tellUptake } from "./source-desk.ts";

export interface CommissionOptions extends DeskOptions {
  readonly since: string;
  readonly json: boolean;
  readonly by?: string;
  readonly accept?: readonly string[];
  /** True: every habit that was seen; otherwise paths. */
  readonly approveChanges?: true | readonly string[];
  readonly recheck?: true;
  readonly mode?: Mode;
  readonly although?: number;
}

/** @returns 0 when it is ready, or the act is done; 1 when something stands in the way, or the act was refused for it */
export async function commission(name: string, options: CommissionOptions): Promise<number> {
  const { accept, approveChanges, mode, although } = options;
  const acts = [accept, approveChanges, options.recheck, mode].filter((act) => act !== undefined).length;
  if (acts > 1)
    throw new ScansealError("usage", "one step at a time: --accept, --approve-changes, --recheck or --mode");
  if (although !== undefined && mode !== "enforce")
    throw new ScansealError("usage", "--although belongs to --mode enforce");
  const config = configOf(options);
  const source = requireSource(config, name);
  if (acts === 0) return showReport(config, source, options);
  if (options.by === undefined) throw new ScansealError("usage", "--by NAME: who does this");
  const act = { config, source, options, by: options.by };
  if (accept !== undefined) return acceptTolerances(act, accept);
  if (approveChanges !== undefined) return approveChangesOf(act, approveChanges);
  return mode === undefined ? recheckHeld(act) : changeModeTo(act, mode);
}

interface Act {
  readonly config: GatewayConfig;
  readonly source: SourceSettings;
  readonly options: CommissionOptions;
  readonly by: string;
}

async function reportOf(
  config: GatewayConfig,
  source: SourceSettings,
  { since }: CommissionOptions,
): Promise<CommissionReport> {
  const ms = durationOf(since);
  if (ms === undefined) throw new ScansealError("usage", '--since is a time such as "14d" or "24h"');
  const now = systemClock.now();
  const home = openHome(config.home);
  const known = certificatesOf(config, source);
  const approved = (await approvedHabits(home, source.name)) ?? [];
  return withJournal(config, (journal) =>
    commissionReport({
      ...{ journal, source, now, approved, ...known },
      since: Math.max(0, now - ms),
      issued: home.ledger().issued,
    }),
  );
}

/** Of the site as a whole, of the gateway, of this source, and of the devices that it stands for. */
function certificatesOf(
  { home: folder, settings }: GatewayConfig,
  { certificates, devices, listener }: SourceSettings,
): { readonly certificates: readonly CertificateEnd[]; readonly unknownCertificates: number } {
  const home = openHome(folder);
  const own = home.tlsCertificates().filter(({ fingerprint }) => certificates.includes(fingerprint));
  const isConcerned = ({ of, name }: CertificateEnd): boolean =>
    of === "authority" || of === "revocation-list" || (of === "device" && devices.includes(name));
  return {
    certificates: [
      ...siteCertificates(home).filter(isConcerned),
      ...gatewayCertificates(settings).filter(({ of, name }) => of !== "listener" || name === listener),
      ...own.map(({ name, notAfter }): CertificateEnd => ({ of: "tls", name, endsAt: notAfter })),
    ],
    unknownCertificates: certificates.length - new Set(own.map(({ fingerprint }) => fingerprint)).size,
  };
}

async function showReport(
  config: GatewayConfig,
  source: SourceSettings,
  options: CommissionOptions,
): Promise<number> {
  const report = await reportOf(config, source, options);
  const lines = options.json ? [commissionJson(report)] : commissionLines(report, options.since, canvas());
  process.stdout.write(`${lines.join("\n")}\n`);
  return report.readiness.isReady ? 0 : 1;
}

function canvas(): { readonly width: number | undefined } {
  return { width: process.stdout.columns };
}

const toleratePrefix = "tolerate:";

async function acceptTolerances(
  { config, source, options, by }: Act,
  named: readonly string[],
): Promise<number> {
  const codes = [...new Set(named)].map((text) => {
    const code = [...tolerableOnArrival].find((one) => text === `${toleratePrefix}${one}`);
    if (code !== undefined) return code;
    const all = [...tolerableOnArrival].join(", ");
    throw new ScansealError("usage", `--accept takes tolerate:NAME, where NAME is one of ${all}`);
  });
  const actor = await actorOf(by, config, "commission");
  const change = addTolerances(configPathOf(options), source.name, codes);
  const before = requireSource(change.before, source.name).tolerate;
  const added = codes.filter((code) => !before.includes(code));
  if (added.length === 0) {
    process.stdout.write(`Source ${source.name} tolerates ${codes.join(", ")} already.\n`);
    return 0;
  }
  const tolerate = added.join(", ");
  await recordChange(change, actor, "source.tolerance.accepted", source.name, { tolerate });
  process.stdout.write(
    `Source ${source.name} tolerates ${tolerate} from now on (a running gate takes it up within seconds); each object that has it says so.\n` +
      `What is held for it stays held until it is judged again: scanseal commission ${source.name} --recheck --by NAME\n`,
  );
  return 0;
}

/** Approved anew as a whole: what was approved before stays. */
async function approveChangesOf(
  { config, source, options, by }: Act,
  wanted: true | readonly string[],
): Promise<number> {
  const { name } = source;
  const report = await reportOf(config, source, options);
  const habits = report.changes.filter(({ standing }) => standing === "habit");
  const paths = wanted === true || wanted.length === 0 ? habits.map(({ path }) => path) : wanted;
  const unknown = paths.find((path) => !habits.some((habit) => habit.path === path));
  if (unknown !== undefined)
    throw new ScansealError(
      "usage",
      "that is no recurring change that may be approved: the report lists them",
    );
  if (paths.length === 0) {
    reportProblem(`${name} changes nothing again and again that could be approved`);
    return 1;
  }
  const home = openHome(config.home);
  const approver = await withJournal(config, (journal) =>
    proveOperator(new Operators(config.home, systemClock), journal, by, "commission"),
  );
  const known = (await approvedHabits(home, name)) ?? [];
  const all = merged(
    known,
    habits.filter(({ path }) => paths.includes(path)),
  );
  const { digest, version } = await approveHabits(home, name, all, approver);
  const detail = { record: digest, habits: all.length };
  await recordAct(config, { name: approver, isProven: true }, "source.changes.approved", name, detail);
  process.stdout.write(
    `${paths.length === 1 ? "1 change" : `${paths.length} changes`} of ${name} approved by ${approver}: record ${digest}, version ${version}.\n` +
      `A running gate heeds it at the next object. What is held for it: scanseal commission ${name} --recheck --by NAME\n`,
  );
  return 0;
}

function merged(
  known: readonly ArchiveHabit[],
  added: readonly Pick<ArchiveHabit, "path" | "kinds">[],
): ArchiveHabit[] {
  const all = new Map(known.map((habit) => [habit.path, habit]));
  for (const { path, kinds } of added) {
    const before = all.get(path)?.kinds ?? [];
    const both = (["added", "changed", "removed"] as const).filter(
      (kind) => before.includes(kind) || kinds.includes(kind),
    );
    all.set(path, { path, kinds: both });
  }
  return [...all.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Of one request to the journal. */
const pageObjects = 1_000;

/** Everything of the source that is held: after a tolerance, an approval, an enrolment. What is held again has an id that was passed by. */
async function recheckHeld({ source: { name }, options, by }: Act): Promise<number> {
  const count = await withDesk(options, async ({ ports, operators }) => {
    const operator = await proveOperator(operators, ports.journal, by, "commission");
    let given = 0;
    for (let after: string | undefined; ; ) {
      const page = await ports.journal.objects({ source: name, state: "held", after, limit: pageObjects });
      const own = page.filter(({ arrival }) => arrival.returned === undefined);
      given += await recheck(ports, own, operator);
      if (page.length < pageObjects) return given;
      after = page.at(-1)!.id;
    }
  });
  process.stdout.write(
    `${count === 1 ? "1 held object of" : `${count} held objects of`} ${name} will be judged again by the gate; then: scanseal commission ${name}\n`,
  );
  return 0;
}

async function changeModeTo({ config, source, options, by }: Act, mode: Mode): Promise<number> {
  const { name } = source;
  const actor = await actorOf(by, config, "commission");
  const report = mode === "enforce" ? await reportOf(config, source, options) : undefined;
  if (report && !isAllowed(report, options)) return 1;
  const change = setMode(configPathOf(options), name, mode);
  // Another one may have changed it meanwhile.
  const from = requireSource(change.before, name).mode;
  if (from === mode) {
    process.stdout.write(`Source ${name} is in ${mode} already.\n`);
    return tellUptake(config, { name, mode });
  }
  const although = report && options.although !== undefined ? { although: options.although } : {};
  await recordChange(change, actor, "source.mode.changed", name, { from, to: mode, ...although });
  process.stdout.write(`Source ${name}: ${from} -> ${mode}. ${meaningOf(mode)}\n`);
  if (mode !== "observe")
    process.stdout.write(`Back, at any time: scanseal commission ${name} --mode observe --by NAME\n`);
  return tellUptake(change.after, { name, mode });
}

/** Whoever goes on all the same has read how many: the exact number says so. */
function isAllowed(
  { readiness, held, source }: CommissionReport,
  { although, since }: CommissionOptions,
): boolean {
  if (although === undefined ? readiness.isReady : although === held.enforce) return true;
  if (although !== undefined) {
    reportProblem(
      `not ${although} but ${held.enforce} objects of the last ${since} would be held; nothing was changed: read scanseal commission ${source} again`,
    );
    return false;
  }
  for (const sentence of readiness.inTheWay) reportProblem(sentence);
  reportProblem(
    `nothing was changed; when each of these is understood: --although ${held.enforce} (as many as would be held)`,
  );
  return false;
}
