/** The archive that readers' objects are fetched from, over DICOMweb or DIMSE. */
import type { JsonDataSet } from "../../dicom/json/json-model.ts";
import { isWellFormedUid } from "../../dicom/uid.ts";
import type { Query } from "../../dicom-network/query/query.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { linkCodes } from "../../zero-trust/gateway/reading/instance-reading.ts";
import type { SearchedArchive } from "../../zero-trust/gateway/reading/merged-search.ts";
import type { InstanceName, ReadableArchive, ReadScope } from "../../zero-trust/gateway/reading/ports.ts";
import type { ArchiveSettings } from "../../zero-trust/gateway/settings.ts";
import { DimseArchive } from "../receipts/dimse-archive.ts";
import { WebArchive } from "../receipts/web-archive.ts";

export interface ReadArchiveOptions {
  /** Ours, for DIMSE. */
  readonly aeTitle: string;
  /** A private folder. */
  readonly staging: string;
}

export interface OpenArchive extends ReadableArchive {
  /** UIDs of its studies. @param studiesMax more than that is `peer-protocol` @throws ScansealError `network`, `timeout`, `peer-*` */
  studies(studiesMax?: number): Promise<readonly string[]>;
  close(): Promise<void>;
}

export interface SearchableArchive extends OpenArchive, SearchedArchive {}

/** What readers wait for. More than a study has; and an archive that lists for longer lists for ever. */
const limits = { matchesMax: 200_000, ms: 60_000, answerBytesMax: 8 << 20 };
/** For an object to begin; a slow archive assembles a large one first. */
const beginMs = 120_000;

/** Where it is: a sweep of another archive is another sweep, whatever both are called. */
export function archivePlace({ through }: Pick<ArchiveSettings, "through">): string {
  if (through.protocol === "dicomweb") return through.url;
  return `${through.aeTitle}@${through.host}:${through.port}`;
}

/** @throws ScansealError `usage` for an address that is none */
export function openReadArchive(settings: ArchiveSettings, options: ReadArchiveOptions): SearchableArchive {
  const { through } = settings;
  if (through.protocol === "dicomweb") return overWeb(settings, through, options);
  return new DimseReadArchive(settings, through, options);
}

function overWeb(
  { name, tolerate }: ArchiveSettings,
  { url, authorization, tls }: Extract<ArchiveSettings["through"], { protocol: "dicomweb" }>,
  { staging }: ReadArchiveOptions,
): SearchableArchive {
  const archive = new WebArchive(url, {
    ...{ authorization, staging, limits, beginMs },
    tls: tls && { ...tls, ca: tls.authorities },
  });
  return {
    name,
    tolerate,
    studies: (studiesMax) => archive.studies(studiesMax),
    find: (query) => archive.find(query),
    async *list(scope) {
      const { studyInstanceUid, sopInstanceUid: only } = scope;
      for await (const { series, instance } of archive.list(
        studyInstanceUid,
        scope.seriesInstanceUid,
        only,
      )) {
        if (isWellFormedUid(instance) && (only === undefined || only === instance))
          yield { studyInstanceUid, seriesInstanceUid: series, sopInstanceUid: instance };
      }
    },
    fetch: ({ studyInstanceUid, seriesInstanceUid, sopInstanceUid }, onAsked) => {
      onAsked?.();
      return archive.fetch(studyInstanceUid, seriesInstanceUid, sopInstanceUid);
    },
    close: async () => undefined,
  };
}

/** The one of the configuration in force; what is under way ends where it began. */
export class ArchiveInForce implements SearchableArchive {
  readonly #options: ReadArchiveOptions;
  #settings: string;
  #archive: SearchableArchive;

  /** @throws ScansealError `usage` for an address that is none */
  constructor(settings: ArchiveSettings, options: ReadArchiveOptions) {
    this.#options = options;
    this.#settings = JSON.stringify(settings);
    this.#archive = openReadArchive(settings, options);
  }

