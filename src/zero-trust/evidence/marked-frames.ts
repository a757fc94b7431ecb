/** One frame of an object and the mark in it: what can be said of it, whatever the object is. */
import { frameBytesMax } from "../../dicom/limits.ts";
import type { FrameDecoder } from "../../dicom/pixel-data/decoder.ts";
import { frameSamples } from "../../dicom/pixel-data/frame-samples.ts";
import type { PixelFrames } from "../../dicom/pixel-data/frames.ts";
import { canonicalFrameBytes } from "../../dicom/pixel-data/image-attributes.ts";
import { planesOf } from "../../dicom/pixel-data/sample-planes.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import type { Crypto } from "../../foundation/crypto.ts";
import { type ErrorCode, isLimit, isMalformed, ScansealError } from "../../foundation/errors.ts";
import {
  checkFrame,
  type FrameCheck,
  type KeyOf,
  type Place,
  type WatermarkFacts,
} from "../../invisible-watermark/check.ts";
import type { PlanarFrame, Rectangle } from "../../invisible-watermark/frame.ts";
import { planeSamplesMax } from "../../invisible-watermark/layout.ts";
import { locateChanges, locateWithoutPayload } from "../../invisible-watermark/locate.ts";
import type { MarkIdentity } from "../../invisible-watermark/payload.ts";
import { publishedDigestBytes } from "../../invisible-watermark/tile-digests.ts";
import type { FrameChanges } from "./evidence.ts";

/** A frame with its planes, and what its mark says. */
export interface CheckedFrame {
  readonly planes: PlanarFrame;
  readonly check: FrameCheck;
}

/** `no-samples`: what is there now cannot be what was marked. `not-decoded`: nothing is known of it. */
export type FrameReading = CheckedFrame | "no-samples" | "not-decoded";

/** Of a frame, unless all is asked for: a manifest can be copied to anything. Twice the largest that detectors give, in memory some 600 MB. */
const usualFrameBytesMax: number = 128 << 20;

/** Of a pixel: 48 bits of 32 x 32 samples carry, the fewest there are (spec/invisible-watermark.md G2), are 0.0059 bytes. */
const markedBytesMin = 0.005;

const problemsOfObjects: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["codec-failed", "unsupported"]);

/** What is wrong with pixels here is said elsewhere, or nothing can be said. */
export function isProblemOfObject(error: unknown): error is ScansealError {
  if (!(error instanceof ScansealError)) return false;
  return problemsOfObjects.has(error.code) || isMalformed(error.code) || isLimit(error.code);
}

export class MarkedFrames {
  readonly #frames: PixelFrames;
  readonly #crypto: Crypto;
  readonly #decoder: FrameDecoder | undefined;
  readonly #keyOf: KeyOf;
  /** Samples of a frame. */
  readonly samples: number;
  readonly count: number;
  readonly #isTooLarge: boolean;

  /** @param isDeep larger frames are looked at too */
  constructor(
    frames: PixelFrames,
    ports: { readonly crypto: Crypto; readonly decoder?: FrameDecoder | undefined },
    keyOf: KeyOf,
    isDeep: boolean,
  ) {
    this.#frames = frames;
    this.#crypto = ports.crypto;
    this.#decoder = ports.decoder;
    this.#keyOf = keyOf;
    const { attributes } = frames;
    this.count = attributes.numberOfFrames;
    this.samples = attributes.rows * attributes.columns * attributes.samplesPerPixel;
    this.#isTooLarge =
      attributes.rows * attributes.columns > planeSamplesMax ||
      canonicalFrameBytes(attributes, true) > (isDeep ? frameBytesMax : usualFrameBytesMax);
  }

