/** An answer onto its connection: a reader that takes nothing keeps nothing waiting, and what breaks off looks broken off. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Bytes, utf8 } from "../../foundation/bytes.ts";
import type { WebAnswer } from "./message.ts";

/** A line for whoever reads logs of a client: nothing of what was asked is repeated. */
export function textAnswer(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): WebAnswer {
  const body = utf8(`${text}\n`);
  return { status, headers: { "content-type": "text/plain; charset=utf-8", ...headers }, body };
}

/** Patient data: kept by nobody between, read by no page of another origin. */
const always: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
};

/** Of a body that nobody wants: many senders look for the answer only when they have sent everything. */
const unwantedMsMax = 5_000;
const unwantedBytesMax: number = 64 << 20;

/** @param takingMs within which the other side takes what is written: pieces of at most a megabyte */
export async function sendAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  { status, headers, body, done }: WebAnswer,
  takingMs: number,
): Promise<void> {
  response.on("error", () => undefined);
  try {
    // Where the body was not read the connection cannot go on.
    const isRead = status !== 408 && (await readOver(request));
    response.writeHead(status, { ...always, ...headers, ...(isRead ? {} : { connection: "close" }) });
    if (request.method === "HEAD") {
      response.end();
      if (body && !(body instanceof Uint8Array)) await unread(body);
    } else if (body instanceof Uint8Array) response.end(body);
    else if (body) await stream(response, body, takingMs);
    else response.end();
  } catch {
    // Told where it happened; here the reader learns that this is not all.
    response.destroy();
  } finally {
    done?.();
  }
}

/** Begun, so that its end frees what it has: the search in the archive, the file. */
async function unread(body: AsyncIterable<Bytes>): Promise<void> {
  const iterator = body[Symbol.asyncIterator]();
  await iterator.next();
  await iterator.return?.();
}

/** @returns whether nothing is left of the request */
async function readOver(request: IncomingMessage): Promise<boolean> {
  const { headers } = request;
  const hasBody = headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";
  if (request.complete || !hasBody) return true;
  // RFC 9110 10.1.1: it waits to be told to go on.
  if (headers.expect !== undefined && !request.readableDidRead) return false;
  request.removeAllListeners("readable");
  let bytes = 0;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, unwantedMsMax);
    const end = (): void => {
      clearTimeout(timer);
      resolve();
    };
    request.on("data", (chunk: Bytes) => {
      bytes += chunk.length;
      if (bytes > unwantedBytesMax) end();
    });
    request.once("end", end).once("close", end).once("error", end);
    request.resume();
  });
  return request.complete;
}

async function stream(response: ServerResponse, body: AsyncIterable<Bytes>, takingMs: number): Promise<void> {
  for await (const piece of body) {
    if (response.destroyed) return;
    if (!response.write(piece)) await taken(response, takingMs);
  }
  response.end();
}

function taken(response: ServerResponse, ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (error?: Error): void => {
      clearTimeout(timer);
      response.off("drain", end);
      response.off("close", onClose);
      if (error) reject(error);
      else resolve();
    };
    const onClose = (): void => end(new Error("the reader went away"));
    const timer = setTimeout(() => end(new Error("the reader takes nothing")), ms);
    response.on("drain", end);
    response.on("close", onClose);
    if (response.destroyed) onClose();
  });
}
