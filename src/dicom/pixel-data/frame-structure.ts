/** Structure of compressed frames that can be checked without decoding: what a decoder would fail on is not let past. */
import { ScansealError } from "../../foundation/errors.ts";
import { findElement } from "../elements.ts";
import type { DicomObject } from "../model.ts";
import { tags } from "../tags.ts";
import { rleHeaderBytes, rleSegmentBounds } from "./rle.ts";

/**
 * PS3.5 annex G.5: each RLE frame is one fragment, and its header points into it.
 * @throws ScansealError `encapsulation-invalid`, `io`
 */
export async function checkFrameStructure(object: DicomObject): Promise<void> {
  const pixels = findElement(object.elements, tags.pixelData);
  if (object.transferSyntax.codec !== "rle" || !pixels?.fragments) return;
  for (const { valueOffset, length } of pixels.fragments.slice(1)) {
    const header = await object.dataSource.read(valueOffset, Math.min(rleHeaderBytes, length));
    try {
      rleSegmentBounds(header, length);
    } catch (cause) {
      const place = { tag: tags.pixelData, offset: valueOffset, cause };
      throw new ScansealError("encapsulation-invalid", "an RLE header that points outside its frame", place);
    }
  }
}
