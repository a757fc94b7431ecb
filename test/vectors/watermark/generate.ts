/**
 * Makes frames.json and the raw frames: `node test/vectors/watermark/generate.ts`. The key is made for the occasion and thrown away; its signatures
 * stay, so that everything else can be made again byte for byte.
 */
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromHex, toBase64, toHex } from "../../../src/foundation/bytes.ts";
import { checkFrame } from "../../../src/invisible-watermark/check.ts";
import { type MarkedFrame, prepareMark } from "../../../src/invisible-watermark/embed.ts";
import type { PlanarFrame } from "../../../src/invisible-watermark/frame.ts";
import { locateChanges } from "../../../src/invisible-watermark/locate.ts";
import { nodeCrypto } from "../../../src/platform/node/crypto.ts";
import { type FrameRequest, makeFrame } from "../../watermark/frames.ts";
import { alter, alterations } from "./alterations.ts";
import { type AlteredVector, type FrameVector, toRaw, type WatermarkVectors } from "./vectors.ts";

interface VectorRequest extends FrameRequest {
  readonly name: string;
  readonly why: string;
  readonly unkeyed?: boolean;
}

export interface VectorKey {
  /** DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  /** r || s. */
  readonly sign: (message: Uint8Array) => Uint8Array;
}

interface MadeVector {
  readonly vector: FrameVector;
  readonly original: PlanarFrame;
  readonly marked: PlanarFrame;
}

const requests: readonly VectorRequest[] = [
  {
    name: "mono-8",
    why: "8 bits: one byte a sample",
    width: 128,
    height: 128,
    bits: 8,
    kind: "gradient",
  },
  { name: "mono-10", why: "10 bits", width: 112, height: 96, bits: 10 },
  {
    name: "mono-12-signed",
    why: "12 bits, signed: moved by 2048",
    width: 128,
    height: 128,
    bits: 12,
    signed: true,
  },
  {
    name: "mono-16",
    why: "16 bits: sums of neighbours beyond 16 bits",
    width: 96,
    height: 96,
    bits: 16,
    kind: "gradient",
  },
  { name: "mono-16-signed", why: "16 bits, signed", width: 80, height: 96, bits: 16, signed: true },
  {
    name: "rgb-8",
    why: "three planes, blue carries",
    width: 128,
    height: 112,
    bits: 8,
    colour: "rgb",
    kind: "gradient",
  },
  {
    name: "ybr-8",
    why: "three planes, Cb carries",
    width: 112,
    height: 96,
    bits: 8,
    colour: "ybr",
    kind: "gradient",
  },
  {
    name: "odd-sizes",
    why: "last tiles larger and smaller than the others",
    width: 131,
    height: 103,
    bits: 12,
  },
  {
    name: "saturated",
    why: "at the upper end of the range",
    width: 96,
    height: 96,
    bits: 12,
    kind: "saturated",
  },
  { name: "dark", why: "at the lower end of the range", width: 96, height: 96, bits: 10, kind: "dark" },
  { name: "constant", why: "no noise at all", width: 96, height: 96, bits: 8, kind: "constant" },
  { name: "noise", why: "nothing can be hidden: a sidecar", width: 64, height: 64, bits: 16, kind: "noise" },
  { name: "unkeyed", why: "no site's keys", width: 96, height: 96, bits: 12, unkeyed: true },
  {
    name: "mono-8-noisy",
    why: "8 bits: too visible were it hidden: a sidecar",
    width: 96,
    height: 96,
    bits: 8,
  },
];

const keyId = "5ca1ab1e00c0ffee";
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

