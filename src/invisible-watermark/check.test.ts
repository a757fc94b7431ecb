import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { frameKinds, makeFrame } from "../../test/watermark/frames.ts";
import { keyOf, mark, otherSignature, publicKeyInfo, withSamples } from "../../test/watermark/marking.ts";
import { nodeCrypto } from "../platform/node/crypto.ts";
import { putCarriedBytes, takeCarriedBytes } from "./carriers.ts";
import { checkFrame, type NoWatermark, type WatermarkFacts } from "./check.ts";
import type { PlanarFrame, PlaneColour } from "./frame.ts";
import { layoutOf, tileAt } from "./layout.ts";
import { decodeShares, encodeShares } from "./shares.ts";

const size = { width: 160, height: 128 };
const original = makeFrame({ ...size, bits: 12, signed: true });
const marked = mark(original, { frameNo: 7 }).frame;

async function factsOf(frame: PlanarFrame, keys = keyOf): Promise<NoWatermark | WatermarkFacts> {
  return (await checkFrame(frame, nodeCrypto, keys)).facts;
}

describe("checkFrame", () => {
  it("says what the payload says, as plain data", async () => {
    const facts = await factsOf(marked);
    expect(JSON.parse(JSON.stringify(facts))).toEqual({
      found: true,
      intact: true,
      contentId: "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
      frameNo: 7,
      keyId: "0102030405060708",
      signature: "valid",
      corrections: 0,
      outOfRange: 0,
      rootMatches: true,
      formMatches: true,
      says: {
        bits: 12,
        signed: true,
        colour: "mono",
        ...size,
        keyedTags: true,
        encryptedRecovery: true,
        hasSidecar: (facts as WatermarkFacts).says.hasSidecar,
      },
      damagedSuperblocks: [],
    });
  });

  it("finds nothing in frames without a watermark, or of another size or colour", async () => {
    expect(await factsOf(original)).toEqual({ found: false, reason: "unreadable" });
    for (const kind of frameKinds) {
      const frame = makeFrame({ ...size, bits: 16, kind });
      expect(await factsOf(frame)).toEqual({ found: false, reason: "unreadable" });
    }
    expect(await factsOf({ ...marked, width: 128, height: 160 })).toMatchObject({ found: false });
    expect(await factsOf(makeFrame({ width: 20, height: 20, bits: 12 }))).toMatchObject({
      reason: "geometry",
    });
    expect(await factsOf({ ...marked, bits: 17 })).toMatchObject({ reason: "geometry" });
  });

  it("judges the signature by the key alone", async () => {
    expect(await factsOf(marked, () => undefined)).toMatchObject({ signature: "unknown-key", intact: false });
    const stranger = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey;
    const strangerInfo = new Uint8Array(stranger.export({ type: "spki", format: "der" }));
    const invalid = { signature: "invalid", rootMatches: true, intact: false };
    expect(await factsOf(marked, () => strangerInfo)).toMatchObject(invalid);
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey;
    const rsaInfo = new Uint8Array(rsa.export({ type: "spki", format: "der" }));
    expect(await factsOf(marked, () => rsaInfo)).toMatchObject(invalid);
    const broken = publicKeyInfo.subarray(1);
    expect(await factsOf(marked, () => broken)).toMatchObject({ signature: "unknown-key", intact: false });
  });

  it("does not take the other signature that anyone can make: carriers would differ", async () => {
    const layout = layoutOf(size.width, size.height, "mono")!;
    const forged = withSamples(marked, (samples) => {
      const carried = takeCarriedBytes(samples, layout);
      const { payload } = decodeShares(carried.shares, layout)!;
      payload.set(otherSignature(payload.subarray(88, 152)), 88);
      putCarriedBytes(samples, { ...carried, shares: encodeShares(payload, layout) }, layout);
    });
    const expected = { signature: "invalid", rootMatches: true, corrections: 0, intact: false };
    expect(await factsOf(forged)).toMatchObject(expected);
  });

  it("does not take another form for the one that was signed", async () => {
    expect(await factsOf({ ...marked, signed: false })).toMatchObject({ intact: false, formMatches: false });
    expect(await factsOf({ ...marked, bits: 13 })).toMatchObject({ intact: false, formMatches: false });
  });

  it("counts samples out of range, which a cut to 8 bits would not show", async () => {
    const narrow = mark(makeFrame({ ...size, bits: 8 })).frame;
    const beyond = withSamples(narrow, (samples) => {
      samples[1000]! += 256;
    });
    const expected = { intact: false, rootMatches: true, outOfRange: 1, corrections: 0 };
    expect(await factsOf(beyond)).toMatchObject(expected);
    expect(((await factsOf(beyond)) as WatermarkFacts).damagedSuperblocks).toHaveLength(1);
  });

  it("flags every single change of a whole frame, and its superblock", async () => {
    const small = mark(makeFrame({ width: 80, height: 80, bits: 10 })).frame;
    const layout = layoutOf(80, 80, "mono")!;
    for (let i = 0; i < 80 * 80; i++) {
      const changed = withSamples(small, (samples) => {
        samples[i] = samples[i]! === 0 || i % 2 === 0 ? samples[i]! + 1 : samples[i]! - 1;
      });
      const facts = (await factsOf(changed)) as WatermarkFacts;
      expect(facts.intact).toBe(false);
      const [place, ...others] = facts.damagedSuperblocks;
      expect(others).toEqual([]);
      expect(place!.index).toBe(layout.superblockOfTile[tileAt(layout, i)]);
    }
  });

  it("never throws, whatever the samples", async () => {
    const property = fc.asyncProperty(
      fc.constantFrom<PlaneColour>("mono", "rgb", "ybr"),
      fc.integer({ min: 8, max: 16 }),
      fc.uint16Array({ minLength: 1, maxLength: 500 }),
      fc.boolean(),
      async (colour, bits, values, onMark) => {
        const base = onMark
          ? mark(makeFrame({ ...size, bits, colour })).frame
          : makeFrame({ ...size, bits, colour, kind: "constant" });
        const frame = withSamples(base, (samples) => {
          for (const [i, value] of values.entries()) samples[(i * 7919 + value) % samples.length] = value;
        });
        expect(await factsOf(frame)).toMatchObject(onMark && values.length === 0 ? { intact: true } : {});
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });

  it("refuses misuse", async () => {
    await expect(factsOf({ ...marked, planes: [] })).rejects.toMatchObject({ code: "usage" });
    const lostTiles = new Uint8Array(3);
    await expect(checkFrame(marked, nodeCrypto, keyOf, { lostTiles })).rejects.toMatchObject({
      code: "usage",
    });
  });
});
