/** Attributes as columns. They come from objects that were verified, and are bounded all the same: a seal does not make a value short. */
import type { Selectable } from "kysely";
import type { JsonDataSet, JsonElement } from "../../dicom/json/json-model.ts";
import { keptNumber, keptOptional, keptText } from "../journal/object-rows.ts";
import {
  type IndexInstanceTable,
  type IndexSeriesTable,
  type IndexStudyTable,
  noNumber,
} from "./index-tables.ts";
import type { IndexEntry, IndexedInstance } from "./instance-index.ts";
import { seriesAttributes, studyAttributes } from "./levels.ts";
import { type NormalName, namesOf, normalDate, normalTime, textsOf, wholeOf } from "./normal-values.ts";
import { printOf } from "./packed-attributes.ts";

export type StudyRow = Selectable<IndexStudyTable>;
export type SeriesRow = Selectable<IndexSeriesTable>;
export type InstanceRow = Selectable<IndexInstanceTable>;

/** Of PS3.5 6.2 none is longer but text that nobody matches as a whole; PostgreSQL's indexes take 2,700 bytes. */
const columnMax = 256;

/** A value of an attribute that has one; several are one text, as DICOM writes them. */
function textColumn(attributes: JsonDataSet, tag: string): string {
  return clipped(textsOf(attributes[tag]).join("\\"));
}

function clipped(text: string): string {
  return text.replaceAll("\0", "").slice(0, columnMax).toWellFormed();
}

function nameColumns(attributes: JsonDataSet, tag: string): NormalName {
  const names = namesOf(attributes[tag]);
  const group = (of: (name: NormalName) => string): string =>
    clipped(
      names
        .map(of)
        .filter((text) => text !== "")
        .join("\\"),
    );
  return {
    alphabetic: group((name) => name.alphabetic),
    ideographic: group((name) => name.ideographic),
    phonetic: group((name) => name.phonetic),
  };
}

/**
 * Whoever sends an unsealed object first must not say who the patient of a sealed study is: what is proven goes first.
 * @returns less for what is proven better
 */
export function rankOf(basis: string): number {
  if (basis === "verified" || basis === "verified-with-changes") return 0;
  return basis === "received" ? 1 : 2;
}

/** Let in, and never verified. */
export function isUnproven(rank: number): boolean {
  return rank === 2;
}

/** An instance's place among those of its study or series: the first one's attributes stand. */
export interface Place {
  readonly rank: number;
  readonly at: number;
  readonly uid: string;
}

export function placeOf({ basis, admittedAt, sopInstanceUid }: Base): Place {
  return { rank: rankOf(basis), at: admittedAt, uid: sopInstanceUid };
}

export function isBefore(a: Place, b: Place): boolean {
  if (a.rank !== b.rank) return a.rank < b.rank;
  return a.at === b.at ? a.uid < b.uid : a.at < b.at;
}

type Base = Pick<
  IndexEntry,
  "studyInstanceUid" | "seriesInstanceUid" | "sopInstanceUid" | "admittedAt" | "basis"
>;

function baseColumns(base: Base): Pick<StudyRow, "base_rank" | "base_at" | "base_uid"> {
  const { rank, at, uid } = placeOf(base);
  return { base_rank: rank, base_at: at, base_uid: uid };
}

/** What the first instance of a study or series decides of it. */
type Derived<R> = Omit<R, "no" | "differing" | "instances" | "template">;

export interface Prints {
  readonly study: string;
  readonly series: string;
}

export interface LevelJson {
  readonly study: string;
  readonly series: string;
  readonly prints: Prints;
}

export function levelJson(attributes: JsonDataSet): LevelJson {
  const study = JSON.stringify(studyAttributes(attributes)).toWellFormed();
  const series = JSON.stringify(seriesAttributes(attributes)).toWellFormed();
  return { study, series, prints: { study: printOf(study), series: printOf(series) } };
}

export function studyColumns(base: Base, attributes: JsonDataSet, level: LevelJson): Derived<StudyRow> {
  const name = nameColumns(attributes, "00100010");
  const referring = nameColumns(attributes, "00080090");
  const patientId = textColumn(attributes, "00100020");
  return {
    study_instance_uid: base.studyInstanceUid,
    patient_key: patientKey(patientId, textColumn(attributes, "00100021"), name),
    patient_id: patientId,
    patient_name: name.alphabetic,
    patient_name_ideographic: name.ideographic,
    patient_name_phonetic: name.phonetic,
    study_date: normalDate(textsOf(attributes["00080020"])[0] ?? ""),
    study_time: normalTime(textsOf(attributes["00080030"])[0] ?? ""),
    accession_number: textColumn(attributes, "00080050"),
    study_description: textColumn(attributes, "00081030"),
    referring_name: referring.alphabetic,
    referring_name_ideographic: referring.ideographic,
    referring_name_phonetic: referring.phonetic,
    study_id: textColumn(attributes, "00200010"),
    attributes: level.study,
    print: level.prints.study,
    ...baseColumns(base),
  };
}

