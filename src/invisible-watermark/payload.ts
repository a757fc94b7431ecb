/** What the shares of a frame say together (spec/invisible-watermark.md, Payload). */
import { type Bytes, concatBytes, equalBytes, fromLatin1, viewOf } from "../foundation/bytes.ts";
import type { Crypto } from "../foundation/crypto.ts";
import { rawSignatureBytes } from "./ecdsa-signature.ts";
import type { PlanarFrame, PlaneColour } from "./frame.ts";
import { keyIdBytes } from "./keys.ts";
import { carrierPlaneOf, type Layout, payloadHeadBytes, planeCount, superblockEntryBytes } from "./layout.ts";
import type { SuperblockRecovery } from "./recovery/hidden-recovery.ts";

/** Which frame of which object, and who signs. A pair (contentId, frameNo) is used once. */
export interface MarkIdentity {
  /** 8 bytes. */
  readonly keyId: Bytes;
  /** 16 random bytes, one object's. */
  readonly contentId: Bytes;
  /** From 0. */
  readonly frameNo: number;
}

export interface SuperblockEntry extends SuperblockRecovery {
  /** First 8 bytes of the superblock's digest. */
  readonly digest: Bytes;
}

export interface Payload extends MarkIdentity {
  /** Tile tags are made with a site's key. */
  readonly keyedTags: boolean;
  readonly encryptedRecovery: boolean;
  /** Some recovery bits are kept outside of the frame. */
  readonly hasSidecar: boolean;
  readonly bits: number;
  readonly signed: boolean;
  readonly colour: PlaneColour;
  readonly root: Bytes;
  /** First 16 bytes of SHA-256 of the frame before it was marked. */
  readonly originalHash: Bytes;
  /** r || s. */
  readonly signature: Bytes;
  readonly superblocks: readonly SuperblockEntry[];
}

export const contentIdBytes = 16;
export const superblockDigestBytes = 8;
export const originalHashBytes = 16;

const magic = fromLatin1("MTW1");
const flagsAt = 4;
const bitsAt = 5;
const formAt = 6;
const shareBytesAt = 7;
const keyIdAt = 8;
const contentIdAt = 16;
const frameNoAt = 32;
const widthAt = 36;
const heightAt = 38;
const rootAt = 40;
const originalHashAt = 72;
const signatureAt = 88;

const keyedFlag = 1;
const encryptedFlag = 2;
const sidecarFlag = 4;

/** The payload of a frame, with all that is known before its samples are digested. */
export function startPayload(
  frame: Pick<PlanarFrame, "bits" | "signed" | "colour">,
  layout: Layout,
  { keyId, contentId, frameNo }: MarkIdentity,
): Bytes {
  const payload = new Uint8Array(layout.payloadBytes);
  const view = viewOf(payload);
  payload.set(magic);
  payload[bitsAt] = frame.bits;
  payload[formAt] = formByte(frame.signed, frame.colour);
  payload[shareBytesAt] = layout.shareBytes;
  payload.set(keyId, keyIdAt);
  payload.set(contentId, contentIdAt);
  view.setUint32(frameNoAt, frameNo, true);
  view.setUint16(widthAt, layout.width, true);
  view.setUint16(heightAt, layout.height, true);
  return payload;
}

/** What every digest of the frame begins with: the head without flags and digests. 32 bytes. */
export function contextOf(payload: Bytes, crypto: Crypto): Bytes {
  const parts = [fromLatin1("MTW1-ctx"), payload.subarray(0, flagsAt), payload.subarray(bitsAt, rootAt)];
  return crypto.hash("SHA-256", concatBytes(parts));
}

export interface PayloadDigests {
  readonly root: Bytes;
  /** 32 bytes a superblock. */
  readonly superblockDigests: Bytes;
  /** At least 16 bytes. */
  readonly originalHash: Bytes;
}

export interface RecoveryFacts {
  readonly keyedTags: boolean;
  readonly encryptedRecovery: boolean;
  readonly hasSidecar: boolean;
  readonly superblocks: readonly SuperblockRecovery[];
}

