/** How a chain of custody is shown: the answers first, then the timeline. No patient data unless it is handed in. */
import { uidName } from "../dicom/dictionary/dictionary.ts";
import type { EventTime, History, HistoryEvent } from "../site/history/history.ts";
import type { Paint, Palette } from "./terminal/palette.ts";
import { visibleText } from "./terminal/visible-text.ts";
import { wrapText } from "./terminal/wrap-text.ts";
import { explanations, verdictCell } from "./verdict-report.ts";

export interface HistoryPage {
  readonly history: History;
  /** What was asked for: a path or a UID. */
  readonly asked: string;
  /** Which bytes were looked at, where that does not go without saying. */
  readonly looked: string | undefined;
  /** What the object says of patient and study, where somebody asked for it. */
  readonly identity: readonly (readonly [string, string])[];
}

/** Longer lines tire the eye; without a terminal, as in a file, the same. */
const widthMax = 100;
/** Narrower ones are wrapped by the terminal. */
const widthMin = 32;

type Fact = readonly [name: string, text: string, paint?: Paint];

/** @param columns of the terminal; undefined where there is none */
export function historyLines(page: HistoryPage, palette: Palette, columns: number | undefined): string[] {
  const { history, asked, looked, identity } = page;
  const width = Math.max(widthMin, Math.min(widthMax, columns ?? widthMax)) - 2;
  const facts = [...identity, ...objectFacts(history)];
  if (history.verdict === undefined && history.events.length === 0)
    return [visibleText(asked), "", ...badgeLines(history, looked, palette, width)];
  const label = Math.max(...[...facts, ...answerFacts(history, palette)].map(([name]) => name.length));
  return [
    visibleText(asked),
    "",
    ...badgeLines(history, looked, palette, width),
    "",
    ...factLines(answerFacts(history, palette), label, width),
    "",
    ...factLines(facts, label, width),
    ...contradictionLines(history.contradictions, palette, width),
    ...timelineLines(history.events, palette, width),
  ];
}

function badgeLines(
  { verdict, assurance, events }: History,
  looked: string | undefined,
  palette: Palette,
  width: number,
): string[] {
  const place = looked === undefined ? [] : wrapText(looked, width);
  if (verdict === undefined) {
    const told =
      events.length === 0
        ? "Nothing is known here about this object."
        : "The object itself was not looked at: this is what was kept about it.";
    return indented([...wrapText(told, width), ...place]);
  }
  const cell = verdictCell(verdict, palette);
  const badge = typeof cell === "string" ? cell : cell.paint(cell.text);
  const since = assurance === undefined ? "" : ` Unchanged ${assurances[assurance]}.`;
  return indented([badge, ...wrapText(explanations[verdict] + since, width), ...place]);
}

const assurances = {
  "in-device": "since capture",
  "beside-device": "since the sealer beside the device",
  "on-receipt": "since received",
} as const;

function answerFacts({ capturedBy, touchedSince, series, existsSince }: History, palette: Palette): Fact[] {
  const paint = (isGood: boolean): Paint => (isGood ? palette.good : palette.notice);
  const { at, time, text } = existsSince;
  const moment = at === undefined ? "" : `${dayText(at)} ${clockText(at)} (${time}), `;
  return [
    ["Captured by", capturedBy.text, paint(capturedBy.isProven)],
    ["Touched since", touchedSince.text, paint(touchedSince.isProven)],
    ["Series", series.text, series.state === "incomplete" ? palette.bad : paint(series.state === "complete")],
    ...missingFacts(series.missing, palette),
    ["Exists since", moment + text, paint(existsSince.isProven)],
  ];
}

/** UIDs that are shown; --json has them all. */
const missingMax = 8;

function missingFacts(missing: readonly string[], palette: Palette): Fact[] {
  const rest = missing.length - missingMax;
  const lines = [
    ...missing.slice(0, missingMax),
    ...(rest > 0 ? [`and ${rest} more: --json names them`] : []),
  ];
  return lines.map((line) => ["", line, palette.bad]);
}

function objectFacts({ object }: History): Fact[] {
  const { sopClassUid, sopInstanceUid, seriesInstanceUid, studyInstanceUid } = object;
  const facts: [string, string | undefined][] = [
    ["Kind", sopClassUid && (uidName(sopClassUid) ?? sopClassUid)],
    ["Instance", sopInstanceUid],
    ["Series UID", seriesInstanceUid],
    ["Study UID", studyInstanceUid],
  ];
  return facts.flatMap(([name, text]) => (text === undefined ? [] : [[name, text] as const]));
}

