/** What a source may be allowed to get wrong in what arrives over the network. */
import { tolerableCodes } from "../../dicom/read.ts";
import type { MalformedCode } from "../../foundation/errors.ts";

/**
 * The file's head is written here, so that nobody's software can have got it wrong: where it seems so, the data set begins with elements of
 * group 0002, and they would leave with it, covered by nothing.
 */
export const tolerableOnArrival: ReadonlySet<MalformedCode> = new Set(
  [...tolerableCodes].filter((code) => code !== "meta-invalid"),
);
