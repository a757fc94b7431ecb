/** One frame as readers are shown it, for pictures that say where. */
import type { DicomObject } from "../../dicom/model.ts";
import type { FrameDecoder } from "../../dicom/pixel-data/decoder.ts";
import { frameSamples } from "../../dicom/pixel-data/frame-samples.ts";
import { framesOf } from "../../dicom/pixel-data/frames.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { displayOf } from "../../site/rendering/display.ts";
import { painted } from "../../site/rendering/painting.ts";
import { type ColourImage, coloured } from "./heat-map.ts";

/**
 * @param index from 0
 * @throws ScansealError `usage` where there is no such frame, `unsupported` for samples of another kind, `value-invalid`, `codec-failed`,
 * `limit-decode`, `io`
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
  if ("reason" in samples)
    throw new ScansealError("unsupported", `no picture is made of this kind of image (${samples.reason})`);
  const picture = painted(samples, frames.attributes, await displayOf(frames, index, undefined));
  const size = { rows: picture.height, columns: picture.width };
  return picture.channels === 3
    ? { ...size, rgb: picture.samples }
    : coloured({ ...size, grey: picture.samples });
}
