/** An archive walked by classical query and retrieve: C-FIND says what is there (PS3.4 C.4.1), C-GET gives it as it is kept (C.4.3). Its answers are a stranger's. */
import { plainTextOf } from "../../dicom/elements.ts";
import { encodeMeta } from "../../dicom/encode.ts";
import type { JsonDataSet } from "../../dicom/json/json-model.ts";
import { toJsonDataSet } from "../../dicom/json/to-json.ts";
import { type Tag, tags } from "../../dicom/tags.ts";
import { explicitLittleEndianUid, implicitLittleEndianUid } from "../../dicom/transfer-syntax.ts";
import { isWellFormedUid } from "../../dicom/uid.ts";
import { ArrivalQueue } from "../../dicom-network/dimse/arrival-queue.ts";
import type { PresentationContext } from "../../dicom-network/dimse/association.ts";
import {
  connectDimse,
  type DimseClient,
  type DimseTarget,
  type RetrieveResult,
} from "../../dicom-network/dimse/client.ts";
import type { DimseStatus, StoreReceiver, StoreRequest } from "../../dicom-network/dimse/service.ts";
import { queryRetrieveClassUid } from "../../dicom-network/dimse/sop-classes.ts";
import { describeStatus, dimseStatus } from "../../dicom-network/dimse/status.ts";
import type { Query, QueryKey, QueryLevel } from "../../dicom-network/query/query.ts";
import { type Bytes, fromLatin1 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeTextDecoding } from "../../platform/node/text-decoding.ts";
import { itemOf, type MediaItem } from "./media.ts";

/** Studies of one archive, series of a study, instances of a study. */
const matchesMaxDefault = 10_000_000;
/** All studies of an archive, which nobody waits for. */
const studiesMsMax: number = 24 * 60 * 60_000;

const findClass = queryRetrieveClassUid("study", "find");
const getClass = queryRetrieveClassUid("study", "get");
const uncompressed: readonly string[] = [explicitLittleEndianUid, implicitLittleEndianUid];
const compressed = (...ends: readonly number[]): readonly string[] =>
  ends.map((end) => `1.2.840.10008.1.2.4.${end}`);
const lossless = compressed(70, 57, 80, 90, 92, 110, 201, 202);
const lossy = compressed(50, 51, 81, 91, 93, 111, 112, 203);
const video = compressed(100, 101, 102, 103, 104, 105, 106, 107, 108);
const rle = "1.2.840.10008.1.2.5";
const others = ["1.99", "2", "1.98", "8.1"].map((end) => `1.2.840.10008.1.2.${end}`);
/** Each in a context of its own, so that the archive takes the one in which an object is kept. */
const keptSyntaxes: readonly string[] = [...uncompressed, ...lossless, rle, ...lossy, ...video, ...others];
/** Where the archive does not tell the class, all of `commonClasses` must fit 128 contexts. */
const syntaxGroups: readonly (readonly string[])[] = [
  [explicitLittleEndianUid],
  [implicitLittleEndianUid],
  [...lossless, rle],
  lossy,
];
/** Under 1.2.840.10008.5.1.4.1.1: what the archives of radiology hold; dcmqrscp, for one, does not tell an instance's class. */
const commonClasses: readonly string[] = [
  ...["1", "1.1", "1.1.1", "1.2", "1.3", "2", "2.1", "3.1", "4", "4.1", "6.1", "7", "7.2", "7.4", "11.1"],
  ...["12.1", "12.2", "13.1.3", "20", "66.4", "77.1.4", "88.11", "88.22", "88.33", "88.59", "88.67"],
  ...["104.1", "128", "481.1", "481.2", "481.3"],
].map((end) => `1.2.840.10008.5.1.4.1.1.${end}`);

export interface DimseArchiveOptions {
  readonly target: Omit<DimseTarget, "contexts" | "roles">;
  /** A private folder for what does not fit in memory. */
  readonly staging: string;
  /** Whatever it gives is taken: who asked compares it with what was asked for, and tells. */
  readonly isAnyTaken?: boolean | undefined;
  /** Of a study's list, and of a query: all of it. */
  readonly limits?: { readonly matchesMax: number; readonly ms: number } | undefined;
}

