/** From a frame's samples to the same samples marked: planes, watermark, samples. */
import type { NoSamplesReason } from "../dicom/pixel-data/frame-samples.ts";
import type { ImageAttributes } from "../dicom/pixel-data/image-attributes.ts";
import { planesOf, samplesOf } from "../dicom/pixel-data/sample-planes.ts";
import type { Bytes } from "../foundation/bytes.ts";
import type { Crypto } from "../foundation/crypto.ts";
import {
  type MarkedFrame,
  type MarkKeys,
  prepareMark,
  type UnmarkableReason,
} from "../invisible-watermark/embed.ts";

/** Why a frame is not marked. */
export type NotMarkedReason = NoSamplesReason | UnmarkableReason;

/** Plain data: it crosses into threads. */
export interface MarkingJob {
  readonly attributes: ImageAttributes;
  /** One frame in canonical form. */
  readonly samples: Bytes;
  readonly keys: MarkKeys;
  /** Of one object, never used again: 16 random bytes. */
  readonly contentId: Bytes;
  readonly frameNo: number;
  /** See MarkOptions; undefined: the frame is marked whatever it looks like. */
  readonly noiseShareMax: number | undefined;
}

export interface MarkedSamples extends Omit<MarkedFrame, "frame" | "root"> {
  /** The marked frame in canonical form. */
  readonly samples: Bytes;
}

export type MarkingOutcome = MarkedSamples | { readonly reason: NotMarkedReason };

/** ECDSA P-256 with SHA-256: r || s, 64 bytes, the lower s. */
export type MarkSigner = (bytes: Bytes) => Promise<Bytes>;

export interface FrameMarker {
  /** Frames that are worth having in flight at once. */
  readonly parallel: number;
  /** @throws what `sign` throws */
  mark(job: MarkingJob, sign: MarkSigner): Promise<MarkingOutcome>;
}

/** All the work but the signature. */
export function prepareSamples(
  job: MarkingJob,
  crypto: Crypto,
):
  | { readonly toBeSigned: Bytes; readonly finish: (signature: Bytes) => MarkedSamples }
  | { readonly reason: NotMarkedReason } {
  const { attributes, samples, keys, contentId, frameNo, noiseShareMax } = job;
  const planes = planesOf(attributes, samples);
  if ("reason" in planes) return planes;
  // Negative numbers without their sign in the bits above: marked, the last of them may be gone, and with it how they were written.
  if (planes.signed && planes.highBits === "zero" && planes.bits < attributes.bitsAllocated)
    return { reason: "high-bits" };
  const options = { noiseShareMax, publishTileDigests: true };
  const prepared = prepareMark(planes, { contentId, frameNo }, keys, crypto, options);
  if (!prepared.markable) return { reason: prepared.reason };
  return {
    toBeSigned: prepared.toBeSigned,
    finish(signature) {
      const { frame, originalHash, tileDigests, sidecar, statistics } = prepared.finish(signature);
      return {
        samples: samplesOf({ ...planes, ...frame }, attributes),
        originalHash,
        ...(tileDigests ? { tileDigests } : {}),
        ...(sidecar ? { sidecar } : {}),
        statistics,
      };
    },
  };
}

/** Marks in the thread that asks. */
export class InlineFrameMarker implements FrameMarker {
  readonly parallel = 1;
  readonly #crypto: Crypto;

  constructor(crypto: Crypto) {
    this.#crypto = crypto;
  }

  async mark(job: MarkingJob, sign: MarkSigner): Promise<MarkingOutcome> {
    const prepared = prepareSamples(job, this.#crypto);
    return "reason" in prepared ? prepared : prepared.finish(await sign(prepared.toBeSigned));
  }
}
