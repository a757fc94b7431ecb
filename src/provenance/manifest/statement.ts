/** The signed statement of a seal: spec/capture-manifest.md. It says nothing about the patient and holds no unsalted digest of content. */
import { uidForm } from "../../dicom/uid.ts";
import { type Bytes, fromLatin1 } from "../../foundation/bytes.ts";
import type { HashName } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { isArray, isObject, type JsonValue, parseJson } from "./strict-json.ts";

const statementType = "https://in-toto.io/Statement/v1";
const predicateType = "https://scanseal.org/capture/v1";

/** in-device: sealed by the modality. beside-device: by a sealer wired to one. The signer's role must match (keys/trust). */
export type StatementType = "capture" | "beside-device";
export type ClaimedAssurance = "in-device" | "beside-device";

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

export interface CaptureStatement {
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
  /** Root of the commitments, hexadecimal. */
  readonly root: string;
  /** SHA-256 of the seed, hexadecimal. */
  readonly seed: string;
  /** SHA-256 of the leaf table, hexadecimal. */
  readonly table: string;
  readonly leaves: {
    readonly count: number;
    readonly attributes: number;
    readonly frames: number;
    readonly encoded: number;
  };
  readonly pixels: {
    /** At capture. */
    readonly transferSyntax: string;
    readonly codec: string;
    readonly frames: number;
    /** Decoded frames are committed, so that a lossless transcode can be recognised. */
    readonly decoded: boolean;
    readonly lossless: boolean;
  };
  readonly watermark: WatermarkClaim;
  readonly software: { readonly name: string; readonly version: string };
  /** The device's own clock (time class T3): 2026-01-31T23:59:59.123Z. */
  readonly sealedAt: string;
}

/** The payload's bytes: one line of JSON in the order of the specification, ASCII only. */
export function encodeStatement(statement: CaptureStatement): Bytes {
  const bytes = fromLatin1(JSON.stringify(documentOf(statement)));
  // What is written can be read: the checks of the reader are the checks of the writer.
  decodeStatement(bytes);
  return bytes;
}

function documentOf(s: CaptureStatement): JsonValue {
  const { device, key, leaves, pixels, watermark, software } = s;
  return {
    _type: statementType,
    subject: [{ name: "instance", digest: { scansealRoot: s.root } }],
    predicateType,
    predicate: {
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
      leaves: {
        count: leaves.count,
        attributes: leaves.attributes,
        frames: leaves.frames,
        encoded: leaves.encoded,
      },
      pixels: {
        transferSyntax: pixels.transferSyntax,
        codec: pixels.codec,
        frames: pixels.frames,
        decoded: pixels.decoded,
        lossless: pixels.lossless,
      },
      watermark: claimDocument(watermark),
      software: { name: software.name, version: software.version },
      sealedAt: s.sealedAt,
    },
  };
}

function claimDocument(claim: WatermarkClaim): JsonValue {
  if (claim.scheme === "none") return { scheme: claim.scheme, reason: claim.reason };
  const { scheme, contentId, keyId, frames, table } = claim;
  return { scheme, contentId, keyId, frames, table };
}

/**
 * Reads a payload. The schema is closed, and the bytes must be those that `encodeStatement` writes: duplicate or unknown keys,
 * other spellings of a number and white space are refused by comparing.
 * @throws ScansealError `seal-structure`
 */
