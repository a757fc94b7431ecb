/** The walk of a source from observe to enforce: what it sent, what each mode would hold of that and why, and what stands in the way. */
import type { MalformedCode } from "../../foundation/errors.ts";
import type { IssuedEntry } from "../../keys/custody/authority-ledger.ts";
import { type ExpiryWarning, expiryWarnings } from "../../keys/trust/expiry.ts";
import type { ArchiveHabit } from "../../provenance/manifest/archive-statement.ts";
import type { Journal } from "../../store/journal/journal.ts";
import type { SourceKind, SourceTally } from "../../store/journal/source-record.ts";
import type { SourceSettings } from "../../zero-trust/gateway/settings.ts";
import { isHeldInEveryMode, type Mode } from "../../zero-trust/policy/decide.ts";
import type { Verdict } from "../../zero-trust/policy/verdict.ts";
import { adviceFor, sentenceOfCause, tolerableCause, toleranceMeanings } from "./advice.ts";
import type { CertificateEnd } from "./certificate-ends.ts";
import { type ClockOffset, clockCauses, clockOffsets } from "./clock-offsets.ts";
import { type RecurringChange, recurringChanges } from "./recurring-changes.ts";
import { type UnsealedSender, unsealedSenders } from "./unsealed-senders.ts";

/** One cause of being held under `enforce`. */
export interface HeldCause {
  /** Undefined where the check could not be completed. */
  readonly verdict: string | undefined;
  readonly code: string;
  /** The radiologist's sentence. */
  readonly message: string;
  readonly objects: number;
  /** Of them those that the mode which applied held already. */
  readonly heldNow: number;
  /** No mode lets them pass. */
  readonly isHeldInEveryMode: boolean;
  /** Of what and by whom, most frequent first, at most as many as are told apart. */
  readonly kinds: readonly SourceKind[];
  readonly advice: string;
}

export interface Tolerable {
  readonly code: MalformedCode;
  readonly objects: number;
  readonly meaning: string;
  /** In the configuration now; those objects came before, or were not judged again. */
  readonly isAccepted: boolean;
}

export interface CommissionReport {
  readonly source: string;
  readonly mode: Mode;
  /** Milliseconds since 1970: the period asked for, and the first and the last object in it. */
  readonly since: number;
  readonly firstAt: number | undefined;
  readonly lastAt: number | undefined;
  /** Judged, each counted once however often it was sent. */
  readonly objects: number;
  /** Acknowledged and not judged yet. */
  readonly waiting: number;
  /** "none": the check could not be completed. */
  readonly verdicts: Readonly<Record<string, number>>;
  /** Two people had their bytes deleted: they are decided, and in none of the counts below. */
  readonly purged: number;
  readonly held: {
    /** In the modes that applied. */
    readonly now: number;
    /** Of these, what no mode lets pass, and so what `observe` and `warn` hold. */
    readonly warn: number;
    readonly enforce: number;
    /** Held, though `warn` would let them pass: `enforce` applied, the source's own or that of a device or study they claim. */
    readonly stricter: number;
  };
  readonly causes: readonly HeldCause[];
  readonly tolerances: readonly Tolerable[];
  readonly unsealed: readonly UnsealedSender[];
  readonly changes: readonly RecurringChange[];
  readonly clocks: readonly ClockOffset[];
  readonly certificates: readonly (ExpiryWarning & Pick<CertificateEnd, "of" | "name">)[];
  /** Certificates of this source that this site did not issue: their end is not known here. */
  readonly unknownCertificates: number;
  readonly readiness: {
    readonly isReady: boolean;
    /** One sentence each. */
    readonly inTheWay: readonly string[];
    /** The next command. */
    readonly next: string;
  };
}

export interface ReportParts {
  readonly journal: Pick<Journal, "bySource">;
  readonly source: SourceSettings;
  readonly since: number;
  readonly now: number;
  readonly issued: readonly IssuedEntry[];
  readonly certificates: readonly CertificateEnd[];
  readonly unknownCertificates: number;
  readonly approved: readonly ArchiveHabit[];
}

/** Told apart by kind of object and sender; the counts of causes do not depend on it. */
const kindsMax = 1_000;
/** Looked into for changed entries and clocks, the newest. */
const samplesMax = 1_000;
const changeCauses = ["attribute-added", "attribute-changed", "attribute-removed"];

/** @throws ScansealError `io` */
export async function commissionReport(parts: ReportParts): Promise<CommissionReport> {
  const { journal, source, since, now, issued, certificates, unknownCertificates } = parts;
  const period = { source: source.name, since };
  const record = journal.bySource();
  const all = await record.tallies(period);
  const kinds = await record.kinds(period, kindsMax);
  const changed = await record.samples(
    period,
    { verdicts: ["verified-with-changes"], causes: changeCauses },
    samplesMax,
  );
  const timed = await record.samples(period, { verdicts: [], causes: clockCauses }, samplesMax);
  // Others are no objects of their own, or are decided.
  const judged = all.filter(({ state }) => state === "admitted" || state === "held");
  const sum = (list: readonly SourceTally[]): number => list.reduce((n, { objects }) => n + objects, 0);
  const ofState = (state: SourceTally["state"]): number => sum(all.filter((one) => one.state === state));
  const held = heldCounts(judged);
  const causes = causesOf(judged, kinds, source);
  const facts = {
    source: source.name,
    mode: source.mode,
    since,
    firstAt: judged.length === 0 ? undefined : Math.min(...judged.map(({ firstAt }) => firstAt)),
    lastAt: judged.length === 0 ? undefined : Math.max(...judged.map(({ lastAt }) => lastAt)),
    objects: sum(judged),
    waiting: ofState("received"),
    verdicts: verdictsOf(judged),
    purged: ofState("purged"),
    held,
    causes,
    tolerances: tolerancesOf(causes, source),
    unsealed: unsealedSenders(kinds, issued),
    changes: recurringChanges(changed).filter((change) => !isApproved(change, parts.approved)),
    clocks: clockOffsets(timed),
    certificates: warningsOf(certificates, now),
    unknownCertificates,
  };
  return { ...facts, readiness: readinessOf(facts) };
}

