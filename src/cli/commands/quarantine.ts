/** `scanseal quarantine list` and `show`: what is held, and why. */
import { uidForm } from "../../dicom/uid.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import { openHome } from "../../site/home.ts";
import { type Fact, sealFactsOf } from "../../site/seal-facts.ts";
import type { HeldStudy, JudgedObject } from "../../store/journal/journal.ts";
import type { QuarantineRequest } from "../../store/journal/requests.ts";
import { openHeld } from "../../zero-trust/quarantine/export.ts";
import {
  findObjects,
  heldAmong,
  heldObjects,
  type Selector,
  seriesOf,
} from "../../zero-trust/quarantine/held-objects.ts";
import { storyOf } from "../../zero-trust/quarantine/object-story.ts";
import type { QuarantinePorts } from "../../zero-trust/quarantine/ports.ts";
import { expiresAt, isExpired } from "../../zero-trust/quarantine/two-people.ts";
import { identityOf } from "../identity.ts";
import {
  type Canvas,
  type Identities,
  instanceTable,
  objectStoryLines,
  openTable,
  readableUntil,
  requestLines,
  requestTable,
  seriesTable,
  studyTable,
} from "../quarantine-report.ts";
import { jsonLine } from "../terminal/json-line.ts";
import { paletteFor } from "../terminal/palette.ts";
import { type Desk, type DeskOptions, withDesk } from "./gateway-desk.ts";

export interface SelectorOptions {
  readonly study?: string;
  readonly series?: string;
  readonly all: boolean;
}

export function canvas(): Canvas {
  const palette = paletteFor(process.stdout, process.env);
  return { palette, width: process.stdout.columns, now: systemClock.now() };
}

export function say(...lines: readonly string[]): void {
  if (lines.length > 0) process.stdout.write(`${lines.join("\n")}\n`);
}

/** What the journal's ids look like: UUIDs. */
const idPattern = /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;
/** The end of one, as `start` shows it. No UID: those have dots. */
const endingPattern = /^[0-9a-fA-F]{8,12}$/;
/** For objects whose study or series could not be read. */
const noUid = "none";

/** @throws ScansealError `usage` unless exactly one thing is named */
export function selectorOf(name: string | undefined, { study, series }: SelectorOptions): Selector {
  if ([name, study, series].filter((given) => given !== undefined).length !== 1)
    throw new ScansealError(
      "usage",
      "name one of: an object's id, a SOP Instance UID, --study UID, --series UID",
    );
  if (study === noUid) return { by: "study", studyInstanceUid: undefined };
  if (study !== undefined) return { by: "study", studyInstanceUid: requireUid(study) };
  if (series !== undefined) return { by: "series", seriesInstanceUid: requireUid(series) };
  if (idPattern.test(name!)) return { by: "object", id: name!.toLowerCase() };
  if (endingPattern.test(name!)) return { by: "ending", idEnding: name!.toLowerCase() };
  return { by: "instance", sopInstanceUid: requireUid(name!) };
}

function requireUid(text: string): string {
  if (uidForm.test(text)) return text;
  throw new ScansealError(
    "usage",
    "that is neither an object's id nor a UID: scanseal quarantine list shows both",
  );
}

export interface ListOptions extends DeskOptions {
  readonly study?: string;
  readonly series?: string;
  readonly identify: boolean;
  readonly json: boolean;
}

/** As many as the journal gives at once. */
const studiesMax = 1_000;
const requestsMax = 1_000;

/** @returns 0 when nothing is held, else 1 */
export async function list(options: ListOptions): Promise<number> {
  return withDesk(options, async ({ ports }) => {
    if (options.series !== undefined || options.study !== undefined) return listBelow(ports, options);
    const studies = await ports.journal.heldStudies(studiesMax);
    const requests = await ports.journal.requests("pending", requestsMax);
    const open = (await ports.journal.requests("approved", requestsMax)).filter(
      (request) => (readableUntil(request) ?? 0) > ports.clock.now(),
    );
    const firsts = options.identify ? await firstOfEach(ports, studies) : [];
    const says = await identities(ports, options, firsts, ({ studyInstanceUid }) => studyInstanceUid);
    if (options.json) {
      sayJson("study", studies, says, ({ studyInstanceUid }) => studyInstanceUid);
      for (const request of [...requests, ...open]) say(requestJson(request));
    } else {
      sayStudies(studies, requests, says);
      if (open.length > 0) say("", "Readers may have, for now:", ...openTable(open, canvas()));
      if (await hasConflict(ports, studies)) say(...conflictHint);
    }
    return studies.length === 0 ? 0 : 1;
  });
}

