/** How quarantine is shown: tables from the study down to the instance, and one object's story. No patient data unless it is handed in. */
import { uidName } from "../dicom/dictionary/dictionary.ts";
import type { ActRecord, Delivery, HeldStudy, JudgedObject } from "../store/journal/journal.ts";
import type { QuarantineRequest } from "../store/journal/requests.ts";
import type { FindingLocation, FrameRegion, Verdict } from "../zero-trust/policy/verdict.ts";
import type { HeldSeries } from "../zero-trust/quarantine/held-objects.ts";
import type { ObjectStory } from "../zero-trust/quarantine/object-story.ts";
import { expiresAt, isExpired } from "../zero-trust/quarantine/two-people.ts";
import type { Palette } from "./terminal/palette.ts";
import { type Cell, type Column, formatTable } from "./terminal/table.ts";
import { visibleText } from "./terminal/visible-text.ts";
import { causeText, explanations, namedLocationText, regionLines, verdictCell } from "./verdict-report.ts";

export interface Canvas {
  readonly palette: Palette;
  /** Columns of the terminal; undefined where there is none. */
  readonly width: number | undefined;
  readonly now: number;
}

/** "2026-11-22 03:12:45Z" */
export function timeText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace("T", " ")}Z`;
}

function countsText(verdicts: Readonly<Record<string, number>>): string {
  return Object.entries(verdicts)
    .sort(([, a], [, b]) => b - a)
    .map(([verdict, count]) => `${count} ${verdict}`)
    .join(", ");
}

const unreadable = "(unreadable)";

/** What the objects of a row say of patient and study: unproven, and only where somebody asked for it. */
export type Identities = ReadonlyMap<string | undefined, string>;

function saying(
  columns: readonly Column[],
  rows: readonly { readonly key: string | undefined; readonly cells: readonly Cell[] }[],
  identities: Identities | undefined,
  width: number | undefined,
): string[] {
  if (!identities)
    return formatTable(
      columns,
      rows.map(({ cells }) => cells),
      width,
    );
  return formatTable(
    [...columns, { title: "SAYS IT IS OF", shrinks: true }],
    rows.map(({ key, cells }) => [...cells, identities.get(key) ?? ""]),
    width,
  );
}

const studyColumns: readonly Column[] = [
  { title: "STUDY", shrinks: true, keeps: "end" },
  { title: "OBJECTS", align: "right" },
  { title: "SERIES", align: "right" },
  { title: "VERDICTS", shrinks: true },
  { title: "SOURCES", shrinks: true },
  { title: "LAST RECEIVED" },
];

export function studyTable(
  studies: readonly HeldStudy[],
  identities: Identities | undefined,
  { width }: Canvas,
): string[] {
  const rows = studies.map((study) => {
    const { studyInstanceUid: key, objects, series, verdicts, sources, lastAt } = study;
    const counts = [String(objects), String(series), countsText(verdicts)];
    return { key, cells: [key ?? unreadable, ...counts, sources.join(", "), timeText(lastAt)] };
  });
  return saying(studyColumns, rows, identities, width);
}

const seriesColumns: readonly Column[] = [
  { title: "SERIES", shrinks: true, keeps: "end" },
  { title: "MODALITY" },
  { title: "OBJECTS", align: "right" },
  { title: "VERDICTS", shrinks: true },
  { title: "SOURCES", shrinks: true },
  { title: "LAST RECEIVED" },
];

export function seriesTable(
  series: readonly HeldSeries[],
  identities: Identities | undefined,
  { width }: Canvas,
): string[] {
  const rows = series.map((one) => {
    const { seriesInstanceUid: key, modality = "", objects, verdicts, sources, lastAt } = one;
    const counts = [modality, String(objects), countsText(verdicts)];
    return { key, cells: [key ?? unreadable, ...counts, sources.join(", "), timeText(lastAt)] };
  });
  return saying(seriesColumns, rows, identities, width);
}

const instanceColumns: readonly Column[] = [
  { title: "OBJECT" },
  { title: "VERDICT" },
  { title: "SOP INSTANCE UID", shrinks: true, keeps: "end" },
  { title: "WHY", shrinks: true },
  { title: "RECEIVED" },
];

export function instanceTable(
  objects: readonly JudgedObject[],
  identities: Identities | undefined,
  { palette, width }: Canvas,
): string[] {
  const rows = objects.map((object) => {
    const { id: key, sopInstanceUid, receivedAt } = object;
    const verdict = cellOf(object, palette);
    return { key, cells: [key, verdict, sopInstanceUid, leadingMessage(object), timeText(receivedAt)] };
  });
  return saying(instanceColumns, rows, identities, width);
}

function isVerdict(verdict: string | undefined): verdict is Verdict {
  return verdict !== undefined && Object.hasOwn(explanations, verdict);
}

function cellOf({ verdict, state }: JudgedObject, palette: Palette): Cell {
  if (isVerdict(verdict)) return verdictCell(verdict, palette);
  return { text: state === "received" ? "? not judged yet" : "? unchecked", paint: palette.notice };
}

function leadingMessage({ findings, verdict }: JudgedObject): string {
  const errors = findings.filter(({ severity }) => severity === "error");
  const [first] = errors.length > 0 ? errors : findings;
  if (!first) return "";
  const where = placeText(first.location);
  const text = verdict === "malformed" ? causeText(first) : first.message;
  return (
    (where === "" ? text : `${where}: ${text}`) +
    (errors.length > 1 ? ` (and ${errors.length - 1} more)` : "")
  );
}

const requestColumns: readonly Column[] = [
  { title: "REQUEST" },
  { title: "TO" },
  { title: "OBJECTS", align: "right" },
  { title: "ASKED BY" },
  { title: "REASON", shrinks: true },
  { title: "EXPIRES" },
];

/** What waits for a second person. */
export function requestTable(requests: readonly QuarantineRequest[], { width, now }: Canvas): string[] {
  const rows = requests.map((request): Cell[] => [
    request.id,
    whatText(request),
    String(request.objectIds.length),
    request.requestedBy,
    request.reason,
    isExpired(request, now) ? "expired" : timeText(expiresAt(request)),
  ]);
  return formatTable(requestColumns, rows, width);
}

/** Undefined where no readers were ever given it. */
export function readableUntil({ forReaders, approvedAt }: QuarantineRequest): number | undefined {
  return forReaders && approvedAt !== undefined ? approvedAt + forReaders.ms : undefined;
}

const openColumns: readonly Column[] = [
  { title: "REQUEST" },
  { title: "READERS", shrinks: true },
  { title: "OBJECTS", align: "right" },
  { title: "RELEASED BY" },
  { title: "REASON", shrinks: true },
  { title: "UNTIL" },
];

/** What readers may have at the moment. */
export function openTable(requests: readonly QuarantineRequest[], { width }: Canvas): string[] {
  const rows = requests.map((request): Cell[] => [
    request.id,
    request.forReaders?.names.join(", ") ?? "",
    String(request.objectIds.length),
    `${request.requestedBy}, ${request.approvedBy ?? ""}`,
    request.reason,
    timeText(readableUntil(request) ?? 0),
  ]);
  return formatTable(openColumns, rows, width);
}

function whatText({ act, destination, forReaders }: QuarantineRequest): string {
  if (act === "purge") return "purge (delete the bytes)";
  if (!forReaders) return `release to ${destination ?? "nowhere"}`;
  return `release to ${forReaders.names.join(", ")} for ${durationText(forReaders.ms)}`;
}

/** "90 min", "24 h" */
export function durationText(ms: number): string {
  return ms % 3_600_000 === 0 ? `${ms / 3_600_000} h` : `${Math.round(ms / 60_000)} min`;
}

/** What somebody is about to decide. @param held those of its objects that still are */
export function requestLines(
  request: QuarantineRequest,
  held: readonly JudgedObject[],
  { palette, now }: Canvas,
): string[] {
  const verdicts: Record<string, number> = {};
  for (const { verdict = "unchecked" } of held) verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
  const state =
    request.state === "pending" && isExpired(request, now) ? "expired, nobody can approve it" : request.state;
  const facts: (readonly [string, string])[] = [
    ["Request", request.id],
    ["To", whatText(request)],
    ["State", state],
    ["Asked by", `${request.requestedBy}, ${timeText(request.requestedAt)}`],
    ["Reason", request.reason],
    [
      "Objects",
      `${request.objectIds.length}; still held: ${held.length}${held.length > 0 ? ` (${countsText(verdicts)})` : ""}`,
    ],
  ];
  if (request.approvedBy !== undefined)
    facts.push(["Approved by", `${request.approvedBy}, ${timeText(request.approvedAt ?? 0)}`]);
  const until = readableUntil(request);
  if (until !== undefined) facts.push(["Readable until", timeText(until)]);
  if (request.state === "pending") facts.push(["Until", timeText(expiresAt(request))]);
  return [palette.strong(`Request for ${request.act}`), "", ...factLines(facts)];
}

function factLines(facts: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(0, ...facts.map(([name]) => name.length));
  return facts.map(([name, value]) => `  ${name.padEnd(width)}  ${visibleText(value)}`);
}

const meaningless =
  "The check could not be completed: nothing is known about this object yet. Recheck it; if that fails again, see the gateway's log.";

/** @param identity what the object says of patient and study, where somebody asked for it */
export function objectStoryLines(
  story: ObjectStory,
  identity: readonly (readonly [string, string])[],
  canvas: Canvas,
): string[] {
  const { object } = story;
  const { palette } = canvas;
  const cell = cellOf(object, palette);
  const badge = typeof cell === "string" ? cell : cell.paint(cell.text);
  const meaning = isVerdict(object.verdict) ? explanations[object.verdict] : meaningless;
  return [
    `Object ${object.id}`,
    "",
    `  ${badge}, ${object.state}`,
    `  ${object.state === "received" ? "It waits to be judged." : meaning}`,
    "",
    ...factLines([...identity, ...factsOf(object)]),
    ...findingLines(object, palette),
    ...conflictLines(story.conflictsWith),
    ...requestSection(story.requests, canvas),
    ...deliverySection(story.deliveries, canvas),
    ...historySection(story.history, palette),
  ];
}

function factsOf(object: JudgedObject): (readonly [string, string])[] {
  const kept = object.stored ? "object store" : object.location ? "the gateway's spool" : "nowhere any more";
  return [
    ["SOP Instance UID", object.sopInstanceUid],
    ["Series", object.seriesInstanceUid ?? unreadable],
    ["Study", object.studyInstanceUid ?? unreadable],
    ["Kind", uidName(object.sopClassUid) ?? object.sopClassUid],
    ["Encoding", uidName(object.transferSyntaxUid) ?? object.transferSyntaxUid],
    ["Source", `${object.source} (AE title ${object.peerTitle}, from ${object.peerAddress})`],
    ["Received", timeText(object.receivedAt)],
    ...(object.judgedAt === undefined ? [] : [["Judged", timeText(object.judgedAt)] as const]),
    ...(object.mode === undefined ? [] : [["Mode", object.mode] as const]),
    ["Bytes", `${object.bytes}, SHA-256 ${object.digest}`],
    ["Kept in", kept],
    ...(object.relatedId === undefined ? [] : [["See", object.relatedId] as const]),
  ];
}

function findingLines({ findings }: JudgedObject, palette: Palette): string[] {
  if (findings.length === 0) return [];
  const lines = [""];
  for (const { severity, code, location, message, detail } of findings) {
    const where = placeText(location);
    const paint =
      severity === "error" ? palette.bad : severity === "warning" ? palette.notice : palette.faint;
    lines.push(`  ${paint(severity.padEnd(7))}  ${where === "" ? "" : `${where}: `}${visibleText(message)}`);
    lines.push(`           ${palette.faint(`${code}: ${visibleText(detail)}`)}`);
    for (const line of regionLines({ regions: regionsIn(location) })) lines.push(`           ${line}`);
  }
  return lines;
}

function conflictLines(first: JudgedObject | undefined): string[] {
  if (!first) return [];
  const verdict = first.verdict ?? "unchecked";
  const basis = first.basis === undefined ? "" : `, admitted as ${first.basis}`;
  return [
    "",
    ...factLines([
      ["Conflicts with", first.id],
      ["", `received ${timeText(first.receivedAt)} from ${first.source}; ${verdict}${basis}`],
      ["", `scanseal quarantine show ${first.id}`],
    ]),
  ];
}

/** The journal keeps a location as JSON: what is not as the policy made it is not shown. */
function placeText({ tag, path, offset, frames }: Readonly<Record<string, unknown>>): string {
  const location: FindingLocation = {
    ...(typeof tag === "string" ? { tag } : {}),
    ...(typeof path === "string" ? { path } : {}),
    ...(typeof offset === "number" ? { offset } : {}),
    ...(Array.isArray(frames) ? { frames: frames.filter((frame) => typeof frame === "number") } : {}),
  };
  return visibleText(namedLocationText(location));
}

function regionsIn({ regions }: Readonly<Record<string, unknown>>): FrameRegion[] {
  const isRegion = (one: unknown): one is FrameRegion =>
    typeof one === "object" &&
    one !== null &&
    ["frame", "x0", "y0", "x1", "y1"].every(
      (key) => typeof (one as Record<string, unknown>)[key] === "number",
    );
  return Array.isArray(regions) ? regions.filter(isRegion) : [];
}

function section(title: string, lines: readonly string[], palette: Palette): string[] {
  return lines.length === 0 ? [] : ["", `  ${palette.strong(title)}`, ...lines.map((line) => `  ${line}`)];
}

function requestSection(requests: readonly QuarantineRequest[], canvas: Canvas): string[] {
  const pending = requests.filter(({ state }) => state === "pending");
  if (pending.length === 0) return [];
  return section("Waiting for a second person", requestTable(pending, canvas), canvas.palette);
}

const deliveryColumns: readonly Column[] = [
  { title: "TO" },
  { title: "STATE" },
  { title: "ATTEMPTS", align: "right" },
  { title: "LAST ERROR", shrinks: true },
];

function deliverySection(deliveries: readonly Delivery[], { palette, width }: Canvas): string[] {
  if (deliveries.length === 0) return [];
  const rows = deliveries.map(
    ({ destination, released, state, attempts, lastError, deliveredAt }): Cell[] => [
      released ? `${destination} (released)` : destination,
      deliveredAt === undefined ? state : `${state} ${timeText(deliveredAt)}`,
      String(attempts),
      lastError ?? "",
    ],
  );
  return section("Deliveries", formatTable(deliveryColumns, rows, width), palette);
}

function historySection(history: readonly ActRecord[], palette: Palette): string[] {
  const lines = history.map(({ at, actor, act, detail }) => {
    const told = Object.entries(detail).map(([name, value]) =>
      name === "until" && typeof value === "number" ? `until: ${timeText(value)}` : `${name}: ${value}`,
    );
    return `${timeText(at)}  ${visibleText([actor, act, told.join("; ")].filter((part) => part !== "").join("  "))}`;
  });
  return section("History", lines, palette);
}
