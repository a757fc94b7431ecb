/** From Node's request to one that is understood, or an answer to one that is not. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { isIP } from "node:net";
import type { NetworkPeer } from "../../dicom-network/dimse/association.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { WebAnswer, WebRequest } from "./message.ts";
import { textAnswer } from "./send-answer.ts";

export interface RequestSurroundings {
  readonly peer: NetworkPeer;
  readonly isTls: boolean;
  readonly host: string;
  readonly names: readonly string[];
  /** For bytes of a body to come, beside what its length earns. */
  readonly bodyMs: number;
}

export type Understood =
  | { readonly kind: "request"; readonly request: WebRequest }
  | { readonly kind: "refused"; readonly answer: WebAnswer };

export function requestOf(
  incoming: IncomingMessage,
  response: ServerResponse,
  { peer, isTls, host, names, bodyMs }: RequestSurroundings,
): Understood {
  const refused = (status: number, text: string): Understood => ({
    kind: "refused",
    answer: textAnswer(status, text),
  });
  const { method = "", url = "", headers } = incoming;
  const authority = headers.host ?? "";
  const name = /^(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(:\d{1,5})?$/.exec(authority)?.[1];
  if (name === undefined) return refused(400, "A request needs one Host.");
  // Against DNS rebinding: in clear nothing but the name says whom a browser's page thinks it talks to.
  if (!isTls && !isOwnName(name, [host, ...names])) return refused(421, "This name is not served here.");
  if (!url.startsWith("/")) return refused(400, "This request cannot be understood.");
  const [path = "", query = ""] = splitOnce(url, "?");
  refuseCrumbs(incoming);
  const request: WebRequest = {
    method,
    path,
    parameters: new URLSearchParams(query),
    header: (one) => {
      const value = headers[one];
      return Array.isArray(value) ? value.join(",") : value;
    },
    peer,
    origin: `${isTls ? "https" : "http"}://${authority}`,
    body: pacedBody(incoming, bodyMs, () => {
      if (headers.expect?.toLowerCase() === "100-continue") response.writeContinue();
    }),
  };
  return { kind: "request", request };
}

/** Of a body: senders cut at kilobytes. */
const crumbBytes = 64;
const crumbsMax = 500;

/** A chunked body in chunks of a byte costs thousands of times its bytes, in the turn of everybody (RFC 9112 7.1 has no bound): its connection is cut. */
function refuseCrumbs(incoming: IncomingMessage): void {
  if (incoming.headers["transfer-encoding"] === undefined) return;
  const push = incoming.push.bind(incoming);
  let pieces = 0;
  let bytes = 0;
  incoming.push = (piece: Bytes | null) => {
    bytes += piece?.length ?? 0;
    if (++pieces > crumbsMax && bytes < pieces * crumbBytes) {
      incoming.socket.destroy();
      return false;
    }
    return push(piece);
  };
}

/** An address is nobody's name: a page cannot point one of its own to it. */
function isOwnName(name: string, names: readonly string[]): boolean {
  const plain = name.replace(/^\[|\]$/g, "").toLowerCase();
  return isIP(plain) !== 0 || plain === "localhost" || names.some((one) => one.toLowerCase() === plain);
}

function splitOnce(text: string, separator: string): readonly string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** The slowest line that a modality has sends faster; only the time that we wait for it counts. */
const bytesPerSecondMin = 2_048;

async function* pacedBody(
  incoming: IncomingMessage,
  waitMsMin: number,
  onBegin: () => void,
): AsyncGenerator<Bytes> {
  onBegin();
  let waitedMs = 0;
  let bytes = 0;
  const chunks = incoming[Symbol.asyncIterator]() as AsyncIterator<Bytes>;
  for (;;) {
    const since = performance.now();
    const leftMs = waitMsMin + (bytes / bytesPerSecondMin) * 1_000 - waitedMs;
    const next = await timely(chunks.next(), leftMs);
    waitedMs += performance.now() - since;
    if (next.done === true) return;
    bytes += next.value.length;
    yield next.value;
  }
}

async function timely<T>(chunk: Promise<T>, ms: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new ScansealError("timeout", "the request's body comes too slowly")),
    Math.max(0, ms),
  );
  try {
    return await Promise.race([chunk, late.promise]);
  } catch (cause) {
    if (cause instanceof ScansealError) throw cause;
    throw new ScansealError("network", "the request's body broke off", { cause });
  } finally {
    clearTimeout(timer);
  }
}
