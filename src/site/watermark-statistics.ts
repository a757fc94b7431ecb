/** What marking a file would do to it: every frame is marked in memory, checked and restored. Nothing is written; the key is thrown away. */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { planLength } from "../dicom/byte-plan.ts";
import { plainTextOf } from "../dicom/elements.ts";
import { frameBytesMax } from "../dicom/limits.ts";
import { frameSamples } from "../dicom/pixel-data/frame-samples.ts";
import { framesOf, type PixelFrames } from "../dicom/pixel-data/frames.ts";
import { canonicalFrameBytes } from "../dicom/pixel-data/image-attributes.ts";
import { pixelDataElements } from "../dicom/pixel-data/pixel-data-writer.ts";
import { planesOf, samplesOf } from "../dicom/pixel-data/sample-planes.ts";
import { readDicom } from "../dicom/read.ts";
import { planDataSet } from "../dicom/splice.ts";
import { tags } from "../dicom/tags.ts";
import type { Bytes } from "../foundation/bytes.ts";
import { ScansealError } from "../foundation/errors.ts";
import { checkFrame } from "../invisible-watermark/check.ts";
import { signatureFromDer, withLowS } from "../invisible-watermark/ecdsa-signature.ts";
import { type MarkedFrame, type MarkKeys, prepareMark } from "../invisible-watermark/embed.ts";
import type { PlanarFrame } from "../invisible-watermark/frame.ts";
import {
  type Invisibility,
  measureInvisibility,
  noiseShareMax,
} from "../invisible-watermark/invisibility.ts";
import { keyIdBytes, siteKeyBytes } from "../invisible-watermark/keys.ts";
import { layoutOf } from "../invisible-watermark/layout.ts";
import { recoverFrame } from "../invisible-watermark/recover.ts";
import { CodecPool } from "../platform/node/codecs/codec-pool.ts";
import { nodeCrypto, nodeRandom } from "../platform/node/crypto.ts";
import type { NotMarkedReason } from "../sealing/frame-marking.ts";
import { withFile } from "./file-input.ts";

/** Of one frame. Plain data. */
export type FrameStatistics =
  | {
      readonly frame: number;
      readonly markable: false;
      readonly reason: NotMarkedReason | "no-pixels" | "too-large";
    }
  | {
      readonly frame: number;
      readonly markable: true;
      readonly modality: string;
      /** Samples of the frame, all planes. */
      readonly samples: number;
      readonly invisibility: Invisibility;
      /** What the carriers held, compressed, and what of it found no place in the samples. */
      readonly recoveryBits: number;
      readonly sidecarBits: number;
      /** Of the tile digests that let anyone say where, in bytes. */
      readonly tileDigestBytes: number;
      /** It checked as intact and came back bit for bit. */
      readonly restored: boolean;
    };

export interface ObjectStatistics {
  readonly frames: readonly FrameStatistics[];
  /** Of the object in bytes, its pixels marked and encoded again in their own transfer syntax; undefined where not every frame can be marked. */
  readonly size?: { readonly before: number; readonly after: number };
}

interface Measured {
  readonly statistics: FrameStatistics;
  /** As it would be written: a codestream, or canonical samples. */
  readonly written?: Bytes;
}

