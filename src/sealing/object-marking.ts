/** Marks the frames of one object, before its attributes become final. The numbers are the steps of spec/sealing.md. */
import { findElement } from "../dicom/elements.ts";
import { frameBytesMax } from "../dicom/limits.ts";
import type { DicomObject } from "../dicom/model.ts";
import type { FrameDecoder } from "../dicom/pixel-data/decoder.ts";
import type { FrameEncoder } from "../dicom/pixel-data/encoder.ts";
import { frameSamples, noSamplesReason } from "../dicom/pixel-data/frame-samples.ts";
import { framesOf, type PixelFrames, readCodestream } from "../dicom/pixel-data/frames.ts";
import { canonicalFrameBytes } from "../dicom/pixel-data/image-attributes.ts";
import { pixelDataElements } from "../dicom/pixel-data/pixel-data-writer.ts";
import type { Edit } from "../dicom/splice.ts";
import { tags } from "../dicom/tags.ts";
import { type Bytes, toHex } from "../foundation/bytes.ts";
import type { Crypto, Random, Signer } from "../foundation/crypto.ts";
import { type ErrorCode, ScansealError } from "../foundation/errors.ts";
import { signatureFromDer, withLowS } from "../invisible-watermark/ecdsa-signature.ts";
import type { MarkKeys } from "../invisible-watermark/embed.ts";
import { noiseShareMax } from "../invisible-watermark/invisibility.ts";
import { keyIdOf } from "../invisible-watermark/keys.ts";
import { contentIdBytes } from "../invisible-watermark/payload.ts";
import type { WatermarkOfObject } from "../provenance/manifest/build.ts";
import {
  encodeWatermarkTable,
  type FrameMarkRecord,
  type WatermarkTable,
  watermarkTableSaltBytes,
} from "../provenance/manifest/watermark-table.ts";
import type { FrameMarker, MarkedSamples, MarkSigner, NotMarkedReason } from "./frame-marking.ts";
import { ValueAttributes } from "./value-attributes.ts";

export interface WatermarkPorts {
  readonly marker: FrameMarker;
  readonly encoder: FrameEncoder;
  /** The site's for this device. */
  readonly keys: Pick<MarkKeys, "locatorKey" | "recoveryKey">;
  /** Of objects that are not to be marked at all: why. */
  readonly refuse: (object: DicomObject) => DigestOnlyReason | undefined;
  /** Called after each frame with how many are done and how many there are. */
  readonly onFrame?: (done: number, frames: number) => void;
}

/** The site's choice: `choice` for this modality or run; the others are what such images are for. */
export type DigestOnlyReason = "choice" | "modality" | "parametric-map" | "for-processing";

/** Why no frame of an object is marked. */
export type ObjectNotMarkedReason =
  | NotMarkedReason
  | DigestOnlyReason
  /** Nothing to mark, or pixel data that its attributes do not explain. */
  | "no-pixels"
  | "pixel-data"
  | "size"
  /** Compressed, it would grow by more than a tenth. */
  | "growth"
  /** Padding could not be told from image any more. */
  | "padding"
  /** It has a digital signature already, which would not fit any more. */
  | "signed"
  /** Only ECDSA P-256 with SHA-256 fits into a mark. */
  | "signer-key";

/** What makes the same marks again of the same original. */
export interface MarkRecord {
  /** 16 bytes. */
  readonly contentId: Bytes;
  /** r || s of each frame; undefined for one that is not marked. */
  readonly signatures: readonly (Bytes | undefined)[];
  /** Of the watermark table. */
  readonly salt: Bytes;
}

export interface ObjectMark {
  /** To be spliced into the object. */
  readonly edits: readonly Edit[];
  readonly watermark: WatermarkOfObject;
  readonly record: MarkRecord;
}

export interface ObjectMarkingPorts extends WatermarkPorts {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly decoder: FrameDecoder;
  readonly signer: Signer;
}

/** All marked frames are in memory until the object is written. */
export const pixelBytesMax: number = 512 << 20;
/** Of compressed frames. */
const growthMax = 0.1;

/**
 * @param record of the same original, marked before by the same device: gives the same marks, and nothing is judged again
 * @throws ScansealError `io`, `internal` for a record of another original, and what the signer throws
 */
