/** Marks a frame (spec/invisible-watermark.md, Embedding). The signature is asked for between the two halves. */
import type { Bytes } from "../foundation/bytes.ts";
import type { Crypto } from "../foundation/crypto.ts";
import { ScansealError } from "../foundation/errors.ts";
import { putCarriedBytes, takeCarrierBits } from "./carriers.ts";
import { type ChangeStatistics, changesBetween, noiseVariance } from "./change-statistics.ts";
import { rawSignatureBytes, withLowS } from "./ecdsa-signature.ts";
import type { PlanarFrame } from "./frame.ts";
import { keyIdBytes, recoveryKeyStream, siteKeyBytes, tagKey } from "./keys.ts";
import { isWellFormed, type Layout, layoutOf } from "./layout.ts";
import {
  bytesToBeSigned,
  completePayload,
  contentIdBytes,
  contextOf,
  type MarkIdentity,
  putSignature,
  startPayload,
} from "./payload.ts";
import type { Sidecar, SuperblockRecovery } from "./recovery/hidden-recovery.ts";
import { hideCarrierBits } from "./recovery/hide.ts";
import { encodeShares } from "./shares.ts";
import { digestTiles, digestTree, hashSamples, publishTileDigests, tagTiles } from "./tile-digests.ts";

export interface MarkKeys {
  /** keyIdOf the signer's certificate. */
  readonly keyId: Bytes;
  /** K_loc, 32 bytes: without it tile tags protect against accidents only. */
  readonly locatorKey?: Bytes | undefined;
  /** K_rec, 32 bytes: without it anyone can restore the original. */
  readonly recoveryKey?: Bytes | undefined;
}

export interface MarkOptions {
  /** Refuse to mark where the RMS change would be more than this share of the noise (RMS prediction error); 0.5 is sensible. */
  readonly noiseShareMax?: number | undefined;
  /** Also make the tile digests that are kept outside of the frame. */
  readonly publishTileDigests?: boolean | undefined;
}

/** `bits-stored`: not 8 to 16; `geometry`: too small or too large; `out-of-range`: a sample above 2^bits - 1; `noise`: it would be visible. */
export type UnmarkableReason = "bits-stored" | "geometry" | "out-of-range" | "noise";

export interface MarkStatistics extends ChangeStatistics {
  /** Of the carrier plane before; see noiseVariance. */
  readonly noiseVariance: number;
  readonly carriers: number;
  /** What the carriers' bits were coded into. */
  readonly recoveryBits: number;
  readonly sidecarBits: number;
  /** Superblocks whose samples hide recovery bits. */
  readonly hosts: number;
}

export interface MarkedFrame {
  /** Shares the planes that carry nothing with the original. */
  readonly frame: PlanarFrame;
  /** 32 bytes. */
  readonly root: Bytes;
  /** SHA-256 of the frame before, 32 bytes. */
  readonly originalHash: Bytes;
  /** 8 bytes a tile, if asked for. */
  readonly tileDigests?: Bytes;
  readonly sidecar?: Sidecar;
  /** Of the carrier plane: no other is changed. */
  readonly statistics: MarkStatistics;
}

export interface PreparedMark {
  readonly markable: true;
  readonly toBeSigned: Bytes;
  /**
   * @param signature ECDSA P-256 with SHA-256 over `toBeSigned`: r || s, 64 bytes
   * @throws ScansealError `usage` when it has another length
   */
  finish(signature: Bytes): MarkedFrame;
}

export interface Unmarkable {
  readonly markable: false;
  readonly reason: UnmarkableReason;
}

/** A frame with everything but its signature. */
interface Draft {
  readonly layout: Layout;
  readonly payload: Bytes;
  /** The carrier plane, its carriers cleared. */
  readonly plane: Uint16Array;
  readonly hidden: { readonly superblocks: readonly SuperblockRecovery[]; readonly sidecar?: Sidecar };
  readonly originalHash: Bytes;
  readonly root: Bytes;
  readonly digests: Bytes;
  readonly tags: Bytes;
  readonly noiseVariance: number;
}

/**
 * All the work but the signature. The frame stays as it is.
 * @throws ScansealError `usage` when the frame, a key or an identifier has not the form its type describes
 */
