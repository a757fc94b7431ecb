/** The original of a marked object, bit for bit: spec/sealing.md, Restoring. Whether the object is as it was sealed is judged before. */
import { findElement } from "../dicom/elements.ts";
import type { DicomObject } from "../dicom/model.ts";
import type { FrameDecoder } from "../dicom/pixel-data/decoder.ts";
import type { FrameEncoder } from "../dicom/pixel-data/encoder.ts";
import { frameSamples } from "../dicom/pixel-data/frame-samples.ts";
import { framesOf, type PixelFrames, readCodestream } from "../dicom/pixel-data/frames.ts";
import { canonicalFrameBytes } from "../dicom/pixel-data/image-attributes.ts";
import { pixelDataElements } from "../dicom/pixel-data/pixel-data-writer.ts";
import { planesOf, samplesOf } from "../dicom/pixel-data/sample-planes.ts";
import type { Edit } from "../dicom/splice.ts";
import { tags } from "../dicom/tags.ts";
import { type Bytes, equalBytes, fromHex, toHex } from "../foundation/bytes.ts";
import type { Crypto } from "../foundation/crypto.ts";
import { ScansealError } from "../foundation/errors.ts";
import { checkFrame } from "../invisible-watermark/check.ts";
import { recoverFrame } from "../invisible-watermark/recover.ts";
import { hashSamples } from "../invisible-watermark/tile-digests.ts";
import type { OpenedManifest } from "../provenance/manifest/check.ts";
import { isOfSeal } from "../provenance/manifest/containers.ts";
import type { CaptureStatement } from "../provenance/manifest/statement.ts";
import {
  decodeWatermarkTable,
  type FrameMarkRecord,
  type ReplacedAttribute,
  type WatermarkTable,
} from "../provenance/manifest/watermark-table.ts";
import { pixelBytesMax } from "./object-marking.ts";

export interface RestorationPorts {
  readonly crypto: Crypto;
  readonly decoder: FrameDecoder;
  readonly encoder: FrameEncoder;
  /** The site's K_rec for the device that marked; asked for marked objects only. */
  readonly recoveryKeyOf: (keyId: Bytes) => Bytes;
  /** DER SubjectPublicKeyInfo of the manifest's signer. */
  readonly spki: Bytes;
}

export interface Restoration {
  /** To be spliced into the marked object: pixels, attributes about their values, and no seal, which would not fit. */
  readonly edits: readonly Edit[];
  readonly framesRestored: number;
}

type MarkedClaim = Extract<CaptureStatement["watermark"], { readonly scheme: "MTW1" }>;

/**
 * @param manifest of the object; its signer is trusted and everything is as it was sealed
 * @throws ScansealError `not-restorable` with the reason, `codec-failed`, `limit-decode`, `io`
 */
export async function restoreObject(
  object: DicomObject,
  manifest: OpenedManifest,
  ports: RestorationPorts,
): Promise<Restoration> {
  // 1
  const claim = manifest.statement.watermark;
  if (claim.scheme === "none") throw refused("it has no watermark: its pixels are as they were captured");
  const table = tableOf(manifest, claim, ports.crypto);
  const frames = await framesOf(object);
  if (frames?.attributes.numberOfFrames !== table.frames.length)
    throw refused("its watermark table is of another object");
  if (canonicalFrameBytes(frames.attributes, true) * table.frames.length > pixelBytesMax)
    throw refused("its samples are more than 512 MiB");
  const recovery = { ...ports, recoveryKey: ports.recoveryKeyOf(fromHex(claim.keyId)) };
  const written: Bytes[] = [];
  for (const [index, record] of table.frames.entries()) {
    written.push(
      record
        ? await restoredFrame(frames, index, claim, record, recovery)
        : await frameAsItIs(frames, index, ports),
    );
  }
  const pixels = pixelDataElements(frames, written).map((element): Edit => ({ kind: "put", element }));
  return {
    edits: [...pixels, ...table.attributes.map((one) => attributeEdit(object, one)), ...withoutSeal(object)],
    framesRestored: claim.frames,
  };
}

/** 2. */
function tableOf({ containers }: OpenedManifest, claim: MarkedClaim, crypto: Crypto): WatermarkTable {
  const bytes = containers.watermarkTable;
  if (bytes === undefined || toHex(crypto.hash("SHA-256", bytes)) !== claim.table)
    throw refused("its watermark table, (0071,xx03), is missing or another one");
  return decodeWatermarkTable(bytes);
}

async function restoredFrame(
  frames: PixelFrames,
  index: number,
  claim: MarkedClaim,
  record: FrameMarkRecord,
  { crypto, decoder, encoder, recoveryKey, spki }: RestorationPorts & { readonly recoveryKey: Bytes },
): Promise<Bytes> {
  const { attributes, object, layout } = frames;
  const samples = await frameSamples(frames, index, decoder);
  const planes = "reason" in samples ? samples : planesOf(attributes, samples);
  if ("reason" in planes)
    throw refused(`frame ${index + 1} cannot be read as it was marked (${planes.reason})`);
  // 3
  const { facts, mark } = await checkFrame(planes, crypto, (keyId) =>
    keyId === claim.keyId ? spki : undefined,
  );
  const isOwn = facts.found && facts.intact && facts.contentId === claim.contentId && facts.frameNo === index;
  if (!isOwn || !mark) throw refused(`the watermark of frame ${index + 1} is not intact`);
  // 4
  const { status, frame } = recoverFrame(mark, crypto, { recoveryKey, sidecar: record.sidecar });
  const isExact =
    status === "exact" && equalBytes(hashSamples(frame!, frame!.planes, crypto), record.originalHash);
  if (!isExact)
    throw refused(
      "this site's keys do not give the original back: it was marked at another site, or the site's watermark master is another one now",
    );
  const original = samplesOf({ ...planes, planes: frame!.planes }, attributes);
  // 5
  if (layout.kind !== "encapsulated" || object.transferSyntax.codec === "native") return original;
  const request = { transferSyntaxUid: object.transferSyntax.uid, attributes, samples: original };
  return (await encoder.encode(request)).codestream;
}

async function frameAsItIs(
  frames: PixelFrames,
  index: number,
  { decoder }: RestorationPorts,
): Promise<Bytes> {
  const { layout, object } = frames;
  if (layout.kind === "encapsulated") return readCodestream(object, layout.frames[index]!);
  const samples = await frameSamples(frames, index, decoder);
  if ("reason" in samples) throw refused(`frame ${index + 1} cannot be read (${samples.reason})`);
  return samples;
}

/** 6. */
function attributeEdit({ elements }: DicomObject, { tag, value }: ReplacedAttribute): Edit {
  const element = findElement(elements, tag);
  if (value === undefined) return { kind: "remove", path: [tag] };
  if (!element) throw refused("an attribute that marking changed is not there any more");
  return { kind: "put", element: { tag, vr: element.vr, value } };
}

/** 7. Every signature of the data set was made over other pixels. */
export function withoutSeal({ elements }: DicomObject): Edit[] {
  return elements
    .filter(
      ({ tag }) =>
        tag === tags.macParametersSequence ||
        tag === tags.digitalSignaturesSequence ||
        isOfSeal(elements, tag),
    )
    .map(({ tag }): Edit => ({ kind: "remove", path: [tag] }));
}

function refused(why: string): ScansealError {
  return new ScansealError("not-restorable", why);
}
