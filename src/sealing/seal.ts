/**
 * Sealing one object, as at capture: watermark -> final attributes -> commitments -> manifest -> PS3.15 signature that names the manifest.
 * The numbers are the steps of spec/sealing.md.
 */
import { findElement, plainTextOf } from "../dicom/elements.ts";
import type { DicomObject } from "../dicom/model.ts";
import type { FrameDecoder } from "../dicom/pixel-data/decoder.ts";
import { PlannedSource } from "../dicom/planned-source.ts";
import { readDicom } from "../dicom/read.ts";
import { type Edit, planDataSet, writeToBytes } from "../dicom/splice.ts";
import { tags } from "../dicom/tags.ts";
import { signDataSet } from "../digital-signatures/sign.ts";
import { MemorySource, readChunks } from "../foundation/byte-source.ts";
import { type Bytes, equalBytes } from "../foundation/bytes.ts";
import type { Clock, Crypto, Random, Signer } from "../foundation/crypto.ts";
import { ScansealError } from "../foundation/errors.ts";
import { buildManifest } from "../provenance/manifest/build.ts";
import { freeSealBlock } from "../provenance/manifest/containers.ts";
import type { StatementType } from "../provenance/manifest/statement.ts";
import { nulPaddingEdits } from "./clean-text.ts";
import { type MarkRecord, markObject, type ObjectMark, type WatermarkPorts } from "./object-marking.ts";

/** Who seals, a device or the gate with its own notices: the role is in the certificate. */
export interface SealingDevice {
  readonly name: string;
  readonly type: StatementType;
  readonly signer: Signer;
  readonly keyEpoch: string;
}

export interface SealingPorts {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly clock: Clock;
  readonly decoder: FrameDecoder;
  readonly softwareVersion: string;
  /** Without it nothing is marked. */
  readonly watermark?: WatermarkPorts | undefined;
}

export interface Seal {
  /** The object with its final attributes: what was sealed. */
  readonly object: DicomObject;
  /** To be spliced into `object`. */
  readonly edits: readonly Edit[];
  /** Of a marked object. */
  readonly marks?: MarksOfSeal;
}

/** How the marked object comes from the original again. */
export interface MarksOfSeal extends MarkRecord {
  /** SHA-256 of the object with its marks and final attributes: what was sealed. */
  readonly object: Bytes;
}

/** A seal without its object. */
export type StoredSeal = Omit<Seal, "object">;

const mediaStorageDirectory = "1.2.840.10008.1.3.10";

/** A counter for a new seal, durable before it is given out and never used again under this key epoch; or the seal made before. */
export type SealOrigin = { readonly nextCounter: () => number } | { readonly stored: StoredSeal };

/**
 * @throws ScansealError `not-sealable`, `already-sealed`, limit codes, `io`, or what the signer throws
 */
export async function sealObject(
  original: DicomObject,
  device: SealingDevice,
  ports: SealingPorts,
  origin: SealOrigin,
): Promise<Seal> {
  requireSealable(original); // 1
  if ("stored" in origin) return restoredSeal(original, device, ports, origin.stored); // 9
  const mark = await markOf(original, device, ports); // 2
  const object = await finalObject(original, "reason" in mark ? [] : mark.edits); // 3
  const counter = origin.nextCounter(); // 4
  const manifest = await buildManifest(
    {
      object,
      type: device.type,
      label: device.name,
      epoch: device.keyEpoch,
      counter,
      watermark: "reason" in mark ? { scheme: "none", reason: mark.reason } : mark.watermark,
      software: { name: "scanseal", version: ports.softwareVersion },
    },
    { ...ports, signer: device.signer },
  ); // 5 and 6
  const signature = await signDataSet(
    object,
    { signatureUid: manifest.signatureUid, dateTimeMs: ports.clock.now(), purpose: 14 },
    device.signer,
  ); // 7
  const containers = manifest.elements.map((element): Edit => ({ kind: "put", element }));
  const edits = [...containers, ...signature.edits];
  if ("reason" in mark) return { object, edits }; // 8
  return { object, edits, marks: { ...mark.record, object: await digestOf(object, ports.crypto) } };
}

type Mark = ObjectMark | { readonly reason: string };

function markOf(
  object: DicomObject,
  { signer }: SealingDevice,
  { watermark, ...ports }: SealingPorts,
  record?: MarkRecord,
): Promise<Mark> | Mark {
  if (!watermark) return { reason: "not-available" };
  return markObject(object, { ...watermark, ...ports, signer }, record);
}

/** The same bytes as when the original was sealed first; marks are made again from their record, and proven to be the same. */
async function restoredSeal(
  original: DicomObject,
  device: SealingDevice,
  ports: SealingPorts,
  stored: StoredSeal,
): Promise<Seal> {
  const { marks, edits } = stored;
  if (!marks) return { object: await finalObject(original, []), edits };
  const mark = await markOf(original, device, ports, marks);
  if (!("reason" in mark)) {
    const object = await finalObject(original, mark.edits);
    if (equalBytes(await digestOf(object, ports.crypto), marks.object)) return { object, edits, marks };
  }
  throw new ScansealError(
    "already-sealed",
    "sealed before, with a watermark that this version or this site's keys cannot make again: use the sealed object that was made then",
  );
}

async function digestOf({ source }: DicomObject, crypto: Crypto): Promise<Bytes> {
  const hash = crypto.createHash("SHA-256");
  for await (const chunk of readChunks(source, 0, source.size)) hash.update(chunk);
  return hash.digest();
}

/**
 * @returns the SOP Instance UID
 * @throws ScansealError `not-sealable`, `already-sealed`
 */
export function requireSealable({ elements, meta, preamble }: DicomObject): string {
  const sopInstanceUid = plainTextOf(elements, tags.sopInstanceUid);
  if (sopInstanceUid === undefined || !findElement(elements, tags.sopClassUid)) {
    throw new ScansealError("not-sealable", "no SOP Class UID or SOP Instance UID: not an instance");
  }
  if (plainTextOf(meta, tags.mediaStorageSopClassUid) === mediaStorageDirectory) {
    throw new ScansealError("not-sealable", "a DICOMDIR is an index of a medium, not an instance");
  }
  if (!preamble) throw new ScansealError("not-sealable", "a bare data set: make it a DICOM file first");
  freeSealBlock(elements);
  return sopInstanceUid;
}

/** The same object with its marks, and text padded as the standard asks; the original where nothing needs it. */
async function finalObject(original: DicomObject, marks: readonly Edit[]): Promise<DicomObject> {
  const edits = [...nulPaddingEdits(original.elements), ...marks];
  if (edits.length === 0) return original;
  if (original.transferSyntax.deflated) {
    return readDicom(new MemorySource(await writeToBytes(original, edits)), readOptionsOf(original));
  }
  const plan = [{ offset: 0, length: original.metaEnd, swap: 1 } as const, ...planDataSet(original, edits)];
  return readDicom(new PlannedSource(plan, original.source), readOptionsOf(original));
}

function readOptionsOf(object: DicomObject): {
  tolerate: ReadonlySet<DicomObject["tolerated"][number]["code"]>;
} {
  return { tolerate: new Set(object.tolerated.map(({ code }) => code)) };
}
