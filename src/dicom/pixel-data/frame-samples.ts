/** A frame's canonical samples, where they are what was captured: nothing that a lossy decoder made of it. */
import type { ByteSource } from "../../foundation/byte-source.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { type PlanStep, swapped } from "../byte-plan.ts";
import { canonicalFrame } from "./canonical-frames.ts";
import { isReversible } from "./codestream-header.ts";
import type { FrameDecoder } from "./decoder.ts";
import { type PixelFrames, readCodestream } from "./frames.ts";
import { type NoPlanesReason, noPlanesReason } from "./sample-planes.ts";

/** Why samples are not given. `lossy`: decoders differ in what they make of it; `video`, `encoding`: frames that are not decoded here. */
export type NoSamplesReason = NoPlanesReason | "lossy" | "video" | "encoding";

/** What the attributes and the transfer syntax say already, before anything is decoded. Undefined: its frames may have planes. */
export function noSamplesReason({ attributes, layout, object }: PixelFrames): NoSamplesReason | undefined {
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
 * For `planesOf`.
 * @param index 0 to numberOfFrames - 1
 * @throws ScansealError `codec-failed`, `limit-decode`, `unsupported`, `io`
 */
export async function frameSamples(
  frames: PixelFrames,
  index: number,
  decoder: FrameDecoder | undefined,
): Promise<Bytes | { readonly reason: NoSamplesReason }> {
  const reason = noSamplesReason(frames);
  if (reason !== undefined) return { reason };
  if (!(await isFrameReversible(frames, index))) return { reason: "lossy" };
  return bytesOf(await canonicalFrame(frames, index, decoder), frames.object.dataSource);
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