function factLines(facts: readonly Fact[], label: number, width: number): string[] {
  return facts.flatMap(([name, text, paint]) => {
    const shown = visibleText(text);
    // A UID is left whole, to be copied.
    const lines = shown.includes(" ") ? wrapText(shown, Math.max(16, width - label - 2)) : [shown];
    return indented(
      lines.map((line, i) => `${(i === 0 ? name : "").padEnd(label)}  ${paint?.(line) ?? line}`),
    );
  });
}

function contradictionLines(found: readonly string[], palette: Palette, width: number): string[] {
  if (found.length === 0) return [];
  const lines = found.flatMap((text) =>
    wrapText(visibleText(text), width - 2).map((line, i) => `${i === 0 ? "✗" : " "} ${line}`),
  );
  return ["", `  ${palette.strong("What cannot all be true")}`, ...indented(lines.map(palette.bad))];
}

/** "04:20:10Z" and two blanks. */
const clockColumns = 11;
/** Mark or line, and two blanks. */
const railColumns = 3;

function timelineLines(events: readonly HistoryEvent[], palette: Palette, width: number): string[] {
  if (events.length === 0) return [];
  const lines: string[] = [];
  let day: string | undefined;
  events.forEach((event, index) => {
    const today = event.at === undefined ? "at an unknown time" : dayText(event.at);
    if (today !== day) lines.push("", `  ${palette.strong(today)}`);
    day = today;
    lines.push(...eventLines(event, index === events.length - 1, palette, width));
  });
  return [...lines, "", ...legendLines(events, palette, width)];
}

function eventLines(event: HistoryEvent, isLast: boolean, palette: Palette, width: number): string[] {
  const { mark, paint } = markOf(event, palette);
  const room = Math.max(16, width - clockColumns - railColumns);
  const clock = event.at === undefined ? "" : clockText(event.at);
  const told = wrapText(visibleText(event.text), room);
  const fault =
    event.fault === undefined
      ? []
      : wrapText(`Not proven: ${visibleText(event.fault)}.`, room).map(palette.bad);
  const way = knownText(event);
  const known = way === "" ? [] : wrapText(way, room).map(palette.faint);
  return [...told, ...fault, ...known].map((line, i) => {
    const rail = i === 0 ? paint(mark) : isLast ? " " : palette.faint("│");
    return `  ${(i === 0 ? clock : "").padEnd(clockColumns)}${rail}  ${line}`.trimEnd();
  });
}

const marks = { proven: "●", journal: "○", claim: "?", fault: "✗" } as const;

function kindOf({ fault, known }: HistoryEvent): keyof typeof marks {
  if (fault !== undefined) return "fault";
  if (known.by === "claim") return "claim";
  return known.by === "journal" ? "journal" : "proven";
}

function markOf(event: HistoryEvent, palette: Palette): { readonly mark: string; readonly paint: Paint } {
  const kind = kindOf(event);
  const paint = { proven: palette.good, journal: palette.strong, claim: palette.notice, fault: palette.bad }[
    kind
  ];
  return { mark: marks[kind], paint };
}

/** Nothing where the mark says it all: most of what is told about a gate's work. */
function knownText({ known, time, fault, ofOtherBytes, what }: HistoryEvent): string {
  const clock = clocks[time];
  const other = ofOtherBytes && what !== "sealed" ? ["about other bytes under this UID"] : [];
  if (known.by === "journal" && time === "T2") return other.join("");
  const way = {
    statement: fault === undefined ? "signed, and the signer is trusted here" : "a signed statement",
    proof: fault === undefined ? "a proof that was checked" : "a proof",
    journal: "",
    claim: "the object says so; nobody signed for it",
  }[known.by];
  return [way, clock, ...other].filter((part) => part !== "").join("; ");
}

const clocks: Readonly<Record<EventTime, string>> = {
  T1: "time of a trusted third party (T1)",
  T2: "this site's clock (T2)",
  T3: "the signer's own clock (T3)",
  claimed: "",
};

const legend: readonly (readonly [keyof typeof marks, string])[] = [
  ["proven", "signed or proven"],
  ["journal", "in this site's journal, by its clock (T2)"],
  ["claim", "claimed"],
  ["fault", "not proven"],
];

function legendLines(events: readonly HistoryEvent[], palette: Palette, width: number): string[] {
  const used = new Set(events.map(kindOf));
  const text = legend
    .flatMap(([kind, words]) => (used.has(kind) ? [`${marks[kind]} ${words}`] : []))
    .join("   ");
  return indented(wrapText(text, width).map(palette.faint));
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`.trimEnd());
}

function dayText(at: string): string {
  return at.slice(0, 10);
}

function clockText(at: string): string {
  return `${at.slice(11, 19)}Z`;
}
