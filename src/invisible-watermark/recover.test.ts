import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeFrame } from "../../test/watermark/frames.ts";
import { keyOf, locatorKey, mark, recoveryKey, withSamples } from "../../test/watermark/marking.ts";
import { nodeCrypto } from "../platform/node/crypto.ts";
import { putCarriedBytes, takeCarriedBytes } from "./carriers.ts";
import { checkFrame, type ReadMark } from "./check.ts";
import type { PlanarFrame } from "./frame.ts";
import { layoutOf, payloadHeadBytes } from "./layout.ts";
import { locateChanges } from "./locate.ts";
import { recoverFrame } from "./recover.ts";
import { decodeShares, encodeShares } from "./shares.ts";

const size = { width: 256, height: 256 };
const original = makeFrame({ ...size, bits: 12 });
const marked = mark(original);
const { sidecar } = marked;
const layout = layoutOf(size.width, size.height, "mono")!;

async function read(frame: PlanarFrame): Promise<ReadMark> {
  return (await checkFrame(frame, nodeCrypto, keyOf)).mark!;
}

describe("recoverFrame", () => {
  it("says what it misses", async () => {
    const intact = await read(marked.frame);
    expect(recoverFrame(intact, nodeCrypto, { sidecar })).toEqual({ status: "key-missing", unrestored: [] });
    const otherForm = await read({ ...marked.frame, signed: true });
    expect(recoverFrame(otherForm, nodeCrypto, { recoveryKey, sidecar }).status).toBe("form");
    const full = mark(makeFrame({ width: 64, height: 64, bits: 16, kind: "noise" }));
    expect(full.sidecar).toBeDefined();
    const filled = await read(full.frame);
    expect(recoverFrame(filled, nodeCrypto, { recoveryKey }).status).toBe("sidecar-missing");
    expect(recoverFrame(filled, nodeCrypto, { recoveryKey, sidecar: full.sidecar }).status).toBe("exact");
    const short = { recoveryKey: recoveryKey.subarray(1), sidecar };
    expect(() => recoverFrame(intact, nodeCrypto, short)).toThrow("32 bytes");
  });

  it("does not give the original to whoever has another key", async () => {
    const stranger = { recoveryKey: locatorKey, sidecar };
    const found = recoverFrame(await read(marked.frame), nodeCrypto, stranger);
    expect(found.status).toBe("partial");
  });

  it("never throws, whatever the payload says of superblocks and the sidecar holds", async () => {
    const small = mark(makeFrame({ width: 64, height: 80, bits: 10 })).frame;
    const smallLayout = layoutOf(64, 80, "mono")!;
    const property = fc.asyncProperty(
      fc.uint8Array({ minLength: 15, maxLength: 15 }),
      fc.option(fc.record({ bits: fc.integer({ min: -1, max: 70_000 }), bytes: fc.uint8Array() })),
      fc.integer({ min: 0, max: 7 }),
      async (entry, hostileSidecar, flags) => {
        const forged = withSamples(small, (samples) => {
          const carried = takeCarriedBytes(samples, smallLayout);
          const { payload } = decodeShares(carried.shares, smallLayout)!;
          payload.set(entry.subarray(8), payloadHeadBytes + 8);
          payload[4] = flags;
          putCarriedBytes(samples, { ...carried, shares: encodeShares(payload, smallLayout) }, smallLayout);
        });
        const { status, frame } = recoverFrame(await read(forged), nodeCrypto, {
          recoveryKey,
          sidecar: hostileSidecar ?? undefined,
        });
        expect(["exact", "partial", "sidecar-missing"]).toContain(status);
        expect(frame?.planes[0]?.every((sample) => sample < 1024) ?? true).toBe(true);
      },
    );
    await fc.assert(property, { numRuns: 300 });
  });

  it("is exact where only carriers were changed", async () => {
    const flipped = withSamples(marked.frame, (samples) => {
      for (let k = 0; k < 40; k++) samples[layout.carriers[k * 191]!]! ^= 1;
    });
    const damaged = await read(flipped);
    expect(damaged.damagedSuperblocks.includes(1)).toBe(true);
    const found = recoverFrame(damaged, nodeCrypto, { recoveryKey, sidecar });
    expect(found.status).toBe("exact");
    expect(found.frame!.planes).toEqual(original.planes);
  });

  it("restores all but what a change destroyed, and names it", async () => {
    const changed = withSamples(marked.frame, (samples) => {
      for (let y = 70; y < 90; y++) for (let x = 70; x < 90; x++) samples[y * size.width + x] = 4000;
    });
    const damaged = await read(changed);
    const found = recoverFrame(damaged, nodeCrypto, { recoveryKey, sidecar });
    expect(found.status).toBe("partial");
    const unrestored = new Set(found.unrestored.map(({ index }) => index));
    const { superblocks } = locateChanges(damaged, nodeCrypto, { locatorKey });
    for (const { index } of superblocks) expect(unrestored.has(index)).toBe(true);
    for (const [index, { x0, y0, x1, y1 }] of layout.superblocks.entries()) {
      if (unrestored.has(index)) continue;
      for (let y = y0; y < y1; y++) {
        const row = (frame: PlanarFrame): Uint16Array =>
          frame.planes[0]!.subarray(y * size.width + x0, y * size.width + x1);
        expect(row(found.frame!)).toEqual(row(original));
      }
    }
    expect(unrestored.size).toBeLessThan(layout.superblocks.length);
  });
});
