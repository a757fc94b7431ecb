/**
 * `POST /append`, on Node's own requests: in Web-standard objects each cost more than all of the log's work for it (measured, 256 submitters on two
 * busy cores: 12,000 a second against 27,000).
 */
import { timingSafeEqual } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { isHostAllowed, isLoopback } from "../host-check.ts";

export interface AppendOptions {
  readonly host: string;
  /**
   * @param bundle entries, each after its length as `u16` @returns the first one's index, when all are durable
   * @throws ScansealError `usage`, `log-structure`: the request's fault; `log-conflict`: the log is read-only
   */
  readonly append: (bundle: Bytes) => Promise<number>;
  /** Of an append request: `authorization: Bearer TOKEN`. Without one only this machine may append. */
  readonly token: string | undefined;
}

/** 4,096 entries of 34 bytes. */
const appendBytesMax: number = 4_096 * 36;

/** @returns false when the request is another one */
export function answerAppend(
  request: IncomingMessage,
  response: ServerResponse,
  options: AppendOptions,
): boolean {
  if (request.method !== "POST" || request.url !== "/append") return false;
  const refused = refuse(request, options);
  if (refused) {
    // Nobody reads the body: the connection ends with the answer.
    response.shouldKeepAlive = false;
    answer(response, refused[0], refused[1]);
    return true;
  }
  const parts: Bytes[] = [];
  // Node ends the request at its content-length: the body cannot be longer.
  request.on("data", (part: Bytes) => parts.push(part));
  request.on("end", () => {
    const body = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    options.append(body).then(
      (index) => answer(response, 200, String(index)),
      (error: unknown) => answer(response, ...failureOf(error)),
    );
  });
  return true;
}

function refuse({ headers }: IncomingMessage, { host, token }: AppendOptions): [number, string] | undefined {
  if (!isHostAllowed(host, headers.host))
    return [421, "This address answers to the names of this machine only."];
  if (!mayAppend(host, token, headers.authorization))
    return [403, "Nobody may append from here without the log's token."];
  const length = headers["content-length"];
  if (length === undefined || headers["transfer-encoding"] !== undefined)
    return [411, "A request here says how long its body is."];
  return Number(length) <= appendBytesMax ? undefined : [413, "The body is too large."];
}

function mayAppend(host: string, token: string | undefined, given: string | undefined): boolean {
  if (token === undefined) return isLoopback(host);
  const expected = Buffer.from(`Bearer ${token}`);
  const actual = Buffer.from(given ?? "");
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

/** As one string: Node then sends head and body in one write. */
function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    "content-type": "text/plain; charset=utf-8",
    "content-length": text.length + 1,
    "cache-control": "no-store",
  });
  response.end(`${text}\n`);
}

/** What went wrong here is the log's to tell its operator, and nobody's to read. */
function failureOf(error: unknown): [number, string] {
  const code = error instanceof ScansealError ? error.code : "internal";
  if (code === "usage" || code === "log-structure")
    return [400, "Not 1 to 4,096 entries of this log (spec/transparency-log.md)."];
  if (code === "log-conflict") return [503, "The log is read-only."];
  return [503, "The log could not answer. Try again."];
}
