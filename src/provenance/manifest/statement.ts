/** The signed statement of a seal: spec/capture-manifest.md. It says nothing about the patient and holds no unsalted digest of content. */
import type { Bytes } from "../../foundation/bytes.ts";
import type { HashName } from "../../foundation/crypto.ts";
import { type ContentClaim, contentAt, contentDocument } from "./content-claim.ts";
import {
  badField,
  epochPattern,
  integerAt,
  type JsonObject,
  labelPattern,
  objectAt,
  oneOf,
  sha256Pattern,
  textAt,
  timeAt,
  wordPattern,
} from "./statement-fields.ts";
import {
  decodeForm,
  encodeForm,
  type SoftwareName,
  type StatementForm,
  softwareAt,
  softwareDocument,
} from "./statement-form.ts";
import type { JsonValue } from "./strict-json.ts";

/** capture: sealed by the modality. beside-device: by a sealer wired to one. notice: made by a gate for a reader, and no capture. The signer's role must match (keys/trust). */
export type StatementType = CaptureType | "notice";
export type CaptureType = "capture" | "beside-device";
type ClaimedAssurance = "in-device" | "beside-device" | "none";

/** A statement cannot claim more than its type. */
export const assuranceByType: Readonly<Record<StatementType, ClaimedAssurance>> = {
  capture: "in-device",
  "beside-device": "beside-device",
  notice: "none",
};

/** Whether the pixels are marked (spec/invisible-watermark.md); why not, in one word; and which marks they are. */
export type WatermarkClaim =
  | { readonly scheme: "none"; readonly reason: string }
  | {
      readonly scheme: "MTW1";
      /** 32 hexadecimal digits. */
      readonly contentId: string;
      /** 16 hexadecimal digits. */
      readonly keyId: string;
      /** Marked ones; there may be others in the object. */
      readonly frames: number;
      /** SHA-256 of the watermark table, hexadecimal. */
      readonly table: string;
    };

export interface CaptureStatement extends ContentClaim {
  readonly type: StatementType;
  readonly assurance: ClaimedAssurance;
  readonly device: {
    /** A name for people: printable ASCII, at most 64 characters. */
    readonly label?: string;
    /** SHA-256 of the DER certificate, hexadecimal. */
    readonly certificate: string;
    /** Hash of the envelope's signatures. */
    readonly hash: HashName;
  };
  /** (key, epoch, counter) is used once. */
  readonly key: { readonly epoch: string; readonly counter: number };
  readonly watermark: WatermarkClaim;
  readonly software: SoftwareName;
  /** The device's own clock (time class T3): 2026-01-31T23:59:59.123Z. */
  readonly sealedAt: string;
}

/** @throws ScansealError `seal-structure` for what its reader would refuse */
export function encodeStatement(statement: CaptureStatement): Bytes {
  return encodeForm(captureForm, statement);
}

/** @throws ScansealError `seal-structure` */
export function decodeStatement(bytes: Bytes): CaptureStatement {
  return decodeForm(captureForm, bytes);
}

const captureForm: StatementForm<CaptureStatement> = {
  subject: "instance",
  kind: "capture",
  predicateOf,
  read,
};

function predicateOf(s: CaptureStatement): JsonObject {
  const { device, key, watermark, software } = s;
  return {
    type: s.type,
    assurance: s.assurance,
    device: {
      ...(device.label === undefined ? {} : { label: device.label }),
      certificate: device.certificate,
      hash: device.hash,
    },
    key: { epoch: key.epoch, counter: key.counter },
    seed: s.seed,
    table: s.table,
    ...contentDocument(s),
    watermark: claimDocument(watermark),
    software: softwareDocument(software),
    sealedAt: s.sealedAt,
  };
}

function claimDocument(claim: WatermarkClaim): JsonValue {
  if (claim.scheme === "none") return { scheme: claim.scheme, reason: claim.reason };
  const { scheme, contentId, keyId, frames, table } = claim;
  return { scheme, contentId, keyId, frames, table };
}

function read(predicate: JsonObject, root: string): CaptureStatement {
  const device = objectAt(predicate, "device");
  const key = objectAt(predicate, "key");
  const watermark = objectAt(predicate, "watermark");
  const type = oneOf(predicate, "type", ["capture", "beside-device", "notice"] as const);
  const label = device.label === undefined ? {} : { label: textAt(device, "label", labelPattern) };
  const statement: CaptureStatement = {
    type,
    assurance: oneOf(predicate, "assurance", [assuranceByType[type]]),
    device: {
      ...label,
      certificate: textAt(device, "certificate", sha256Pattern),
      hash: oneOf(device, "hash", ["SHA-256", "SHA-384", "SHA-512"] as const),
    },
    key: { epoch: textAt(key, "epoch", epochPattern), counter: integerAt(key, "counter") },
    ...contentAt(predicate, root),
    watermark: claimAt(watermark),
    software: softwareAt(predicate, "software"),
    sealedAt: timeAt(predicate, "sealedAt"),
  };
  const { watermark: claim } = statement;
  if (claim.scheme === "MTW1" && (claim.frames < 1 || claim.frames > statement.pixels.frames))
    badField("watermark");
  return statement;
}

function claimAt(watermark: JsonObject): WatermarkClaim {
  const scheme = oneOf(watermark, "scheme", ["none", "MTW1"] as const);
  if (scheme === "none") return { scheme, reason: textAt(watermark, "reason", wordPattern) };
  return {
    scheme,
    contentId: textAt(watermark, "contentId", /^[0-9a-f]{32}$/),
    keyId: textAt(watermark, "keyId", /^[0-9a-f]{16}$/),
    frames: integerAt(watermark, "frames"),
    table: textAt(watermark, "table", sha256Pattern),
  };
}
