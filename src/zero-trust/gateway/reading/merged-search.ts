/**
 * Matches for a reader: what the index knows, verified, and then what only the archive has, labelled. What an archive says of an entity that the index
 * knows is left out: the index says what was verified.
 */
import { encodeElement } from "../../../dicom/encode.ts";
import { elementsOfJson } from "../../../dicom/json/from-json.ts";
import type { JsonDataSet } from "../../../dicom/json/json-model.ts";
import { labelTag, withUnverifiedLabel } from "../../../dicom/json/unverified-label.ts";
import { tagHex } from "../../../dicom/tags.ts";
import { isWellFormedUid } from "../../../dicom/uid.ts";
import type { Query, QueryLevel } from "../../../dicom-network/query/query.ts";
import type { Clock } from "../../../foundation/crypto.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import type { EventSink } from "../../../operations/event.ts";
import { told } from "../fault-words.ts";
import type { Admissions, AdmittedInstances, ReadScope } from "./ports.ts";

export interface SearchedArchive {
  readonly name: string;
  /** Attributes are a stranger's. @throws ScansealError `network`, `timeout`, `peer-*` */
  find(query: Query): AsyncIterable<JsonDataSet>;
}

export interface MergedSearchParts {
  readonly search: (query: Query) => AsyncIterable<JsonDataSet>;
  readonly admitted: AdmittedInstances;
  readonly admissions: Pick<Admissions, "entryOf">;
  /** Undefined: the index knows all there is. */
  readonly archive: SearchedArchive | undefined;
  readonly events: EventSink;
  readonly clock: Clock;
}

/** By level: the unique keys. */
const uniqueKeys: Readonly<Record<QueryLevel, readonly string[]>> = {
  PATIENT: [],
  STUDY: ["0020000D"],
  SERIES: ["0020000D", "0020000E"],
  IMAGE: ["0020000D", "0020000E", "00080018"],
};

/** More is no question that a reader asks; the index has its own bound. */
const archiveMatchesMax = 10_000;
/** An archive that did not answer is not asked at once again: every search would wait for it. */
const restMs = 30_000;

export class MergedSearch {
  readonly #parts: MergedSearchParts;
  #restsUntil = 0;

  constructor(parts: MergedSearchParts) {
    this.#parts = parts;
  }

  /** @throws ScansealError `usage` of the index for what would take too long; an archive that fails is told as an event, and left out */
  async *search(query: Query): AsyncGenerator<JsonDataSet, void, undefined> {
    const { archive } = this.#parts;
    if (!archive || query.level === "PATIENT" || this.#parts.clock.now() < this.#restsUntil) {
      yield* this.#parts.search(query);
      return;
    }
    const { offset, limit } = query;
    const last = limit === undefined ? Number.POSITIVE_INFINITY : offset + limit;
    const whole = { ...query, offset: 0, limit: limit === undefined ? undefined : last };
    let at = 0;
    for await (const match of this.#parts.search(whole)) if (at++ >= offset) yield match;
    if (at >= last) return;
    for await (const match of this.#unverified(archive, { ...query, offset: 0, limit: undefined })) {
      if (at++ >= offset) yield match;
      if (at >= last) return;
    }
  }

  async *#unverified(archive: SearchedArchive, query: Query): AsyncGenerator<JsonDataSet> {
    const { events, clock } = this.#parts;
    const seen = new Set<string>();
    let matches = 0;
    try {
      for await (const match of archive.find(query)) {
        if (++matches > archiveMatchesMax) return;
        const scope = scopeOf(match, query);
        if (!scope) continue;
        const name = Object.values(scope).join(" ");
        if (seen.has(name)) continue;
        seen.add(name);
        if (await this.#isKnown(scope)) continue;
        const answer = labelled(match, query);
        if (isSound(answer)) yield answer;
      }
    } catch (error) {
      this.#restsUntil = clock.now() + restMs;
      const { code, why } = told(error);
      // That it is away is no fault of the gate's.
      if (error instanceof ScansealError) events({ kind: "read-failed", archive: archive.name, code });
      else events({ kind: "fault", where: "search of the archive", code, why });
    }
  }

  async #isKnown(scope: ReadScope): Promise<boolean> {
    for await (const _ of this.#parts.admitted.entriesOf(scope)) return true;
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = scope;
    if (seriesInstanceUid === undefined || sopInstanceUid === undefined) return false;
    // Admitted a moment ago: the index answers for it next time.
    const name = { studyInstanceUid, seriesInstanceUid, sopInstanceUid };
    return (await this.#parts.admissions.entryOf(name)) !== undefined;
  }
}

/** Undefined for a match without its own names, or of other entities than were asked for. */
function scopeOf(match: JsonDataSet, { level, keys }: Query): ReadScope | undefined {
  const uids = uniqueKeys[level].map((tag) => {
    const asked = keys.find(({ path }) => path.length === 1 && tagHex(path[0]!).toUpperCase() === tag)?.match;
    const value = match[tag]?.Value?.[0] ?? (asked?.kind === "single" ? asked.value : undefined);
    const isAsked =
      asked?.kind === "single"
        ? value === asked.value
        : asked?.kind !== "uids" || asked.values.includes(String(value));
    return typeof value === "string" && isWellFormedUid(value) && isAsked ? value : undefined;
  });
  const [studyInstanceUid, seriesInstanceUid, sopInstanceUid] = uids;
  if (studyInstanceUid === undefined || uids.includes(undefined)) return undefined;
  return { studyInstanceUid, seriesInstanceUid, sopInstanceUid };
}

/** It can be written as a data set: its values are such as their VRs have. */
function isSound(answer: JsonDataSet): boolean {
  try {
    for (const element of elementsOfJson(answer))
      encodeElement(element, { explicit: true, bigEndian: false });
    return true;
  } catch (error) {
    if (error instanceof ScansealError) return false;
    throw error;
  }
}

/** Only what was asked for, so that an archive adds nothing; its description begins with the label. */
function labelled(match: JsonDataSet, { level, keys, isEverythingAsked }: Query): JsonDataSet {
  const tags = keys.map(({ path }) => tagHex(path[0]!).toUpperCase());
  const asked = new Set([...tags, ...uniqueKeys[level], labelTag(level)]);
  const entries = Object.entries(match).filter(([tag]) => isEverythingAsked || asked.has(tag));
  return withUnverifiedLabel(Object.fromEntries(entries), level);
}
