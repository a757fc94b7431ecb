/** Whether an object can be what somebody says was made of its parents: looked at before a derivation is signed (spec/derivations.md, "Before it is signed"). */
import { findElement, nameTextOf, plainTextOf } from "../../dicom/elements.ts";
import type { DicomObject } from "../../dicom/model.ts";
import type { FrameDecoder } from "../../dicom/pixel-data/decoder.ts";
import { frameSamples } from "../../dicom/pixel-data/frame-samples.ts";
import { framesOf, type PixelFrames } from "../../dicom/pixel-data/frames.ts";
import { planesOf } from "../../dicom/pixel-data/sample-planes.ts";
import { tags } from "../../dicom/tags.ts";
import { type Bytes, equalBytes, toHex } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { hashSamples } from "../../invisible-watermark/tile-digests.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { openManifest } from "../../provenance/manifest/check.ts";
import type { DerivationAction } from "../../provenance/manifest/derivation-statement.ts";
import { decodeWatermarkTable, type WatermarkTable } from "../../provenance/manifest/watermark-table.ts";
import { referencesIn } from "../../zero-trust/evidence/original-attributes.ts";

function implausible(why: string): never {
  throw new ScansealError("usage", `it is not what it is said to be: ${why}`);
}

/**
 * @param parents proven objects, at least one
 * @throws ScansealError `usage` with the reason; `codec-failed`, `limit-decode`, `io`
 */
export async function requirePlausible(
  action: DerivationAction,
  output: DicomObject,
  parents: readonly DicomObject[],
  decoder: FrameDecoder,
): Promise<void> {
  requireSamePatient(output, parents);
  const isNew = parents.every((parent) => uidOf(parent) !== uidOf(output));
  const [parent] = parents;
  switch (action) {
    case "transcode-lossless":
      return requireSameFrames(output, onlyParent(parents), decoder);
    case "compress-lossy":
      onlyParent(parents);
      if (!isNew) implausible("what is compressed with loss has a SOP Instance UID of its own");
      return requireLossy(output, parent!);
    case "restore-original":
      return requireOriginal(output, onlyParent(parents), decoder);
    default:
      if (!isNew) implausible("what is made of an object has a SOP Instance UID of its own");
  }
}

function onlyParent(parents: readonly DicomObject[]): DicomObject {
  return parents.length === 1 ? parents[0]! : implausible("it is made of one object, not of several");
}

function uidOf({ elements }: DicomObject): string | undefined {
  return nameTextOf(elements, tags.sopInstanceUid);
}

/** Of somebody else it cannot be made. */
function requireSamePatient(output: DicomObject, parents: readonly DicomObject[]): void {
  for (const tag of [tags.patientId, tags.studyInstanceUid]) {
    const here = nameTextOf(output.elements, tag);
    if (parents.some(({ elements }) => nameTextOf(elements, tag) !== here))
      implausible("patient or study is another one than its parents'");
  }
}

async function framesIn(object: DicomObject): Promise<PixelFrames> {
  return (await framesOf(object)) ?? implausible("it has no frames");
}

async function samplesAt(frames: PixelFrames, index: number, decoder: FrameDecoder): Promise<Bytes> {
  const samples = await frameSamples(frames, index, decoder);
  return "reason" in samples
    ? implausible(`frame ${index + 1} cannot be compared (${samples.reason})`)
    : samples;
}

async function requireSameFrames(
  output: DicomObject,
  parent: DicomObject,
  decoder: FrameDecoder,
): Promise<void> {
  const [made, origin] = [await framesIn(output), await framesIn(parent)];
  requireAsMany(made, origin);
  for (let index = 0; index < made.attributes.numberOfFrames; index++)
    if (!equalBytes(await samplesAt(made, index, decoder), await samplesAt(origin, index, decoder)))
      implausible(`frame ${index + 1} is not its parent's`);
}

function requireAsMany(made: PixelFrames, origin: PixelFrames): void {
  if (made.attributes.numberOfFrames !== origin.attributes.numberOfFrames)
    implausible("it has another number of frames");
}

/** PS3.3 C.7.6.1.1.5 and C.7.6.1.1.4. */
function requireLossy(output: DicomObject, parent: DicomObject): void {
  const { elements } = output;
  if (plainTextOf(elements, 0x00282110) !== "01")
    implausible("(0028,2110) does not say that it was compressed with loss");
  for (const tag of [0x00282112, 0x00282114])
    if ((findElement(elements, tag)?.length ?? 0) === 0)
      implausible("ratio (0028,2112) and method (0028,2114) of the compression are not given");
  const sources = (referencesIn(output).refersTo ?? []).filter(({ how }) => how === "source");
  if (!sources.some(({ sopInstanceUid }) => sopInstanceUid === uidOf(parent)))
    implausible("its Source Image Sequence (0008,2112) does not name its parent");
}

/** Every marked frame has the hash that the seal's watermark table gives the original; the others are the parent's. */
async function requireOriginal(
  output: DicomObject,
  parent: DicomObject,
  decoder: FrameDecoder,
): Promise<void> {
  const table = await tableOf(parent);
  const [made, origin] = [await framesIn(output), await framesIn(parent)];
  requireAsMany(made, origin);
  if (table.frames.length !== made.attributes.numberOfFrames) implausible("it has another number of frames");
  for (const [index, record] of table.frames.entries()) {
    const samples = await samplesAt(made, index, decoder);
    if (!record) {
      if (!equalBytes(samples, await samplesAt(origin, index, decoder)))
        implausible(`frame ${index + 1} is not its parent's`);
      continue;
    }
    const planes = planesOf(made.attributes, samples);
    const isOriginal =
      !("reason" in planes) &&
      equalBytes(hashSamples(planes, planes.planes, nodeCrypto), record.originalHash);
    if (!isOriginal) implausible(`frame ${index + 1} is not the original of the marked one`);
  }
}

async function tableOf(parent: DicomObject): Promise<WatermarkTable> {
  const manifest = await openManifest(parent, nodeCrypto);
  const claim = manifest?.statement.watermark;
  const bytes = manifest?.containers.watermarkTable;
  if (claim?.scheme !== "MTW1" || !bytes || toHex(nodeCrypto.hash("SHA-256", bytes)) !== claim.table)
    implausible("its parent is not marked, or has lost its watermark table");
  return decodeWatermarkTable(bytes);
}
