/** An archive walked over DICOMweb: QIDO-RS says what is there (PS3.18 10.6), WADO-RS gives it as it is kept (10.4). Its answers are a stranger's. */
import type { JsonDataSet } from "../../dicom/json/json-model.ts";
import type { WebClientTls } from "../../dicom-network/dicomweb/exchange.ts";
import { queryText } from "../../dicom-network/dicomweb/query-text.ts";
import {
  limitsDefault,
  type SearchLimits,
  uidAt,
  WebClient,
} from "../../dicom-network/dicomweb/web-client.ts";
import type { Query } from "../../dicom-network/query/query.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { itemOf, type MediaItem } from "./media.ts";

const studyUidTag = "0020000D";
const seriesUidTag = "0020000E";
const instanceUidTag = "00080018";
const uidTagOf = { PATIENT: "", STUDY: studyUidTag, SERIES: seriesUidTag, IMAGE: instanceUidTag };

export interface WebArchiveOptions {
  /** An `Authorization` header. */
  readonly authorization: string | undefined;
  /** A private folder for what does not fit in memory. */
  readonly staging: string;
  /** Whom the archive's certificate must come from, and what we show; without it the machine's authorities. */
  readonly tls?: WebClientTls | undefined;
  /** Of a study's list, and of a query; the list of studies has its own. */
  readonly limits?: SearchLimits | undefined;
  /** For an object to begin. */
  readonly beginMs?: number | undefined;
}

export class WebArchive {
  readonly #client: WebClient;
  readonly #staging: string;
  readonly #limits: SearchLimits | undefined;

  /** @param url of the service's root, such as `https://pacs.example.org/dicom-web` @throws ScansealError `usage` */
  constructor(url: string, { authorization, staging, tls, limits, beginMs }: WebArchiveOptions) {
    this.#client = new WebClient(url, { authorization, tls, beginMs });
    this.#limits = limits;
    this.#staging = staging;
  }

  /** UIDs of its studies. @param studiesMax more than that is `peer-protocol` @throws ScansealError `network`, `peer-rejected`, `peer-protocol` */
  async studies(studiesMax: number = limitsDefault.matchesMax): Promise<readonly string[]> {
    const uids: string[] = [];
    const limits = { ...limitsDefault, matchesMax: studiesMax };
    for await (const uid of this.#uids("studies", studyUidTag, { limits })) uids.push(uid);
    return uids;
  }

  /** A study's instances, series by series; each is fetched when its bytes are asked for. @throws ScansealError `network`, `peer-rejected`, `peer-protocol` */
  async *instances(study: string): AsyncGenerator<MediaItem> {
    for await (const series of this.#uids(`studies/${study}/series`, seriesUidTag)) {
      const at = `studies/${study}/series/${series}/instances`;
      for await (const uid of this.#uids(at, instanceUidTag)) yield this.#item(`${at}/${uid}`);
    }
  }

  /** A study's instances by their UIDs, those of one of its series, or one of them. @throws ScansealError `network`, `peer-rejected`, `peer-protocol` */
  async *list(
    study: string,
    series?: string,
    only?: string,
  ): AsyncGenerator<{ readonly series: string; readonly instance: string }> {
    const until = performance.now() + (this.#limits?.ms ?? Number.POSITIVE_INFINITY);
    /** Of all its series together, also those that have nothing. */
    const limitsLeft = (): SearchLimits | undefined => {
      const ms = until - performance.now();
      if (ms <= 0) throw new ScansealError("timeout", "the archive's list takes too long");
      return this.#limits && { ...this.#limits, ms };
    };
    const every = (): AsyncGenerator<string> =>
      this.#uids(`studies/${study}/series`, seriesUidTag, { limits: limitsLeft() });
    for await (const one of series === undefined ? every() : [series]) {
      const at = `studies/${study}/series/${one}/instances`;
      for await (const instance of this.#uids(at, instanceUidTag, { only, limits: limitsLeft() }))
        yield { series: one, instance };
    }
  }

  /** What it knows that matches; the values are not looked at. @throws ScansealError `network`, `peer-rejected`, `peer-protocol` */
  async *find(query: Query): AsyncGenerator<JsonDataSet> {
    const at = queryText(query);
    if (at !== undefined) yield* this.#client.matches(at, uidTagOf[query.level], this.#limits);
  }

  /** The Part 10 file; undefined where the archive has none of that name. @throws ScansealError `network`, `peer-rejected`, `peer-protocol`, also while it comes */
  fetch(study: string, series: string, instance: string): Promise<AsyncIterable<Bytes> | undefined> {
    return this.#client.retrieveInstance(`studies/${study}/series/${series}/instances/${instance}`);
  }

  #item(at: string): MediaItem {
    const client = this.#client;
    async function* chunks(): AsyncGenerator<Bytes> {
      const body = await client.retrieveInstance(at);
      if (!body) throw new ScansealError("network", `the archive has no longer what it named: ${at}`);
      yield* body;
    }
    // How long it is nobody knows before.
    return itemOf(`${client.base}/${at}`, undefined, chunks, this.#staging);
  }

  async *#uids(
    at: string,
    tag: string,
    asked?: { readonly only?: string | undefined; readonly limits?: SearchLimits | undefined },
  ): AsyncGenerator<string> {
    for await (const match of this.#client.search(at, tag, asked)) yield uidAt(match, tag);
  }
}
