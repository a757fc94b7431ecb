/** Marks frames with a key made for the test. */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { type MarkedFrame, type MarkOptions, prepareMark } from "../../src/invisible-watermark/embed.ts";
import type { PlanarFrame } from "../../src/invisible-watermark/frame.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";

const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });

export const publicKey: KeyObject = pair.publicKey;

export const publicKeyInfo: Uint8Array = new Uint8Array(publicKey.export({ type: "spki", format: "der" }));

export const keyId: Uint8Array = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
export const locatorKey: Uint8Array = new Uint8Array(32).fill(0x10);
export const recoveryKey: Uint8Array = new Uint8Array(32).fill(0x20);
export const contentId: Uint8Array = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i);

export const keyOf = (id: string): Uint8Array | undefined =>
  id === "0102030405060708" ? publicKeyInfo : undefined;

export function signRaw(message: Uint8Array): Uint8Array {
  return new Uint8Array(sign("sha256", message, { key: pair.privateKey, dsaEncoding: "ieee-p1363" }));
}

export function signDer(message: Uint8Array): Uint8Array {
  return new Uint8Array(sign("sha256", message, pair.privateKey));
}

const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** (r, n - s) of (r, s): as valid, made without a key. */
export function otherSignature(raw: Uint8Array): Uint8Array {
  const s = order - BigInt(`0x${Buffer.from(raw.subarray(32)).toString("hex")}`);
  return new Uint8Array([...raw.subarray(0, 32), ...Buffer.from(s.toString(16).padStart(64, "0"), "hex")]);
}

export interface MarkingChoice extends MarkOptions {
  readonly frameNo?: number;
  readonly contentId?: Uint8Array;
  /** Without the site's keys. */
  readonly unkeyed?: boolean;
}

/** Fails for a frame that cannot be marked. */
export function mark(frame: PlanarFrame, choice: MarkingChoice = {}): MarkedFrame {
  const keys = choice.unkeyed ? { keyId } : { keyId, locatorKey, recoveryKey };
  const id = { contentId: choice.contentId ?? contentId, frameNo: choice.frameNo ?? 0 };
  const prepared = prepareMark(frame, id, keys, nodeCrypto, { publishTileDigests: true, ...choice });
  if (!prepared.markable) throw new Error(`not markable: ${prepared.reason}`);
  return prepared.finish(signRaw(prepared.toBeSigned));
}

/** The frame with other samples in one plane. */
export function withSamples(
  frame: PlanarFrame,
  change: (samples: Uint16Array) => void,
  plane: number = 0,
): PlanarFrame {
  const planes = frame.planes.map((samples) => samples.slice());
  change(planes[plane]!);
  return { ...frame, planes };
}
