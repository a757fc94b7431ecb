/** C-FIND, C-GET and C-MOVE of readers (PS3.4 annex C) over the reading desk: nothing leaves that was not verified for this answer. */
import { lookup } from "../../../dicom/dictionary/dictionary.ts";
import { encodeElement } from "../../../dicom/encode.ts";
import { elementsOfJson } from "../../../dicom/json/from-json.ts";
import type { JsonDataSet, JsonElement } from "../../../dicom/json/json-model.ts";
import { tagHex } from "../../../dicom/tags.ts";
import { transferSyntaxOf } from "../../../dicom/transfer-syntax.ts";
import {
  DimseRefusal,
  type FindAnswer,
  type FindRequest,
  type GetRequest,
  type MissingInstance,
  type MoveRequest,
  type OfferedInstance,
  type Retrieval,
  type SubOperationOutcome,
} from "../../../dicom-network/dimse/service.ts";
import { dimseStatus } from "../../../dicom-network/dimse/status.ts";
import type { Query } from "../../../dicom-network/query/query.ts";
import type { RetrieveIdentifier } from "../../../dicom-network/query/retrieve-identifier.ts";
import { type Bytes, concatBytes } from "../../../foundation/bytes.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import type { ReaderSettings } from "../settings.ts";
import { dataSetBytes } from "./data-set-bytes.ts";
import { MoveSender } from "./move-sender.ts";
import { noticeDefaultSyntax, noticeSyntaxOf } from "./notice.ts";
import type { ReadScope } from "./ports.ts";
import { type NoticeRead, outgoingObject, type Read } from "./read.ts";
import { joinedPlans, PlanRoom, type ReadingDesk, type ReadingPlan, withAsked } from "./reading-desk.ts";

/** @param reader who searches; undefined where a retrieval needs it @throws ScansealError `usage` for what would take too long */
export type ReaderSearching = (query: Query, reader?: string) => AsyncIterable<JsonDataSet>;

export interface DimseReadingParts {
  readonly desk: Pick<ReadingDesk, "plan" | "readWithNotices">;
  /** From the index of verified attributes. */
  readonly search: ReaderSearching;
}

const queryRetrieveLevel = 0x00080052;
const retrieveAeTitle = 0x00080054;

export class DimseReading {
  readonly #parts: DimseReadingParts;

  constructor(parts: DimseReadingParts) {
    this.#parts = parts;
  }

