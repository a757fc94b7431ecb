/** Marker segments of JPEG (ITU-T T.81 annex B) and JPEG-LS (ITU-T T.87 annex C) codestreams. */
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";

export interface JpegSegment {
  /** The marker's second byte. */
  readonly marker: number;
  /** Parameters, after the length. */
  readonly parameters: Bytes;
  /** After start of scan: the entropy-coded data with its restart markers. */
  readonly entropy?: Bytes;
}

export const jpegMarkers = {
  startOfFrameLossless: 0xc3,
  defineHuffmanTables: 0xc4,
  restartFirst: 0xd0,
  restartLast: 0xd7,
  startOfImage: 0xd8,
  endOfImage: 0xd9,
  startOfScan: 0xda,
  defineRestartInterval: 0xdd,
  startOfFrameLs: 0xf7,
  presetParametersLs: 0xf8,
} as const;

/** Padding behind the end of image; too little for another image. */
const trailingBytesMax = 16;

/** Tables, application data and comments before the pixels: nothing real comes near. */
const segmentsMax = 4096;

/**
 * All segments from start to end of image, in order.
 * @throws ScansealError `codec-failed` when the codestream is not well formed or has no end of image
 */
export function jpegSegments(codestream: Bytes, family: "jpeg" | "jpeg-ls"): JpegSegment[] {
  if (codestream[0] !== 0xff || codestream[1] !== jpegMarkers.startOfImage) throw failed("no start of image");
  const segments: JpegSegment[] = [];
  let at = 2;
  while (segments.length < segmentsMax) {
    if (codestream[at] !== 0xff) throw failed("a marker is missing");
    // T.81 B.1.1.2: any number of fill bytes before a marker.
    while (codestream[at + 1] === 0xff) at++;
    const marker = codestream[at + 1];
    if (marker === jpegMarkers.endOfImage) {
      if (codestream.length - at - 2 > trailingBytesMax) throw failed("data after the end of image");
      return segments;
    }
    if (marker === undefined || at + 4 > codestream.length) throw failed("no end of image");
    const length = (codestream[at + 2]! << 8) | codestream[at + 3]!;
    const end = at + 2 + length;
    if (length < 2 || end > codestream.length) throw failed("a segment leaves the codestream");
    const parameters = codestream.subarray(at + 4, end);
    at = end;
    if (marker === jpegMarkers.startOfScan) {
      at = entropyEnd(codestream, end, family);
      segments.push({ marker, parameters, entropy: codestream.subarray(end, at) });
    } else segments.push({ marker, parameters });
  }
  throw failed("too many segments");
}

/**
 * Offset of the marker that ends the scan, its fill bytes included. In JPEG-LS a 0 bit follows each byte FF (T.87 C.3),
 * in JPEG a byte 00 (T.81 B.1.1.5).
 */
function entropyEnd(codestream: Bytes, start: number, family: "jpeg" | "jpeg-ls"): number {
  let at = start;
  for (;;) {
    const run = codestream.indexOf(0xff, at);
    if (run < 0) throw failed("no end of image");
    at = run + 1;
    while (codestream[at] === 0xff) at++;
    const next = codestream[at++];
    if (next === undefined) throw failed("no end of image");
    const restart = next >= jpegMarkers.restartFirst && next <= jpegMarkers.restartLast;
    const stuffed = family === "jpeg" ? next === 0 : next < 0x80;
    if (!restart && !stuffed) return run;
  }
}

function failed(problem: string): ScansealError {
  return new ScansealError("codec-failed", `JPEG: ${problem}`);
}
