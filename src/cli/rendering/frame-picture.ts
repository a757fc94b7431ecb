/** One frame as a viewer shows it, in eight bits: for pictures that say where, not for diagnosis. */
import { plainTextOf } from "../../dicom/elements.ts";
import type { DicomObject } from "../../dicom/model.ts";
import type { FrameDecoder } from "../../dicom/pixel-data/decoder.ts";
import { frameSamples } from "../../dicom/pixel-data/frame-samples.ts";
import { framesOf } from "../../dicom/pixel-data/frames.ts";
import { planesOf, type SamplePlanes } from "../../dicom/pixel-data/sample-planes.ts";
import { tags } from "../../dicom/tags.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { fittingWindow, renderWindowed } from "./grey-image.ts";
import { type ColourImage, coloured } from "./heat-map.ts";

const windowCenter = 0x00281050;
const windowWidth = 0x00281051;
const rescaleIntercept = 0x00281052;
const rescaleSlope = 0x00281053;

/** The first of several values; undefined where it is no number. */
function numberOf(object: DicomObject, tag: number): number | undefined {
  const text = plainTextOf(object.elements, tag)?.split("\\")[0]?.trim() ?? "";
  const value = text === "" ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/**
 * @param index from 0
 * @throws ScansealError `usage` where there is no such frame, `unsupported` for samples of another kind, `codec-failed`, `limit-decode`, `io`
 */
export async function framePicture(
  object: DicomObject,
  index: number,
  decoder: FrameDecoder,
): Promise<ColourImage> {
  const frames = await framesOf(object);
  if (!frames) throw new ScansealError("usage", "the object has no image");
  const { numberOfFrames } = frames.attributes;
  if (index < 0 || index >= numberOfFrames)
    throw new ScansealError(
      "usage",
      `the object has ${numberOfFrames === 1 ? "1 frame" : `${numberOfFrames} frames`}`,
    );
  const samples = await frameSamples(frames, index, decoder);
  const planes = "reason" in samples ? samples : planesOf(frames.attributes, samples);
  if ("reason" in planes)
    throw new ScansealError("unsupported", `no picture is made of this kind of image (${planes.reason})`);
  return planes.colour === "mono" ? greyPicture(object, planes) : colourPicture(planes);
}

function greyPicture(
  object: DicomObject,
  { planes, width, height, bits, signed }: SamplePlanes,
): ColourImage {
  const low = signed ? -(2 ** (bits - 1)) : 0;
  const values = Int32Array.from(planes[0]!, (u) => u + low);
  const rendering = {
    slope: numberOf(object, rescaleSlope) ?? 1,
    intercept: numberOf(object, rescaleIntercept) ?? 0,
    inverted: plainTextOf(object.elements, tags.photometricInterpretation) === "MONOCHROME1",
  };
  const fitted = fittingWindow(values, rendering);
  const [center, stated] = [numberOf(object, windowCenter), numberOf(object, windowWidth)];
  const isWindow = center !== undefined && stated !== undefined && stated >= 1;
  const window = isWindow ? { center, width: stated } : fitted;
  return coloured(renderWindowed(values, height, width, window.center, window.width, rendering));
}

/** PS3.3 C.7.6.3.1.2, YBR_FULL: to RGB. */
function colourPicture({ planes, width, height, bits, colour }: SamplePlanes): ColourImage {
  const rgb = new Uint8ClampedArray(3 * width * height);
  const shift = bits - 8;
  const [first, second, third] = planes as [Uint16Array, Uint16Array, Uint16Array];
  for (let i = 0; i < first.length; i++) {
    const [a, b, c] = [first[i]! >> shift, second[i]! >> shift, third[i]! >> shift];
    if (colour === "rgb") rgb.set([a, b, c], 3 * i);
    else
      rgb.set(
        [a + 1.402 * (c - 128), a - 0.344136 * (b - 128) - 0.714136 * (c - 128), a + 1.772 * (b - 128)],
        3 * i,
      );
  }
  return { rows: height, columns: width, rgb: new Uint8Array(rgb.buffer) };
}
