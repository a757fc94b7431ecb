/** How an object says that a frame is to be shown: its modality and VOI transformation, its palette. */
import { findElement, plainTextOf } from "../../dicom/elements.ts";
import type { DataElement, DicomObject } from "../../dicom/model.ts";
import type { PixelFrames } from "../../dicom/pixel-data/frames.ts";
import type { ImageAttributes } from "../../dicom/pixel-data/image-attributes.ts";
import { formatTag, type Tag, tags } from "../../dicom/tags.ts";
import type { RenderedParameters } from "../../dicom-network/dicomweb/rendered-parameters.ts";
import { type Bytes, latin1, viewOf } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { type LookupTable, lookupTable } from "./lookup-table.ts";

export type Window = NonNullable<RenderedParameters["window"]>;

export interface GreyDisplay {
  readonly kind: "grey";
  /** Stored values to those of the modality. */
  readonly modality:
    | { readonly kind: "rescale"; readonly slope: number; readonly intercept: number }
    | { readonly kind: "table"; readonly table: LookupTable };
  /** Values of the modality to grey. `range`: all there are in the frame, or may be where there are no more than 256. */
  readonly voi:
    | ({ readonly kind: "window" } & Window)
    | { readonly kind: "table"; readonly table: LookupTable }
    | { readonly kind: "range" };
  /** Stored values that are not the image. */
  readonly padding: { readonly low: number; readonly high: number } | undefined;
  /** MONOCHROME1: the largest is black. */
  readonly isInverted: boolean;
}

export interface PaletteDisplay {
  readonly kind: "palette";
  /** The stored value of the first entry. */
  readonly first: number;
  /** 8 bits an entry. */
  readonly red: Bytes;
  readonly green: Bytes;
  readonly blue: Bytes;
}

/** `ybr`: PS3.3 C.7.6.3.1.2, YBR_FULL. Transformations of the codestream are undone by its decoder. */
export type Display = GreyDisplay | PaletteDisplay | { readonly kind: "rgb" | "ybr" };

const colours: Readonly<Record<string, "rgb" | "ybr">> = {
  RGB: "rgb",
  YBR_RCT: "rgb",
  YBR_ICT: "rgb",
  YBR_FULL: "ybr",
  YBR_FULL_422: "ybr",
};

const windowCenter = 0x00281050;
const windowWidth = 0x00281051;
const rescaleIntercept = 0x00281052;
const rescaleSlope = 0x00281053;
const windowFunction = 0x00281056;
const modalityLutSequence = 0x00283000;
const voiLutSequence = 0x00283010;
const lutTags = { descriptor: 0x00283002, data: 0x00283006 };
const sharedGroups = 0x52009229;
const perFrameGroups = 0x52009230;
const pixelValueTransformation = 0x00289145;
const frameVoiLut = 0x00289132;

/**
 * @param index from 0
 * @param window instead of the object's own; of no meaning for colour
 * @throws ScansealError `unsupported` for a photometric interpretation that is not shown, `value-invalid` for attributes that are not
 * what they should be, `io`
 */
export async function displayOf(
  frames: PixelFrames,
  index: number,
  window: Window | undefined,
): Promise<Display> {
  const { object, attributes } = frames;
  const { photometric } = attributes;
  if (photometric === "MONOCHROME1" || photometric === "MONOCHROME2")
    return greyDisplay(object, attributes, index, window);
  if (photometric === "PALETTE COLOR") return paletteDisplay(object, attributes);
  const kind = colours[photometric];
  if (kind === undefined)
    throw new ScansealError("unsupported", "pixels of this photometric interpretation are not rendered");
  return { kind };
}

async function greyDisplay(
  object: DicomObject,
  attributes: ImageAttributes,
  index: number,
  window: Window | undefined,
): Promise<GreyDisplay> {
  const modality = await modalityOf(object, attributes, index);
  const mayBeNegative =
    attributes.pixelRepresentation === 1 || (modality.kind === "rescale" && modality.intercept < 0);
  const elements = groupItem(object, index, frameVoiLut) ?? object.elements;
  const own = window ?? windowOf(elements);
  return {
    kind: "grey",
    modality,
    voi: own ? { kind: "window", ...own } : await voiTable(object, elements, mayBeNegative),
    padding: paddingOf(object, attributes),
    isInverted: attributes.photometric === "MONOCHROME1",
  };
}

async function modalityOf(
  object: DicomObject,
  attributes: ImageAttributes,
  index: number,
): Promise<GreyDisplay["modality"]> {
  const none = { kind: "rescale", slope: 1, intercept: 0 } as const;
  if (isShownAsStored(object)) return none;
  const [item] = findElement(object.elements, modalityLutSequence)?.items ?? [];
  if (item) {
    const isSigned = attributes.pixelRepresentation === 1;
    return { kind: "table", table: await lookupTable(object, item.elements, lutTags, isSigned) };
  }
  const elements = groupItem(object, index, pixelValueTransformation) ?? object.elements;
  const slope = numberOf(elements, rescaleSlope) ?? 1;
  const intercept = numberOf(elements, rescaleIntercept) ?? 0;
  if (!Number.isFinite(slope) || slope === 0) throw invalid(rescaleSlope);
  if (!Number.isFinite(intercept)) throw invalid(rescaleIntercept);
  return { kind: "rescale", slope, intercept };
}