async function makeVector(
  { name, why, unkeyed, ...request }: VectorRequest,
  index: number,
  key: VectorKey,
): Promise<MadeVector> {
  const original = makeFrame({ ...request, seed: 1000 + index });
  const id = { contentId: Uint8Array.from({ length: 16 }, (_, i) => 16 * i + index), frameNo: index };
  const keys = {
    keyId: fromHex(keyId),
    ...(!unkeyed && {
      locatorKey: new Uint8Array(32).fill(0x31),
      recoveryKey: new Uint8Array(32).fill(0x32),
    }),
  };
  const prepared = prepareMark(original, id, keys, nodeCrypto, { publishTileDigests: true });
  if (!prepared.markable) throw new Error(`${name}: ${prepared.reason}`);
  const signature = key.sign(prepared.toBeSigned);
  const marked = prepared.finish(signature);
  const { mark } = await checkFrame(marked.frame, nodeCrypto, () => key.publicKey);
  const altered = [];
  for (const attack of alterations) altered.push(await alteredVector(marked, attack, key.publicKey));
  const { width, height, bits, signed, colour } = original;
  const vector: FrameVector = {
    ...{ name, why, width, height, bits, signed, colour, keyId },
    contentId: toHex(id.contentId),
    frameNo: id.frameNo,
    ...(keys.locatorKey && { locatorKey: toHex(keys.locatorKey) }),
    ...(keys.recoveryKey && { recoveryKey: toHex(keys.recoveryKey) }),
    signature: toHex(signature),
    expected: {
      context: toHex(mark!.context),
      root: toHex(marked.root),
      originalHash: toHex(marked.originalHash),
      toBeSigned: toHex(prepared.toBeSigned),
      tileDigests: toHex(marked.tileDigests!),
      ...(marked.sidecar && {
        sidecar: { bits: marked.sidecar.bits, bytes: toHex(marked.sidecar.bytes) },
      }),
      markedHash: sha256(toRaw(marked.frame)),
    },
    altered,
  };
  return { vector, original, marked: marked.frame };
}

async function alteredVector(
  { frame, tileDigests }: MarkedFrame,
  attack: string,
  publicKey: Uint8Array,
): Promise<AlteredVector> {
  const changes = alter(frame, attack);
  const planes = frame.planes.map((plane) => plane.slice());
  for (const [plane, sample, value] of changes) planes[plane]![sample] = value;
  const { facts, mark } = await checkFrame({ ...frame, planes }, nodeCrypto, () => publicKey);
  const none = { corrections: 0, outOfRange: 0, rootMatches: false };
  const { corrections, outOfRange, rootMatches } = facts.found ? facts : none;
  const places = mark && locateChanges(mark, nodeCrypto, { tileDigests });
  return {
    ...{ attack, changes, found: facts.found, corrections, outOfRange, rootMatches },
    superblocks: places?.superblocks.map(({ index }) => index) ?? [],
    tiles: places?.tiles.map(({ index }) => index) ?? [],
  };
}

/** All vectors, with their frames. */
export async function makeVectors(
  key: VectorKey,
): Promise<{ vectors: WatermarkVectors; made: MadeVector[] }> {
  const made: MadeVector[] = [];
  for (const [index, request] of requests.entries()) made.push(await makeVector(request, index, key));
  const $comment =
    "Frames before and after marking are NAME.original.raw and NAME.marked.raw: samples moved to begin at 0, plane after plane, row after row, one byte each with 8 bits, else two, little endian.";
  const frames = made.map(({ vector }) => vector);
  return { vectors: { $comment, publicKey: toBase64(key.publicKey), frames }, made };
}

async function writeVectors(folder: string): Promise<void> {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { vectors, made } = await makeVectors({
    publicKey: new Uint8Array(pair.publicKey.export({ type: "spki", format: "der" })),
    sign: (message) =>
      new Uint8Array(sign("sha256", message, { key: pair.privateKey, dsaEncoding: "ieee-p1363" })),
  });
  for (const { vector, original, marked } of made) {
    writeFileSync(join(folder, `${vector.name}.original.raw`), toRaw(original));
    writeFileSync(join(folder, `${vector.name}.marked.raw`), toRaw(marked));
  }
  // A change on one line.
  const text = JSON.stringify(vectors, null, 2).replace(/\[\s+([\d,\s]+?)\s+\]/g, (_, numbers: string) => {
    return `[${numbers.replace(/\s+/g, " ")}]`;
  });
  writeFileSync(join(folder, "frames.json"), `${text}\n`);
}

if (import.meta.main) await writeVectors(import.meta.dirname);
