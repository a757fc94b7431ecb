/** What the gate decided, for a terminal. */
import type { Decision } from "../../zero-trust/policy/verdict.ts";
import type { Palette } from "../terminal/palette.ts";
import { type Cell, type Column, formatTable } from "../terminal/table.ts";
import { visibleText } from "../terminal/visible-text.ts";
import { reasonText, verdictCell } from "../verdict-report.ts";
import type { DemoReport, GateAnswer } from "./page/demo-report.ts";

/** One object that was sent. */
export interface Attempt {
  readonly answer: GateAnswer;
  readonly decision: Decision;
}

/** With what was done to it, in words of ours. */
export type NamedAttempt = Attempt & { readonly what: string };

export interface Attempts {
  readonly sealed: readonly Attempt[];
  readonly forged: readonly NamedAttempt[];
  readonly rewritten: readonly NamedAttempt[];
}

export interface Canvas {
  readonly palette: Palette;
  /** Columns of the terminal; undefined where there is none. */
  readonly width: number | undefined;
}

/** Where things are, for who wants to go on. */
export interface Place {
  readonly page: string;
  readonly site: string;
}

const columns: readonly Column[] = [
  { title: "Sent", shrinks: true },
  { title: "The gate" },
  { title: "Verdict" },
  { title: "What it means", shrinks: true },
];

export function gateReport(
  { subject, device, gate }: DemoReport,
  attempts: Attempts,
  { page, site }: Place,
  { palette, width }: Canvas,
): string[] {
  const rows = [
    ...seriesOf(attempts.sealed).map((attempt) => rowOf(attempt, palette)),
    ...attempts.forged.map((attempt) => rowOf(attempt, palette)),
    ...attempts.rewritten.map((attempt) => rowOf(attempt, palette)),
  ];
  const [titles = "", ...lines] = formatTable(columns, rows, width);
  const forgedAt = rows.length - attempts.forged.length - attempts.rewritten.length;
  const rewrittenAt = rows.length - attempts.rewritten.length;
  const { sent, arrived, asSealed, address } = gate;
  const whole =
    arrived === asSealed
      ? "byte for byte as sealed, and nothing else"
      : palette.bad(`${asSealed} of them as sealed`);
  return [
    `${subject}, sealed by ${device}.`,
    `Then everything below was sent, over DICOM, to a gate at ${address} that lets nothing unproven through.`,
    "",
    palette.strong(titles),
    ...lines.slice(0, forgedAt),
    "",
    ...lines.slice(forgedAt, rewrittenAt),
    "",
    ...lines.slice(rewrittenAt),
    "",
    `${counted(sent)} sent. The archive behind the gate received ${arrived}: ${whole}.`,
    "",
    `  Side by side   open ${visibleText(page)}`,
    `  What is held   npx scanseal quarantine list --home ${visibleText(site)}`,
    "  Your own       npm start",
  ];
}

/** The objects of the series that fared alike are one row. */
function seriesOf(sealed: readonly Attempt[]): NamedAttempt[] {
  const groups = new Map<string, Attempt[]>();
  for (const attempt of sealed) {
    const key = `${attempt.answer} ${attempt.decision.verdict}`;
    groups.set(key, [...(groups.get(key) ?? []), attempt]);
  }
  return [...groups.values()].map((group) => ({ ...group[0]!, what: `${counted(group.length)} as sealed` }));
}

function rowOf({ what, answer, decision }: NamedAttempt, palette: Palette): Cell[] {
  const gate: Cell =
    answer === "held"
      ? { text: "✗ held", paint: palette.bad }
      : { text: answer === "passed" ? "→ passed" : "= here already", paint: palette.good };
  return [what, gate, verdictCell(decision.verdict, palette), reasonText(decision)];
}

function counted(objects: number): string {
  return `${objects} ${objects === 1 ? "object" : "objects"}`;
}
