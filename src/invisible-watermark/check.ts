/** Checks a frame with nothing but its samples and a public key (spec/invisible-watermark.md, Checking). */
import { type Bytes, equalBytes, toHex } from "../foundation/bytes.ts";
import type { Crypto } from "../foundation/crypto.ts";
import { ScansealError } from "../foundation/errors.ts";
import { takeCarriedBytes } from "./carriers.ts";
import { hasLowS, signatureToDer } from "./ecdsa-signature.ts";
import type { PlanarFrame, PlaneColour, Rectangle } from "./frame.ts";
import { isWellFormed, type Layout, layoutOf, tileAt } from "./layout.ts";
import { bytesToBeSigned, contextOf, type Payload, parsePayload, superblockDigestBytes } from "./payload.ts";
import { decodeShares } from "./shares.ts";
import { digestBytes, digestTiles, digestTree } from "./tile-digests.ts";

/** A tile or a superblock. */
export interface Place extends Rectangle {
  readonly index: number;
}

/** `geometry`: no frame of this size or depth carries one; `unreadable`: too much is damaged, or there never was one. */
export interface NoWatermark {
  readonly found: false;
  readonly reason: "geometry" | "unreadable";
}

export interface WatermarkFacts {
  readonly found: true;
  /** The signature is valid, the root fits, nothing had to be corrected, every sample is in range and the frame has the form that was signed. */
  readonly intact: boolean;
  /** 32 hexadecimal digits. */
  readonly contentId: string;
  readonly frameNo: number;
  /** 16 hexadecimal digits. */
  readonly keyId: string;
  readonly signature: "valid" | "invalid" | "unknown-key";
  /** Share bytes that had to be corrected. */
  readonly corrections: number;
  /** Samples above 2^bits - 1, and those that checkStrippedFrame found out of form. */
  readonly outOfRange: number;
  readonly rootMatches: boolean;
  /** Bits and sign are those of the payload. */
  readonly formMatches: boolean;
  /** What the payload says; trustworthy as far as the signature is. */
  readonly says: {
    readonly bits: number;
    readonly signed: boolean;
    readonly colour: PlaneColour;
    readonly width: number;
    readonly height: number;
    readonly keyedTags: boolean;
    readonly encryptedRecovery: boolean;
    readonly hasSidecar: boolean;
  };
  readonly damagedSuperblocks: readonly Place[];
}

/** A mark that could be read, for locateChanges and recoverFrame. */
export interface ReadMark {
  readonly frame: PlanarFrame;
  readonly layout: Layout;
  readonly payload: Payload;
  readonly context: Bytes;
  /** D_i as the frame is now, 32 bytes each. */
  readonly tileDigests: Bytes;
  /** As read, 4 bytes a tile. */
  readonly tags: Bytes;
  /** 1 for tiles whose share had to be corrected or that have a sample out of range. */
  readonly suspectTiles: Uint8Array;
  /** 1 for superblocks that are not as they were signed. */
  readonly damagedSuperblocks: Uint8Array;
  /** The signature is valid: flags and superblock digests are the signer's, and nobody else's. */
  readonly isSigned: boolean;
}

export interface FrameCheck {
  /** Plain data. */
  readonly facts: NoWatermark | WatermarkFacts;
  /** Where a watermark was found. */
  readonly mark?: ReadMark;
}

/** Samples that are no value of the form, found before the planes were made. */
export interface SamplesOutOfForm {
  readonly samples: number;
  /** 1 for each tile that has one. */
  readonly tiles: Uint8Array;
}

export interface CheckOptions {
  /** 1 for each tile known to be damaged (locateWithoutPayload): the payload then survives twice the damage. */
  readonly lostTiles?: Uint8Array | undefined;
  /** Count as out of range. */
  readonly outOfForm?: SamplesOutOfForm | undefined;
}

/** The DER SubjectPublicKeyInfo of a signer, by the 16 hexadecimal digits of its key id. */
export type KeyOf = (keyId: string) => Bytes | undefined;

/**
 * Never throws for any samples.
 * @throws ScansealError `usage` when the planes are not those of such a frame
 */
