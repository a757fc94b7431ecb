/**
 * Looks every few minutes at what is new in an archive, by whatever path it came, and verifies it once: for archives whose readers cannot be
 * routed through the gate. Whoever reads before it looked reads unverified.
 */
import { createHash } from "node:crypto";
import type { JsonDataSet } from "../../dicom/json/json-model.ts";
import { tags } from "../../dicom/tags.ts";
import { isWellFormedUid } from "../../dicom/uid.ts";
import type { Query, QueryKey } from "../../dicom-network/query/query.ts";
import type { Clock } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { EventSink } from "../../operations/event.ts";
import type { SearchableArchive } from "../gateway/read-archive.ts";
import type { SentinelMemory } from "./sentinel-memory.ts";
import type { StudyCheck, StudyOutcome } from "./study-check.ts";

export interface SentinelParts {
  readonly archive: Pick<SearchableArchive, "name" | "find" | "list">;
  /** Tells its findings by itself. */
  readonly check: Pick<StudyCheck, "check">;
  readonly memory: SentinelMemory;
  /** Studies of which the gate admitted something since. */
  readonly admittedSince: (at: number) => Promise<readonly string[]>;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly windowMs: number;
  readonly isStopped: () => boolean;
}

const dayMs = 86_400_000;
/** Ten times what the largest hospitals make in a window. */
const studiesMax = 50_000;
/** Of the gate's own admissions, beside what the archive lists. */
const openMax = 1_000;
/** A study that looks the same is listed again after so long: one instance may have taken another one's place. */
const relistMs: number = 6 * 60 * 60_000;
/** Admissions that were judged before their neighbours were committed. */
const overlapMs: number = 10 * 60_000;

/** What a person goes by: where it changes in the archive, every object of the study is looked at again. */
const [studyDate, studyTime, accessionNumber, numberOfInstances] = [
  0x00080020, 0x00080030, 0x00080050, 0x00201208,
] as const;
const told = [tags.patientId, tags.patientName, accessionNumber, studyDate, studyTime];

interface Sighted {
  readonly attributes: string;
  readonly instances: number | undefined;
}

/** @param since of the round before; undefined: the whole window. Times are milliseconds since 1970. @throws ScansealError of the archive's list, `io` */
export async function sentinelRound(parts: SentinelParts, since: number | undefined): Promise<void> {
  const { memory, clock, windowMs, isStopped } = parts;
  const now = clock.now();
  const { sighted, isWhole } = await sightings(parts, now);
  // Before anything is seen again.
  await lookForLost(parts, sighted, { from: since ?? now - windowMs, to: now });
  const mine = await parts.admittedSince((since ?? now - windowMs) - overlapMs);
  const studies = new Set([...sighted.keys(), ...mine, ...memory.openStudies(openMax)]);
  for (const study of studies) {
    if (isStopped()) return;
    await look(parts, study, sighted.get(study));
  }
  memory.drop(now - windowMs - 7 * dayMs);
  if (!isWhole)
    throw new ScansealError("peer-protocol", "the archive lists more new studies than are looked at");
}

async function look(
  { archive, check, memory, clock, events }: SentinelParts,
  study: string,
  sighted: Sighted | undefined,
): Promise<void> {
  const before = memory.study(study);
  const { attributes, instances } = sighted ?? { attributes: before?.attributes ?? "", instances: undefined };
  if (before && isChanged(before, { attributes, instances })) memory.forgetInstances(study);
  const isKnown = before && !before.isOpen && sighted && instances !== undefined;
  const isSame = isKnown && before.attributes === attributes && before.instances === instances;
  const startedAt = clock.now();
  if (isSame && Math.abs(startedAt - before.listedAt) < relistMs) {
    memory.putStudy(study, before, startedAt);
    return;
  }
  const seen = { attributes, instances, listedAt: startedAt };
  // Cut off from here on, it is looked at again, and what was verified is left out.
  memory.putStudy(study, { ...seen, isOpen: true }, startedAt);
  if (before && sighted) await compareList(archive, memory, study);
  const outcome = await check.check(
    study,
    ({ sopInstanceUid }) => !memory.hasInstance(study, sopInstanceUid),
    ({ name, counted }) => {
      // What is missing may come back as another one.
      if (counted === "missing") memory.addMissing(study, name.sopInstanceUid);
      else if (counted !== "unavailable") memory.addInstance(study, name.sopInstanceUid);
    },
  );
  const isOpen = outcome.isPart || (outcome.instances.unavailable ?? 0) > 0;
  memory.putStudy(study, { ...seen, isOpen }, clock.now());
  tell(events, archive.name, outcome, clock.now() - startedAt);
}