  /** @param aeTitle ours: from whom the matches are to be had */
  async *find(
    { query, transferSyntaxUid }: FindRequest,
    reader: ReaderSettings,
    aeTitle: string,
  ): AsyncGenerator<FindAnswer, void, undefined> {
    try {
      for await (const match of this.#parts.search(query, reader.name))
        yield { dataSet: encoded(answerOf(match, query, aeTitle), transferSyntaxUid) };
    } catch (error) {
      throw asRefusal(error);
    }
  }

  async get(
    { identifier, association }: GetRequest,
    reader: ReaderSettings,
  ): Promise<Retrieval<OfferedInstance | MissingInstance>> {
    const plan = await this.#planned(identifier);
    const reads = this.#parts.desk.readWithNotices(plan, reader, noticeSyntaxOf(association));
    return retrieval(plan, offered(reads));
  }

  /** Retrieved to ourselves, verified, and then sent by us (DESIGN 2). @param aeTitle ours */
  async move(
    { identifier, destination, messageId, association }: MoveRequest,
    reader: ReaderSettings,
    aeTitle: string,
  ): Promise<Retrieval<SubOperationOutcome>> {
    const place = reader.moveTo.find((one) => one.aeTitle === destination);
    if (!place) throw new DimseRefusal({ code: dimseStatus.moveDestinationUnknown });
    const plan = await this.#planned(identifier);
    const originator = { aeTitle: association.request.callingAeTitle, messageId };
    const sender = new MoveSender(place, aeTitle, originator);
    const reads = this.#parts.desk.readWithNotices(plan, reader, noticeDefaultSyntax);
    return retrieval(plan, sent(reads, sender));
  }

  async #planned(identifier: RetrieveIdentifier): Promise<ReadingPlan> {
    try {
      const plans: ReadingPlan[] = [];
      const room = new PlanRoom();
      for (const scope of await this.#scopes(identifier))
        plans.push(withAsked(await this.#parts.desk.plan(scope, room), scope));
      return joinedPlans(plans);
    } catch (error) {
      throw asRefusal(error);
    }
  }

  async #scopes(identifier: RetrieveIdentifier): Promise<readonly ReadScope[]> {
    const { level, patientId } = identifier;
    const ofPatient = patientId === undefined ? undefined : await this.#studiesOf(patientId);
    if (level === "PATIENT") return ofPatient ?? [];
    const scopes = scopesOf(identifier);
    if (!ofPatient) return scopes;
    // Another patient's study is not what was asked for.
    const studies = new Set(ofPatient.map(({ studyInstanceUid }) => studyInstanceUid));
    return scopes.filter(({ studyInstanceUid }) => studies.has(studyInstanceUid));
  }

  async #studiesOf(patientId: string): Promise<readonly ReadScope[]> {
    const studies = new Set<string>();
    const keys = [
      { path: [0x00100020], match: { kind: "single", value: patientId } },
      { path: [0x0020000d], match: { kind: "universal" } },
    ] as const;
    const query: Query = {
      root: "patient",
      level: "STUDY",
      keys,
      isEverythingAsked: false,
      offset: 0,
      limit: undefined,
    };
    for await (const match of this.#parts.search(query)) {
      const uid = match["0020000D"]?.Value?.[0];
      if (typeof uid === "string") studies.add(uid);
    }
    return [...studies].map((studyInstanceUid) => ({ studyInstanceUid }));
  }
}

/** What only the archive knows is counted when it is known. */
function retrieval<Step>({ instances, others }: ReadingPlan, steps: AsyncIterable<Step>): Retrieval<Step> {
  let total = instances.length;
  let isPart = false;
  others.then(
    (more) => {
      total += more.instances.length;
      isPart = more.archiveUnlisted !== undefined;
    },
    () => undefined,
  );
  return { total: () => total, isPart: () => isPart, steps: refused(steps) };
}

/** What goes wrong on the way ends as it does at the beginning. */
async function* refused<Step>(steps: AsyncIterable<Step>): AsyncGenerator<Step, void, undefined> {
  try {
    yield* steps;
  } catch (error) {
    throw asRefusal(error);
  }
}

/** UIDs of one study and series above the level; a relational retrieval, which leaves them out, is not offered. */
function scopesOf({ level, studyUids, seriesUids, instanceUids }: RetrieveIdentifier): readonly ReadScope[] {
  // One that names a thing twice gets it once.
  const each = (uids: readonly string[]): readonly string[] => [...new Set(uids)];
  if (level === "STUDY") return each(studyUids).map((studyInstanceUid) => ({ studyInstanceUid }));
  const [studyInstanceUid] = studyUids;
  if (studyInstanceUid === undefined) return [];
  if (level === "SERIES")
    return each(seriesUids).map((seriesInstanceUid) => ({ studyInstanceUid, seriesInstanceUid }));
  const [seriesInstanceUid] = seriesUids;
  if (seriesInstanceUid === undefined) return [];
  return each(instanceUids).map((sopInstanceUid) => ({
    studyInstanceUid,
    seriesInstanceUid,
    sopInstanceUid,
  }));
}

/** What was asked and is not known is there, and empty (PS3.4 C.4.1.1.3.2). */
function answerOf(match: JsonDataSet, { keys, level }: Query, aeTitle: string): JsonDataSet {
  const answer: Record<string, JsonElement> = { ...match };
  for (const { path } of keys) {
    const key = tagHex(path[0] ?? 0).toUpperCase();
    const vr = lookup(path[0] ?? 0)?.vr;
    if (answer[key] === undefined && vr !== undefined) answer[key] = { vr: vr.slice(0, 2) };
  }
  answer[tagHex(queryRetrieveLevel).toUpperCase()] = { vr: "CS", Value: [level] };
  answer[tagHex(retrieveAeTitle).toUpperCase()] = { vr: "AE", Value: [aeTitle] };
  return answer;
}

function encoded(answer: JsonDataSet, transferSyntaxUid: string): Bytes {
  const encoding = transferSyntaxOf(transferSyntaxUid)?.encoding ?? { explicit: false, bigEndian: false };
  return concatBytes(elementsOfJson(answer).map((element) => encodeElement(element, encoding)));
}

async function* offered(
  reads: AsyncIterable<Read | NoticeRead>,
): AsyncGenerator<OfferedInstance | MissingInstance, void, undefined> {
  for await (const read of reads) {
    if (read.kind === "withheld") {
      yield { sopInstanceUid: read.instance.sopInstanceUid, isMissing: true };
      continue;
    }
    const { sopClassUid, sopInstanceUid, transferSyntaxUid, staged } = outgoingObject(read);
    try {
      yield { sopClassUid, sopInstanceUid, transferSyntaxUid, dataSet: () => dataSetBytes(staged) };
    } finally {
      read.done();
    }
  }
}

async function* sent(
  reads: AsyncIterable<Read | NoticeRead>,
  sender: MoveSender,
): AsyncGenerator<SubOperationOutcome, void, undefined> {
  try {
    for await (const read of reads) {
      if (read.kind === "withheld") {
        yield { sopInstanceUid: read.instance.sopInstanceUid, outcome: "failed" };
        continue;
      }
      try {
        yield { sopInstanceUid: outgoingObject(read).sopInstanceUid, outcome: await sender.send(read) };
      } finally {
        read.done();
      }
    }
  } finally {
    await sender.end();
  }
}

/** PS3.4 table C.4-1: unable to process, out of resources. No values in its comment. */
function asRefusal(error: unknown): unknown {
  if (!(error instanceof ScansealError)) return error;
  const isTooMuch = error.code === "usage";
  return new DimseRefusal({ code: isTooMuch ? 0xa700 : dimseStatus.unableToProcess, comment: error.code });
}
