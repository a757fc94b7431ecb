/** Samples of a frame as a picture in eight bits. */
import type { ImageAttributes } from "../../dicom/pixel-data/image-attributes.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { paintColour, paintPalette } from "./colour-painting.ts";
import type { Display } from "./display.ts";
import { paintGrey } from "./grey-painting.ts";
import type { Picture } from "./picture.ts";

/**
 * @param samples in canonical form (canonicalFrame)
 * @throws ScansealError `unsupported` for samples of a kind that is not rendered, `codec-failed` for another number of them
 */
export function painted(samples: Bytes, attributes: ImageAttributes, display: Display): Picture {
  const size = { width: attributes.columns, height: attributes.rows };
  switch (display.kind) {
    case "grey":
      return { ...size, channels: 1, samples: paintGrey(samples, attributes, display) };
    case "palette":
      return { ...size, channels: 3, samples: paintPalette(samples, attributes, display) };
    default:
      return { ...size, channels: 3, samples: paintColour(samples, attributes, display.kind) };
  }
}
