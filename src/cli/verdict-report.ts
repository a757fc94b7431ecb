/** How verdicts are shown: a table that a radiologist understands, JSON lines for scripts, one object's story. */
import { lookup } from "../dicom/dictionary/dictionary.ts";
import type { LogEvidence, RevocationEvidence, TimeEvidence } from "../zero-trust/evidence/evidence.ts";
import type { Decision, Finding, FindingLocation, Verdict } from "../zero-trust/policy/verdict.ts";
import { logJson } from "./log-facts.ts";
import { jsonLine } from "./terminal/json-line.ts";
import type { Palette } from "./terminal/palette.ts";
import { type Cell, type Column, formatTable } from "./terminal/table.ts";
import { visibleText } from "./terminal/visible-text.ts";

export interface Judged {
  readonly path: string;
  readonly decision: Decision;
  /** Since when the seal exists; undefined without one. */
  readonly time?: TimeEvidence | undefined;
  /** Whether the seal is in a log that is believed here; undefined without one. */
  readonly log?: LogEvidence | undefined;
  /** What its authority said of the sealing device; undefined where nothing of that is with the seal. */
  readonly revocation?: RevocationEvidence | undefined;
}

/** Verdicts that scripts may take for "as it should be": exit status 0. */
export function isProven(verdict: Verdict): boolean {
  return verdict === "verified" || verdict === "verified-with-changes" || verdict === "received";
}

const marks: Readonly<Record<Verdict, string>> = {
  verified: "✓",
  "verified-with-changes": "✓",
  received: "✓",
  altered: "✗",
  untrusted: "✗",
  malformed: "✗",
  unsealed: "–",
  superseded: "–",
  notice: "–",
};

const assurances = {
  "in-device": "since capture",
  "beside-device": "since the sealer beside the device",
  "on-receipt": "since received",
} as const;

export function verdictCell(verdict: Verdict, palette: Palette): Cell {
  const paint = isProven(verdict) ? palette.good : marks[verdict] === "✗" ? palette.bad : palette.notice;
  return { text: `${marks[verdict]} ${verdict}`, paint };
}

/** "(0010,0010)", "frames 1-3, 7" (from 1, as people count), "byte 512". */
function locationText({ tag, path, offset, frames }: FindingLocation): string {
  const parts: string[] = [];
  if (path !== undefined) parts.push(path);
  else if (tag !== undefined) parts.push(tag);
  if (frames !== undefined) parts.push(`${frames.length === 1 ? "frame" : "frames"} ${frameRanges(frames)}`);
  if (offset !== undefined) parts.push(`byte ${offset}`);
  return parts.join(", ");
}

/** The same with the dictionary's name of a tag: "Patient ID (0010,0020)". */
export function namedLocationText(location: FindingLocation): string {
  const hex = location.tag?.replace(/[(),]/g, "") ?? "";
  const name = /^[0-9A-F]{8}$/.test(hex) ? lookup(Number.parseInt(hex, 16))?.name : undefined;
  return name === undefined ? locationText(location) : `${name} ${locationText(location)}`;
}

const rangesMax = 8;

function frameRanges(frames: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const frame of frames) {
    const last = ranges.at(-1);
    if (last && frame === last[1] + 1) last[1] = frame;
    else ranges.push([frame, frame]);
  }
  const shown = ranges.slice(0, rangesMax).map(([a, b]) => (a === b ? `${a + 1}` : `${a + 1}-${b + 1}`));
  return shown.join(", ") + (ranges.length > rangesMax ? ", …" : "");
}

/** The finding that decides: the first of the gravest. */
function leading(findings: readonly Finding[]): Finding | undefined {
  return (
    findings.find((f) => f.severity === "error") ??
    findings.find((f) => f.severity === "warning") ??
    findings[0]
  );
}

/** The finding that decides, in plain words; of a clean object, since when it is unchanged. */
export function reasonText(decision: Decision): string {
  const first = leading(decision.findings);
  if (!first || (decision.verdict === "verified" && first.severity === "info")) {
    return decision.assurance ? `Unchanged ${assurances[decision.assurance]}.` : "";
  }
  const more = decision.findings.filter((f) => f.severity === first.severity).length - 1;
  const text = decision.verdict === "malformed" ? causeText(first) : first.message;
  return text + (more > 0 ? ` (and ${more} more)` : "");
}

/** Some forty causes have one sentence: the cause stands first, where a narrow terminal cuts. */
export function causeText({
  code,
  message,
  detail,
}: Pick<Finding, "message" | "detail"> & { readonly code: string }): string {
  return `${detail.slice(0, 1).toUpperCase()}${detail.slice(1)} (${code}). ${message}`;
}

/** Rectangles in a line, lines of an object, objects: a screenful at most. */
const regionsShown = 3;
const linesShown = 4;
const objectsShown = 10;

/** "frame 1: x 256-303, y 112-159; x 0-15, y 0-31, and 2 more": samples from 0, both ends changed. */
export function regionLines({ regions = [] }: FindingLocation): string[] {
  const byFrame = new Map<number, string[]>();
  for (const { frame, x0, y0, x1, y1 } of regions) {
    const places = byFrame.get(frame) ?? [];
    places.push(`x ${x0}-${x1 - 1}, y ${y0}-${y1 - 1}`);
    byFrame.set(frame, places);
  }
  const lines = [...byFrame].map(([frame, places]) => {
    const more = places.length > regionsShown ? `, and ${places.length - regionsShown} more` : "";
    return `frame ${frame + 1}: ${places.slice(0, regionsShown).join("; ")}${more}`;
  });
  const rest = lines.length - linesShown;
  return rest > 0 ? [...lines.slice(0, linesShown), `and ${rest} more frames`] : lines;
}