export async function checkFrame(
  frame: PlanarFrame,
  crypto: Crypto,
  keyOf: KeyOf,
  { lostTiles, outOfForm }: CheckOptions = {},
): Promise<FrameCheck> {
  if (!isWellFormed(frame)) throw new ScansealError("usage", "planes that do not fit their frame");
  // C1
  const layout = layoutOf(frame.width, frame.height, frame.colour);
  if (layout === undefined || frame.bits < 8 || frame.bits > 16) return nothing("geometry");
  if (lostTiles && lostTiles.length !== layout.tiles.length) {
    throw new ScansealError("usage", "not as many tiles as the frame has");
  }
  // C2
  const plane = frame.planes[layout.carrierPlane]!.slice();
  const carried = takeCarriedBytes(plane, layout);
  // C3
  const decoded = decodeShares(carried.shares, layout, lostTiles);
  if (decoded === undefined) return nothing("unreadable");
  const payload = parsePayload(decoded.payload, layout);
  if (payload === undefined) return nothing("unreadable");
  // C4
  const signature = await checkSignature(decoded.payload, payload, crypto, keyOf);
  // C5
  const context = contextOf(decoded.payload, crypto);
  const tileDigests = digestTiles(frame, plane, layout, context, crypto);
  const tree = digestTree(tileDigests, carried.tags, layout, context, crypto);
  const rootMatches = equalBytes(tree.root, payload.root);
  // C6
  const suspectTiles = outOfForm?.tiles.slice() ?? new Uint8Array(layout.tiles.length);
  const outOfRange = (outOfForm?.samples ?? 0) + findOutOfRange(frame, layout, suspectTiles);
  if (decoded.corrections > 0) findCorrected(carried.shares, decoded.shares, layout, suspectTiles);
  const damaged = findDamaged(tree.superblockDigests, payload, layout, suspectTiles);
  // C7
  const formMatches = payload.bits === frame.bits && payload.signed === frame.signed;
  const { corrections } = decoded;
  const intact = signature === "valid" && rootMatches && corrections === 0 && outOfRange === 0 && formMatches;
  const { bits, signed, colour, keyedTags, encryptedRecovery, hasSidecar } = payload;
  const size = { width: layout.width, height: layout.height };
  return {
    facts: {
      found: true,
      intact,
      contentId: toHex(payload.contentId),
      frameNo: payload.frameNo,
      keyId: toHex(payload.keyId),
      ...{ signature, corrections, outOfRange, rootMatches, formMatches },
      says: { bits, signed, colour, ...size, keyedTags, encryptedRecovery, hasSidecar },
      damagedSuperblocks: placesOf(damaged, layout.superblocks),
    },
    mark: {
      ...{ frame, layout, payload, context, tileDigests, suspectTiles },
      tags: carried.tags,
      damagedSuperblocks: damaged,
      isSigned: signature === "valid",
    },
  };
}

/** Those of the rectangles that are flagged. */
export function placesOf(flags: Uint8Array, rectangles: readonly Rectangle[]): Place[] {
  const places: Place[] = [];
  for (let index = 0; index < flags.length; index++) {
    if (flags[index] === 1) places.push({ index, ...rectangles[index]! });
  }
  return places;
}

function nothing(reason: NoWatermark["reason"]): FrameCheck {
  return { facts: { found: false, reason } };
}

async function checkSignature(
  bytes: Bytes,
  { keyId, signature }: Payload,
  crypto: Crypto,
  keyOf: KeyOf,
): Promise<WatermarkFacts["signature"]> {
  const key = keyOf(toHex(keyId));
  if (key === undefined) return "unknown-key";
  if (!hasLowS(signature)) return "invalid";
  try {
    const check = crypto.createSignatureCheck(key, "SHA-256");
    check.update(bytesToBeSigned(bytes));
    return (await check.verify(signatureToDer(signature))) ? "valid" : "invalid";
  } catch (error) {
    // A key that cannot be used proves nothing; whoever forges samples chooses among the known ones.
    if (error instanceof ScansealError && error.code === "key-unusable") return "unknown-key";
    throw error;
  }
}

/** Counts the samples out of range and flags their tiles. */
function findOutOfRange({ bits, planes }: PlanarFrame, layout: Layout, suspectTiles: Uint8Array): number {
  const limit = 2 ** bits;
  let found = 0;
  for (const plane of planes) {
    let all = 0;
    for (let i = 0; i < plane.length; i++) all |= plane[i]!;
    if (all < limit) continue;
    for (let i = 0; i < plane.length; i++) {
      if (plane[i]! < limit) continue;
      found++;
      suspectTiles[tileAt(layout, i)] = 1;
    }
  }
  return found;
}

function findCorrected(read: Bytes, written: Bytes, { shareBytes }: Layout, suspectTiles: Uint8Array): void {
  for (let i = 0; i < read.length; i++) {
    if (read[i] !== written[i]) suspectTiles[Math.floor(i / shareBytes)] = 1;
  }
}

function findDamaged(
  superblockDigests: Bytes,
  payload: Payload,
  { superblockOfTile }: Layout,
  suspectTiles: Uint8Array,
): Uint8Array {
  const damaged = Uint8Array.from(payload.superblocks, ({ digest }, j) =>
    equalBytes(superblockDigests.subarray(digestBytes * j, digestBytes * j + superblockDigestBytes), digest)
      ? 0
      : 1,
  );
  for (let i = 0; i < suspectTiles.length; i++) if (suspectTiles[i]) damaged[superblockOfTile[i]!] = 1;
  return damaged;
}