  /** @throws ScansealError `usage`: nothing changes */
  async apply(settings: ArchiveSettings): Promise<void> {
    const text = JSON.stringify(settings);
    if (text === this.#settings) return;
    const before = this.#archive;
    this.#archive = openReadArchive(settings, this.#options);
    this.#settings = text;
    await before.close();
  }

  get name(): string {
    return this.#archive.name;
  }

  get tolerate(): ArchiveSettings["tolerate"] {
    return this.#archive.tolerate;
  }

  studies(studiesMax?: number): Promise<readonly string[]> {
    return this.#archive.studies(studiesMax);
  }

  find(query: Query): ReturnType<SearchableArchive["find"]> {
    return this.#archive.find(query);
  }

  list(scope: ReadScope): ReturnType<SearchableArchive["list"]> {
    return this.#archive.list(scope);
  }

  fetch(asked: InstanceName, onAsked?: () => void): Promise<AsyncIterable<Bytes> | undefined> {
    return this.#archive.fetch(asked, onAsked);
  }

  close(): Promise<void> {
    return this.#archive.close();
  }
}

/** Associations that fetch at once; each gives one object after another. Archives have few for everybody (Orthanc four), and one more of ours asks what there is. */
const fetchersMax = 3;
/** One that has nothing to fetch is released: it would keep others out. */
const restMs = 500;

class DimseReadArchive implements SearchableArchive {
  readonly name: string;
  readonly tolerate: ArchiveSettings["tolerate"];
  readonly #make: () => DimseArchive;
  readonly #idle = new Map<DimseArchive, NodeJS.Timeout>();
  readonly #waiting: PromiseWithResolvers<DimseArchive>[] = [];
  #open = 0;
  #isClosed = false;

  constructor(
    { name, tolerate }: ArchiveSettings,
    through: Extract<ArchiveSettings["through"], { protocol: "dimse" }>,
    { aeTitle: callingAeTitle, staging }: ReadArchiveOptions,
  ) {
    this.name = name;
    this.tolerate = tolerate;
    const { host, port, aeTitle: calledAeTitle, tls } = through;
    const target = { host, port, tls, callingAeTitle, calledAeTitle };
    this.#make = () => new DimseArchive({ target, staging, isAnyTaken: true, limits });
  }

  studies(studiesMax?: number): Promise<readonly string[]> {
    return this.#make().studies(studiesMax);
  }

  find(query: Query): AsyncGenerator<JsonDataSet> {
    return this.#make().find(query);
  }

  async *list({
    studyInstanceUid,
    seriesInstanceUid,
    sopInstanceUid,
  }: ReadScope): AsyncGenerator<InstanceName> {
    for (const { series, instance } of await this.#make().list(
      studyInstanceUid,
      seriesInstanceUid,
      sopInstanceUid,
    ))
      yield { studyInstanceUid, seriesInstanceUid: series, sopInstanceUid: instance };
  }

  async fetch(asked: InstanceName, onAsked?: () => void): Promise<AsyncIterable<Bytes> | undefined> {
    const { studyInstanceUid: study, seriesInstanceUid: series, sopInstanceUid: instance } = asked;
    const archive = await this.#take();
    onAsked?.();
    const pieces = archive.fetch({ study, series, instance, sopClassUid: asked.sopClassUid });
    try {
      const first = await pieces.next();
      if (first.done === true) {
        this.#give(archive);
        return undefined;
      }
      return this.#rest(archive, first.value, pieces);
    } catch (error) {
      // Who waits for its turn would wait for nothing.
      if (error instanceof ScansealError && linkCodes.has(error.code))
        for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
      this.#give(archive);
      throw error;
    }
  }

  async *#rest(archive: DimseArchive, first: Bytes, pieces: AsyncGenerator<Bytes>): AsyncGenerator<Bytes> {
    try {
      yield first;
      yield* pieces;
    } finally {
      await pieces.return(undefined);
      this.#give(archive);
    }
  }

  async #take(): Promise<DimseArchive> {
    for (const [idle, timer] of this.#idle) {
      clearTimeout(timer);
      this.#idle.delete(idle);
      return idle;
    }
    if (this.#open < fetchersMax) {
      this.#open++;
      return this.#make();
    }
    const turn = Promise.withResolvers<DimseArchive>();
    this.#waiting.push(turn);
    return turn.promise;
  }

  #give(archive: DimseArchive): void {
    const next = this.#waiting.shift();
    if (next) next.resolve(archive);
    else if (this.#isClosed) void archive.close();
    else this.#idle.set(archive, setTimeout(() => this.#release(archive), restMs).unref());
  }

  /** It is connected anew when it is needed again. */
  #release(archive: DimseArchive): void {
    this.#idle.delete(archive);
    this.#open--;
    void archive.close();
  }

  /** What is under way closes its own when it ends. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const idle = [...this.#idle];
    this.#idle.clear();
    for (const [, timer] of idle) clearTimeout(timer);
    await Promise.all(idle.map(([archive]) => archive.close()));
  }
}