export class WatermarkStatistics {
  readonly #codecs: CodecPool = new CodecPool();
  readonly #privateKey: KeyObject;
  readonly #spki: Uint8Array;
  readonly #keys: MarkKeys = {
    keyId: nodeRandom.bytes(keyIdBytes),
    locatorKey: nodeRandom.bytes(siteKeyBytes),
    recoveryKey: nodeRandom.bytes(siteKeyBytes),
  };

  constructor() {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.#privateKey = privateKey;
    this.#spki = new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
  }

  /**
   * @param onFrame called after each frame with its number and how many there are
   * @throws ScansealError `io`, and what is wrong with the object
   */
  measure(path: string, onFrame: (frame: number, frames: number) => void): Promise<ObjectStatistics> {
    return withFile(path, async (source) => {
      const object = await readDicom(source);
      const frames = await framesOf(object);
      if (frames === undefined) return { frames: [{ frame: 0, markable: false, reason: "no-pixels" }] };
      const modality = plainTextOf(object.elements, tags.modality) ?? "";
      const contentId = nodeRandom.bytes(16);
      const measured: Measured[] = [];
      const { numberOfFrames } = frames.attributes;
      for (let frame = 0; frame < numberOfFrames; frame++) {
        measured.push(await this.#measureFrame(frames, frame, modality, contentId));
        onFrame(frame + 1, numberOfFrames);
      }
      const written = measured.flatMap((one) => (one.written ? [one.written] : []));
      const size = written.length === numberOfFrames ? sizeOf(frames, written) : undefined;
      return { frames: measured.map(({ statistics }) => statistics), ...(size ? { size } : {}) };
    });
  }

  async #measureFrame(
    frames: PixelFrames,
    frame: number,
    modality: string,
    contentId: Uint8Array,
  ): Promise<Measured> {
    const refused = (reason: NotMarkedReason | "too-large"): Measured => ({
      statistics: { frame, markable: false, reason },
    });
    if (canonicalFrameBytes(frames.attributes, false) > frameBytesMax) return refused("too-large");
    const samples = await frameSamples(frames, frame, this.#codecs);
    if ("reason" in samples) return refused(samples.reason);
    const original = planesOf(frames.attributes, samples);
    if ("reason" in original) return refused(original.reason);
    const id = { contentId, frameNo: frame };
    const options = { noiseShareMax, publishTileDigests: true };
    const prepared = prepareMark(original, id, this.#keys, nodeCrypto, options);
    if (!prepared.markable) return refused(prepared.reason);
    const mark = prepared.finish(this.#signatureOf(prepared.toBeSigned));
    const marked = samplesOf({ ...original, ...mark.frame }, frames.attributes);
    const written = await this.#encoded(frames, marked);
    if (written === undefined) return refused("encoding");
    const layout = layoutOf(original.width, original.height, original.colour)!;
    const { carrierPlane } = layout;
    const [before, after] = [original.planes[carrierPlane]!, mark.frame.planes[carrierPlane]!];
    const statistics: FrameStatistics = {
      frame,
      markable: true,
      modality,
      samples: before.length * original.planes.length,
      invisibility: measureInvisibility(before, after, original.width, original.bits),
      recoveryBits: mark.statistics.recoveryBits,
      sidecarBits: mark.statistics.sidecarBits,
      tileDigestBytes: mark.tileDigests?.length ?? 0,
      restored: await this.#comesBack(original, mark),
    };
    return { statistics, written };
  }

  /** Undefined: there is no encoder for such a frame. */
  async #encoded({ layout, attributes, object }: PixelFrames, samples: Bytes): Promise<Bytes | undefined> {
    if (layout.kind !== "encapsulated" || object.transferSyntax.codec === "native") return samples;
    try {
      const request = { transferSyntaxUid: object.transferSyntax.uid, attributes, samples };
      return (await this.#codecs.encode(request)).codestream;
    } catch (error) {
      if (error instanceof ScansealError && (error.code === "unsupported" || error.code === "codec-failed"))
        return undefined;
      throw error;
    }
  }

  #signatureOf(bytes: Uint8Array): Uint8Array {
    return withLowS(signatureFromDer(new Uint8Array(sign("sha256", bytes, this.#privateKey)))!);
  }

  async #comesBack(original: PlanarFrame, mark: MarkedFrame): Promise<boolean> {
    const { facts, mark: read } = await checkFrame(mark.frame, nodeCrypto, () => this.#spki);
    if (!facts.found || !facts.intact || read === undefined) return false;
    const { recoveryKey } = this.#keys;
    const { status, frame } = recoverFrame(read, nodeCrypto, { recoveryKey, sidecar: mark.sidecar });
    return (
      status === "exact" &&
      original.planes.every((plane, p) => plane.every((value, i) => value === frame!.planes[p]![i]))
    );
  }

  async close(): Promise<void> {
    await this.#codecs.close();
  }
}

function sizeOf(frames: PixelFrames, written: readonly Bytes[]): ObjectStatistics["size"] {
  const { object } = frames;
  // A deflated data set has its size only when it is written.
  if (object.transferSyntax.deflated) return undefined;
  const edits = pixelDataElements(frames, written).map((element) => ({ kind: "put", element }) as const);
  return { before: object.source.size, after: object.metaEnd + planLength(planDataSet(object, edits)) };
}
