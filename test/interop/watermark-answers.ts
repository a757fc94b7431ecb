/** What the watermark makes of the vectors and of generated frames: runs in Node and in a browser, and must be the same in both. */
import { fromBase64, fromHex, toBase64, toHex } from "../../src/foundation/bytes.ts";
import type { Crypto } from "../../src/foundation/crypto.ts";
import { checkStrippedFrame } from "../../src/invisible-watermark/canonical-form.ts";
import { checkFrame, type KeyOf } from "../../src/invisible-watermark/check.ts";
import { prepareMark } from "../../src/invisible-watermark/embed.ts";
import type { PlanarFrame, PlaneColour } from "../../src/invisible-watermark/frame.ts";
import { locateChanges } from "../../src/invisible-watermark/locate.ts";
import { recoverFrame } from "../../src/invisible-watermark/recover.ts";
import { type FrameVector, fromRaw, toRaw, type WatermarkVectors } from "../vectors/watermark/vectors.ts";
import { frameKinds, makeFrame } from "../watermark/frames.ts";

/** Plain data; frames are base64 of their raw files. */
export type Answers = Readonly<Record<string, unknown>>;

export type RawFile = (name: string) => Promise<Uint8Array>;

export async function answersTo(
  vectors: WatermarkVectors,
  rawFile: RawFile,
  crypto: Crypto,
): Promise<Answers> {
  const answers: Record<string, unknown> = {};
  for (const vector of vectors.frames) {
    const raw = async (state: string): Promise<PlanarFrame> =>
      fromRaw(await rawFile(`${vector.name}.${state}.raw`), vector);
    const keyOf: KeyOf = (keyId) => (keyId === vector.keyId ? fromBase64(vectors.publicKey) : undefined);
    answers[`${vector.name}: embed`] = embedded(vector, await raw("original"), crypto);
    answers[`${vector.name}: check`] = await checked(vector, await raw("marked"), keyOf, crypto);
    for (const { attack, changes } of vector.altered) {
      const frame = await raw("marked");
      for (const [plane, sample, value] of changes) frame.planes[plane]![sample] = value;
      answers[`${vector.name}: ${attack}`] = await checked(vector, frame, keyOf, crypto);
    }
    answers[`${vector.name}: stripped`] = await stripped(await raw("marked"), keyOf, crypto);
  }
  for (let seed = 1; seed <= generatedFrames; seed++) {
    answers[`generated ${seed}`] = await generated(seed, crypto);
  }
  // What JSON keeps of them, in both.
  return JSON.parse(JSON.stringify(answers));
}

const bytesOf = (hex: string | undefined): Uint8Array | undefined =>
  hex === undefined ? undefined : fromHex(hex);

function embedded(vector: FrameVector, original: PlanarFrame, crypto: Crypto): object {
  const id = { contentId: fromHex(vector.contentId), frameNo: vector.frameNo };
  const keys = {
    keyId: fromHex(vector.keyId),
    locatorKey: bytesOf(vector.locatorKey),
    recoveryKey: bytesOf(vector.recoveryKey),
  };
  const prepared = prepareMark(original, id, keys, crypto, { publishTileDigests: true });
  if (!prepared.markable) return prepared;
  const { frame, root, originalHash, tileDigests, sidecar, statistics } = prepared.finish(
    fromHex(vector.signature),
  );
  return {
    toBeSigned: toHex(prepared.toBeSigned),
    root: toHex(root),
    originalHash: toHex(originalHash),
    tileDigests: toHex(tileDigests!),
    sidecar: sidecar && { bits: sidecar.bits, bytes: toHex(sidecar.bytes) },
    statistics,
    frame: toBase64(toRaw(frame)),
  };
}

async function checked(
  vector: FrameVector,
  frame: PlanarFrame,
  keyOf: KeyOf,
  crypto: Crypto,
): Promise<object> {
  const { facts, mark } = await checkFrame(frame, crypto, keyOf);
  if (mark === undefined) return { facts };
  const { expected } = vector;
  const sidecar = expected.sidecar && {
    bits: expected.sidecar.bits,
    bytes: fromHex(expected.sidecar.bytes),
  };
  const recoveryKey = bytesOf(vector.recoveryKey);
  const { status, frame: recovered, unrestored } = recoverFrame(mark, crypto, { recoveryKey, sidecar });
  return {
    facts,
    byDigests: locateChanges(mark, crypto, { tileDigests: fromHex(expected.tileDigests) }),
    byKey: locateChanges(mark, crypto, { locatorKey: bytesOf(vector.locatorKey) }),
    bySuperblocks: locateChanges(mark, crypto),
    recovered: { status, unrestored, frame: recovered && toBase64(toRaw(recovered)) },
  };
}

/** As a PNG of 16 bits has it: in the highest bits. */
async function stripped(frame: PlanarFrame, keyOf: KeyOf, crypto: Crypto): Promise<object> {
  const { width, height, bits, planes } = frame;
  const shifted = planes.map((plane) => Int32Array.from(plane, (sample) => sample << (16 - bits)));
  const { facts, transform } = await checkStrippedFrame({ width, height, planes: shifted }, crypto, keyOf);
  return { facts, transform };
}

const generatedFrames = 48;
/** Nobody's: what is compared is all the rest. */
const noSignature = new Uint8Array(64).fill(1);

/** Frames of all kinds, depths and odd sizes: marked, checked and restored. */
async function generated(seed: number, crypto: Crypto): Promise<object> {
  const colours: readonly PlaneColour[] = ["mono", "mono", "rgb", "ybr"];
  const original = makeFrame({
    width: 64 + ((seed * 37) % 150),
    height: 64 + ((seed * 53) % 120),
    bits: 8 + (seed % 9),
    signed: seed % 2 === 0,
    colour: colours[(seed >> 1) % 4]!,
    kind: frameKinds[seed % frameKinds.length]!,
    seed,
  });
  const keys = {
    keyId: new Uint8Array(8).fill(seed),
    locatorKey: new Uint8Array(32).fill(seed),
    recoveryKey: new Uint8Array(32).fill(seed + 1),
  };
  const id = { contentId: new Uint8Array(16).fill(seed), frameNo: seed };
  const prepared = prepareMark(original, id, keys, crypto, { publishTileDigests: true });
  if (!prepared.markable) return prepared;
  const marked = prepared.finish(noSignature);
  const { facts, mark } = await checkFrame(marked.frame, crypto, () => undefined);
  const { recoveryKey } = keys;
  const recovered = recoverFrame(mark!, crypto, { recoveryKey, sidecar: marked.sidecar });
  return {
    facts,
    tileDigests: toHex(marked.tileDigests!),
    marked: toBase64(toRaw(marked.frame)),
    recovered: recovered.status,
    isOriginal: toBase64(toRaw(recovered.frame!)) === toBase64(toRaw(original)),
  };
}
