import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { makeFrame } from "../../../test/watermark/frames.ts";
import { takeCarrierBits } from "../carriers.ts";
import { layoutOf } from "../layout.ts";
import type { SuperblockRecovery } from "./hidden-recovery.ts";
import { hideCarrierBits } from "./hide.ts";
import { restoreCarrierBits } from "./restore.ts";

const width = 256;
const height = 200;
const bits = 12;
const layout = layoutOf(width, height, "mono")!;
const original = makeFrame({ width, height, bits }).planes[0]!;
const hidden = original.slice();
const carrierBits = takeCarrierBits(hidden, layout);
const { superblocks, sidecar } = hideCarrierBits(hidden, layout, bits, carrierBits);
const all = layout.superblocks.map((_, i) => i);

/** Which superblocks are not as in the original. */
function different(plane: Uint16Array): number[] {
  return all.filter((superblock) => {
    const { x0, y0, x1, y1 } = layout.superblocks[superblock]!;
    for (let y = y0; y < y1; y++) {
      for (let x = x0; x < x1; x++) {
        if (plane[y * width + x] !== original[y * width + x]) return true;
      }
    }
    return false;
  });
}

function changed(entries: readonly SuperblockRecovery[], plane: Uint16Array = hidden): readonly number[] {
  const back = plane.slice();
  const result = restoreCarrierBits(back, layout, bits, entries, sidecar);
  expect(back.every((value) => value < 2 ** bits)).toBe(true);
  return result.damagedSuperblocks;
}

describe("restoreCarrierBits", () => {
  it("gives the original back", () => {
    expect(sidecar).toBeUndefined();
    const back = hidden.slice();
    expect(restoreCarrierBits(back, layout, bits, superblocks)).toEqual({ damagedSuperblocks: [] });
    expect(back).toEqual(original);
  });

  it("names what is lost with a damaged host, and restores the rest", () => {
    const host = superblocks.findIndex(({ order }) => order === 2);
    const back = hidden.slice();
    const damaged = Uint8Array.from(all, (superblock) => (superblock === host ? 1 : 0));
    // What was painted there must not leak into others.
    const { x0, y0 } = layout.superblocks[host]!;
    for (let y = y0; y < y0 + 20; y++) back.fill(7 * y, y * width + x0, y * width + x0 + 20);
    const { damagedSuperblocks } = restoreCarrierBits(
      back,
      layout,
      bits,
      superblocks,
      sidecar,
      undefined,
      damaged,
    );
    expect(damagedSuperblocks).toContain(host);
    expect(damagedSuperblocks.length).toBeLessThan(all.length);
    expect(different(back)).toEqual(damagedSuperblocks);
  });

  it("finds out itself where a host holds another number of bits, or a sample out of range", () => {
    const host = superblocks.findIndex(({ order }) => order === 1);
    const fewer = superblocks.map((entry, i) =>
      i === host ? { ...entry, hostBits: entry.hostBits - 1 } : entry,
    );
    expect(changed(fewer)).toContain(host);
    const { x0, y0, x1, y1 } = layout.superblocks[host]!;
    // Everywhere, also where nothing is hidden near it.
    for (let y = y0; y < y1; y += 3) {
      const plane = hidden.slice();
      plane[y * width + x0 + ((7 * y) % (x1 - x0))] = 65_535;
      const { damagedSuperblocks } = restoreCarrierBits(plane, layout, bits, superblocks);
      expect(damagedSuperblocks).toContain(host);
      expect(damagedSuperblocks.length).toBeLessThan(all.length);
    }
  });

  it("takes numbers that cannot be for damage", () => {
    const with0 = (change: Partial<SuperblockRecovery>): SuperblockRecovery[] =>
      superblocks.map((entry) => (entry.order === 1 ? { ...entry, ...change } : entry));
    for (const entries of [
      with0({ order: 2 }),
      with0({ order: 0 }),
      with0({ order: 65_535 }),
      with0({ parameters: 0 }),
      with0({ hostBits: 65_535 }),
      with0({ sourceBits: 65_535 }),
      superblocks.slice(1),
    ]) {
      expect(changed(entries)).toEqual(all);
    }
    // Above a sixth of the range.
    expect(changed(with0({ parameters: 0xf0 })).length).toBeGreaterThan(0);
    const narrow = restoreCarrierBits(
      hidden.map((v) => v & 255),
      layout,
      8,
      with0({ parameters: 0xf0 }),
    );
    expect(narrow.damagedSuperblocks.length).toBeGreaterThan(0);
  });

  it("misses a sidecar, and takes no other", () => {
    const noise = makeFrame({ width, height, bits: 16, kind: "noise" }).planes[0]!;
    const plane = noise.slice();
    const bitsOfNoise = takeCarrierBits(plane, layout);
    const recovery = hideCarrierBits(plane, layout, 16, bitsOfNoise);
    const { bits: count, bytes } = recovery.sidecar!;
    const attempt = (other?: { bits: number; bytes: Uint8Array }): readonly number[] =>
      restoreCarrierBits(plane.slice(), layout, 16, recovery.superblocks, other).damagedSuperblocks;
    expect(attempt(recovery.sidecar)).toEqual([]);
    for (const other of [
      undefined,
      { bits: count - 1, bytes },
      { bits: count, bytes: bytes.subarray(1) },
      { bits: Number.NaN, bytes },
    ]) {
      expect(attempt(other).length).toBeGreaterThan(0);
    }
  });

  it("never throws, and leaves the range for nothing that payloads or samples may say", () => {
    const entry = fc.record({
      parameters: fc.nat(255),
      hostBits: fc.nat(65_535),
      sourceBits: fc.nat(65_535),
      order: fc.nat(20),
    });
    // Mostly what was there, so that the deeper steps are reached.
    const entries = fc.array(fc.option(entry, { freq: 8 }), { minLength: all.length, maxLength: all.length });
    const edits = fc.array(fc.tuple(fc.nat(hidden.length - 1), fc.nat(2 ** bits - 1)), { maxLength: 40 });
    fc.assert(
      fc.property(entries, edits, fc.array(fc.nat(255)), (others, places, parameters) => {
        const plane = hidden.slice();
        for (const [i, value] of places) plane[i] = layout.isCarrier[i] ? value & 0xfffe : value;
        const list = superblocks.map((own, i) => {
          const other = others[i];
          if (other) return other;
          const own2 = parameters[i];
          return own2 !== undefined && own.order > 0 && own2 > 15 ? { ...own, parameters: own2 } : own;
        });
        changed(list, plane);
      }),
      { numRuns: 150 },
    );
  });
});
