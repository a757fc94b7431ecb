/** Parameters of rendered resources (PS3.18 8.3.5) and of WADO-URI (PS3.18 9). */
import { isWellFormedUid } from "../../dicom/uid.ts";
import { badRequest } from "./bad-request.ts";
import type { WebScope } from "./resource.ts";

export interface RenderedParameters {
  /** Of lossy results, 1 to 100. */
  readonly quality?: number;
  /** The result fits in it, in pixels, its proportions kept. */
  readonly viewport?: { readonly width: number; readonly height: number };
  /** Of the source, in its pixels; negative sizes mirror (8.3.5.1.3) and are refused. */
  readonly region?: {
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly height: number;
  };
  readonly window?: {
    readonly center: number;
    readonly width: number;
    readonly function: "linear" | "linear-exact" | "sigmoid";
  };
  /** "patient" and "technique" burned in. */
  readonly annotations: readonly string[];
}

/** No screen is larger; what is rendered takes memory. */
const viewportMax = 16_384;
const number = /^-?\d{1,9}(\.\d{1,9})?$/;

type Parameters = Pick<URLSearchParams, "getAll">;

/** Others than these are nobody's here, and left alone. @throws ScansealError `peer-protocol` (400) */
export function readRenderedParameters(parameters: Parameters): RenderedParameters {
  const quality = once(parameters, "quality");
  const viewport = once(parameters, "viewport");
  const window = once(parameters, "window");
  const annotation = once(parameters, "annotation");
  return {
    ...(quality === undefined ? {} : { quality: qualityOf(quality) }),
    ...(viewport === undefined ? {} : viewportOf(viewport)),
    ...(window === undefined ? {} : { window: windowOf(window.split(",", 4)) }),
    annotations: annotation === undefined ? [] : annotationsOf(annotation),
  };
}

/** `requestType=WADO` (PS3.18 9.4.1). */
export interface WadoUriRequest {
  readonly scope: Required<WebScope>;
  /** What the reader takes, as in an Accept header; undefined: image/jpeg for single frames (9.1.2.2). */
  readonly contentType: string | undefined;
  readonly charset: string | undefined;
  readonly transferSyntax: string | undefined;
  /** From 1. */
  readonly frame: number | undefined;
  readonly rendered: RenderedParameters;
}

/** @throws ScansealError `peer-protocol` (400), also for anonymization and presentation states, which are not done here */
export function readWadoUri(parameters: Parameters): WadoUriRequest {
  const get = (name: string): string | undefined => once(parameters, name);
  if (get("requestType") !== "WADO") throw badRequest("requestType is not WADO");
  if (get("anonymize") !== undefined || get("presentationUID") !== undefined)
    throw badRequest("a parameter that is not supported");
  const [study, series, instance] = ["studyUID", "seriesUID", "objectUID"].map((name) => {
    const uid = get(name);
    if (uid === undefined || !isWellFormedUid(uid)) throw badRequest("a UID that is none");
    return uid;
  });
  const transferSyntax = get("transferSyntax");
  if (transferSyntax !== undefined && !isWellFormedUid(transferSyntax))
    throw badRequest("a transfer syntax that is none");
  const frame = get("frameNumber");
  return {
    scope: { study: study!, series: series!, instance: instance! },
    contentType: get("contentType"),
    charset: get("charset"),
    transferSyntax,
    frame: frame === undefined ? undefined : integerOf(frame, 2 ** 31 - 1),
    rendered: wadoRendered(get),
  };
}

function wadoRendered(get: (name: string) => string | undefined): RenderedParameters {
  const [rows, columns, center, width] = ["rows", "columns", "windowCenter", "windowWidth"].map(get);
  const [quality, region, annotation] = ["imageQuality", "region", "annotation"].map(get);
  // PS3.18 9.4.1: parts of the image from 0 to 1, which depends on its size.
  if (region !== undefined) throw badRequest("a parameter that is not supported");
  if ((center === undefined) !== (width === undefined)) throw badRequest("half a window");
  const viewport = {
    width: columns === undefined ? viewportMax : integerOf(columns, viewportMax),
    height: rows === undefined ? viewportMax : integerOf(rows, viewportMax),
  };
  return {
    ...(quality === undefined ? {} : { quality: qualityOf(quality) }),
    ...(rows === undefined && columns === undefined ? {} : { viewport }),
    ...(center === undefined || width === undefined ? {} : { window: windowOf([center, width]) }),
    annotations: annotation === undefined ? [] : annotationsOf(annotation),
  };
}

function once(parameters: Parameters, name: string): string | undefined {
  const [value, second] = parameters.getAll(name);
  if (second !== undefined) throw badRequest("a parameter twice");
  return value;
}

function qualityOf(text: string): number {
  return integerOf(text, 100);
}

/** From 1. */
function integerOf(text: string, max: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > max) throw badRequest("a number that is none");
  return value;
}

/** PS3.18 8.3.5.1.3: vw,vh and perhaps sx,sy,sw,sh. */
function viewportOf(text: string): Pick<RenderedParameters, "viewport" | "region"> {
  const [width = "", height = "", ...rest] = text.split(",", 7);
  const viewport = { width: integerOf(width, viewportMax), height: integerOf(height, viewportMax) };
  if (rest.length === 0) return { viewport };
  const [x, y, w, h] = rest.map((one) => (number.test(one) ? Number(one) : Number.NaN));
  const isGood = rest.length === 4 && x! >= 0 && y! >= 0 && w! > 0 && h! > 0;
  if (!isGood) throw badRequest("a viewport that is none");
  return { viewport, region: { x: x!, y: y!, width: w!, height: h! } };
}

/** PS3.18 8.3.5.1.4; PS3.3 C.11.2.1.2: a linear width is 1 at least. */
function windowOf([center = "", width = "", shape = "linear", more]: readonly string[]): NonNullable<
  RenderedParameters["window"]
> {
  const isShape = shape === "linear" || shape === "linear-exact" || shape === "sigmoid";
  const isGood = more === undefined && isShape && number.test(center) && number.test(width);
  const least = shape === "linear" ? 1 : Number.MIN_VALUE;
  if (!isGood || Number(width) < least) throw badRequest("a window that is none");
  return { center: Number(center), width: Number(width), function: shape };
}

function annotationsOf(text: string): readonly string[] {
  const words = text.split(",", 8);
  if (!words.every((word) => word === "patient" || word === "technique"))
    throw badRequest("an annotation that is not known");
  return words;
}
