/** The DICOMweb server (PS3.18 10): each request to who answers it; nothing is said to a peer that is nobody here. */
import { parseMediaRanges } from "../../dicom-network/dicomweb/media-type.ts";
import { parseResource, type WebResource } from "../../dicom-network/dicomweb/resource.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { instances } from "./instance-answers.ts";
import { serviceRoot, type WebAnswer, type WebRequest } from "./message.ts";
import { bulkValue, frames } from "./part-answers.ts";
import { picture, wadoUri } from "./picture-answers.ts";
import type { DicomWebPorts, NotTaken, WebReading } from "./ports.ts";
import { metadata, search } from "./record-answers.ts";
import { textAnswer } from "./send-answer.ts";
import { store } from "./store-answer.ts";

/** PS3.18 9: beside the root, where older viewers look. */
const wadoPath = "/wado";

export class DicomWebService {
  readonly #ports: DicomWebPorts;

  constructor(ports: DicomWebPorts) {
    this.#ports = ports;
  }

  /** Never rejects. */
  async answer(request: WebRequest): Promise<WebAnswer> {
    try {
      return await this.#answer(request);
    } catch (error) {
      if (isOurs(error)) this.#ports.onFault(error);
      return failed(error);
    }
  }

  async #answer(request: WebRequest): Promise<WebAnswer> {
    const { method, path, peer } = request;
    const below = path.startsWith(`${serviceRoot}/`) ? path.slice(serviceRoot.length) : undefined;
    if (method === "POST") {
      const storing = this.#ports.storing(peer);
      if (typeof storing === "string") return notTaken(storing);
      try {
        const resource = below === undefined ? undefined : parseResource(below);
        return resource ? await store(resource, storing, request) : nothingHere;
      } finally {
        storing.end();
      }
    }
    const reading = this.#ports.reading(peer);
    if (typeof reading === "string") return notTaken(reading);
    try {
      const answer = await this.#read(below, reading, request);
      const { body, done } = answer;
      const isStream = body !== undefined && !(body instanceof Uint8Array);
      const told = isStream ? { body: this.#told(body) } : {};
      return { ...answer, ...told, done: both(done, () => reading.end()) };
    } catch (error) {
      reading.end();
      throw error;
    }
  }

  /** What breaks off is told here: the reader only sees that it did. */
  async *#told(body: AsyncIterable<Bytes>): AsyncGenerator<Bytes> {
    try {
      yield* body;
    } catch (error) {
      if (isOurs(error)) this.#ports.onFault(error);
      throw error;
    }
  }

  async #read(below: string | undefined, reading: WebReading, request: WebRequest): Promise<WebAnswer> {
    if (request.method !== "GET" && request.method !== "HEAD")
      return textAnswer(405, "Only GET, HEAD and POST.", { allow: "GET, HEAD, POST" });
    if (request.path === wadoPath) return wadoUri(reading, request);
    const resource = below === undefined ? undefined : parseResource(below);
    if (!resource) return nothingHere;
    // RFC 9110 12.5.1: what is no list of media types is no request.
    parseMediaRanges(request.header("accept") ?? "");
    return read(resource, reading, request);
  }
}

function read(resource: WebResource, reading: WebReading, request: WebRequest): Promise<WebAnswer> {
  const { scope } = resource;
  switch (resource.kind) {
    case "collection":
      return search(resource, reading, request);
    case "metadata":
      return metadata(scope, reading, request);
    case "objects":
      return instances(scope, reading, request);
    case "frames":
      return resource.form === "bytes"
        ? frames(resource, reading, request)
        : picture({ scope, form: resource.form, frames: resource.frames }, reading, request);
    case "bulkdata":
      return bulkValue(resource, reading, request);
    case "rendered":
    case "thumbnail":
      return picture({ scope, form: resource.kind }, reading, request);
  }
}

const nothingHere: WebAnswer = textAnswer(404, "There is nothing here.");

function notTaken(why: NotTaken): WebAnswer {
  if (why === "unknown-peer") return textAnswer(403, "Not for this peer.");
  // RFC 6585 4. Within ten minutes something of an hour is over.
  if (why === "over-quota")
    return textAnswer(429, "The quota is used up: try later.", { "retry-after": "600" });
  return textAnswer(503, "Too much at once: try again.", { "retry-after": "5" });
}

function both(one: (() => void) | undefined, other: () => void): () => void {
  return () => {
    one?.();
    other();
  };
}

const statusOf: ReadonlyMap<string, number> = new Map([
  ["peer-protocol", 400],
  ["timeout", 408],
  ["network", 503],
  // PS3.18 table 10.6.3-1: the search was too broad.
  ["usage", 413],
]);

function isOurs(error: unknown): boolean {
  return !(error instanceof ScansealError) || !statusOf.has(error.code);
}

function failed(error: unknown): WebAnswer {
  const status = error instanceof ScansealError ? statusOf.get(error.code) : undefined;
  if (status === undefined)
    return textAnswer(503, "The gate could not answer. Its log says why.", { "retry-after": "30" });
  // Messages of ours hold no values.
  return textAnswer(status, (error as ScansealError).message);
}
