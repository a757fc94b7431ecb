/** Commits to the content of an object, and recomputes what was committed. */
import type { DicomObject } from "../../dicom/model.ts";
import type { FrameDecoder } from "../../dicom/pixel-data/decoder.ts";
import { type Bytes, toHex } from "../../foundation/bytes.ts";
import type { Crypto, Random } from "../../foundation/crypto.ts";
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
import type { ContentClaim } from "./content-claim.ts";
import { canCommitDecoded, frameCountOf, type PixelForm, pixelFormOf, pixelLeaves } from "./frame-leaves.ts";

export interface CommitPorts {
  readonly crypto: Crypto;
  readonly random: Random;
  /** Without it, frames compressed losslessly are committed by their codestreams only: a later transcode cannot be recognised. */
  readonly decoder?: FrameDecoder;
}

export interface ContentCommitment {
  readonly claim: ContentClaim;
  /** 32 bytes. */
  readonly seed: Bytes;
  readonly table: Bytes;
}

/**
 * Under a new seed.
 * @throws ScansealError `not-sealable`, `limit-elements`, `limit-length`, `io`
 */
export async function commitContent(
  object: DicomObject,
  { crypto, random, decoder }: CommitPorts,
): Promise<ContentCommitment> {
  const seed = random.bytes(seedBytes);
  const { records, leaves, pixels } = await commitObject(crypto, object, seed, decoder);
  const table = encodeLeafTable(records);
  const claim: ContentClaim = {
    root: rootOf(crypto, records),
    seed: toHex(crypto.hash("SHA-256", seed)),
    table: toHex(crypto.hash("SHA-256", table)),
    leaves,
    pixels,
  };
  return { claim, seed, table };
}

interface ObjectCommitments extends Pick<ContentClaim, "leaves" | "pixels"> {
  readonly records: readonly LeafRecord[];
}

/**
 * Commits to every leaf of an object under a seed, in path order. Codestreams that fail to decode are committed as bytes only.
 * @throws ScansealError as `commitContent`
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
 * The leaves of an object as it is now, committed as the claim says they were at capture. Equal roots prove the object without a
 * leaf table; anything else proves nothing, for the set of leaves may differ.
 * @throws ScansealError `io` or a limit code
 */
export async function recomputedRoot(
  crypto: Crypto,
  object: DicomObject,
  seed: Bytes,
  claim: ContentClaim,
  decoder: FrameDecoder | undefined,
): Promise<string | undefined> {
  const attributes = await attributeLeaves(object);
  const form = await pixelFormOf(object);
  // The same codestream under the name of another codec is one that no reader can decode.
  if (object.transferSyntax.encapsulated && object.transferSyntax.codec !== claim.pixels.codec)
    return undefined;
  const decoded = claim.pixels.decoded;
  const leaves = [...attributes, ...pixelLeaves(form, decoded, decoder)].sort(compareNames);
  if (leaves.length !== claim.leaves.count) return undefined;
  try {
    return rootOf(crypto, await commitLeaves(crypto, seed, leaves));
  } catch (error) {
    if (isDecoderProblem(error)) return undefined;
    throw error;
  }
}