export function prepareMark(
  frame: PlanarFrame,
  id: Pick<MarkIdentity, "contentId" | "frameNo">,
  keys: MarkKeys,
  crypto: Crypto,
  options: MarkOptions = {},
): PreparedMark | Unmarkable {
  requireForm(frame, id, keys);
  // M1
  if (frame.bits < 8 || frame.bits > 16) return { markable: false, reason: "bits-stored" };
  const layout = layoutOf(frame.width, frame.height, frame.colour);
  if (layout === undefined) return { markable: false, reason: "geometry" };
  if (!inRange(frame)) return { markable: false, reason: "out-of-range" };
  const payload = startPayload(frame, layout, { ...id, keyId: keys.keyId });
  const context = contextOf(payload, crypto);
  // M2
  const originalHash = hashSamples(frame, frame.planes, crypto);
  // M3
  const original = frame.planes[layout.carrierPlane]!;
  const plane = original.slice();
  const carrierBits = takeCarrierBits(plane, layout);
  // M4
  const keyStream = keys.recoveryKey && recoveryKeyStream(keys.recoveryKey, context, crypto);
  const hidden = hideCarrierBits(plane, layout, frame.bits, carrierBits, keyStream);
  const noise = noiseVariance(original, frame.width, frame.height);
  if (isTooVisible(hidden.change, layout, noise, options.noiseShareMax)) {
    return { markable: false, reason: "noise" };
  }
  // M5
  const digests = digestTiles(frame, plane, layout, context, crypto);
  const key = keys.locatorKey && tagKey(keys.locatorKey, context, crypto);
  const tags = tagTiles(digests, key, crypto);
  const tree = digestTree(digests, tags, layout, context, crypto);
  // M6
  const recovery = {
    keyedTags: keys.locatorKey !== undefined,
    encryptedRecovery: keys.recoveryKey !== undefined,
    hasSidecar: hidden.sidecar !== undefined,
    superblocks: hidden.superblocks,
  };
  completePayload(payload, { ...tree, originalHash }, recovery);
  const draft = { layout, payload, plane, hidden, originalHash, digests, tags, noiseVariance: noise };
  return {
    markable: true,
    toBeSigned: bytesToBeSigned(payload),
    finish: (signature) => finishMark(frame, { ...draft, root: tree.root }, signature, crypto, options),
  };
}

/** M7 and M8. */
function finishMark(
  frame: PlanarFrame,
  draft: Draft,
  signature: Bytes,
  crypto: Crypto,
  options: MarkOptions,
): MarkedFrame {
  if (signature.length !== rawSignatureBytes) {
    throw new ScansealError("usage", "a watermark's signature has 64 bytes");
  }
  const { layout, hidden, digests, tags, root, originalHash } = draft;
  const payload = draft.payload.slice();
  putSignature(payload, withLowS(signature));
  const marked = draft.plane.slice();
  putCarriedBytes(marked, { tags, shares: encodeShares(payload, layout) }, layout);
  const original = frame.planes[layout.carrierPlane]!;
  return {
    frame: { ...frame, planes: frame.planes.map((plane, i) => (i === layout.carrierPlane ? marked : plane)) },
    root,
    originalHash,
    ...(options.publishTileDigests && { tileDigests: publishTileDigests(digests, tags, crypto) }),
    ...(hidden.sidecar && { sidecar: hidden.sidecar }),
    statistics: {
      ...changesBetween(original, marked),
      noiseVariance: draft.noiseVariance,
      carriers: layout.carriers.length,
      recoveryBits: hidden.superblocks.reduce((sum, { sourceBits }) => sum + sourceBits, 0),
      sidecarBits: hidden.sidecar?.bits ?? 0,
      hosts: hidden.superblocks.filter(({ order }) => order > 0).length,
    },
  };
}

function requireForm(
  frame: PlanarFrame,
  { contentId, frameNo }: Pick<MarkIdentity, "contentId" | "frameNo">,
  keys: MarkKeys,
): void {
  const fits =
    isWellFormed(frame) &&
    contentId.length === contentIdBytes &&
    Number.isInteger(frameNo) &&
    frameNo >= 0 &&
    frameNo < 2 ** 32 &&
    keys.keyId.length === keyIdBytes &&
    [keys.locatorKey, keys.recoveryKey].every((key) => key === undefined || key.length === siteKeyBytes);
  if (!fits) throw new ScansealError("usage", "a frame, a key or an identifier of another form");
}

function inRange({ bits, planes }: PlanarFrame): boolean {
  let all = 0;
  for (const plane of planes) for (let i = 0; i < plane.length; i++) all |= plane[i]!;
  return all < 2 ** bits;
}

/** The carriers' own bits are not known yet: half of them will change by 1. */
function isTooVisible(
  change: number,
  { carriers, width, height }: Layout,
  noise: number,
  noiseShareMax: number | undefined,
): boolean {
  if (noiseShareMax === undefined) return false;
  return (carriers.length / 2 + change) / (width * height) > noiseShareMax * noiseShareMax * noise;
}