/** Where the archive does not say what it has, nothing is forgotten. */
async function compareList(
  archive: Pick<SearchableArchive, "list">,
  memory: SentinelMemory,
  studyInstanceUid: string,
): Promise<void> {
  const listed = new Set<string>();
  try {
    for await (const { sopInstanceUid } of archive.list({ studyInstanceUid })) listed.add(sopInstanceUid);
  } catch (error) {
    if (!(error instanceof ScansealError)) throw error;
    return;
  }
  memory.compare(studyInstanceUid, listed);
}

/** Listed at the last look, and not now: it has left the window, or the archive. */
async function lookForLost(
  parts: SentinelParts,
  sighted: ReadonlyMap<string, Sighted>,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<void> {
  const { archive, memory, isStopped } = parts;
  for (const study of memory.seenBetween(from, to)) {
    if (isStopped()) return;
    // One that the archive never listed, or is told as lost already, is looked at where the gate admits more of it.
    if (sighted.has(study) || memory.study(study)?.attributes === "") continue;
    if (await isListed(archive, study)) continue;
    memory.forgetInstances(study);
    await look(parts, study, { attributes: "", instances: undefined });
  }
}

/** Some archives answer with an error for what they do not have: then its objects are asked for. */
async function isListed(
  archive: Pick<SearchableArchive, "list">,
  studyInstanceUid: string,
): Promise<boolean> {
  try {
    for await (const _ of archive.list({ studyInstanceUid })) return true;
  } catch (error) {
    if (!(error instanceof ScansealError)) throw error;
  }
  return false;
}

/** More instances are a study that grows; fewer, or another patient, are not. */
function isChanged(before: Sighted, { attributes, instances }: Sighted): boolean {
  // One that was lost and is there again is another one, too.
  const isOther = attributes !== "" && before.attributes !== attributes;
  const isLess = before.instances !== undefined && instances !== undefined && instances < before.instances;
  return isOther || isLess;
}

function tell(events: EventSink, archive: string, outcome: StudyOutcome, ms: number): void {
  const { proven, unproven } = outcome.unadmitted;
  if (proven + unproven > 0) events({ kind: "study-unadmitted", archive, proven, unproven });
  const objects = objectsOf(outcome);
  if (objects > 0) events({ kind: "study-checked", by: "sentinel", archive, ...checkedCounts(outcome), ms });
}

function objectsOf({ instances }: StudyOutcome): number {
  return Object.values(instances).reduce((sum, count) => sum + count, 0);
}

/** For events. */
export function checkedCounts(outcome: StudyOutcome): {
  readonly objects: number;
  readonly bytes: number;
  readonly held: number;
  readonly missing: number;
  readonly unavailable: number;
} {
  const { held = 0, missing = 0, unavailable = 0 } = outcome.instances;
  return { objects: objectsOf(outcome), bytes: outcome.bytes, held, missing, unavailable };
}

/** Studies of the window, as the archive lists them. */
async function sightings(
  { archive, windowMs }: SentinelParts,
  now: number,
): Promise<{ readonly sighted: ReadonlyMap<string, Sighted>; readonly isWhole: boolean }> {
  const sighted = new Map<string, Sighted>();
  for await (const match of archive.find(windowQuery(now, windowMs))) {
    const uid = textAt(match, tags.studyInstanceUid);
    if (uid === undefined || !isWellFormedUid(uid)) continue;
    if (sighted.size >= studiesMax) return { sighted, isWhole: false };
    const count = Number(textAt(match, numberOfInstances) ?? Number.NaN);
    const instances = Number.isSafeInteger(count) && count >= 0 ? count : undefined;
    sighted.set(uid, { attributes: attributesOf(match), instances });
  }
  return { sighted, isWhole: true };
}

/** PS3.4 C.2.2.2.5: days; one more at both ends, for time zones and for clocks that are fast. */
function windowQuery(now: number, windowMs: number): Query {
  const day = (at: number): string => new Date(at).toISOString().slice(0, 10).replaceAll("-", "");
  const range = { kind: "range", from: day(now - windowMs - dayMs), to: day(now + dayMs) } as const;
  const keys: QueryKey[] = [tags.studyInstanceUid, ...told, numberOfInstances].map((tag) => {
    return { path: [tag], match: tag === studyDate ? range : { kind: "universal" } };
  });
  return {
    ...{ root: "study", level: "STUDY", keys, isEverythingAsked: false },
    ...{ offset: 0, limit: undefined },
  };
}

function attributesOf(match: JsonDataSet): string {
  const values = told.map((tag) => match[keyOf(tag)]?.Value ?? []);
  return createHash("sha256").update(JSON.stringify(values)).digest("hex");
}

function textAt(match: JsonDataSet, tag: number): string | undefined {
  const value = match[keyOf(tag)]?.Value?.[0];
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}

function keyOf(tag: number): string {
  return tag.toString(16).toUpperCase().padStart(8, "0");
}