export function decodeStatement(bytes: Bytes): CaptureStatement {
  const { text: written, value: document } = parseJson(bytes);
  const subjects = isObject(document) ? document.subject : undefined;
  const subject = isArray(subjects) ? subjects[0] : undefined;
  const predicate = objectAt(document, "predicate");
  const device = objectAt(predicate, "device");
  const key = objectAt(predicate, "key");
  const leaves = objectAt(predicate, "leaves");
  const pixels = objectAt(predicate, "pixels");
  const watermark = objectAt(predicate, "watermark");
  const software = objectAt(predicate, "software");
  const type = oneOf(predicate, "type", ["capture", "beside-device"] as const);
  const label = device.label === undefined ? {} : { label: text(device, "label", labelPattern) };
  const statement: CaptureStatement = {
    type,
    // A statement cannot claim more than its type.
    assurance: oneOf(predicate, "assurance", [type === "capture" ? "in-device" : "beside-device"] as const),
    device: {
      ...label,
      certificate: text(device, "certificate", sha256Pattern),
      hash: oneOf(device, "hash", ["SHA-256", "SHA-384", "SHA-512"] as const),
    },
    key: { epoch: text(key, "epoch", epochPattern), counter: integer(key, "counter") },
    root: text(objectAt(subject, "digest"), "scansealRoot", sha256Pattern),
    seed: text(predicate, "seed", sha256Pattern),
    table: text(predicate, "table", sha256Pattern),
    leaves: {
      count: integer(leaves, "count"),
      attributes: integer(leaves, "attributes"),
      frames: integer(leaves, "frames"),
      encoded: integer(leaves, "encoded"),
    },
    pixels: {
      transferSyntax: text(pixels, "transferSyntax", uidForm),
      codec: text(pixels, "codec", wordPattern),
      frames: integer(pixels, "frames"),
      decoded: flag(pixels, "decoded"),
      lossless: flag(pixels, "lossless"),
    },
    watermark: claimAt(watermark),
    software: {
      name: text(software, "name", labelPattern),
      version: text(software, "version", labelPattern),
    },
    sealedAt: text(predicate, "sealedAt", timePattern),
  };
  const { count, attributes, frames, encoded } = statement.leaves;
  if (count !== attributes + frames + encoded) bad("leaves");
  const { watermark: claim } = statement;
  if (claim.scheme === "MTW1" && (claim.frames < 1 || claim.frames > statement.pixels.frames))
    bad("watermark");
  if (!isTime(statement.sealedAt)) bad("sealedAt");
  if (written !== JSON.stringify(documentOf(statement))) bad("encoding");
  return statement;
}

function claimAt(watermark: JsonObject): WatermarkClaim {
  const scheme = oneOf(watermark, "scheme", ["none", "MTW1"] as const);
  if (scheme === "none") return { scheme, reason: text(watermark, "reason", wordPattern) };
  return {
    scheme,
    contentId: text(watermark, "contentId", /^[0-9a-f]{32}$/),
    keyId: text(watermark, "keyId", /^[0-9a-f]{16}$/),
    frames: integer(watermark, "frames"),
    table: text(watermark, "table", sha256Pattern),
  };
}

const sha256Pattern = /^[0-9a-f]{64}$/;
const labelPattern = /^[ -~]{1,64}$/;
const epochPattern = /^[0-9A-Za-z._-]{1,64}$/;
const wordPattern = /^[a-z0-9-]{1,64}$/;
const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

function isTime(value: string): boolean {
  // A day that does not exist is carried over; of an hour that does not, Date makes nothing or the next day.
  return new Date(Date.parse(value)).getUTCDate() === Number(value.slice(8, 10));
}

function bad(where: string): never {
  throw new ScansealError("seal-structure", `manifest: ${where} is not as specified`);
}

type JsonObject = { readonly [key: string]: JsonValue };

function objectAt(parent: JsonValue | undefined, key: string): JsonObject {
  const value = isObject(parent) ? parent[key] : undefined;
  return isObject(value) ? value : bad(key);
}

function text(parent: JsonObject, key: string, pattern: RegExp): string {
  const value = parent[key];
  return typeof value === "string" && pattern.test(value) ? value : bad(key);
}

function oneOf<T extends string>(parent: JsonObject, key: string, allowed: readonly T[]): T {
  return allowed.find((value) => value === parent[key]) ?? bad(key);
}

function integer(parent: JsonObject, key: string): number {
  const value = parent[key];
  return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : bad(key);
}

function flag(parent: JsonObject, key: string): boolean {
  const value = parent[key];
  return typeof value === "boolean" ? value : bad(key);
}
