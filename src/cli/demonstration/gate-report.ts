/** What the gate decided, for a terminal. */
import type { Decision } from "../../zero-trust/policy/verdict.ts";
import type { Palette } from "../terminal/palette.ts";
import { type Cell, type Column, formatTable } from "../terminal/table.ts";
import { fitText } from "../terminal/text-width.ts";
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

/** Fits 80 columns with what is sent here; what a forgery means gets a line of its own. */
const columns: readonly Column[] = [
  { title: "Sent", shrinks: true },
  { title: "The gate" },
  { title: "Verdict" },
];

export function gateReport(
  { subject, device, gate }: DemoReport,
  { sealed, forged, rewritten }: Attempts,
  { page, site }: Place,
  canvas: Canvas,
): string[] {
  const { palette } = canvas;
  const { sent, arrived, asSealed, address } = gate;
  const whole =
    arrived === asSealed
      ? "byte for byte as sealed, nothing else."
      : palette.bad(`${asSealed} of them as sealed.`);
  return [
    `${subject}, sealed by ${device}.`,
    `A gate at ${address} lets nothing unproven through. Sent to it over DICOM:`,
    "",
    ...attemptLines([seriesOf(sealed), forged, rewritten], canvas),
    "",
    `${counted(sent)} sent. The archive received ${arrived}: ${whole}`,
    "",
    `  Side by side   open ${visibleText(page)}`,
    `  What is held   npx scanseal quarantine list --home ${visibleText(site)}`,
    "  Your own       npm start",
  ];
}

/** One table, so that its columns stand below each other; a blank line before each part. */
function attemptLines(parts: readonly (readonly NamedAttempt[])[], { palette, width }: Canvas): string[] {
  const rows = parts.flat().map((attempt) => rowOf(attempt, palette));
  const [titles = "", ...lines] = formatTable(columns, rows, width);
  const out = [palette.strong(titles)];
  for (const part of parts) {
    if (out.length > 1) out.push("");
    for (const { answer, decision } of part) {
      out.push(lines.shift() ?? "");
      if (answer === "held")
        out.push(fitText(`    ${reasonText(decision)}`, width ?? Number.POSITIVE_INFINITY));
    }
  }
  return out;
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
  return [what, gate, verdictCell(decision.verdict, palette)];
}

function counted(objects: number): string {
  return `${objects} ${objects === 1 ? "object" : "objects"}`;
}
