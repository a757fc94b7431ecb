/** The resources of DICOMweb's studies service by their paths (PS3.18 10.1), read strictly: what is no such path reaches nothing. */
import { isWellFormedUid } from "../../dicom/uid.ts";
import { badRequest } from "./bad-request.ts";

/** What a path is of; a series only with its study, an instance only with its series. */
export interface WebScope {
  readonly study?: string;
  readonly series?: string;
  readonly instance?: string;
}

export type WebResource =
  /** GET searches (PS3.18 10.6), POST to "studies" stores (10.5). */
  | { readonly kind: "collection"; readonly level: "STUDY" | "SERIES" | "IMAGE"; readonly scope: WebScope }
  | { readonly kind: "objects" | "metadata" | "rendered" | "thumbnail"; readonly scope: WebScope }
  /** All bulk data of the scope, or one value: the path that `toJsonDataSet` named it by, such as "54000100/0/54001010". */
  | { readonly kind: "bulkdata"; readonly scope: WebScope; readonly path: string | undefined }
  | {
      readonly kind: "frames";
      readonly scope: WebScope;
      /** From 1, in the order asked for, each once. */
      readonly frames: readonly number[];
      readonly form: "bytes" | "rendered" | "thumbnail";
    };

/** Three UIDs, words, and a list of frames. */
const pathCharactersMax = 8_192;
/** Sequences in sequences: nobody's bulk data is deeper. */
const bulkPath = /^[0-9A-Fa-f]{8}(\/\d{1,6}\/[0-9A-Fa-f]{8}){0,16}$/;
/** PS3.3 C.7.6.6: Number of Frames is an IS. */
const frameMax = 2 ** 31 - 1;

/**
 * @param path under the service's root, as it arrived, without a query: "/studies/1.2/series"
 * @returns undefined for what is no path of this service (404)
 * @throws ScansealError `peer-protocol` for a malformed UID or list (400)
 */
export function parseResource(path: string): WebResource | undefined {
  if (path.length > pathCharactersMax || !path.startsWith("/")) return undefined;
  const [first, ...rest] = path.slice(1).split("/");
  if (first === "studies") return rest.length === 0 ? collection("STUDY", {}) : ofStudy(rest);
  if (rest.length > 0) return undefined;
  if (first === "series") return collection("SERIES", {});
  return first === "instances" ? collection("IMAGE", {}) : undefined;
}

function ofStudy([uid, word, ...rest]: readonly string[]): WebResource | undefined {
  const scope = { study: uidOf(uid) };
  if (word === "instances" && rest.length === 0) return collection("IMAGE", scope);
  if (word !== "series") return ofScope(scope, word, rest);
  return rest.length === 0 ? collection("SERIES", scope) : ofSeries(scope, rest);
}

function ofSeries(
  { study }: { readonly study: string },
  [uid, word, ...rest]: readonly string[],
): WebResource | undefined {
  const scope = { study, series: uidOf(uid) };
  if (word !== "instances") return ofScope(scope, word, rest);
  return rest.length === 0 ? collection("IMAGE", scope) : ofInstance(scope, rest);
}

function ofInstance(
  around: WebScope,
  [uid, word, list, form, ...rest]: readonly string[],
): WebResource | undefined {
  const scope = { ...around, instance: uidOf(uid) };
  const deeper = [list, form, ...rest].filter((one) => one !== undefined);
  if (word === "bulkdata" && deeper.length > 0) {
    const path = deeper.join("/");
    if (!bulkPath.test(path)) throw badRequest("a path of bulk data that is none");
    return { kind: "bulkdata", scope, path: path.toUpperCase() };
  }
  if (word !== "frames") return ofScope(scope, word, deeper);
  if (rest.length > 0 || (form !== undefined && form !== "rendered" && form !== "thumbnail"))
    return undefined;
  return { kind: "frames", scope, frames: framesOf(list), form: form ?? "bytes" };
}

function ofScope(
  scope: WebScope,
  word: string | undefined,
  rest: readonly string[],
): WebResource | undefined {
  if (rest.length > 0) return undefined;
  switch (word) {
    case undefined:
      return { kind: "objects", scope };
    case "metadata":
    case "rendered":
    case "thumbnail":
      return { kind: word, scope };
    case "bulkdata":
      return { kind: "bulkdata", scope, path: undefined };
    default:
      return undefined;
  }
}

function collection(level: "STUDY" | "SERIES" | "IMAGE", scope: WebScope): WebResource {
  return { kind: "collection", level, scope };
}

/** No escapes: a UID needs none. */
function uidOf(text: string | undefined): string {
  if (text === undefined || !isWellFormedUid(text)) throw badRequest("a UID that is none");
  return text;
}

/** PS3.18 10.4.1.1.6: no number twice. Some escape the comma. */
function framesOf(list = ""): readonly number[] {
  const texts = list.replaceAll(/%2c/gi, ",").split(",");
  const frames = texts.map((text) => (/^[1-9]\d{0,9}$/.test(text) ? Number(text) : 0));
  if (frames.some((frame) => frame === 0 || frame > frameMax) || new Set(frames).size !== frames.length)
    throw badRequest("a list of frames that is none");
  return frames;
}
