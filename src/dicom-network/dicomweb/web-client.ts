/** A client of DICOMweb services: searches page by page (PS3.18 10.6), retrieves parts as they come (10.4), stores (10.5). Answers are a stranger's. */
import type { JsonDataSet } from "../../dicom/json/json-model.ts";
import { uidForm } from "../../dicom/uid.ts";
import { type Bytes, concatBytes, tryUtf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { type Exchange, exchange, type WebAnswer, type WebClientTls } from "./exchange.ts";
import { onlyPart } from "./multipart-reader.ts";
import { multipartType, type OutgoingPart, writeMultipart } from "./multipart-writer.ts";

/** Asked for at once; a server may give fewer. */
const pageSize = 1000;
/** What a search may take. */
export interface SearchLimits {
  /** Of one answer; a thousand entries of a query take one MiB, and whoever parses them stands still meanwhile. */
  readonly answerBytesMax: number;
  /** Studies of one archive, series of a study, instances of a series. */
  readonly matchesMax: number;
  /** All its pages. */
  readonly ms: number;
}

/** Of a whole archive, which nobody waits for. */
export const limitsDefault: SearchLimits = {
  answerBytesMax: 64 << 20,
  matchesMax: 10_000_000,
  ms: 24 * 60 * 60_000,
};

/** Of one page. */
const answerMsMax = 15 * 60_000;

/** RFC 9110 15.6: what stands before an archive says that the archive is away. */
const away: ReadonlySet<number> = new Set([502, 503, 504]);

/** As it is kept: without the star a server gives explicit little endian (PS3.18 8.7.3.5.2). */
const asKept = 'multipart/related; type="application/dicom"; transfer-syntax=*';
const dicomJson = "application/dicom+json";

export interface WebClientOptions {
  /** An `Authorization` header. */
  readonly authorization: string | undefined;
  readonly tls?: WebClientTls | undefined;
  /** For an object to begin. */
  readonly beginMs?: number | undefined;
}

/** One match, by tag, as the server wrote it: not checked. */
export type Match = Readonly<Record<string, unknown>>;

export class WebClient {
  /** Of the service's root, without a slash at its end. */
  readonly base: string;
  readonly #options: WebClientOptions;

  /** @param url of the service's root, such as `https://pacs.example.org/dicom-web` @throws ScansealError `usage` */
  constructor(url: string, options: WebClientOptions) {
    this.base = requireUrl(url);
    this.#options = options;
  }

  /**
   * Matches, each once by the UID of this tag; pages until nothing new comes.
   * @param at such as "studies/1.2/series" @param only of this UID: one answer is enough @throws ScansealError `network`, `peer-rejected`, `peer-protocol`
   */
  search(
    at: string,
    uidTag: string,
    { only, limits }: { readonly only?: string | undefined; readonly limits?: SearchLimits | undefined } = {},
  ): AsyncGenerator<Match> {
    const filter = only === undefined ? "" : `${uidTag}=${only}&`;
    return this.#pages(`${at}?${filter}`, uidTag, limits, only === undefined ? Number.POSITIVE_INFINITY : 1);
  }

  /** The same of a query. @param at such as "studies?PatientID=1" @throws as `search` */
  matches(at: string, uidTag: string, limits?: SearchLimits): AsyncGenerator<JsonDataSet> {
    return this.#pages(`${at}&`, uidTag, limits) as AsyncGenerator<JsonDataSet>;
  }

  async *#pages(
    at: string,
    uidTag: string,
    { answerBytesMax, matchesMax, ms }: SearchLimits = limitsDefault,
    pagesMax: number = Number.POSITIVE_INFINITY,
  ): AsyncGenerator<Match> {
    const seen = new Set<string>();
    const until = performance.now() + ms;
    for (let [offset, pages] = [0, 0]; pages < pagesMax; pages++) {
      const left = until - performance.now();
      if (left <= 0) throw new ScansealError("timeout", "the archive's answers take too long");
      const answer = await this.#get(`${at}limit=${pageSize}&offset=${offset}`, dicomJson, [], left);
      if (!answer) return;
      const page = answer.status === 204 ? [] : matchesOf(await wholeText(answer, answerBytesMax));
      if (seen.size + page.length > matchesMax) throw unexpected("it does not end");
      let fresh = 0;
      // A server that does not know `offset` would give its first page for ever.
      for (const match of page) {
        const uid = uidAt(match, uidTag);
        if (seen.has(uid)) continue;
        seen.add(uid);
        fresh++;
        yield match;
      }
      if (fresh === 0) return;
      offset += page.length;
    }
  }

  /**
   * The one object of an instance, as it is kept; undefined where there is none of that name.
   * @throws ScansealError `network`, `peer-rejected`, `peer-protocol`, also while it comes
   */
  async retrieveInstance(at: string): Promise<AsyncIterable<Bytes> | undefined> {
    const answer = await this.#get(at, asKept, [404, 410]);
    return answer && onlyPart(contentTypeOf(answer), answer.body);
  }

  /** Stores Part 10 files. @returns the status and, where it came, the response (PS3.18 annex I.2) @throws ScansealError `network`, `peer-rejected`, `peer-protocol` */
  async store(
    files: AsyncIterable<AsyncIterable<Bytes>>,
    { study, boundary }: { readonly study?: string; readonly boundary: string },
  ): Promise<{ readonly status: number; readonly dataSet: JsonDataSet | undefined }> {
    async function* parts(): AsyncGenerator<OutgoingPart> {
      for await (const body of files) yield { contentType: "application/dicom", body };
    }
    const answer = await this.#exchange({
      method: "POST",
      at: study === undefined ? "studies" : `studies/${study}`,
      accept: dicomJson,
      contentType: multipartType("application/dicom", boundary),
      body: writeMultipart(parts(), boundary),
    });
    // PS3.18 table 10.5.3-1: 409 says instance by instance why nothing was stored.
    const isTold = answer.status === 200 || answer.status === 202 || answer.status === 409;
    const text = isTold ? await wholeText(answer, limitsDefault.answerBytesMax) : await answer.discard();
    return { status: answer.status, dataSet: text ? dataSetOf(text) : undefined };
  }

  async #get(
    at: string,
    accept: string,
    absent: readonly number[],
    answerMs?: number,
  ): Promise<WebAnswer | undefined> {
    const { beginMs } = this.#options;
    const times =
      answerMs === undefined ? { beginMs } : { answerMs: Math.ceil(Math.min(answerMs, answerMsMax)) };
    const answer = await this.#exchange({ method: "GET", at, accept, ...times });
    if (answer.status >= 200 && answer.status < 300) return answer;
    answer.discard();
    if (absent.includes(answer.status)) return undefined;
    // It is there, and refuses this; another request may be answered.
    const code = away.has(answer.status) ? "network" : "peer-rejected";
    throw new ScansealError(code, `the archive answers ${answer.status} to ${at.split("?")[0]}`);
  }

  #exchange(
    what: Omit<Exchange, "url" | "authorization" | "tls"> & { readonly at: string },
  ): Promise<WebAnswer> {
    const { at, ...rest } = what;
    const { authorization, tls } = this.#options;
    return exchange({ ...rest, url: `${this.base}/${at}`, authorization, tls });
  }
}