/** A patient is an ID and who gave it; without an ID a name. */
function patientKey(id: string, issuer: string, { alphabetic, ideographic }: NormalName): string {
  const text = JSON.stringify([id, issuer, ...(id === "" ? [alphabetic, ideographic] : [])]);
  return text.length <= columnMax ? text : `${text.slice(0, columnMax - 24).toWellFormed()}${printOf(text)}`;
}

export function seriesColumns(base: Base, attributes: JsonDataSet, level: LevelJson): Derived<SeriesRow> {
  return {
    series_instance_uid: base.seriesInstanceUid,
    study_instance_uid: base.studyInstanceUid,
    modality: textColumn(attributes, "00080060"),
    series_number: wholeOf(textsOf(attributes["00200011"])[0]) ?? noNumber,
    series_description: textColumn(attributes, "0008103E"),
    body_part_examined: textColumn(attributes, "00180015"),
    performed_date: normalDate(textsOf(attributes["00400244"])[0] ?? ""),
    attributes: level.series,
    print: level.prints.series,
    ...baseColumns(base),
  };
}

/**
 * What is asked of an instance, of its columns alone: most questions ask for no more, and nothing has to be unpacked.
 * @param asked tags of the instance' own attributes; undefined where one is not in a column, or its column cannot tell absent from unreadable
 */
export function columnAttributes(
  row: Omit<InstanceRow, "attributes">,
  asked: readonly string[],
): JsonDataSet | undefined {
  const number = (vr: string, value: number | null): JsonElement | undefined =>
    value === null || value === noNumber ? undefined : { vr, Value: [value] };
  const known: Readonly<Record<string, JsonElement | undefined>> = {
    "00080016": { vr: "UI", Value: [row.sop_class_uid] },
    "00080018": { vr: "UI", Value: [row.sop_instance_uid] },
    "00200013": number("IS", row.instance_number),
    "00280008": number("IS", row.frames),
    "00280010": number("US", row.image_rows),
    "00280011": number("US", row.image_columns),
  };
  const found = asked.map((tag) => [tag, known[tag]] as const);
  if (found.some(([, element]) => element === undefined)) return undefined;
  return Object.fromEntries(found) as JsonDataSet;
}

/** @throws ScansealError `usage` for what no row can keep */
export function instanceColumns(
  entry: IndexEntry,
  prints: Prints,
): Omit<InstanceRow, "series_no" | "attributes"> {
  const { attributes } = entry;
  const whole = (tag: string): number | undefined => {
    const values = attributes[tag]?.Value;
    return values?.length === 1 ? wholeOf(textsOf(attributes[tag])[0]) : undefined;
  };
  return {
    sop_instance_uid: keptText(entry.sopInstanceUid, "SOP instance UID"),
    sop_class_uid: keptText(entry.sopClassUid, "SOP class UID"),
    transfer_syntax_uid: keptText(entry.transferSyntaxUid, "transfer syntax UID"),
    object_id: keptText(entry.objectId, "object id"),
    digest: keptText(entry.digest, "digest"),
    payload_digest: keptOptional(entry.payloadDigest, "payload digest"),
    verdict: keptText(entry.verdict, "verdict"),
    basis: keptText(entry.basis, "basis"),
    assurance: keptOptional(entry.assurance, "assurance"),
    admitted_at: keptNumber(entry.admittedAt, "time of admission"),
    proof_rank: rankOf(entry.basis),
    instance_number: whole("00200013") ?? noNumber,
    frames: whole("00280008") ?? null,
    image_rows: whole("00280010") ?? null,
    image_columns: whole("00280011") ?? null,
    study_print: prints.study,
    series_print: prints.series,
  };
}

export function instanceOf(
  row: Omit<InstanceRow, "attributes">,
  series: Pick<SeriesRow, "study_instance_uid" | "series_instance_uid">,
): IndexedInstance {
  return {
    sopInstanceUid: row.sop_instance_uid,
    sopClassUid: row.sop_class_uid,
    seriesInstanceUid: series.series_instance_uid,
    studyInstanceUid: series.study_instance_uid,
    transferSyntaxUid: row.transfer_syntax_uid,
    objectId: row.object_id,
    digest: row.digest,
    payloadDigest: row.payload_digest ?? undefined,
    verdict: row.verdict,
    basis: row.basis,
    assurance: row.assurance ?? undefined,
    admittedAt: row.admitted_at,
    instanceNumber: row.instance_number === noNumber ? undefined : row.instance_number,
    frames: row.frames ?? undefined,
    rows: row.image_rows ?? undefined,
    columns: row.image_columns ?? undefined,
  };
}
