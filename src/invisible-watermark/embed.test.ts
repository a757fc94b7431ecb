import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type FrameRequest, frameKinds, makeFrame } from "../../test/watermark/frames.ts";
import { contentId, keyId, keyOf, mark, recoveryKey, signRaw } from "../../test/watermark/marking.ts";
import type { ScansealError } from "../foundation/errors.ts";
import { nodeCrypto } from "../platform/node/crypto.ts";
import { checkFrame, type WatermarkFacts } from "./check.ts";
import { prepareMark, type Unmarkable } from "./embed.ts";
import type { PlaneColour } from "./frame.ts";
import { carrierPlaneOf, layoutOf } from "./layout.ts";
import { recoverFrame } from "./recover.ts";

const requests: fc.Arbitrary<FrameRequest> = fc.record({
  width: fc.integer({ min: 60, max: 200 }),
  height: fc.integer({ min: 60, max: 200 }),
  bits: fc.integer({ min: 8, max: 16 }),
  signed: fc.boolean(),
  colour: fc.constantFrom<PlaneColour>("mono", "mono", "rgb", "ybr"),
  kind: fc.constantFrom(...frameKinds),
  seed: fc.nat(),
});

const id = { contentId, frameNo: 0 };
const prepare = (request: FrameRequest, options = {}): Unmarkable | { markable: true } =>
  prepareMark(makeFrame(request), id, { keyId }, nodeCrypto, options);

describe("a marked frame", () => {
  it("is intact, changed in one plane alone, in range, and gives the original back", async () => {
    const property = fc.asyncProperty(requests, fc.boolean(), async (request, unkeyed) => {
      const frame = makeFrame(request);
      if (layoutOf(frame.width, frame.height, frame.colour) === undefined) return;
      const before = frame.planes.map((plane) => plane.slice());
      const marked = mark(frame, { unkeyed });
      expect(frame.planes).toEqual(before);
      for (const [i, plane] of marked.frame.planes.entries()) {
        if (i !== carrierPlaneOf(frame.colour)) expect(plane).toEqual(before[i]);
        expect(plane.every((sample) => sample < 2 ** frame.bits)).toBe(true);
      }
      const { facts, mark: read } = await checkFrame(marked.frame, nodeCrypto, keyOf);
      expect((facts as WatermarkFacts).damagedSuperblocks).toEqual([]);
      expect(facts).toMatchObject({ found: true, intact: true, signature: "valid", corrections: 0 });
      const source = { sidecar: marked.sidecar, ...(!unkeyed && { recoveryKey }) };
      const recovered = recoverFrame(read!, nodeCrypto, source);
      expect(recovered).toMatchObject({ status: "exact", unrestored: [] });
      expect(recovered.frame!.planes).toEqual(before);
    });
    await fc.assert(property, { numRuns: 60 });
  });

  it("is the same for the same signature, and may be finished twice", () => {
    const frame = makeFrame({ width: 128, height: 128, bits: 12 });
    const prepared = prepareMark(frame, id, { keyId }, nodeCrypto);
    if (!prepared.markable) throw new Error(prepared.reason);
    const signature = signRaw(prepared.toBeSigned);
    expect(prepared.finish(signature)).toEqual(prepared.finish(signature));
    expect(() => prepared.finish(signature.subarray(1))).toThrow("64 bytes");
  });

  it("counts what was changed", () => {
    const frame = makeFrame({ width: 256, height: 256, bits: 12 });
    const { statistics, frame: marked } = mark(frame);
    const changed = frame.planes[0]!.filter((sample, i) => sample !== marked.planes[0]![i]).length;
    expect(statistics).toMatchObject({ samples: 65_536, changedSamples: changed });
    expect(statistics.carriers).toBe(layoutOf(256, 256, "mono")!.carriers.length);
    expect(statistics.maxChange).toBeGreaterThan(0);
  });
});

describe("prepareMark", () => {
  it("says why a frame cannot be marked", () => {
    expect(prepare({ width: 48, height: 48, bits: 12 })).toEqual({ markable: false, reason: "geometry" });
    expect(prepare({ width: 128, height: 128, bits: 7 })).toEqual({ markable: false, reason: "bits-stored" });
    const bright = { ...makeFrame({ width: 128, height: 128, bits: 16, kind: "noise" }), bits: 15 };
    expect(prepareMark(bright, id, { keyId }, nodeCrypto)).toEqual({
      markable: false,
      reason: "out-of-range",
    });
  });

  it("refuses what would be visible, when it is asked to", () => {
    const smooth = { width: 128, height: 128, bits: 12, kind: "constant" } as const;
    expect(prepare(smooth).markable).toBe(true);
    expect(prepare(smooth, { noiseShareMax: 0.5 })).toEqual({ markable: false, reason: "noise" });
    expect(prepare({ ...smooth, kind: "anatomy" }, { noiseShareMax: 0.5 }).markable).toBe(true);
  });

  it("refuses misuse", () => {
    const frame = makeFrame({ width: 128, height: 128, bits: 12 });
    const usage = (run: () => unknown): void => {
      expect(run).toThrow(expect.objectContaining({ code: "usage" } satisfies Partial<ScansealError>));
    };
    const short = new Uint8Array(7);
    usage(() => prepareMark({ ...frame, width: 127 }, id, { keyId }, nodeCrypto));
    usage(() => prepareMark({ ...frame, colour: "rgb" }, id, { keyId }, nodeCrypto));
    usage(() => prepareMark(frame, { contentId: short, frameNo: 0 }, { keyId }, nodeCrypto));
    usage(() => prepareMark(frame, { contentId, frameNo: 2 ** 32 }, { keyId }, nodeCrypto));
    usage(() => prepareMark(frame, id, { keyId: short }, nodeCrypto));
    usage(() => prepareMark(frame, id, { keyId, locatorKey: short }, nodeCrypto));
  });
});