function isApproved(change: RecurringChange, approved: readonly ArchiveHabit[]): boolean {
  const known = approved.find(({ path }) => path === change.path);
  return change.standing === "habit" && change.kinds.every((kind) => known?.kinds.includes(kind) ?? false);
}

function verdictsOf(judged: readonly SourceTally[]): Record<string, number> {
  const out: Record<string, number> = {};
  for (const { verdict = "none", objects } of judged) out[verdict] = (out[verdict] ?? 0) + objects;
  return out;
}

function isHeldAnyway({ verdict, cause, mode, disposition }: SourceTally): boolean {
  const codes = cause === undefined ? [] : [cause];
  return (
    isHeldInEveryMode(verdict as Verdict | undefined, codes) || (disposition === "held" && mode !== "enforce")
  );
}

function heldCounts(judged: readonly SourceTally[]): CommissionReport["held"] {
  const counts = { now: 0, warn: 0, enforce: 0, stricter: 0 };
  for (const one of judged) {
    const isHeldNow = one.disposition === "held";
    if (isHeldNow) counts.now += one.objects;
    if (isHeldAnyway(one)) counts.warn += one.objects;
    else if (isHeldNow) counts.stricter += one.objects;
    if (one.enforced === "held") counts.enforce += one.objects;
  }
  return counts;
}

function causesOf(
  judged: readonly SourceTally[],
  kinds: readonly SourceKind[],
  { name, tolerate }: SourceSettings,
): HeldCause[] {
  const groups = new Map<string, SourceTally[]>();
  for (const one of judged.filter(({ enforced }) => enforced === "held")) {
    const key = `${one.verdict} ${one.cause}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()]
    .map((group): HeldCause => {
      const { verdict, cause } = group[0]!;
      const ofGroup = kinds.filter(
        (kind) => kind.enforced === "held" && kind.verdict === verdict && kind.cause === cause,
      );
      const heldNow = group.filter(({ disposition }) => disposition === "held");
      const isTolerated = tolerate.some((code) => code === cause);
      const example = ofGroup[0]?.examples.at(-1);
      return {
        verdict,
        code: cause ?? "none",
        message: sentenceOfCause(cause),
        objects: group.reduce((n, { objects }) => n + objects, 0),
        heldNow: heldNow.reduce((n, { objects }) => n + objects, 0),
        isHeldInEveryMode: group.every(isHeldAnyway),
        kinds: ofGroup,
        advice: adviceFor({ source: name, verdict, cause, example, isTolerated }),
      };
    })
    .sort((a, b) => b.objects - a.objects || (a.code < b.code ? -1 : 1));
}

function tolerancesOf(causes: readonly HeldCause[], { tolerate }: SourceSettings): Tolerable[] {
  return causes.flatMap(({ verdict, code: cause, objects }) => {
    const code = tolerableCause(verdict, cause);
    if (code === undefined) return [];
    return [{ code, objects, meaning: toleranceMeanings[code] ?? "", isAccepted: tolerate.includes(code) }];
  });
}

function warningsOf(certificates: readonly CertificateEnd[], now: number): CommissionReport["certificates"] {
  return certificates
    .flatMap(({ of, name, endsAt }) => {
      const [warning] = expiryWarnings([{ label: `${of} ${name}`, endsAt }], now);
      return warning ? [{ ...warning, of, name }] : [];
    })
    .sort((a, b) => a.endsAt - b.endsAt);
}

/** Expiry alone never stands in the way: it warns. */
function readinessOf(report: Omit<CommissionReport, "readiness">): CommissionReport["readiness"] {
  const { source, mode, objects, waiting, held, causes, changes } = report;
  const inTheWay: string[] = [];
  if (objects === 0) inTheWay.push("Nothing was seen from it in this time: what it sends is not known.");
  if (waiting > 0)
    inTheWay.push(`${waiting} ${waiting === 1 ? "object waits" : "objects wait"} to be judged.`);
  for (const { verdict, code, objects: count, heldNow, advice } of causes) {
    const already =
      heldNow === count ? ", held already" : heldNow === 0 ? "" : `, ${heldNow} of them held already`;
    inTheWay.push(`${count} ${verdict ?? "unchecked"} (${code})${already}: ${advice}.`);
  }
  const command = `scanseal commission ${source}`;
  const isReady = inTheWay.length === 0;
  const tolerance = report.tolerances.find(({ isAccepted }) => !isAccepted);
  const habits = changes.filter(({ standing }) => standing === "habit");
  const next = (): string => {
    if (mode === "enforce")
      return `${command} --since 24h (in enforce now; back with --mode observe --by NAME)`;
    if (isReady) return `${command} --mode enforce --by NAME`;
    if (objects === 0) return `send a day's work through the gate, then ${command}`;
    if (tolerance) return `${command} --accept tolerate:${tolerance.code} --by NAME`;
    if (habits.length > 0) return `${command} --approve-changes --by NAME`;
    return `${command} --mode enforce --although ${held.enforce} --by NAME, when each of the above is understood`;
  };
  return { isReady, inTheWay, next: next() };
}
