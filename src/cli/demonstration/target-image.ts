/** The image that is forged and shown: native, one frame, one sample a pixel. */

import { nativeSamples, replacePixels } from "../../attack-lab/forgeries.ts";
import { type Disc, eraseDisc } from "../../attack-lab/pixel-forgeries.ts";
import { findElement, plainTextOf } from "../../dicom/elements.ts";
import type { DicomObject } from "../../dicom/model.ts";
import { imageAttributesOf } from "../../dicom/pixel-data/image-attributes.ts";
import type { Edit } from "../../dicom/splice.ts";
import { tags } from "../../dicom/tags.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import type { Rectangle } from "../../invisible-watermark/frame.ts";
import { writePng } from "../../platform/node/png.ts";
import {
  type Crop,
  cropAround,
  encodePng,
  fittingWindow,
  type GreyImage,
  renderWindowed,
  zoomed,
} from "../rendering/grey-image.ts";
import { type ColourImage, coloured, heatMap } from "../rendering/heat-map.ts";
import type { Picture } from "./page/demo-report.ts";

/** What is forged and how it is shown; a spot beside the centre and the header's window unless told. */
export interface Spot {
  readonly disc?: Disc;
  readonly window?: DisplayWindow;
}

/** Window centre and width in the image's own units, in place of what the header says. */
interface DisplayWindow {
  readonly center: number;
  readonly width: number;
}

type Samples = Int16Array | Uint16Array | Uint8Array;

const windowCenter = 0x00281050;
const windowWidth = 0x00281051;
const rescaleIntercept = 0x00281052;
const rescaleSlope = 0x00281053;
const overlayGrey = 255;

export class TargetImage {
  readonly object: DicomObject;
  readonly rows: number;
  readonly columns: number;
  /** What is worth erasing: the nodule, or a spot beside the centre. */
  readonly disc: Disc;
  readonly #samples: Samples;
  readonly #window: DisplayWindow | undefined;

  private constructor(
    object: DicomObject,
    size: { rows: number; columns: number },
    samples: Samples,
    spot: Spot,
    disc: Disc,
  ) {
    const { rows, columns } = size;
    this.object = object;
    this.#window = spot.window;
    this.rows = rows;
    this.columns = columns;
    this.#samples = samples;
    this.disc = disc;
  }

  /** Undefined for an object whose pixels are of another kind, or in which nothing would be erased. */
  static async of(object: DicomObject, spot: Spot = {}): Promise<TargetImage | undefined> {
    const attributes = imageAttributesOf(object);
    const plain =
      attributes?.samplesPerPixel === 1 &&
      attributes.numberOfFrames === 1 &&
      (attributes.bitsAllocated === 8 || attributes.bitsAllocated === 16) &&
      findElement(object.elements, tags.pixelData)?.fragments === undefined;
    if (!attributes || !plain) return undefined;
    const { samples, rows, columns } = await nativeSamples(object);
    const values = typed(samples, attributes.bitsAllocated, attributes.pixelRepresentation);
    const disc = spot.disc ?? spotWorthErasing(values, rows, columns);
    return disc && new TargetImage(object, { rows, columns }, values, spot, disc);
  }

  /** The nodule, or the spot, painted over with its neighbourhood. */
  eraseSpot(): Edit[] {
    const forged = this.#samples.slice();
    eraseDisc(forged, this.rows, this.columns, this.disc);
    return replacePixels(this.object, new Uint8Array(forged.buffer));
  }

  async pictures(object: DicomObject, caption: string): Promise<Picture[]> {
    const image = await this.#rendered(object);
    const { crop, factor } = this.#enlargement(image);
    const detail = zoomed(image, crop, factor);
    return [
      { caption, png: encodePng(image) },
      { caption: "enlarged", png: encodePng(detail) },
    ];
  }

