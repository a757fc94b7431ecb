/** `scanseal index`: what the gate knows of what it admitted. */
import { lookup, tagOfKeyword } from "../../dicom/dictionary/dictionary.ts";
import type { JsonDataSet, JsonPersonName } from "../../dicom/json/json-model.ts";
import { formatTag, type Tag, tagHex } from "../../dicom/tags.ts";
import { isVr } from "../../dicom/vr.ts";
import { matchingOf } from "../../dicom-network/query/matching.ts";
import type { Query, QueryKey, QueryLevel } from "../../dicom-network/query/query.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { fillIndex } from "../../site/gateway/index-filler.ts";
import { dataPaths, openIndexedJournal, openKept, openObjects } from "../../site/gateway/stores.ts";
import type { IndexedJournal } from "../../store/index/indexed-journal.ts";
import { wholeNumber } from "../number-option.ts";
import { jsonLine } from "../terminal/json-line.ts";
import { type Column, formatTable } from "../terminal/table.ts";
import { visibleText } from "../terminal/visible-text.ts";
import { configOf, type DeskOptions, openSpooled } from "./gateway-desk.ts";

/** How much of what was admitted is in the index. @returns 0 when all of it is, or waits for a moment only; else 1 */
export async function indexStatus(options: DeskOptions & { readonly json: boolean }): Promise<number> {
  const config = configOf(options);
  return withIndex(options, async ({ journal, index, queue }) => {
    const { objects } = await journal.counts();
    const known = await index.counts();
    const { waiting, problems } = await queue.counts();
    const failed = Object.values(problems).reduce((sum, amount) => sum + amount, 0);
    const unknown = Math.max(0, objects.admitted - known.instances - waiting - failed);
    if (options.json) {
      const line = {
        kind: "index",
        isOn: config.index,
        admitted: objects.admitted,
        ...known,
        waiting,
        problems,
        unknown,
      };
      process.stdout.write(`${jsonLine(line)}\n`);
      return failed + unknown === 0 ? 0 : 1;
    }
    const { patients, studies, series, instances, differingFromStudy, differingFromSeries } = known;
    const lines = [
      `${instances} of ${objects.admitted} admitted instances: ${patients} patients, ${studies} studies, ${series} series.`,
      `${waiting} wait to be read.`,
      ...Object.entries(problems).map(([problem, amount]) => `${amount} are missing: ${problem}.`),
      ...(unknown === 0 ? [] : [`${unknown} were admitted without an index: scanseal index rebuild`]),
      ...(differingFromStudy === 0
        ? []
        : [
            `${differingFromStudy} say something else of patient or study than their study's first, which stands.`,
          ]),
      ...(differingFromSeries === 0
        ? []
        : [`${differingFromSeries} say something else of their series than its first, which stands.`]),
      ...(config.index ? [] : ['The configuration has "index: false": nothing more is added.']),
    ];
    process.stdout.write(`${lines.join("\n")}\n`);
    return failed + unknown === 0 ? 0 : 1;
  });
}

/**
 * Derives every row anew from the attributes that are kept, and reads what is missing of bytes that are kept. A gateway may be running.
 * @returns 0, or 1 where something stays missing
 */
export async function rebuildIndex(options: DeskOptions & { readonly json: boolean }): Promise<number> {
  const config = configOf(options);
  return withIndex(options, async ({ index, queue }) => {
    const objects = await openObjects(config);
    const folder = dataPaths(config).spool;
    const spool = { open: (location: Parameters<typeof openSpooled>[1]) => openSpooled(folder, location) };
    const derived = await index.rederive();
    await queue.retry();
    await queue.addMissing();
    const { indexed } = await fillIndex({
      index,
      queue,
      openKept: (object) => openKept(object, { objects, spool }),
    });
    const { problems } = await queue.counts();
    if (options.json)
      process.stdout.write(`${jsonLine({ kind: "index-rebuilt", derived, added: indexed, problems })}\n`);
    else {
      const missing = Object.entries(problems).map(
        ([problem, amount]) => `${amount} are missing: ${problem}.`,
      );
      process.stdout.write(`${[`${derived} derived anew, ${indexed} added.`, ...missing].join("\n")}\n`);
    }
    return Object.keys(problems).length === 0 ? 0 : 1;
  });
}

export interface FindOptions extends DeskOptions {
  readonly json: boolean;
  readonly limit: string;
  readonly offset: string;
}

const levels: Readonly<Record<string, QueryLevel>> = {
  patient: "PATIENT",
  study: "STUDY",
  series: "SERIES",
  instance: "IMAGE",
};

