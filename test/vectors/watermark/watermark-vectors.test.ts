/** The vectors hold: for what is marked now, and for what was marked when they were made. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fromBase64, fromHex, toHex } from "../../../src/foundation/bytes.ts";
import { checkFrame } from "../../../src/invisible-watermark/check.ts";
import { prepareMark } from "../../../src/invisible-watermark/embed.ts";
import type { PlanarFrame } from "../../../src/invisible-watermark/frame.ts";
import { locateChanges } from "../../../src/invisible-watermark/locate.ts";
import { recoverFrame } from "../../../src/invisible-watermark/recover.ts";
import { nodeCrypto } from "../../../src/platform/node/crypto.ts";
import { projectRoot } from "../../peers.ts";
import { alter, alterations } from "./alterations.ts";
import vectorsJson from "./frames.json" with { type: "json" };
import { makeVectors } from "./generate.ts";
import { type FrameVector, fromRaw, toRaw, type WatermarkVectors } from "./vectors.ts";

const vectors: WatermarkVectors = vectorsJson as unknown as WatermarkVectors;
const publicKey = fromBase64(vectors.publicKey);

function frameOf(vector: FrameVector, state: "original" | "marked"): PlanarFrame {
  const raw = readFileSync(join(import.meta.dirname, `${vector.name}.${state}.raw`));
  return fromRaw(new Uint8Array(raw), vector);
}

it("are what their generator makes", async () => {
  const signatures = new Map(
    vectors.frames.map(({ expected, signature }) => [expected.toBeSigned, fromHex(signature)]),
  );
  const sign = (message: Uint8Array): Uint8Array => signatures.get(toHex(message)) ?? new Uint8Array(64);
  expect((await makeVectors({ publicKey, sign })).vectors).toEqual(vectors);
});

it("are the page's worked example", async () => {
  const page = readFileSync(join(projectRoot, "spec/invisible-watermark.md"), "utf8");
  const example = page.split("## Worked example")[1]!.split("\n## ")[0]!;
  const value = (name: string): string => new RegExp(`^    ${name} +(.*)$`, "m").exec(example)![1]!;
  const vector = vectors.frames.find(({ name }) => example.includes(`\`${name}\``))!;
  const { mark } = await checkFrame(frameOf(vector, "marked"), nodeCrypto, keyOf(vector));
  const { digest, parameters, hostBits, sourceBits, order } = mark!.payload.superblocks[0]!;
  expect(value("ctx")).toBe(vector.expected.context);
  expect(value("D_0")).toBe(toHex(mark!.tileDigests.subarray(0, 32)));
  expect(value("tag_0")).toBe(toHex(mark!.tags.subarray(0, 4)));
  expect(value("published")).toBe(vector.expected.tileDigests.slice(0, 16));
  expect(value("S_0").slice(0, 16)).toBe(toHex(digest));
  expect(value("root")).toBe(vector.expected.root);
  expect(value("original")).toBe(vector.expected.originalHash);
  expect(value("entry 0")).toBe(
    `digest ${toHex(digest)}, parameters ${parameters}, host bits ${hostBits}, source bits ${sourceBits}, order ${order}`,
  );
});

const keyOf = (vector: FrameVector) => (id: string) => (id === vector.keyId ? publicKey : undefined);
const bytesOf = (hex: string | undefined): Uint8Array | undefined =>
  hex === undefined ? undefined : fromHex(hex);

describe.each(vectors.frames)("$name: $why", (vector) => {
  const { expected } = vector;

  it("is marked so, byte for byte", () => {
    const id = { contentId: fromHex(vector.contentId), frameNo: vector.frameNo };
    const keys = {
      keyId: fromHex(vector.keyId),
      locatorKey: bytesOf(vector.locatorKey),
      recoveryKey: bytesOf(vector.recoveryKey),
    };
    const original = frameOf(vector, "original");
    const prepared = prepareMark(original, id, keys, nodeCrypto, { publishTileDigests: true });
    if (!prepared.markable) throw new Error(prepared.reason);
    expect(toHex(prepared.toBeSigned)).toBe(expected.toBeSigned);
    const marked = prepared.finish(fromHex(vector.signature));
    expect(toHex(marked.root)).toBe(expected.root);
    expect(toHex(marked.originalHash)).toBe(expected.originalHash);
    expect(toHex(marked.tileDigests!)).toBe(expected.tileDigests);
    const { sidecar } = marked;
    expect(sidecar && { bits: sidecar.bits, bytes: toHex(sidecar.bytes) }).toEqual(expected.sidecar);
    expect(marked.frame).toEqual(frameOf(vector, "marked"));
    expect(createHash("sha256").update(toRaw(marked.frame)).digest("hex")).toBe(expected.markedHash);
  });

  it("is intact, and gives the original back", async () => {
    const { facts, mark } = await checkFrame(frameOf(vector, "marked"), nodeCrypto, keyOf(vector));
    expect(facts).toMatchObject({ intact: true, contentId: vector.contentId, frameNo: vector.frameNo });
    expect(toHex(mark!.context)).toBe(expected.context);
    const sidecar = expected.sidecar && {
      bits: expected.sidecar.bits,
      bytes: fromHex(expected.sidecar.bytes),
    };
    const source = { recoveryKey: bytesOf(vector.recoveryKey), sidecar };
    const recovered = recoverFrame(mark!, nodeCrypto, source);
    expect(recovered).toEqual({ status: "exact", frame: frameOf(vector, "original"), unrestored: [] });
  });

  it.each(vector.altered)("is not intact with $attack", async (altered) => {
    const marked = frameOf(vector, "marked");
    expect(alter(marked, altered.attack)).toEqual(altered.changes);
    for (const [plane, sample, value] of altered.changes) marked.planes[plane]![sample] = value;
    const { facts, mark } = await checkFrame(marked, nodeCrypto, keyOf(vector));
    const { found, corrections, outOfRange, rootMatches } = altered;
    expect(facts).toMatchObject(
      found ? { found, intact: false, corrections, outOfRange, rootMatches } : { found },
    );
    if (mark === undefined) return;
    const { tiles, superblocks } = locateChanges(mark, nodeCrypto, {
      tileDigests: fromHex(expected.tileDigests),
    });
    expect(tiles.map(({ index }) => index)).toEqual(altered.tiles);
    expect(superblocks.map(({ index }) => index)).toEqual(altered.superblocks);
  });

  it("has every alteration", () => {
    expect(vector.altered.map(({ attack }) => attack)).toEqual(alterations);
    expect(vector.altered.every(({ changes }) => changes.length > 0)).toBe(true);
  });
});
