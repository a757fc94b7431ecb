/** What an attacker can collect: marked frames of one form, of other slices, patients and devices; all devices are trusted. */
import { generateKeyPairSync, sign } from "node:crypto";
import { toHex } from "../../src/foundation/bytes.ts";
import type { KeyOf } from "../../src/invisible-watermark/check.ts";
import { type MarkedFrame, prepareMark } from "../../src/invisible-watermark/embed.ts";
import type { PlanarFrame } from "../../src/invisible-watermark/frame.ts";
import type { MarkIdentity } from "../../src/invisible-watermark/payload.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";

/** A marked frame, and what its manifest says of it. */
export interface SealedFrame extends MarkedFrame {
  readonly identity: MarkIdentity;
  readonly locatorKey: Uint8Array | undefined;
  readonly tileDigests: Uint8Array;
}

class MarkingDevice {
  readonly keyId: Uint8Array;
  readonly publicKeyInfo: Uint8Array;
  readonly #key;
  readonly #siteKeys: { readonly locatorKey: Uint8Array; readonly recoveryKey: Uint8Array };

  constructor(number: number) {
    const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.#key = pair.privateKey;
    this.publicKeyInfo = new Uint8Array(pair.publicKey.export({ type: "spki", format: "der" }));
    this.keyId = new Uint8Array(8).fill(number);
    this.#siteKeys = {
      locatorKey: new Uint8Array(32).fill(0x40 + number),
      recoveryKey: new Uint8Array(32).fill(0x60 + number),
    };
  }

  /** @returns undefined: the frame cannot be marked */
  mark(frame: PlanarFrame, object: number, frameNo: number, isKeyed = true): SealedFrame | undefined {
    const identity = { keyId: this.keyId, contentId: new Uint8Array(16).fill(object), frameNo };
    const keys = { keyId: this.keyId, ...(isKeyed && this.#siteKeys) };
    const prepared = prepareMark(frame, identity, keys, nodeCrypto, { publishTileDigests: true });
    if (!prepared.markable) return undefined;
    const marked = prepared.finish(this.sign(prepared.toBeSigned));
    const locatorKey = isKeyed ? this.#siteKeys.locatorKey : undefined;
    return { ...marked, tileDigests: marked.tileDigests!, identity, locatorKey };
  }

  /** r || s. */
  sign(message: Uint8Array): Uint8Array {
    return new Uint8Array(sign("sha256", message, { key: this.#key, dsaEncoding: "ieee-p1363" }));
  }
}

/** All frames have one form. */
export interface Scene {
  readonly name: string;
  readonly victim: SealedFrame;
  /** The same, of a site without keys. */
  readonly unkeyed: SealedFrame;
  readonly slices: readonly SealedFrame[];
  readonly patients: readonly SealedFrame[];
  readonly devices: readonly SealedFrame[];
  /** An image that nobody marked. */
  readonly foreign: PlanarFrame;
}

export const device: MarkingDevice = new MarkingDevice(1);
const otherDevice = new MarkingDevice(2);
/** Knows everything; nobody trusts it. */
export const attacker: MarkingDevice = new MarkingDevice(3);

export const keyOf: KeyOf = (keyId) =>
  [device, otherDevice].find((known) => toHex(known.keyId) === keyId)?.publicKeyInfo;

/**
 * @param frames of one form; where there are few, mirrored ones stand for others
 * @returns undefined: they cannot be marked
 */
export function sceneOf(name: string, frames: readonly PlanarFrame[]): Scene | undefined {
  const images = [...frames, ...frames.map(mirrored)];
  const image = (i: number): PlanarFrame => images[i % images.length]!;
  const victim = device.mark(image(0), 1, 0);
  const unkeyed = device.mark(image(0), 2, 0, false);
  const slices = [1, 2, 3].map((i) => device.mark(image(i), 1, i));
  const patients = [1, 2].map((i) => device.mark(image(i + 3), 10 + i, 0));
  const devices = [1, 2].map((i) => otherDevice.mark(image(i + 1), 20 + i, 0));
  if (!victim || !unkeyed) return undefined;
  const all = { slices: known(slices), patients: known(patients), devices: known(devices) };
  if (Object.values(all).some((group) => group.length === 0)) return undefined;
  return { name, victim, unkeyed, ...all, foreign: image(images.length - 1) };
}

function known(frames: readonly (SealedFrame | undefined)[]): SealedFrame[] {
  return frames.filter((frame) => frame !== undefined);
}

function mirrored(frame: PlanarFrame): PlanarFrame {
  return { ...frame, planes: frame.planes.map((plane) => plane.toReversed()) };
}