/** PS3.18 F.2.2. It becomes a part of an address. @throws ScansealError `peer-protocol` */
export function uidAt(match: Match, tag: string): string {
  const element = match[tag] as { readonly Value?: readonly unknown[] } | null | undefined;
  const uid = element?.Value?.[0];
  if (typeof uid !== "string" || !uidForm.test(uid) || /^\.+$/.test(uid))
    throw unexpected("no UID where one belongs");
  return uid;
}

function requireUrl(text: string): string {
  const url = URL.parse(text);
  if (!url || (url.protocol !== "https:" && url.protocol !== "http:") || url.search !== "" || url.hash !== "")
    throw new ScansealError(
      "usage",
      "an archive is named by its DICOMweb root, such as https://pacs/dicom-web",
    );
  if (url.username !== "" || url.password !== "")
    throw new ScansealError(
      "usage",
      "a password does not belong in the address: SCANSEAL_ARCHIVE_AUTHORIZATION",
    );
  return url.href.replace(/\/+$/, "");
}

function contentTypeOf({ headers }: WebAnswer): string {
  return headers["content-type"] ?? "";
}

async function wholeText({ body }: WebAnswer, bytesMax: number): Promise<string> {
  const parts: Bytes[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw unexpected("too long");
    parts.push(chunk);
  }
  const text = tryUtf8(concatBytes(parts));
  if (text === undefined) throw unexpected("no DICOM JSON");
  return text;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw unexpected("no DICOM JSON");
  }
}

function isMatch(value: unknown): value is Match {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function matchesOf(text: string): readonly Match[] {
  const value = text === "" ? [] : parsed(text);
  if (!Array.isArray(value) || !value.every(isMatch)) throw unexpected("no DICOM JSON");
  return value;
}

/** Some put it in an array, as PS3.18 F.2 has it; others do not. */
function dataSetOf(text: string): JsonDataSet {
  const value = parsed(text);
  const one: unknown = Array.isArray(value) ? value[0] : value;
  if (!isMatch(one)) throw unexpected("no DICOM JSON");
  return one as JsonDataSet;
}

function unexpected(what: string): ScansealError {
  return new ScansealError("peer-protocol", `the archive's answer is not as expected: ${what}`);
}