/** Adds all but the signature. */
export function completePayload(payload: Bytes, digests: PayloadDigests, recovery: RecoveryFacts): void {
  const view = viewOf(payload);
  payload[flagsAt] =
    (recovery.keyedTags ? keyedFlag : 0) |
    (recovery.encryptedRecovery ? encryptedFlag : 0) |
    (recovery.hasSidecar ? sidecarFlag : 0);
  payload.set(digests.root, rootAt);
  payload.set(digests.originalHash.subarray(0, originalHashBytes), originalHashAt);
  for (const [i, { parameters, hostBits, sourceBits, order }] of recovery.superblocks.entries()) {
    const at = payloadHeadBytes + superblockEntryBytes * i;
    payload.set(digests.superblockDigests.subarray(32 * i, 32 * i + superblockDigestBytes), at);
    payload[at + 8] = parameters;
    view.setUint16(at + 9, hostBits, true);
    view.setUint16(at + 11, sourceBits, true);
    view.setUint16(at + 13, order, true);
  }
}

export function putSignature(payload: Bytes, signature: Bytes): void {
  payload.set(signature, signatureAt);
}

/** The signature covers the whole payload but itself. */
export function bytesToBeSigned(payload: Bytes): Bytes {
  const head = payload.subarray(0, signatureAt);
  return concatBytes([fromLatin1("MTW1-sig"), head, payload.subarray(payloadHeadBytes)]);
}

/** @returns undefined: not a payload that a frame of this layout can carry */
export function parsePayload(payload: Bytes, layout: Layout): Payload | undefined {
  if (payload.length !== layout.payloadBytes) return undefined;
  const view = viewOf(payload);
  const flags = payload[flagsAt]!;
  const bits = payload[bitsAt]!;
  const form = formOf(payload[formAt]!);
  const fits =
    equalBytes(payload.subarray(0, magic.length), magic) &&
    flags <= (keyedFlag | encryptedFlag | sidecarFlag) &&
    bits >= 8 &&
    bits <= 16 &&
    payload[shareBytesAt] === layout.shareBytes &&
    view.getUint16(widthAt, true) === layout.width &&
    view.getUint16(heightAt, true) === layout.height;
  if (!fits || form === undefined || carrierPlaneOf(form.colour) !== layout.carrierPlane) return undefined;
  return {
    keyedTags: (flags & keyedFlag) !== 0,
    encryptedRecovery: (flags & encryptedFlag) !== 0,
    hasSidecar: (flags & sidecarFlag) !== 0,
    bits,
    ...form,
    keyId: payload.slice(keyIdAt, keyIdAt + keyIdBytes),
    contentId: payload.slice(contentIdAt, contentIdAt + contentIdBytes),
    frameNo: view.getUint32(frameNoAt, true),
    root: payload.slice(rootAt, originalHashAt),
    originalHash: payload.slice(originalHashAt, originalHashAt + originalHashBytes),
    signature: payload.slice(signatureAt, signatureAt + rawSignatureBytes),
    superblocks: layout.superblocks.map((_, i) =>
      entryAt(payload, view, payloadHeadBytes + superblockEntryBytes * i),
    ),
  };
}

function entryAt(payload: Bytes, view: DataView, at: number): SuperblockEntry {
  return {
    digest: payload.slice(at, at + superblockDigestBytes),
    parameters: payload[at + 8]!,
    hostBits: view.getUint16(at + 9, true),
    sourceBits: view.getUint16(at + 11, true),
    order: view.getUint16(at + 13, true),
  };
}

/** Bit 0: signed; from bit 1: planes; from bit 3: the carrier plane; bit 5: YBR. */
function formByte(signed: boolean, colour: PlaneColour): number {
  const ybr = colour === "ybr" ? 1 : 0;
  return (signed ? 1 : 0) | (planeCount(colour) << 1) | (carrierPlaneOf(colour) << 3) | (ybr << 5);
}

function formOf(byte: number): { signed: boolean; colour: PlaneColour } | undefined {
  const signed = (byte & 1) === 1;
  const colours: readonly PlaneColour[] = ["mono", "rgb", "ybr"];
  const colour = colours.find((candidate) => formByte(signed, candidate) === byte);
  return colour === undefined ? undefined : { signed, colour };
}
