/** Makes the manifest of an object at capture: commitments, statement, envelope and containers. */
import type { NewElement } from "../../dicom/encode.ts";
import type { DicomObject } from "../../dicom/model.ts";
import type { FrameDecoder } from "../../dicom/pixel-data/decoder.ts";
import { type Bytes, toHex } from "../../foundation/bytes.ts";
import type { Clock, Crypto, Random, Signer } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import {
  commitLeaves,
  compareNames,
  type Leaf,
  type LeafRecord,
  rootOf,
  seedBytes,
} from "../disclosure/commitment.ts";
import { encodeLeafTable } from "../disclosure/leaf-table.ts";
import { attributeLeaves } from "./attribute-leaves.ts";
import { freeSealBlock, newContainers, type SealContents } from "./containers.ts";
import { encodeEnvelope, keyIdOf, sealPayload, signatureUidOf } from "./envelope.ts";
import { canCommitDecoded, frameCountOf, type PixelForm, pixelFormOf, pixelLeaves } from "./frame-leaves.ts";
import {
  type CaptureStatement,
  encodeStatement,
  type StatementType,
  type WatermarkClaim,
} from "./statement.ts";

type MarkedClaim = Extract<WatermarkClaim, { readonly scheme: "MTW1" }>;

/** The marks that are in the object already; `table` is the content of xx03. */
export type WatermarkOfObject = Omit<MarkedClaim, "table"> & { readonly table: Bytes };

export interface BuildRequest {
  /** Final in every attribute and pixel: what comes later is not sealed. */
  readonly object: DicomObject;
  readonly type: StatementType;
  /** A name for people: printable ASCII, at most 64 characters; nothing about a patient. */
  readonly label?: string;
  /** Made durable before this is called; (key, epoch, counter) is used once. */
  readonly epoch: string;
  readonly counter: number;
  readonly watermark: Exclude<WatermarkClaim, MarkedClaim> | WatermarkOfObject;
  readonly software: CaptureStatement["software"];
}

export interface BuildPorts {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly clock: Clock;
  readonly signer: Signer;
  /** Without it, frames compressed losslessly are committed by their codestreams only: a later transcode cannot be recognised. */
  readonly decoder?: FrameDecoder;
}

export interface BuiltManifest {
  readonly statement: CaptureStatement;
  readonly payload: Bytes;
  /** For the PS3.15 signature that binds the manifest. */
  readonly signatureUid: string;
  readonly contents: SealContents;
  /** To be inserted into the object, ascending: creator, envelope, seed, table. */
  readonly elements: readonly NewElement[];
}

/**
 * Builds and signs. The object is not changed.
 * @throws ScansealError `already-sealed`, `not-sealable`, `limit-elements`, `limit-length`, `io`, or what the signer throws
 */
export async function buildManifest(request: BuildRequest, ports: BuildPorts): Promise<BuiltManifest> {
  const { crypto, signer } = ports;
  const { object } = request;
  const block = freeSealBlock(object.elements);
  const seed = ports.random.bytes(seedBytes);
  const commitments = await commitObject(crypto, object, seed, ports.decoder);
  const table = encodeLeafTable(commitments.records);
  const { label, epoch, counter, watermark } = request;
  const watermarkTable = watermark.scheme === "none" ? undefined : watermark.table;
  const statement: CaptureStatement = {
    type: request.type,
    assurance: request.type === "capture" ? "in-device" : "beside-device",
    device: {
      ...(label === undefined ? {} : { label }),
      certificate: keyIdOf(crypto, signer.certificate),
      hash: signer.hash,
    },
    key: { epoch, counter },
    root: rootOf(crypto, commitments.records),
    seed: toHex(crypto.hash("SHA-256", seed)),
    table: toHex(crypto.hash("SHA-256", table)),
    leaves: commitments.leaves,
    pixels: commitments.pixels,
    watermark:
      watermark.scheme === "none"
        ? watermark
        : { ...watermark, table: toHex(crypto.hash("SHA-256", watermark.table)) },
    software: request.software,
    sealedAt: new Date(ports.clock.now()).toISOString(),
  };
  const payload = encodeStatement(statement);
  const envelope = encodeEnvelope(await sealPayload(crypto, signer, payload));
  const contents = { envelope, seed, ...(watermarkTable ? { watermarkTable } : {}), table };
  return {
    statement,
    payload,
    signatureUid: signatureUidOf(crypto, payload),
    contents,
    elements: newContainers(block, contents),
  };
}

