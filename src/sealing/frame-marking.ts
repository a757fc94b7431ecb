/** From an object's frame to the marked frame in the same form: decode, planes, watermark. */
import { type PlanStep, swapped } from "../dicom/byte-plan.ts";
import { canonicalFrame } from "../dicom/pixel-data/canonical-frames.ts";
import { isReversible } from "../dicom/pixel-data/codestream-header.ts";
import type { FrameDecoder } from "../dicom/pixel-data/decoder.ts";
import { type PixelFrames, readCodestream } from "../dicom/pixel-data/frames.ts";
import {
  type NoPlanesReason,
  noPlanesReason,
  planesOf,
  samplesOf,
} from "../dicom/pixel-data/sample-planes.ts";
import type { ByteSource } from "../foundation/byte-source.ts";
import type { Bytes } from "../foundation/bytes.ts";
import type { Crypto } from "../foundation/crypto.ts";
import {
  type MarkedFrame,
  type MarkKeys,
  prepareMark,
  type UnmarkableReason,
} from "../invisible-watermark/embed.ts";
import type { PlanarFrame } from "../invisible-watermark/frame.ts";
import { noiseShareMax } from "../invisible-watermark/invisibility.ts";

/** Why a frame is not marked. `lossy`: decoders differ, so decoded pixels are never digested; `video`, `encoding`: frames that are not decoded here. */
export type NotMarkedReason = NoPlanesReason | UnmarkableReason | "lossy" | "video" | "encoding";

export interface FrameMarkingPorts {
  readonly crypto: Crypto;
  readonly decoder: FrameDecoder;
  readonly keys: MarkKeys;
  /** Of one object, never used again: 16 random bytes. */
  readonly contentId: Bytes;
  /** ECDSA P-256 with SHA-256: r || s, 64 bytes, the lower s. */
  readonly sign: (bytes: Bytes) => Promise<Bytes>;
}

export interface MarkedSamples {
  readonly original: PlanarFrame;
  readonly mark: MarkedFrame;
  /** The marked frame in canonical form, in the place of the original's. */
  readonly samples: Bytes;
}

/** What the attributes and the transfer syntax say already, before anything is decoded. Undefined: its frames may be marked. */
function notMarkedReason({ attributes, layout, object }: PixelFrames): NotMarkedReason | undefined {
  if (layout.kind === "video") return "video";
  const { codec, lossless } = object.transferSyntax;
  if (codec === "jpeg" || codec === "jpeg-xl") return "lossy";
  if (codec === "referenced") return "encoding";
  // Near-lossless and 9/7 share transfer syntaxes with lossless codestreams: their headers say.
  return (
    noPlanesReason(attributes) ??
    (lossless || codec === "jpeg-ls" || codec === "jpeg-2000" || codec === "htj2k" ? undefined : "lossy")
  );
}

/**
 * @param index 0 to numberOfFrames - 1
 * @throws ScansealError `codec-failed`, `limit-decode`, `unsupported`, `io`, and what `sign` throws
 */
export async function markFrame(
  frames: PixelFrames,
  index: number,
  { crypto, decoder, keys, contentId, sign }: FrameMarkingPorts,
): Promise<MarkedSamples | { readonly reason: NotMarkedReason }> {
  const early = notMarkedReason(frames);
  if (early !== undefined) return { reason: early };
  if (!(await isFrameReversible(frames, index))) return { reason: "lossy" };
  const step = await canonicalFrame(frames, index, decoder);
  const planes = planesOf(frames.attributes, await bytesOf(step, frames.object.dataSource));
  if ("reason" in planes) return planes;
  const options = { noiseShareMax, publishTileDigests: true };
  const prepared = prepareMark(planes, { contentId, frameNo: index }, keys, crypto, options);
  if (!prepared.markable) return { reason: prepared.reason };
  const mark = prepared.finish(await sign(prepared.toBeSigned));
  return { original: planes, mark, samples: samplesOf({ ...planes, ...mark.frame }, frames.attributes) };
}

async function isFrameReversible({ object, layout }: PixelFrames, index: number): Promise<boolean> {
  const { codec, lossless } = object.transferSyntax;
  if (lossless || layout.kind !== "encapsulated") return true;
  return isReversible(codec, await readCodestream(object, layout.frames[index]!));
}

/** One frame fits into memory: the decoding limit bounds it. */
async function bytesOf(step: PlanStep, source: ByteSource): Promise<Bytes> {
  if (step instanceof Uint8Array) return step;
  const bytes = await source.read(step.offset, step.length);
  return step.swap === 1 ? bytes : swapped(bytes, step.swap);
}