const conflictHint = [
  "",
  "Verified, and still held: another object was admitted under the same SOP Instance UID first, often the same scan before it was",
  "sealed. What was admitted is never overwritten. scanseal quarantine show OBJECT names it; docs/quarantine.md says what to do.",
];

/** One of each verdict of each study is looked at. */
async function hasConflict({ journal }: QuarantinePorts, studies: readonly HeldStudy[]): Promise<boolean> {
  for (const { samples } of studies)
    for (const verdict of ["verified", "verified-with-changes"]) {
      const id = samples[verdict];
      const object = id === undefined ? undefined : await journal.object(id);
      if (object?.findings.some(({ code }) => code === "instance-conflict")) return true;
    }
  return false;
}

function requestJson(request: QuarantineRequest): string {
  const until = readableUntil(request);
  const expires = { expiresAt: expiresAt(request), expired: isExpired(request, systemClock.now()) };
  const ends = until === undefined ? expires : { readableUntil: until };
  return jsonLine({ kind: "request", ...request, ...ends });
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

function sayStudies(
  studies: readonly HeldStudy[],
  requests: readonly QuarantineRequest[],
  says: Identities | undefined,
): void {
  if (studies.length === 0) say("Nothing is held.");
  else {
    const objects = studies.reduce((sum, study) => sum + study.objects, 0);
    say(...studyTable(studies, says, canvas()), "");
    const more = studies.length === studiesMax ? " (the latest; there may be more)" : "";
    const held = `${counted(objects, "object")} of ${counted(studies.length, "study", "studies")}`;
    say(`${held} held${more}. Look closer: --study UID, --series UID.`);
    if (studies.some(({ studyInstanceUid }) => studyInstanceUid === undefined))
      say(`Objects whose study cannot be read: --study ${noUid}.`);
  }
  if (requests.length === 0) return;
  say("", "Waiting for a second person:", ...requestTable(requests, canvas()));
  say("scanseal quarantine show REQUEST tells more; approve or withdraw decides.");
}

/** A study by series, a series by instance. */
async function listBelow(ports: QuarantinePorts, options: ListOptions): Promise<number> {
  const selector = selectorOf(undefined, { ...options, all: true });
  const objects = await heldObjects(ports.journal, selector);
  if (objects.length === 0) {
    if (!options.json) say(`Nothing is held of this ${selector.by}.`);
    return 0;
  }
  if (selector.by === "study" && selector.studyInstanceUid !== undefined) {
    const series = seriesOf(objects);
    const firsts = series.map(
      ({ seriesInstanceUid }) => objects.find((object) => object.seriesInstanceUid === seriesInstanceUid)!,
    );
    const says = await identities(ports, options, firsts, (object) => object.seriesInstanceUid);
    if (options.json) sayJson("series", series, says, (one) => one.seriesInstanceUid);
    else say(...seriesTable(series, says, canvas()));
    return 1;
  }
  const says = await identities(ports, options, objects, ({ id }) => id);
  if (options.json) sayJson("instance", objects, says, ({ id }) => id);
  else say(...instanceTable(objects, says, canvas()));
  return 1;
}

function sayJson<T extends object>(
  kind: string,
  rows: readonly T[],
  says: Identities | undefined,
  keyOf: (row: T) => string | undefined,
): void {
  for (const row of rows) {
    const text = says?.get(keyOf(row));
    say(jsonLine({ kind, ...row, ...(text === undefined ? {} : { says: text }) }));
  }
}

/** Undefined unless asked for: whatever an object says of its patient is unproven. */
async function identities(
  ports: QuarantinePorts,
  { identify }: ListOptions,
  objects: readonly JudgedObject[],
  keyOf: (object: JudgedObject) => string | undefined,
): Promise<Identities | undefined> {
  if (!identify) return undefined;
  const out = new Map<string | undefined, string>();
  for (const object of objects) out.set(keyOf(object), await identityText(ports, object));
  return out;
}

/** One object of each study. */
async function firstOfEach(
  { journal }: QuarantinePorts,
  studies: readonly HeldStudy[],
): Promise<readonly JudgedObject[]> {
  const out: JudgedObject[] = [];
  for (const { studyInstanceUid } of studies) {
    if (studyInstanceUid === undefined) continue;
    out.push(...(await journal.objects({ state: "held", studyInstanceUid, limit: 1 })));
  }
  return out;
}

async function identityText(ports: QuarantinePorts, object: JudgedObject): Promise<string> {
  const facts = await identity(ports, object);
  return facts.map(([, text]) => text).join(" / ");
}

/** An object that cannot be read says nothing; that is no error here. */
async function identity(
  ports: QuarantinePorts,
  object: JudgedObject,
): Promise<(readonly [string, string])[]> {
  try {
    const source = await openHeld(ports, object);
    try {
      return await identityOf(source);
    } finally {
      await source.close();
    }
  } catch (error) {
    if (error instanceof ScansealError) return [["Patient", "cannot be read"]];
    throw error;
  }
}

/** One object is meant. */
function isOne({ by }: Selector): boolean {
  return by === "instance" || by === "ending";
}

export interface ShowOptions extends DeskOptions, SelectorOptions {
  readonly identify: boolean;
  readonly json: boolean;
}

/** More than a person reads at once. */
const shownMax = 20;

/** An object's story, or a request's. @returns 0 when everything shown is proven and not held, else 1; 0 for a request */
export async function show(name: string | undefined, options: ShowOptions): Promise<number> {
  return withDesk(options, async (desk) => {
    const selector = selectorOf(name, options);
    const objects = await findObjects(desk.ports.journal, selector);
    if (objects.length === 0) {
      const request = selector.by === "object" && (await desk.ports.journal.request(selector.id));
      if (!request) throw new ScansealError("usage", "the gateway has no such object or request");
      return showRequest(desk, request, options.json);
    }
    if (!options.all && objects.length > (isOne(selector) ? 1 : shownMax)) {
      const states = objects.slice(0, 5).map(({ id, state }) => `${id} (${state})`);
      const more = objects.length > states.length ? ", ..." : "";
      throw new ScansealError(
        "usage",
        `these are ${objects.length} objects: ${states.join(", ")}${more}: name one by its id, or all with --all`,
      );
    }
    for (const [i, object] of objects.entries()) {
      const story = await storyOf(desk.ports.journal, object);
      if (options.json) say(jsonLine(story));
      else {
        const says = [
          ...(options.identify ? await identity(desk.ports, object) : []),
          ...(await sealOf(desk, object)),
        ];
        say(...(i > 0 ? [""] : []), ...objectStoryLines(story, says, canvas()));
      }
    }
    return objects.every(
      ({ basis, state }) => state !== "held" && basis !== undefined && basis !== "observed",
    )
      ? 0
      : 1;
  });
}

/** What cannot be read, or is not kept any more, says nothing. */
async function sealOf({ ports, config }: Desk, object: JudgedObject): Promise<Fact[]> {
  try {
    const source = await openHeld(ports, object);
    try {
      return await sealFactsOf(source, openHome(config.home).trust());
    } finally {
      await source.close();
    }
  } catch (error) {
    if (error instanceof ScansealError) return [];
    throw error;
  }
}

async function showRequest({ ports }: Desk, request: QuarantineRequest, isJson: boolean): Promise<number> {
  if (isJson) {
    say(requestJson(request));
    return 0;
  }
  const held = await heldAmong(ports.journal, request.objectIds);
  say(...requestLines(request, held, canvas()));
  if (held.length > 0) say("", ...instanceTable(held.slice(0, shownMax), undefined, canvas()));
  if (held.length > shownMax) say(`... and ${held.length - shownMax} more`);
  return 0;
}