interface ObjectCommitments {
  readonly records: readonly LeafRecord[];
  readonly leaves: CaptureStatement["leaves"];
  readonly pixels: CaptureStatement["pixels"];
}

/**
 * Commits to every leaf of an object under a seed, in path order. Codestreams that fail to decode are committed as bytes only.
 * @throws ScansealError as `buildManifest`
 */
async function commitObject(
  crypto: Crypto,
  object: DicomObject,
  seed: Bytes,
  decoder: FrameDecoder | undefined,
): Promise<ObjectCommitments> {
  const attributes = await attributeLeaves(object);
  const form = await pixelFormOf(object);
  if (canCommitDecoded(form)) {
    try {
      return await commitWith(crypto, object, seed, attributes, form, true, decoder);
    } catch (error) {
      if (form.kind === "native" || !isDecoderProblem(error)) throw error;
    }
  }
  return commitWith(crypto, object, seed, attributes, form, false, undefined);
}

async function commitWith(
  crypto: Crypto,
  object: DicomObject,
  seed: Bytes,
  attributes: readonly Leaf[],
  form: PixelForm,
  decoded: boolean,
  decoder: FrameDecoder | undefined,
): Promise<ObjectCommitments> {
  const leaves = [...attributes, ...pixelLeaves(form, decoded, decoder)].sort(compareNames);
  const records = await commitLeaves(crypto, seed, leaves);
  const framed = form.kind === "native" || form.kind === "encapsulated";
  const frames = framed ? frameCountOf(form) : 0;
  const frameLeaves = decoded ? frames : 0;
  const encodedLeaves = form.kind === "encapsulated" ? frames : 0;
  const { uid, codec, lossless } = object.transferSyntax;
  return {
    records,
    leaves: {
      count: leaves.length,
      attributes: leaves.length - frameLeaves - encodedLeaves,
      frames: frameLeaves,
      encoded: encodedLeaves,
    },
    pixels: { transferSyntax: uid, codec, frames, decoded: frameLeaves > 0, lossless },
  };
}

function isDecoderProblem(error: unknown): boolean {
  return (
    error instanceof ScansealError &&
    (error.code === "codec-failed" ||
      error.code === "unsupported" ||
      error.code === "limit-decode" ||
      error.code === "pixel-length")
  );
}

/**
 * The leaves of an object as it is now, committed as the statement says they were at capture. Equal roots prove the object without a
 * leaf table; anything else proves nothing, for the set of leaves may differ.
 * @throws ScansealError `io` or a limit code
 */
export async function recomputedRoot(
  crypto: Crypto,
  object: DicomObject,
  seed: Bytes,
  statement: CaptureStatement,
  decoder: FrameDecoder | undefined,
): Promise<string | undefined> {
  const attributes = await attributeLeaves(object);
  const form = await pixelFormOf(object);
  // The same codestream under the name of another codec is one that no reader can decode.
  if (object.transferSyntax.encapsulated && object.transferSyntax.codec !== statement.pixels.codec)
    return undefined;
  const decoded = statement.pixels.decoded;
  const leaves = [...attributes, ...pixelLeaves(form, decoded, decoder)].sort(compareNames);
  if (leaves.length !== statement.leaves.count) return undefined;
  try {
    return rootOf(crypto, await commitLeaves(crypto, seed, leaves));
  } catch (error) {
    if (isDecoderProblem(error)) return undefined;
    throw error;
  }
}