export async function markObject(
  object: DicomObject,
  ports: ObjectMarkingPorts,
  record?: MarkRecord,
): Promise<ObjectMark | { readonly reason: ObjectNotMarkedReason }> {
  const { signer } = ports;
  if (!record) {
    if (signer.keyType !== "EC-P256" || signer.hash !== "SHA-256") return { reason: "signer-key" };
    if (findElement(object.elements, tags.digitalSignaturesSequence)) return { reason: "signed" };
    const refusal = ports.refuse(object);
    if (refusal !== undefined) return { reason: refusal };
  }
  const frames = await markableFrames(object);
  if ("reason" in frames) return frames;
  const run = new MarkingRun(frames, ports, record);
  const results = await run.markAll().catch(pixelProblem);
  if ("reason" in results) return results;
  const marked = results.filter((result) => "mark" in result);
  if (marked.length === 0) return { reason: "mark" in results[0]! ? "no-pixels" : results[0]!.reason };
  if (!record && run.growth > growthMax) return { reason: "growth" };
  const values = run.values.edits();
  if (values === undefined) return { reason: "padding" };
  const pixels = pixelDataElements(
    frames,
    results.map(({ written }) => written),
  );
  const table = tableOf({
    salt: run.salt,
    attributes: values.replaced,
    frames: results.map((result) => ("mark" in result ? recordOf(result.mark) : undefined)),
  });
  if (table === undefined) return { reason: "size" };
  return {
    edits: [...values.edits, ...pixels.map((element): Edit => ({ kind: "put", element }))],
    watermark: {
      scheme: "MTW1",
      contentId: toHex(run.contentId),
      keyId: toHex(run.keyId),
      frames: marked.length,
      table,
    },
    record: {
      contentId: run.contentId,
      salt: run.salt,
      signatures: results.map((result) => ("mark" in result ? result.signature : undefined)),
    },
  };
}

/** Undefined where it would be too large. */
function tableOf(table: WatermarkTable): Bytes | undefined {
  try {
    return encodeWatermarkTable(table);
  } catch (error) {
    if (error instanceof ScansealError && error.code === "limit-length") return undefined;
    throw error;
  }
}

function recordOf({ originalHash, tileDigests, sidecar }: MarkedSamples): FrameMarkRecord {
  return { originalHash, tileDigests: tileDigests!, ...(sidecar ? { sidecar } : {}) };
}

/** What the attributes alone decide. */
async function markableFrames(
  object: DicomObject,
): Promise<PixelFrames | { readonly reason: ObjectNotMarkedReason }> {
  let frames: PixelFrames | undefined;
  try {
    frames = await framesOf(object);
  } catch (error) {
    return pixelProblem(error);
  }
  if (frames === undefined) return { reason: "no-pixels" };
  const reason = noSamplesReason(frames);
  if (reason !== undefined) return { reason };
  const frameBytes = canonicalFrameBytes(frames.attributes, true);
  const isSmall =
    frameBytes <= frameBytesMax && frameBytes * frames.attributes.numberOfFrames <= pixelBytesMax;
  return isSmall ? frames : { reason: "size" };
}

const pixelProblems: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "pixel-attributes",
  "pixel-length",
  "encapsulation-invalid",
  "unsupported",
  "codec-failed",
  "limit-decode",
]);

function pixelProblem(error: unknown): { readonly reason: "pixel-data" } {
  if (isAboutPixels(error)) return { reason: "pixel-data" };
  throw error;
}

function isAboutPixels(error: unknown): boolean {
  return error instanceof ScansealError && pixelProblems.has(error.code);
}

/** `written`: what stands for the frame in the marked object: a codestream, or canonical samples. */
type FrameResult =
  | { readonly written: Bytes; readonly mark: MarkedSamples; readonly signature: Bytes }
  | { readonly written: Bytes; readonly reason: NotMarkedReason };

class MarkingRun {
  readonly contentId: Bytes;
  readonly salt: Bytes;
  readonly keyId: Bytes;
  readonly values: ValueAttributes;
  readonly #frames: PixelFrames;
  readonly #ports: ObjectMarkingPorts;
  readonly #record: MarkRecord | undefined;
  #codestreamsBefore = 0;
  #codestreamsAfter = 0;

  constructor(frames: PixelFrames, ports: ObjectMarkingPorts, record: MarkRecord | undefined) {
    if (record && record.signatures.length !== frames.attributes.numberOfFrames)
      throw new ScansealError("internal", "marks of another object");
    this.contentId = record?.contentId ?? ports.random.bytes(contentIdBytes);
    this.salt = record?.salt ?? ports.random.bytes(watermarkTableSaltBytes);
    this.keyId = keyIdOf(ports.signer.certificate, ports.crypto);
    this.values = new ValueAttributes(frames.object, frames.attributes);
    this.#frames = frames;
    this.#ports = ports;
    this.#record = record;
  }