  async wholePicture(object: DicomObject, caption: string): Promise<Picture> {
    return { caption, png: encodePng(await this.#rendered(object)) };
  }

  /** With what was changed in red; and the spot enlarged, if asked for. */
  async heatPictures(
    object: DicomObject,
    regions: readonly Rectangle[],
    isEnlarged: boolean,
  ): Promise<Picture[]> {
    const image = await this.#rendered(object);
    const whole = { caption: "in red: changed", png: colourPng(heatMap(coloured(image), regions)) };
    if (!isEnlarged) return [whole];
    const { crop, factor } = this.#enlargement(image);
    const scaled = (value: number, from: number, length: number): number =>
      Math.round(Math.min(length, Math.max(0, value - from)) * factor);
    const shown = regions.map(({ x0, y0, x1, y1 }) => ({
      x0: scaled(x0, crop.column, crop.columns),
      y0: scaled(y0, crop.row, crop.rows),
      x1: scaled(x1, crop.column, crop.columns),
      y1: scaled(y1, crop.row, crop.rows),
    }));
    const visible = shown.filter(({ x0, y0, x1, y1 }) => x1 > x0 && y1 > y0);
    const detail = heatMap(coloured(zoomed(image, crop, factor)), visible);
    return [whole, { caption: "enlarged", png: colourPng(detail) }];
  }

  #enlargement(image: GreyImage): { readonly crop: Crop; readonly factor: number } {
    const size = Math.max(32, Math.round(this.disc.radius * 8));
    const crop = cropAround(image, this.disc.row, this.disc.column, size);
    return { crop, factor: Math.max(1, 320 / size) };
  }

  /** As a viewer shows it: windowed, with overlay plane 6000 in white. */
  async #rendered(object: DicomObject): Promise<GreyImage> {
    const target =
      (await TargetImage.of(object, {
        disc: this.disc,
        ...(this.#window ? { window: this.#window } : {}),
      })) ?? this;
    const image = target.#windowed();
    const overlay = findElement(object.elements, 0x60003000);
    if (!overlay) return image;
    const bits: Bytes = overlay.value ?? (await object.dataSource.read(overlay.valueOffset, overlay.length));
    const grey = image.grey.slice();
    for (let i = 0; i < grey.length; i++) if (((bits[i >> 3] ?? 0) >> (i & 7)) & 1) grey[i] = overlayGrey;
    return { ...image, grey };
  }

  #windowed(): GreyImage {
    const number = (tag: number): number | undefined => {
      const text = plainTextOf(this.object.elements, tag)?.split("\\")[0];
      const value = text === undefined || text.trim() === "" ? Number.NaN : Number(text);
      return Number.isFinite(value) ? value : undefined;
    };
    const rendering = {
      slope: number(rescaleSlope) ?? 1,
      intercept: number(rescaleIntercept) ?? 0,
      inverted: plainTextOf(this.object.elements, tags.photometricInterpretation) === "MONOCHROME1",
    };
    const fitted = fittingWindow(this.#samples, rendering);
    const center = this.#window?.center ?? number(windowCenter) ?? fitted.center;
    const width = this.#window?.width ?? number(windowWidth) ?? fitted.width;
    return renderWindowed(this.#samples, this.rows, this.columns, center, width, rendering);
  }
}

function colourPng({ rows, columns, rgb }: ColourImage): Bytes {
  return writePng({ width: columns, height: rows, depth: 8, channels: 3, samples: rgb });
}

/** Tried in this order, as parts of the height and the width: beside the centre first, where the eye is. */
const spotPlaces = [
  [0.45, 0.38],
  [0.5, 0.5],
  [0.45, 0.62],
  [0.6, 0.4],
  [0.35, 0.5],
  [0.65, 0.6],
  [0.25, 0.3],
  [0.25, 0.7],
  [0.75, 0.3],
  [0.75, 0.7],
] as const;

/** The first spot whose pixels erasing changes: in a flat background nothing would be forged. */
function spotWorthErasing(samples: Samples, rows: number, columns: number): Disc | undefined {
  const radius = Math.max(4, columns * 0.04);
  return spotPlaces
    .map(([down, across]): Disc => ({ row: rows * down, column: columns * across, radius }))
    .find((disc) => {
      const forged = samples.slice();
      eraseDisc(forged, rows, columns, disc);
      return forged.some((value, i) => value !== samples[i]);
    });
}

function typed(samples: Bytes, bitsAllocated: number, pixelRepresentation: 0 | 1): Samples {
  if (bitsAllocated === 8) return samples;
  const buffer = samples.slice().buffer;
  return pixelRepresentation === 1 ? new Int16Array(buffer) : new Uint16Array(buffer);
}
