/** One request and its answer over HTTP/1.1, bodies streamed. Through node:https: fetch knows no client certificates. */
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";

/** PEM. */
export interface WebClientTls {
  /** Instead of the machine's. */
  readonly ca?: string | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  /** The name in the server's certificate, where it is not the address's. */
  readonly serverName?: string | undefined;
}

export interface Exchange {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly accept: string;
  readonly authorization: string | undefined;
  readonly tls: WebClientTls | undefined;
  /** For the answer to begin; what follows has its own time. */
  readonly beginMs?: number | undefined;
  /** For all of it; a large multi-frame object over a slow line takes minutes, which is the default. */
  readonly answerMs?: number | undefined;
  readonly contentType?: string;
  readonly body?: AsyncIterable<Bytes>;
}

export interface WebAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Taken once; throws ScansealError `network` where it breaks off. */
  readonly body: AsyncIterable<Bytes>;
  /** Instead of `body`. */
  discard(): undefined;
}

const answerMsDefault = 15 * 60_000;
/** Of headers: a dozen lines. */
const headerBytesMax = 16 << 10;

/** Redirects are not followed: they could lead to another host, with the authorization. @throws ScansealError `network`, `peer-protocol`; what `body` throws */
export async function exchange(asked: Exchange): Promise<WebAnswer> {
  const { answerMs = answerMsDefault, beginMs = answerMs } = asked;
  const begin = new AbortController();
  const signal = AbortSignal.any([AbortSignal.timeout(answerMs), begin.signal]);
  const timer = setTimeout(() => begin.abort(), beginMs);
  try {
    const answer = await send(asked, signal);
    const encoding = answer.headers["content-encoding"] ?? "identity";
    if (encoding !== "identity") {
      answer.destroy();
      throw new ScansealError("peer-protocol", "the archive's answer is compressed, which nobody asked for");
    }
    return {
      status: answer.statusCode ?? 0,
      headers: answer.headers,
      body: bodyOf(answer, signal),
      discard: () => void answer.on("error", () => undefined).destroy(),
    };
  } catch (cause) {
    throw asNetwork(cause, signal);
  } finally {
    clearTimeout(timer);
  }
}

/** @param isAnew on a connection that nobody used before: what has a body cannot be sent twice */
function send(
  asked: Exchange,
  signal: AbortSignal,
  isAnew = asked.body !== undefined,
): Promise<IncomingMessage> {
  const { method, url, accept, authorization, tls = {}, contentType, body } = asked;
  const headers = {
    accept,
    // Orthanc takes thirty times as long to compress a slice as to send it.
    "accept-encoding": "identity",
    ...(authorization === undefined ? {} : { authorization }),
    ...(contentType === undefined ? {} : { "content-type": contentType }),
  };
  const options = {
    ...{ method, headers, signal, maxHeaderSize: headerBytesMax },
    ...(isAnew ? { agent: false } : {}),
  };
  return new Promise((resolve, reject) => {
    const { ca, certificate: cert, key, serverName: servername } = tls;
    const request = url.startsWith("https:")
      ? httpsRequest(url, { ...options, ca, cert, key, ...(servername && { servername }) })
      : httpRequest(url, options);
    let isAnswered = false;
    request.once("response", (answer) => {
      isAnswered = true;
      resolve(answer);
    });
    request.on("error", (error: NodeJS.ErrnoException) => {
      // RFC 9112 9.3.1: the other side closed a connection that rested, as this request was on its way.
      const isStale = request.reusedSocket && error.code === "ECONNRESET" && !isAnswered;
      if (isStale) resolve(send(asked, signal, true));
      else reject(error);
    });
    if (!body) request.end();
    // Who answers before the end may take no more: the answer is what counts.
    else pipeline(Readable.from(body), request).catch(reject);
  });
}

async function* bodyOf(answer: IncomingMessage, signal: AbortSignal): AsyncGenerator<Bytes> {
  try {
    for await (const chunk of answer) yield chunk as Bytes;
  } catch (cause) {
    throw asNetwork(cause, signal);
  }
}

function asNetwork(cause: unknown, signal: AbortSignal): ScansealError {
  if (cause instanceof ScansealError) return cause;
  const code = (cause as NodeJS.ErrnoException).code ?? "the connection failed";
  const why = signal.aborted ? "it does not answer in time" : code;
  return new ScansealError("network", `the archive cannot be asked: ${why}`, { cause });
}