  /** Of the codestreams, as a share of what they were: 0.1 is a tenth more. */
  get growth(): number {
    return this.#codestreamsBefore === 0 ? 0 : this.#codestreamsAfter / this.#codestreamsBefore - 1;
  }

  /** Several frames at once, as many as the marker has use for and one that is read meanwhile. */
  async markAll(): Promise<FrameResult[]> {
    const { numberOfFrames } = this.#frames.attributes;
    const results: FrameResult[] = [];
    let next = 0;
    let done = 0;
    const work = async (): Promise<void> => {
      while (next < numberOfFrames) {
        const index = next++;
        try {
          results[index] = await this.#markFrame(index);
        } catch (error) {
          next = numberOfFrames;
          throw error;
        }
        this.#ports.onFrame?.(++done, numberOfFrames);
      }
    };
    const works = Array.from({ length: this.#ports.marker.parallel + 1 }, work);
    // All have ended before one's error is told.
    await Promise.allSettled(works);
    await Promise.all(works);
    return results;
  }

  async #markFrame(index: number): Promise<FrameResult> {
    const before = await this.#samplesOf(index);
    if ("reason" in before) {
      this.values.overlook();
      return { written: await this.#unmarked(index), reason: before.reason };
    }
    const unmarked = async (reason: NotMarkedReason): Promise<FrameResult> => {
      this.values.watch(before, before);
      return { written: await this.#unmarked(index, before), reason };
    };
    const stored = this.#record?.signatures[index];
    if (this.#record && !stored) return unmarked("noise");
    let signature: Bytes | undefined;
    const sign: MarkSigner = async (bytes) => {
      signature = stored ?? (await signatureBy(this.#ports.signer, bytes));
      return signature;
    };
    const job = {
      attributes: this.#frames.attributes,
      samples: before,
      keys: { ...this.#ports.keys, keyId: this.keyId },
      contentId: this.contentId,
      frameNo: index,
      noiseShareMax: this.#record ? undefined : noiseShareMax,
    };
    const mark = await this.#ports.marker.mark(job, sign);
    if ("reason" in mark) return unmarked(mark.reason);
    const written = await this.#written(index, mark.samples);
    if (written === undefined) return unmarked("encoding");
    this.values.watch(before, mark.samples);
    return { written, mark, signature: signature! };
  }

  /** A codestream that does not decode is sealed as it is. */
  async #samplesOf(index: number): ReturnType<typeof frameSamples> {
    try {
      return await frameSamples(this.#frames, index, this.#ports.decoder);
    } catch (error) {
      if (this.#frames.layout.kind === "encapsulated" && isAboutPixels(error)) return { reason: "encoding" };
      throw error;
    }
  }

  /** Of native frames the samples are always known. */
  async #unmarked(index: number, samples: Bytes = new Uint8Array(0)): Promise<Bytes> {
    const { object, layout } = this.#frames;
    return layout.kind === "encapsulated" ? readCodestream(object, layout.frames[index]!) : samples;
  }

  /** Undefined: there is no encoder for such a frame. */
  async #written(index: number, samples: Bytes): Promise<Bytes | undefined> {
    const { object, layout, attributes } = this.#frames;
    if (layout.kind !== "encapsulated" || object.transferSyntax.codec === "native") return samples;
    try {
      const request = { transferSyntaxUid: object.transferSyntax.uid, attributes, samples };
      const { codestream } = await this.#ports.encoder.encode(request);
      this.#codestreamsBefore += layout.frames[index]!.fragments.reduce((sum, { length }) => sum + length, 0);
      this.#codestreamsAfter += codestream.length;
      return codestream;
    } catch (error) {
      if (isAboutPixels(error)) return undefined;
      throw error;
    }
  }
}

/** r || s with the lower s. */
async function signatureBy(signer: Signer, bytes: Bytes): Promise<Bytes> {
  const operation = signer.start();
  operation.update(bytes);
  const signature = signatureFromDer(await operation.sign());
  if (signature === undefined) throw new ScansealError("key-unusable", "the key made no ECDSA signature");
  return withLowS(signature);
}
