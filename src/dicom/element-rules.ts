/** What an element's header must keep by itself: nothing of the value has been read, and no memory taken for it. */
import { type LimitCode, type MalformedCode, ScansealError } from "../foundation/errors.ts";
import { textBytesMax } from "./limits.ts";
import { findInLevel, type Level, type ScannerOptions } from "./scan-level.ts";
import { isPrivateCreator, type Tag, tags } from "./tags.ts";
import { type Vr, vrTraits } from "./vr.ts";

/** Four times the 64 characters of LO (PS3.5 section 6.2), for multi-byte character sets. */
const privateCreatorBytesMax = 256;

/** The header as read, undefined length as 0xFFFFFFFF. */
export interface ElementHeader {
  readonly tag: Tag;
  readonly vr: Vr;
  readonly length: number;
  readonly undefinedLength: boolean;
  readonly offset: number;
}

/** PS3.5 section 7.1: ascending, unique; PS3.10 section 7.1 and PS3.7 section 6.3 keep groups below 0008 out of data sets. */
export function checkTag(tag: Tag, level: Level, offset: number, options: ScannerOptions): void {
  const group = tag >>> 16;
  if (group < 8) {
    const allowed = options.metaOnly ? group === 2 : group === 4 && options.directory === true;
    if (!allowed) throw refused("tag-forbidden", "a group below 0008 in the data set", offset, tag);
  }
  if (group === 0xfffe) {
    throw refused("delimiter-unexpected", "an item or delimiter outside a sequence", offset, tag);
  }
  const reserved = (group & 1) === 1 && (tag & 0xffff) > 0 && (tag & 0xffff) < 0x10; // PS3.5 section 7.8.1
  if (reserved || group === 0xffff) {
    throw refused("tag-forbidden", "a tag the standard rules out", offset, tag);
  }
  if (tag > level.lastTag) return;
  if (findInLevel(level, tag)) throw refused("tag-duplicate", "the same tag twice", offset, tag);
  if (!options.tolerate.has("tag-order")) throw refused("tag-order", "tags do not ascend", offset, tag);
}

/** The length against the VR. Odd lengths pass here where they are tolerated; the scanner lists them. */
export function checkLength(header: ElementHeader, tolerate: ReadonlySet<MalformedCode>): void {
  const { tag, vr, length, offset } = header;
  const traits = vrTraits[vr];
  if (traits.text && length > textBytesMax) {
    throw refused("limit-length", "a text value over the limit", offset, tag);
  }
  if (length % 2 !== 0 && !tolerate.has("length-odd")) {
    throw refused("length-odd", "a value of odd length", offset, tag);
  }
  const width = vr === "AT" ? 4 : traits.width;
  // OW holds bytes of any 8-bit content; its even length is all that PS3.5 asks of it.
  if (width > 2 && length % width !== 0) {
    throw refused("length-invalid", "a length that does not fit the VR", offset, tag);
  }
  // A creator is compared, so it is bounded.
  if (length > privateCreatorBytesMax && isPrivateCreator(tag)) {
    throw refused("value-invalid", "a private creator over 64 characters", offset, tag);
  }
}

/** Besides sequences only Pixel Data may be of undefined length: encapsulated, in explicit VR little endian (PS3.5 annex A.4). */
export function checkFragmentsAllowed(header: ElementHeader, level: Level): void {
  const { tag, vr, offset } = header;
  const { explicit, bigEndian } = level.encoding;
  if (tag === tags.pixelData && (vr === "OB" || vr === "OW") && explicit && !bigEndian) return;
  throw refused("length-invalid", "undefined length where it is not allowed", offset, tag);
}

export function refused(
  code: MalformedCode | LimitCode,
  message: string,
  offset: number,
  tag: Tag | undefined,
): ScansealError {
  return new ScansealError(code, message, { offset, tag });
}
