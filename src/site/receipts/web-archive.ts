/** An archive walked over DICOMweb: QIDO-RS says what is there (PS3.18 10.6), WADO-RS gives it as it is kept (10.4). Its answers are a stranger's. */
import { uidForm } from "../../dicom/uid.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { concatBytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { itemOf, type MediaItem } from "./media.ts";
import { onlyPart } from "./multipart.ts";

/** Asked for at once; a server may give fewer. */
const pageSize = 1000;
/** A thousand entries of a query take one; nothing that answers honestly comes near. */
const answerBytesMax = 64 << 20;
/** Studies of one archive, series of a study, instances of a series. */
const matchesMax = 10_000_000;
/** For an answer to begin and to end; a large multi-frame object over a slow line takes minutes. */
const answerMs = 15 * 60_000;

const studyUidTag = "0020000D";
const seriesUidTag = "0020000E";
const instanceUidTag = "00080018";

export interface WebArchiveOptions {
  /** An `Authorization` header. */
  readonly authorization: string | undefined;
  /** A private folder for what does not fit in memory. */
  readonly staging: string;
}

export class WebArchive {
  readonly #base: string;
  readonly #options: WebArchiveOptions;

  /** @param url of the service's root, such as `https://pacs.example.org/dicom-web` @throws ScansealError `usage` */
  constructor(url: string, options: WebArchiveOptions) {
    this.#base = requireUrl(url);
    this.#options = options;
  }

  /** UIDs of its studies. @throws ScansealError `network`, `peer-protocol` */
  async studies(): Promise<readonly string[]> {
    const uids: string[] = [];
    for await (const [uid] of this.#matches("studies", [studyUidTag])) uids.push(uid!);
    return uids;
  }

  /** A study's instances, series by series; each is fetched when its bytes are asked for. @throws ScansealError `network`, `peer-protocol` */
  async *instances(study: string): AsyncGenerator<MediaItem> {
    for await (const [series] of this.#matches(`studies/${study}/series`, [seriesUidTag])) {
      const at = `studies/${study}/series/${series}/instances`;
      for await (const [uid] of this.#matches(at, [instanceUidTag])) yield this.#item(`${at}/${uid}`);
    }
  }

  /** A study's instances by their UIDs, or those of one of its series. @throws ScansealError `network`, `peer-protocol` */
  async *list(
    study: string,
    series?: string,
  ): AsyncGenerator<{ readonly series: string; readonly instance: string }> {
    const all = series === undefined ? this.#matches(`studies/${study}/series`, [seriesUidTag]) : [[series]];
    for await (const [one] of all)
      for await (const [uid] of this.#matches(`studies/${study}/series/${one}/instances`, [instanceUidTag]))
        yield { series: one!, instance: uid! };
  }

  /** The Part 10 file; undefined where the archive has none of that name. @throws ScansealError `network`, `peer-protocol`, also while it comes */
  async fetch(study: string, series: string, instance: string): Promise<AsyncIterable<Bytes> | undefined> {
    const response = await this.#get(
      `studies/${study}/series/${series}/instances/${instance}`,
      instanceAccept,
      [404, 410],
    );
    return response && onlyPart(response.headers.get("content-type") ?? "", bodyOf(response));
  }

  #item(at: string): MediaItem {
    const fetched = async (): Promise<Response> => this.#get(at, instanceAccept);
    async function* chunks(): AsyncGenerator<Bytes> {
      const response = await fetched();
      yield* onlyPart(response.headers.get("content-type") ?? "", bodyOf(response));
    }
    // How long it is nobody knows before.
    return itemOf(`${this.#base}/${at}`, undefined, chunks, this.#options.staging);
  }

  /** Values of these tags for each match; pages until nothing new comes. */
  async *#matches(at: string, wanted: readonly string[]): AsyncGenerator<readonly string[]> {
    const seen = new Set<string>();
    for (let offset = 0; offset < matchesMax; ) {
      const response = await this.#get(`${at}?limit=${pageSize}&offset=${offset}`, "application/dicom+json");
      if (response.status === 204) return;
      const page = parsed(await wholeBody(response));
      // A server that does not know `offset` would give its first page for ever.
      const fresh = page
        .map((match) => wanted.map((tag) => uidAt(match, tag)))
        .filter(([uid]) => !seen.has(uid!));
      for (const [uid] of fresh) seen.add(uid!);
      yield* fresh;
      if (fresh.length === 0) return;
      offset += page.length;
    }
  }

  async #get(at: string, accept: string): Promise<Response>;
  async #get(at: string, accept: string, absent: readonly number[]): Promise<Response | undefined>;
  async #get(at: string, accept: string, absent: readonly number[] = []): Promise<Response | undefined> {
    const { authorization } = this.#options;
    // Orthanc takes thirty times as long to compress a slice as to send it.
    const plain = { accept, "accept-encoding": "identity" };
    const headers = { ...plain, ...(authorization === undefined ? {} : { authorization }) };
    const signal = AbortSignal.timeout(answerMs);
    try {
      // Redirects could lead to another host, with the authorization.
      const response = await fetch(`${this.#base}/${at}`, { headers, signal, redirect: "error" });
      if (response.ok) return response;
      await response.body?.cancel();
      if (absent.includes(response.status)) return undefined;
      throw new ScansealError("network", `the archive answers ${response.status} to ${at.split("?")[0]}`);
    } catch (cause) {
      throw asNetwork(cause);
    }
  }
}

/** As it is kept: without the star a server gives explicit little endian (PS3.18 8.7.3.5.2). */
const instanceAccept = 'multipart/related; type="application/dicom"; transfer-syntax=*';

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

async function* bodyOf(response: Response): AsyncGenerator<Bytes> {
  try {
    for await (const chunk of response.body ?? []) yield chunk as Bytes;
  } catch (cause) {
    throw asNetwork(cause);
  }
}

async function wholeBody(response: Response): Promise<string> {
  const parts: Bytes[] = [];
  let bytes = 0;
  for await (const chunk of bodyOf(response)) {
    bytes += chunk.length;
    if (bytes > answerBytesMax) throw new ScansealError("peer-protocol", "the archive's answer is too long");
    parts.push(chunk);
  }
  return new TextDecoder().decode(concatBytes(parts));
}

function parsed(text: string): readonly unknown[] {
  let value: unknown;
  try {
    value = text === "" ? [] : JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (!Array.isArray(value))
    throw new ScansealError("peer-protocol", "the archive's answer is no DICOM JSON");
  return value;
}

/** PS3.18 F.2.2. It becomes a part of an address. */
function uidAt(match: unknown, tag: string): string {
  const element = (match as Record<string, { readonly Value?: readonly unknown[] } | undefined> | null)?.[
    tag
  ];
  const uid = element?.Value?.[0];
  if (typeof uid !== "string" || !uidForm.test(uid) || /^\.+$/.test(uid))
    throw new ScansealError("peer-protocol", "the archive's answer has no UID where one belongs");
  return uid;
}

function asNetwork(cause: unknown): ScansealError {
  if (cause instanceof ScansealError) return cause;
  const { name, cause: inner } = cause as Error;
  const code = (inner as NodeJS.ErrnoException | undefined)?.code;
  const why = name === "TimeoutError" ? "it does not answer in time" : (code ?? "the connection failed");
  return new ScansealError("network", `the archive cannot be asked: ${why}`, { cause });
}
