/** QIDO-RS (PS3.18 10.6) and metadata (10.4.1.1.2): from the index of verified attributes, in DICOM JSON. */
import type { JsonDataSet, JsonElement, JsonValue } from "../../dicom/json/json-model.ts";
import { writeJsonArray } from "../../dicom/json/json-text.ts";
import { isUtf8Accepted, negotiate } from "../../dicom-network/dicomweb/accept.ts";
import { fuzzyWarning, readQueryParameters } from "../../dicom-network/dicomweb/query-parameters.ts";
import type { WebResource, WebScope } from "../../dicom-network/dicomweb/resource.ts";
import { urlOf, type WebAnswer, type WebRequest } from "./message.ts";
import type { WebReading } from "./ports.ts";
import { textAnswer } from "./send-answer.ts";

const offers = [
  { type: "application/dicom+json", isMultipart: false },
  // What browsers and scripts ask for.
  { type: "application/json", isMultipart: false },
];

export async function search(
  { level, scope }: Extract<WebResource, { kind: "collection" }>,
  reading: WebReading,
  request: WebRequest,
): Promise<WebAnswer> {
  const type = jsonType(request);
  if (type === undefined) return notJson;
  const { query, isFuzzyAsked } = readQueryParameters(level, scope, request.parameters);
  const found = await begun(reading.search(query));
  const headers = isFuzzyAsked ? { warning: `299 scanseal "${fuzzyWarning}"` } : undefined;
  // PS3.18 table 10.6.3-1.
  if (!found) return { status: 204, ...(headers ? { headers } : {}) };
  const matches = mapped(found, (match) => withRetrieveUrl(match, scope, request.origin));
  return { status: 200, headers: { "content-type": type, ...headers }, body: writeJsonArray(matches) };
}

export async function metadata(
  scope: WebScope,
  reading: WebReading,
  request: WebRequest,
): Promise<WebAnswer> {
  const type = jsonType(request);
  if (type === undefined) return notJson;
  const found = await begun(reading.metadata(scope));
  if (!found) return textAnswer(404, "Nothing of that name was admitted here.");
  const records = mapped(found, (record) => withBulkUrls(record, request.origin));
  return { status: 200, headers: { "content-type": type }, body: writeJsonArray(records) };
}

const notJson: WebAnswer = textAnswer(406, "Records are in application/dicom+json, UTF-8.");

function jsonType(request: WebRequest): string | undefined {
  const { parameters } = request;
  if (!isUtf8Accepted(parameters.get("charset") ?? undefined)) return undefined;
  return negotiate(request.header("accept"), parameters.get("accept") ?? undefined, offers)?.offer.type;
}

/** Undefined for nothing: the status is said before the first one. @throws what it throws */
async function begun<T>(all: AsyncIterable<T>): Promise<AsyncIterable<T> | undefined> {
  const iterator = all[Symbol.asyncIterator]();
  const first = await iterator.next();
  if (first.done === true) return undefined;
  return (async function* () {
    try {
      yield first.value;
      yield* { [Symbol.asyncIterator]: () => iterator };
    } finally {
      await iterator.return?.();
    }
  })();
}

async function* mapped<T, U>(all: AsyncIterable<T>, to: (one: T) => U): AsyncGenerator<U> {
  for await (const one of all) yield to(one);
}

function uidIn(dataSet: JsonDataSet, tag: string): string | undefined {
  const value = dataSet[tag]?.Value?.[0];
  return typeof value === "string" ? value : undefined;
}

function namesIn(dataSet: JsonDataSet): WebScope {
  const [study, series, instance] = ["0020000D", "0020000E", "00080018"].map((tag) => uidIn(dataSet, tag));
  return {
    ...(study === undefined ? {} : { study }),
    ...(series === undefined ? {} : { series }),
    ...(instance === undefined ? {} : { instance }),
  };
}

/** Retrieve URL (0008,1190) (PS3.18 tables 10.6.3-3 to -5). */
function withRetrieveUrl(match: JsonDataSet, scope: WebScope, origin: string): JsonDataSet {
  const url = urlOf(origin, { ...scope, ...namesIn(match) });
  const entries = Object.entries({ ...match, "00081190": { vr: "UR", Value: [url] } });
  return Object.fromEntries(entries.sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** PS3.18 F.2.6: paths within the instance become addresses. */
function withBulkUrls(record: JsonDataSet, origin: string): JsonDataSet {
  const root = `${urlOf(origin, namesIn(record))}/bulkdata/`;
  const ofElement = (element: JsonElement): JsonElement => {
    if (element.BulkDataURI !== undefined)
      return { ...element, BulkDataURI: `${root}${element.BulkDataURI}` };
    if (element.vr !== "SQ" || !element.Value) return element;
    return { ...element, Value: element.Value.map((item): JsonValue => ofItem(item as JsonDataSet)) };
  };
  const ofItem = (item: JsonDataSet): JsonDataSet =>
    Object.fromEntries(Object.entries(item).map(([tag, element]) => [tag, ofElement(element)]));
  return ofItem(record);
}