  /** @throws ScansealError `io`, `internal` */
  async read(index: number): Promise<FrameReading> {
    if (this.#isTooLarge) return "not-decoded";
    if (!this.#couldCarry(index)) return "no-samples";
    try {
      const samples = await frameSamples(this.#frames, index, this.#decoder);
      return "reason" in samples ? "no-samples" : await this.#check(samples);
    } catch (error) {
      if (!isProblemOfObject(error)) throw error;
      return error.code === "codec-failed" ? "no-samples" : "not-decoded";
    }
  }

  /** A mark is noise, and no codec makes it smaller: a few bytes that decode to megapixels hold none, and are not decoded to see that. */
  #couldCarry(index: number): boolean {
    const { layout, attributes } = this.#frames;
    if (layout.kind !== "encapsulated") return true;
    const bytes = layout.frames[index]?.fragments.reduce((sum, { length }) => sum + length, 0) ?? 0;
    return bytes >= markedBytesMin * attributes.rows * attributes.columns;
  }

  async #check(samples: Bytes): Promise<FrameReading> {
    const { attributes } = this.#frames;
    const planes = planesOf(attributes, samples);
    if ("reason" in planes) return "no-samples";
    const check = await checkFrame(planes, this.#crypto, this.#keyOf);
    const { facts } = check;
    // Software that decodes to all allocated bits says so in Bits Stored: whether it may is for the attributes' commitments to say.
    if (!facts.found || facts.says.signed !== planes.signed || facts.says.bits >= planes.bits)
      return { planes, check };
    const { bits } = facts.says;
    const narrow = planesOf({ ...attributes, bitsStored: bits, highBit: bits - 1 }, samples);
    if ("reason" in narrow) return { planes, check };
    return { planes: narrow, check: await checkFrame(narrow, this.#crypto, this.#keyOf) };
  }

  /** Of a frame whose mark is signed but not intact. @param tileDigests of the frame as it was marked, from a table that is proven */
  changesOf(index: number, { planes, check }: CheckedFrame, tileDigests: Bytes | undefined): FrameChanges {
    const mark = check.mark!;
    const hasOnePerTile = tileDigests?.length === publishedDigestBytes * mark.layout.tiles.length;
    const located = locateChanges(mark, this.#crypto, hasOnePerTile ? { tileDigests } : {});
    const { basis } = located;
    // Without digests or tags of tiles only some of them are known.
    const tiles = basis === "superblocks" ? located.superblocks : located.tiles;
    const places = tiles.length > 0 ? tiles : located.superblocks;
    if (places.length > 0) return changesIn(index, basis, places);
    // Each sample is as it was, but the frame says to be of another form.
    return changesIn(index, "superblocks", [{ x0: 0, y0: 0, x1: planes.width, y1: planes.height }]);
  }

  /**
   * Of a frame whose mark is destroyed: what differs is known by the digests; and with that the mark may be read after all, which tells the rest.
   * @param isOwn whether a mark is the one that was there
   * @returns undefined where nothing fits: it is another frame, or of another size
   */
  async changesWithoutMark(
    checked: CheckedFrame,
    identity: MarkIdentity,
    tileDigests: Bytes,
    isOwn: (facts: WatermarkFacts) => boolean,
  ): Promise<FrameChanges | undefined> {
    const { planes } = checked;
    const { frameNo } = identity;
    const located = this.#differingTiles(planes, identity, tileDigests);
    const count = tileDigests.length / publishedDigestBytes;
    if (located === undefined || located.length === 0 || located.length === count) return undefined;
    const lostTiles = new Uint8Array(count);
    for (const { index } of located) lostTiles[index] = 1;
    const check = await checkFrame(planes, this.#crypto, this.#keyOf, { lostTiles });
    const { facts } = check;
    if (facts.found && facts.signature === "valid" && isOwn(facts))
      return this.changesOf(frameNo, { planes, check }, tileDigests);
    return changesIn(frameNo, "tile-digests", located);
  }

  #differingTiles(
    planes: PlanarFrame,
    identity: MarkIdentity,
    tileDigests: Bytes,
  ): readonly Place[] | undefined {
    try {
      return locateWithoutPayload(planes, identity, tileDigests, this.#crypto)?.tiles;
    } catch (error) {
      // Of a frame of another size.
      if (error instanceof ScansealError && error.code === "seal-structure") return undefined;
      throw error;
    }
  }
}

/** A report with more of them helps nobody. */
export const frameRegionsMax = 200;

function changesIn(
  frame: number,
  basis: FrameChanges["basis"],
  places: readonly (Place | Rectangle)[],
): FrameChanges {
  return { frame, basis, regions: joined(places).slice(0, frameRegionsMax), places: places.length };
}

/** Neighbours in a row become one rectangle, and so do equal ones below each other. @param places row by row */
function joined(places: readonly Rectangle[]): Rectangle[] {
  const runs: Rectangle[] = [];
  for (const { x0, y0, x1, y1 } of places) {
    const last = runs.at(-1);
    const isNext = last !== undefined && last.x1 === x0 && last.y0 === y0 && last.y1 === y1;
    if (isNext) runs[runs.length - 1] = { ...last, x1 };
    else runs.push({ x0, y0, x1, y1 });
  }
  const regions: Rectangle[] = [];
  /** Where the region is that ends above a run like this. */
  const above = new Map<string, number>();
  for (const run of runs) {
    const known = above.get(`${run.x0} ${run.x1} ${run.y0}`);
    const at = known ?? regions.length;
    regions[at] = known === undefined ? run : { ...regions[known]!, y1: run.y1 };
    above.set(`${run.x0} ${run.x1} ${run.y1}`, at);
  }
  return regions;
}