/** Where in their images objects were changed, below the table; nothing where that is not known of any. */
export function changedPlaces(judged: readonly Judged[]): string[] {
  const located = judged.flatMap(({ path, decision }) => {
    const finding = decision.findings.find(({ location }) => location.regions !== undefined);
    return finding ? [{ path, finding }] : [];
  });
  const lines = located.slice(0, objectsShown).flatMap(({ path, finding }) => {
    const places = regionLines(finding.location).map((line) => `  ${line}`);
    return [`${visibleText(path)} (${visibleText(finding.detail)})`, ...places];
  });
  const rest = located.length - objectsShown;
  if (rest > 0) lines.push(`and ${rest} more objects: --json names all places`);
  return lines.length === 0 ? [] : ["Where pixels changed:", ...lines];
}

const columns: readonly Column[] = [
  { title: "File", shrinks: true, keeps: "end" },
  { title: "Verdict" },
  { title: "Where", shrinks: true },
  { title: "What it means", shrinks: true },
];

/** One row an object; `width` is the terminal's, undefined where there is none. */
export function verdictTable(
  judged: readonly Judged[],
  palette: Palette,
  width: number | undefined,
): string[] {
  const rows = judged.map(({ path, decision }): Cell[] => {
    const first = leading(decision.findings);
    const where = first && first.severity !== "info" ? locationText(first.location) : "";
    return [path, verdictCell(decision.verdict, palette), where, reasonText(decision)];
  });
  return formatTable(columns, rows, width);
}

/** "28 objects: 26 verified, 2 altered" */
export function summaryLine(judged: readonly Judged[]): string {
  const counts = new Map<Verdict, number>();
  for (const { decision } of judged) counts.set(decision.verdict, (counts.get(decision.verdict) ?? 0) + 1);
  const parts = [...counts].map(([verdict, n]) => `${n} ${verdict}`);
  return `${judged.length} ${judged.length === 1 ? "object" : "objects"}: ${parts.join(", ")}`;
}

/** The contract of `verify --json`: one line an object. */
export function verdictJson({ path, decision, time, log, revocation }: Judged): string {
  return jsonLine({
    path,
    verdict: decision.verdict,
    assurance: decision.assurance ?? null,
    ...(time ? { time: timeJson(time) } : {}),
    ...(log ? { log: logJson(log) } : {}),
    ...(revocation?.told ? { revocation: revocation.told } : {}),
    findings: decision.findings,
  });
}

function timeJson({ timeClass, at, basis, authority }: TimeEvidence): Record<string, unknown> {
  return { class: timeClass, at, basis, ...(authority === undefined ? {} : { authority }) };
}

const timeBases = {
  "time-stamp": "time stamp",
  log: "witnessed in the transparency log",
  "first-seen": "first seen by this site",
  claim: "the device says so",
} as const;

/** "2026-01-31T10:00:05.000Z (T1: time stamp by ...)" */
export function timeText({ timeClass, at, basis, authority }: TimeEvidence): string {
  const who = authority === undefined ? "" : ` by ${authority}`;
  return `${at} (${timeClass}: ${timeBases[basis]}${who})`;
}

/** "good, 2026-01-31T10:00:05.000Z (OCSP: by ...)" */
export function revocationText({
  status,
  at,
  responder,
  revokedAt,
  reason,
}: NonNullable<RevocationEvidence["told"]>): string {
  const since = revokedAt === undefined ? "" : ` since ${revokedAt} (${reason})`;
  return `${status}${since}, ${at} (OCSP: by ${responder})`;
}

/** What a verdict means, in one or two sentences. */
export const explanations: Readonly<Record<Verdict, string>> = {
  verified: "This object is exactly what was sealed.",
  "verified-with-changes":
    "The image is as sealed. Entries changed that may change: administrative ones, or as an authorised record says.",
  received: "This object is as it was received here. No seal says how it was before.",
  altered:
    "This object is not what was sealed or received. Do not rely on it. This accuses nobody: the change may be a mistake.",
  untrusted: "There is a seal, but not one this site can rely on.",
  unsealed: "There is no seal. That does not make it fake: nothing can be proven about it, either way.",
  superseded: "This object was corrected or replaced since: it is an older version.",
  malformed: "This is not a well-formed DICOM object. It was not opened.",
  notice:
    "This is not an image of a patient. A gate made it, to say which images it withheld from a reader; it is as the gate made it.",
};

/** One object's story in plain words. */
export function storyLines(
  judged: Judged,
  facts: readonly (readonly [string, string])[],
  palette: Palette,
): string[] {
  const { decision } = judged;
  const cell = verdictCell(decision.verdict, palette);
  const badge = typeof cell === "string" ? cell : cell.paint(cell.text);
  const since = decision.assurance ? ` Unchanged ${assurances[decision.assurance]}.` : "";
  const lines = [
    visibleText(judged.path),
    "",
    `  ${badge}`,
    `  ${explanations[decision.verdict]}${since}`,
    "",
  ];
  const width = Math.max(0, ...facts.map(([name]) => name.length));
  for (const [name, value] of facts) lines.push(`  ${name.padEnd(width)}  ${visibleText(value)}`);
  if (facts.length > 0 && decision.findings.length > 0) lines.push("");
  for (const { severity, code, location, message, detail } of decision.findings) {
    const where = namedLocationText(location);
    const paint =
      severity === "error" ? palette.bad : severity === "warning" ? palette.notice : palette.faint;
    lines.push(`  ${paint(severity.padEnd(7))}  ${where === "" ? "" : `${where}: `}${visibleText(message)}`);
    lines.push(`           ${palette.faint(`${code}: ${visibleText(detail)}`)}`);
    for (const line of regionLines(location)) lines.push(`           ${line}`);
  }
  return lines;
}
