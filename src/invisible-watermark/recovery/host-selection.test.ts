import { describe, expect, it } from "vitest";
import { makeFrame } from "../../../test/watermark/frames.ts";
import { type Block, blockFor, loadBlock, mirrorBorder } from "./block.ts";
import { choicesFor } from "./host-choices.ts";
import { HostSelection } from "./host-selection.ts";
import { expansionOf } from "./prediction-error-expansion.ts";

const side = 64;
const maximum = 4095;

/** Noise of so many levels, the same every time. */
function noiseBlock(levels: number, seed = 1, lowest = 2000): Block {
  const plane = makeFrame({ width: side, height: side, bits: 12, kind: "noise", seed }).planes[0]!;
  const rectangle = { x0: 0, y0: 0, x1: side, y1: side };
  const block = blockFor({ superblocks: [rectangle] });
  const samples = plane.map((value) => lowest + (value % levels));
  loadBlock(block, samples, { width: side, isCarrier: new Uint8Array(side * side) }, rectangle);
  mirrorBorder(block);
  return block;
}

const thresholdOf = (parameters: number): number => expansionOf(parameters, maximum)!.threshold;

describe("choicesFor", () => {
  it("gives ever more for ever higher prices", () => {
    const choices = choicesFor(noiseBlock(64), maximum);
    expect(choices.length).toBeGreaterThan(3);
    const quiet = choices.filter(({ isLoud }) => !isLoud);
    expect(choices.slice(0, quiet.length)).toEqual(quiet);
    let before = { capacity: 0, change: 0 };
    let priceBefore = 0;
    for (const choice of quiet) {
      const price = (choice.change - before.change) / (choice.capacity - before.capacity);
      expect(choice.capacity).toBeGreaterThan(before.capacity);
      expect(price).toBeGreaterThanOrEqual(priceBefore);
      [before, priceBefore] = [choice, price];
    }
  });

  it("offers nothing louder than the noise, and calls loud what is louder than half of it", () => {
    // Little noise, and in one sample of 13 much: its mean magnitude is small against its largest errors.
    const spiked = noiseBlock(4);
    for (let i = 0; i < spiked.samples.length; i += 13) spiked.samples[i]! += 90;
    mirrorBorder(spiked);
    const rms = ({ change }: { change: number }): number => Math.sqrt(change / (side * side));
    const choices = choicesFor(spiked, maximum).filter(({ parameters }) => thresholdOf(parameters) > 2);
    const loud = choices.filter(({ isLoud }) => isLoud);
    const quiet = choices.filter(({ isLoud }) => !isLoud);
    expect(loud.length).toBeGreaterThan(0);
    expect(quiet.length).toBeGreaterThan(0);
    // Errors: 90 in the spikes, a quarter of it beside them. A mean of 13.8 or so, times 1.2533.
    for (const choice of loud) expect(rms(choice)).toBeLessThan(19);
    for (const choice of quiet) expect(rms(choice)).toBeLessThan(9.5);
    // Above 8 bits T = 2 is free, with 8 bits only T = 1.
    const still = noiseBlock(1, 1, 100);
    for (let i = 0; i < still.samples.length; i += 7) still.samples[i]! += 2;
    mirrorBorder(still);
    const thresholdsOf = (most: number): number =>
      Math.max(
        ...choicesFor(still, most)
          .filter(({ isLoud }) => !isLoud)
          .map(({ parameters }) => thresholdOf(parameters)),
      );
    expect(thresholdsOf(maximum)).toBe(2);
    expect(thresholdsOf(255)).toBe(1);
  });
});

describe("HostSelection", () => {
  const count = 40;
  const select = (): HostSelection => {
    const selection = new HostSelection(count, maximum);
    for (let superblock = 0; superblock < count; superblock++) {
      selection.look(superblock, noiseBlock(64, superblock + 1));
    }
    return selection;
  };
  /** What the hosts are when each takes `bitsEach`: thresholds in the order of hiding. */
  const run = (bits: number, bitsEach: number): number[] => {
    const selection = select();
    const used: number[] = [];
    const seen = new Set<number>();
    for (let left = bits; left > 0; ) {
      const host = selection.next(left);
      if (host === undefined) break;
      expect(seen.has(host.superblock)).toBe(false);
      seen.add(host.superblock);
      used.push(thresholdOf(host.parameters));
      selection.hid(host.superblock, bitsEach);
      left -= bitsEach;
    }
    return used;
  };
  const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

  it("spreads the bits over the hosts as they are needed", () => {
    // 4096 samples of 64 levels: a T hides in some 90 T of them.
    expect(mean(run(count * 90, 90))).toBeLessThan(1.5);
    expect(mean(run(count * 600, 600))).toBeGreaterThan(4);
  });

  it("takes more of the others where hosts hide less than expected, and less where they hide more", () => {
    const asked = count * 350;
    const asExpected = mean(run(asked, 350));
    const less = run(asked, 175);
    expect(less).toHaveLength(count);
    expect(mean(less.slice(4, 10))).toBeGreaterThan(1.5 * asExpected);
    expect(mean(less.slice(count / 2))).toBeGreaterThan(1.5 * asExpected);
    const more = run(asked, 1000);
    expect(mean(more.slice(3))).toBeLessThan(asExpected / 1.5);
  });

  it("begins anew only where there is more to be had", () => {
    const selection = select();
    expect(selection.next(count * 90)).toBeDefined();
    expect(selection.restart()).toBe(true);
    for (let host = selection.next(2 ** 30); host; host = selection.next(2 ** 30)) {
      selection.hid(host.superblock, 1);
    }
    expect(selection.restart()).toBe(false);
    expect(selection.next(1)).toBeDefined();
  });

  it("takes more, once bits found no place", () => {
    const first = (missing: number): number => {
      const selection = select();
      selection.next(count * 90);
      selection.restart(missing);
      return selection.next(count * 90)!.parameters >> 4;
    };
    expect(first(0.5)).toBeGreaterThan(first(0));
  });

  it("tells how many bits are to be had for less change, the dearest given up first", () => {
    const selection = select();
    const bits = count * 600;
    let hidden = 0;
    for (let host = selection.next(bits); host; host = selection.next(bits - hidden)) {
      selection.hid(host.superblock, 600);
      hidden += 600;
      if (hidden >= bits) break;
    }
    // Further bits are ever dearer: half of the change buys more than half of the bits.
    const half = selection.bitsWithin(500_000, bits, 1_000_000);
    expect(half).toBeGreaterThan(bits / 2);
    expect(half).toBeLessThan(bits);
    expect(selection.bitsWithin(100_000, bits, 1_000_000)).toBeLessThan(half);
    expect(selection.bitsWithin(-1, bits, 1_000_000)).toBe(0);
  });
});