/** Of every object, or of none. */
const refusals: ReadonlySet<number> = new Set([
  dimseStatus.classNotSupported,
  dimseStatus.notAuthorized,
  dimseStatus.unrecognizedOperation,
]);

/** An instance that an archive lists. */
export interface Listed {
  readonly study: string;
  readonly series: string;
  readonly instance: string;
  /** Undefined where the archive does not tell. */
  readonly sopClassUid: string | undefined;
}

export class DimseArchive {
  readonly #options: DimseArchiveOptions;
  /** The association that gives objects of one class, kept from one to the next. */
  #giving: { readonly client: DimseClient; readonly sopClassUid: string | undefined } | undefined;

  #hasGiven = false;
  /** It lists objects and gives none: the rest need not be tried. */
  #refusal: ScansealError | undefined;

  constructor(options: DimseArchiveOptions) {
    this.#options = options;
  }

  /** UIDs of its studies. @param studiesMax more than that is `peer-protocol` @throws ScansealError `peer-rejected` for one that is not walked so; `network`, `timeout`, `peer-aborted`, `peer-protocol` */
  async studies(studiesMax?: number): Promise<readonly string[]> {
    return this.#asking(async (client) => {
      const uids: string[] = [];
      const every = matches(client, "STUDY", [[tags.studyInstanceUid, ""]], studiesMax);
      for await (const [uid] of every) uids.push(uid!);
      return uids;
    }, studiesMsMax);
  }

  /** A study's instances, series by series; each is fetched when its bytes are asked for. @throws as `studies` */
  async *instances(study: string): AsyncGenerator<MediaItem> {
    // Listed first: an association that waits for objects would be closed by the archive.
    for (const one of await this.list(study)) {
      if (this.#refusal) throw this.#refusal;
      yield this.#item(one);
    }
  }

  /** A study's instances, or those of one of its series, or one of them. @throws as `studies` */
  list(study: string, series?: string, instance?: string): Promise<readonly Listed[]> {
    const { limits } = this.#options;
    return this.#asking(
      (client) => instancesOf(client, { study, series, instance }, limits?.matchesMax),
      limits?.ms,
    );
  }

  /** What it knows that matches; text decoded as its answers say. @throws as `studies` */
  async *find(query: Query): AsyncGenerator<JsonDataSet> {
    const { target, limits } = this.#options;
    const client = await connectDimse({ ...target, contexts: queryContexts });
    const ending = endAfter(limits?.ms, client);
    try {
      for await (const { elements } of client.find(query)) yield toJsonDataSet(elements, answerOptions);
    } catch (error) {
      throw ending.isOver() ? tooLong() : error;
    } finally {
      ending.clear();
      if (client.isOpen) await client.release().catch(() => undefined);
    }
  }

  async close(): Promise<void> {
    const giving = this.#giving;
    this.#giving = undefined;
    if (giving?.client.isOpen) await giving.client.release().catch(() => undefined);
  }

  async #asking<T>(body: (client: DimseClient) => Promise<T>, ms?: number): Promise<T> {
    const client = await connectDimse({ ...this.#options.target, contexts: queryContexts });
    const ending = endAfter(ms, client);
    try {
      const offered = new Set(client.contexts.map(({ abstractSyntax }) => abstractSyntax));
      if (!offered.has(findClass)) throw notWalked("answer C-FIND (Study Root)");
      if (!offered.has(getClass)) throw notWalked("give objects by C-GET (Study Root)");
      return await body(client);
    } catch (error) {
      throw ending.isOver() ? tooLong() : error;
    } finally {
      ending.clear();
      if (client.isOpen) await client.release().catch(() => undefined);
    }
  }

  #item(listed: Listed): MediaItem {
    const { calledAeTitle } = this.#options.target;
    const name = `${calledAeTitle}: ${listed.study}/${listed.series}/${listed.instance}`;
    // How long it is nobody knows before.
    return itemOf(name, undefined, () => listedBytes(this.fetch(listed)), this.#options.staging);
  }

  /** A Part 10 file, one at a time; no bytes where the archive has nothing of that name. @throws as `studies` */
  async *fetch(listed: Listed): AsyncGenerator<Bytes> {
    const client = await this.#clientFor(listed.sopClassUid);
    const queue = new ArrivalQueue<Bytes>();
    let isWhole = false;
    const receive = (request: StoreRequest): StoreReceiver | DimseStatus => {
      const isWanted = this.#options.isAnyTaken === true || request.sopInstanceUid === listed.instance;
      if (isWhole || !isWanted)
        return { code: dimseStatus.invalidInstance, comment: "not what was asked for" };
      return receiverInto(queue, request, () => {
        isWhole = true;
      });
    };
    const { study, series, instance } = listed;
    const identifier = {
      root: "study" as const,
      level: "IMAGE" as const,
      studyUids: [study],
      seriesUids: [series],
      instanceUids: [instance],
    };
    const done = client.get(identifier, receive).then(
      (result) => {
        this.#hasGiven ||= isWhole;
        if (!isWhole && refusals.has(result.status.code)) this.#refused();
        const isAbsent = result.status.code === dimseStatus.success && (result.failed ?? 0) === 0;
        queue.complete(isWhole || isAbsent ? undefined : notGiven(result));
      },
      (error: unknown) => {
        // Orthanc, where it does not allow C-GET.
        if (error instanceof ScansealError && error.code === "peer-aborted") this.#refused();
        queue.complete(error);
      },
    );
    try {
      for (let next = await queue.next(); next !== undefined; next = await queue.next()) yield next;
    } finally {
      queue.discard();
      await done;
    }
  }

  #refused(): void {
    if (!this.#hasGiven) this.#refusal ??= notWalked("give objects by C-GET (Study Root)");
  }

  async #clientFor(sopClassUid: string | undefined): Promise<DimseClient> {
    const { client: kept, sopClassUid: keptClass } = this.#giving ?? {};
    if (kept?.isOpen && keptClass === sopClassUid) return kept;
    await this.close();
    const storage = storageOffers(sopClassUid);
    const contexts: PresentationContext[] = [
      { id: 1, abstractSyntax: getClass, transferSyntaxes: uncompressed },
      ...storage.map((offer, i) => ({ id: 2 * i + 3, ...offer })),
    ];
    const classes = new Set(storage.map(({ abstractSyntax }) => abstractSyntax));
    const roles = [...classes].map((uid) => ({ sopClassUid: uid, scu: false, scp: true }));
    const client = await connectDimse({ ...this.#options.target, contexts, roles });
    if (!client.contexts.some(({ abstractSyntax }) => abstractSyntax === getClass)) {
      await client.release().catch(() => undefined);
      throw notWalked("give objects by C-GET (Study Root)");
    }
    this.#giving = { client, sopClassUid };
    return client;
  }
}

function storageOffers(sopClassUid: string | undefined): Omit<PresentationContext, "id">[] {
  if (sopClassUid !== undefined)
    return keptSyntaxes.map((uid) => ({ abstractSyntax: sopClassUid, transferSyntaxes: [uid] }));
  return commonClasses.flatMap((abstractSyntax) =>
    syntaxGroups.map((transferSyntaxes) => ({ abstractSyntax, transferSyntaxes })),
  );
}

/** Of answers: nobody searches by bulk values. */
const answerOptions = { decoding: nodeTextDecoding, inlineBytesMax: 64, bulkUri: () => undefined };

const queryContexts: readonly PresentationContext[] = [
  { id: 1, abstractSyntax: findClass, transferSyntaxes: uncompressed },
  { id: 3, abstractSyntax: getClass, transferSyntaxes: uncompressed },
];

/** What never ends is ended. */
function endAfter(
  ms: number | undefined,
  client: DimseClient,
): { readonly isOver: () => boolean; readonly clear: () => void } {
  let isOver = false;
  const end = (): void => {
    isOver = true;
    client.abort("its answers take too long");
  };
  const timer = ms === undefined ? undefined : setTimeout(end, ms);
  return { isOver: () => isOver, clear: () => clearTimeout(timer) };
}

function tooLong(): ScansealError {
  return new ScansealError("timeout", "the archive's answers take too long");
}

async function instancesOf(
  client: DimseClient,
  asked: {
    readonly study: string;
    readonly series: string | undefined;
    readonly instance: string | undefined;
  },
  matchesMax: number = matchesMaxDefault,
): Promise<Listed[]> {
  const { study, series: onlySeries, instance: onlyInstance } = asked;
  const series: string[] = [];
  const inStudy: readonly (readonly [Tag, string])[] = [[tags.studyInstanceUid, study]];
  if (onlySeries !== undefined) series.push(onlySeries);
  else
    for await (const [uid] of matches(
      client,
      "SERIES",
      [[tags.seriesInstanceUid, ""], ...inStudy],
      matchesMax,
    ))
      series.push(uid!);
  const listed: Listed[] = [];
  for (const one of series) {
    const wanted: readonly (readonly [Tag, string])[] = [
      [tags.sopInstanceUid, ""],
      [tags.sopClassUid, ""],
      ...inStudy,
      [tags.seriesInstanceUid, one],
    ];
    for await (const [instance, sopClassUid] of matches(client, "IMAGE", wanted, matchesMax - listed.length))
      if (onlyInstance === undefined || onlyInstance === instance)
        listed.push({ study, series: one, instance: instance!, sopClassUid });
  }
  return listed;
}

/** @throws ScansealError `peer-rejected` where there are none: it was listed */
async function* listedBytes(bytes: AsyncIterable<Bytes>): AsyncGenerator<Bytes> {
  let isGiven = false;
  for await (const piece of bytes) {
    isGiven = true;
    yield piece;
  }
  if (!isGiven) throw new ScansealError("peer-rejected", nothingGiven);
}

const nothingGiven = "the archive has listed it, but gives nothing for it";

/** UIDs for the keys that have no value, of each match; the first of them is always there, and once. */
async function* matches(
  client: DimseClient,
  level: QueryLevel,
  keys: readonly (readonly [Tag, string])[],
  matchesMax: number = matchesMaxDefault,
): AsyncGenerator<readonly (string | undefined)[]> {
  const wanted = keys.filter(([, value]) => value === "").map(([tag]) => tag);
  const queryKeys: QueryKey[] = keys.map(([tag, value]) => ({
    path: [tag],
    match: value === "" ? { kind: "universal" } : { kind: "single", value },
  }));
  const query = { root: "study", level, keys: queryKeys, isEverythingAsked: false } as const;
  const seen = new Set<string>();
  let answers = 0;
  for await (const { elements } of client.find({ ...query, offset: 0, limit: undefined })) {
    // Those that repeat what was said, too: they may never end.
    if (++answers > matchesMax)
      throw new ScansealError("peer-protocol", "the archive lists more than is taken");
    const uids = wanted.map((tag) => uidOf(plainTextOf(elements, tag)));
    const [first] = uids;
    if (first === undefined) throw noUid();
    if (seen.has(first)) continue;
    seen.add(first);
    yield uids;
  }
}

/** Undefined where the archive does not tell. @throws ScansealError `peer-protocol` for what is none */
function uidOf(text: string | undefined): string | undefined {
  const uid = text?.trim() ?? "";
  if (uid !== "" && !isWellFormedUid(uid)) throw noUid();
  return uid === "" ? undefined : uid;
}

function noUid(): ScansealError {
  return new ScansealError("peer-protocol", "the archive's answer has no UID where one belongs");
}

/** A Part 10 file of what arrives: preamble and File Meta Information are ours, the data set is the archive's. */
function receiverInto(queue: ArrivalQueue<Bytes>, request: StoreRequest, whole: () => void): StoreReceiver {
  const { sopClassUid, sopInstanceUid, transferSyntaxUid } = request;
  let isBegun = false;
  const push = (bytes: Bytes): void | Promise<void> => queue.push(bytes, bytes.length);
  return {
    write: (bytes) => {
      if (!isBegun) push(encodeMeta(fromLatin1(sopClassUid), fromLatin1(sopInstanceUid), transferSyntaxUid));
      isBegun = true;
      // Valid only during the call.
      return push(new Uint8Array(bytes));
    },
    end: async () => {
      whole();
      return { code: dimseStatus.success };
    },
    cancel: () => undefined,
  };
}

function notGiven({ status }: RetrieveResult): ScansealError {
  return new ScansealError(
    "peer-rejected",
    status.code === dimseStatus.success
      ? nothingGiven
      : `the archive does not give it by C-GET: ${describeStatus(status.code)}`,
  );
}

function notWalked(what: string): ScansealError {
  return new ScansealError(
    "peer-rejected",
    `the archive does not ${what}: name its DICOMweb root or its storage folder, export its objects, or have it send them through the gate`,
  );
}