/** XA, XRF, and XA of two planes. */
const angiography: readonly (string | undefined)[] = [
  "1.2.840.10008.5.1.4.1.1.12.1",
  "1.2.840.10008.5.1.4.1.1.12.2",
  "1.2.840.10008.5.1.4.1.1.12.3",
];

/** PS3.3 C.8.7.1.1.2: there the modality LUT leads back to what the detector saw, and stored values are shown, as in DCMTK. */
function isShownAsStored({ elements }: DicomObject): boolean {
  return angiography.includes(plainTextOf(elements, tags.sopClassUid));
}

/** The first window, where it is one: many objects carry a width of 0. */
function windowOf(elements: readonly DataElement[]): Window | undefined {
  const center = numberOf(elements, windowCenter) ?? Number.NaN;
  const width = numberOf(elements, windowWidth) ?? Number.NaN;
  const name = (plainTextOf(elements, windowFunction) ?? "").trim();
  const shape = name === "SIGMOID" ? "sigmoid" : name === "LINEAR_EXACT" ? "linear-exact" : "linear";
  // PS3.3 C.11.2.1.2.
  const isWide = shape === "linear" ? width >= 1 : width > 0;
  if (!Number.isFinite(center) || !Number.isFinite(width) || !isWide) return undefined;
  return { center, width, function: shape };
}

async function voiTable(
  object: DicomObject,
  elements: readonly DataElement[],
  mayBeNegative: boolean,
): Promise<GreyDisplay["voi"]> {
  const [item] = findElement(elements, voiLutSequence)?.items ?? [];
  if (!item) return { kind: "range" };
  return { kind: "table", table: await lookupTable(object, item.elements, lutTags, mayBeNegative) };
}

/** PS3.3 C.7.5.1.1.2. */
function paddingOf(object: DicomObject, attributes: ImageAttributes): GreyDisplay["padding"] {
  if (attributes.kind !== "integer") return undefined;
  const isSigned = attributes.pixelRepresentation === 1;
  const value = shortOf(object, tags.pixelPaddingValue, isSigned);
  if (value === undefined) return undefined;
  const limit = shortOf(object, tags.pixelPaddingRangeLimit, isSigned) ?? value;
  return { low: Math.min(value, limit), high: Math.max(value, limit) };
}

function shortOf({ elements }: DicomObject, tag: Tag, isSigned: boolean): number | undefined {
  const element = findElement(elements, tag);
  if (element?.value?.length !== 2) return undefined;
  const view = viewOf(element.value);
  const isLittle = !element.encoding.bigEndian;
  return isSigned ? view.getInt16(0, isLittle) : view.getUint16(0, isLittle);
}

async function paletteDisplay(object: DicomObject, attributes: ImageAttributes): Promise<PaletteDisplay> {
  const isSigned = attributes.pixelRepresentation === 1;
  const table = (n: number): Promise<LookupTable> => {
    const names = { descriptor: 0x00281101 + n, data: 0x00281201 + n, segmented: 0x00281221 + n };
    return lookupTable(object, object.elements, names, isSigned);
  };
  const [red, green, blue] = [await table(0), await table(1), await table(2)];
  if (green.first !== red.first || blue.first !== red.first) throw invalid(0x00281101);
  // Some writers say 16 bits and have entries of 8: all colours would be black.
  const isNarrow = [red, green, blue].every(({ entries }) => entries.every((entry) => entry < 256));
  const eight = ({ entries, bits }: LookupTable): Bytes =>
    Uint8Array.from(entries, (entry) => (isNarrow ? entry : entry >> (bits - 8)));
  return { kind: "palette", first: red.first, red: eight(red), green: eight(green), blue: eight(blue) };
}

/** The elements of a frame's functional group macro (PS3.3 C.7.6.16): its own, or that of all frames. */
function groupItem(object: DicomObject, index: number, tag: Tag): readonly DataElement[] | undefined {
  const own = findElement(object.elements, perFrameGroups)?.items?.[index];
  const shared = findElement(object.elements, sharedGroups)?.items?.[0];
  for (const group of [own, shared]) {
    const item = group && findElement(group.elements, tag)?.items?.[0];
    if (item) return item.elements;
  }
  return undefined;
}

/** A DS has 16 characters (PS3.5 6.2); some writers take more. */
const decimalBytesMax = 64;

/** The first of several decimal strings; undefined where it is absent or empty, NaN where it is no number. */
function numberOf(elements: readonly DataElement[], tag: Tag): number | undefined {
  const value = findElement(elements, tag)?.value;
  if (!value) return undefined;
  const text = latin1(value.subarray(0, decimalBytesMax)).split("\\", 1)[0]!.replaceAll("\0", " ").trim();
  if (text === "") return undefined;
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
}

function invalid(tag: Tag): ScansealError {
  return new ScansealError("value-invalid", `${formatTag(tag)} is not what an image needs to be shown`, {
    tag,
  });
}