/** Shown of each match. */
const shown: Readonly<Record<QueryLevel, readonly string[]>> = {
  PATIENT: ["PatientID", "PatientName", "PatientBirthDate", "NumberOfPatientRelatedStudies"],
  STUDY: [
    "StudyDate",
    "PatientID",
    "PatientName",
    "ModalitiesInStudy",
    "NumberOfStudyRelatedInstances",
    "StudyInstanceUID",
  ],
  SERIES: [
    "SeriesNumber",
    "Modality",
    "SeriesDescription",
    "NumberOfSeriesRelatedInstances",
    "SeriesInstanceUID",
  ],
  IMAGE: ["InstanceNumber", "SOPClassUID", "SOPInstanceUID"],
};

/** Prints patient data: who runs it asked for it. @returns 0 when something was found, else 1 */
export async function findInIndex(
  levelName: string,
  given: readonly string[],
  options: FindOptions,
): Promise<number> {
  const level = levels[levelName]!;
  const keys = given.map(keyOf);
  const twice = keys.find(({ path }, n) =>
    keys.some((other, m) => m < n && String(other.path) === String(path)),
  );
  if (twice) throw new ScansealError("usage", `${formatTag(twice.path.at(-1)!)} is asked for twice`);
  const columns = shown[level].map((keyword) => tagOfKeyword(keyword)!);
  const asked = columns.filter((tag) => !keys.some(({ path }) => path[0] === tag));
  const query: Query = {
    root: "patient",
    level,
    keys: [...keys, ...asked.map((tag): QueryKey => ({ path: [tag], match: { kind: "universal" } }))],
    isEverythingAsked: options.json,
    isDateTimeCombined: true,
    offset: wholeNumber(options.offset, "--offset", 0, 1e9),
    limit: wholeNumber(options.limit, "--limit", 1, 1e6),
  };
  return withIndex(options, async ({ index }) => {
    const found: JsonDataSet[] = [];
    for await (const match of index.search(query)) {
      if (options.json) process.stdout.write(`${jsonLine(match)}\n`);
      found.push(match);
    }
    if (options.json) return found.length > 0 ? 0 : 1;
    const titles: Column[] = shown[level].map((title) => ({ title, shrinks: !title.endsWith("UID") }));
    const rows = found.map((match) => columns.map((tag) => visibleText(valueText(match, tag))));
    if (found.length > 0)
      process.stdout.write(`${formatTable(titles, rows, process.stdout.columns).join("\n")}\n`);
    else process.stdout.write("Nothing in the index fits.\n");
    return found.length > 0 ? 0 : 1;
  });
}

/** PatientName=doe*, 00100020=P1, RequestAttributesSequence.ScheduledProcedureStepID=7; without a value: to be shown. */
function keyOf(text: string): QueryKey {
  const at = text.indexOf("=");
  const name = at < 0 ? text : text.slice(0, at);
  const path = name.split(".").map(tagNamed);
  const vr = lookup(path.at(-1)!)?.vr.slice(0, 2) ?? "LO";
  if (vr === "SQ")
    throw new ScansealError(
      "usage",
      `${visibleText(name)} is a sequence: name an attribute in it, after a point`,
    );
  try {
    return { path, match: matchingOf(isVr(vr) ? vr : "LO", at < 0 ? "" : text.slice(at + 1)) };
  } catch {
    throw new ScansealError("usage", `${visibleText(name)}: not a value that can be matched`);
  }
}

function tagNamed(name: string): Tag {
  const tag = /^[0-9a-fA-F]{8}$/.test(name) ? Number.parseInt(name, 16) : tagOfKeyword(name);
  if (tag === undefined)
    throw new ScansealError("usage", `${visibleText(name)} is no attribute: PatientID, or 00100020`);
  return tag;
}

function valueText(match: JsonDataSet, tag: Tag): string {
  const values = match[tagHex(tag)]?.Value ?? [];
  return values
    .map((value) => {
      if (typeof value !== "object" || value === null) return String(value ?? "");
      const { Alphabetic, Ideographic, Phonetic } = value as JsonPersonName;
      return [Alphabetic, Ideographic, Phonetic].filter((group) => group !== undefined).join(" = ");
    })
    .join(", ");
}

async function withIndex<T>(options: DeskOptions, body: (stores: IndexedJournal) => Promise<T>): Promise<T> {
  const stores = await openIndexedJournal(configOf(options));
  try {
    return await body(stores);
  } finally {
    await stores.journal.close();
  }
}
