/** What the renderer and its threads say to each other. */
import type { ImageAttributes } from "../../dicom/pixel-data/image-attributes.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import type { ErrorCode } from "../../foundation/errors.ts";
import type { Display } from "./display.ts";
import type { PictureSize, Region } from "./picture.ts";

export type PictureType = "image/png" | "image/jpeg";

/** One frame; the buffer of `bytes` is transferred. */
export interface RenderingJob {
  readonly attributes: ImageAttributes;
  readonly display: Display;
  /** `samples`: in canonical form (canonicalFrame) but for `swap`; `planes`: the same, by plane. `jpeg`: a codestream of lossy JPEG. */
  readonly coding: "samples" | "planes" | "jpeg";
  readonly bytes: Bytes;
  /** Width in bytes of the units whose order is still to be reversed. */
  readonly swap: 1 | 2 | 4 | 8;
  /** Inside of the frame. */
  readonly region: Region;
  readonly size: PictureSize;
  readonly type: PictureType;
  /** Of JPEG, 1 to 100. */
  readonly quality: number;
}

/** The file; its buffer is transferred. */
export type RenderingReply =
  | { readonly result: Bytes }
  | { readonly code: ErrorCode; readonly message: string };
