/**
 * Sealing one object, as at capture: final attributes -> commitments -> manifest -> PS3.15 signature that names the manifest.
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
import { MemorySource } from "../foundation/byte-source.ts";
import type { Clock, Crypto, Random, Signer } from "../foundation/crypto.ts";
import { ScansealError } from "../foundation/errors.ts";
import { buildManifest } from "../provenance/manifest/build.ts";
import { freeSealBlock } from "../provenance/manifest/containers.ts";
import { nulPaddingEdits } from "./clean-text.ts";

/** The device that seals: its role is in its certificate. */
export interface SealingDevice {
  readonly name: string;
  readonly type: "capture" | "beside-device";
  readonly signer: Signer;
  readonly keyEpoch: string;
}

export interface SealingPorts {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly clock: Clock;
  readonly decoder: FrameDecoder;
  readonly softwareVersion: string;
}

export interface Seal {
  /** The object with its final attributes: what was sealed. */
  readonly object: DicomObject;
  /** To be spliced into `object`. */
  readonly edits: readonly Edit[];
}

const mediaStorageDirectory = "1.2.840.10008.1.3.10";

/** A counter for a new seal, durable before it is given out and never used again under this key epoch; or the seal made before. */
export type SealOrigin = { readonly nextCounter: () => number } | { readonly stored: readonly Edit[] };

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
  const object = await finalObject(original); // 2
  if ("stored" in origin) return { object, edits: origin.stored };
  const counter = origin.nextCounter(); // 3
  const manifest = await buildManifest(
    {
      object,
      type: device.type,
      label: device.name,
      epoch: device.keyEpoch,
      counter,
      watermark: { scheme: "none", reason: "not-available" },
      software: { name: "scanseal", version: ports.softwareVersion },
    },
    { ...ports, signer: device.signer },
  ); // 4 and 5
  const signature = await signDataSet(
    object,
    { signatureUid: manifest.signatureUid, dateTimeMs: ports.clock.now(), purpose: 14 },
    device.signer,
  ); // 6
  const containers = manifest.elements.map((element): Edit => ({ kind: "put", element }));
  return { object, edits: [...containers, ...signature.edits] }; // 7
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

/** The same object with text padded as the standard asks; the original where nothing needs it. */
async function finalObject(original: DicomObject): Promise<DicomObject> {
  const edits = nulPaddingEdits(original.elements);
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
