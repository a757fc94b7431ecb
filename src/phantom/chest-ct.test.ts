import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { describePeer, peerPath } from "../../test/peers.ts";
import { generateChestSeries, type PhantomSlice } from "./chest-ct.ts";
import { rescaleIntercept } from "./ct-attributes.ts";

const options = { seed: 7, slices: 6, studyDate: "20260301" } as const;
const series: readonly PhantomSlice[] = [...generateChestSeries(options)];
const middle = series.find((slice) => slice.nodule !== undefined && slice.nodule.radiusPx > 6)!;

/** Hounsfield units of a square. */
function patch({ pixels }: PhantomSlice, row: number, column: number, half: number): number[] {
  const out: number[] = [];
  for (let r = Math.round(row) - half; r <= Math.round(row) + half; r++)
    for (let c = Math.round(column) - half; c <= Math.round(column) + half; c++)
      out.push(pixels[r * 512 + c]! + rescaleIntercept);
  return out;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, v) => sum + v, 0) / values.length;
}

function deviation(values: readonly number[]): number {
  const m = mean(values);
  return Math.sqrt(mean(values.map((v) => (v - m) ** 2)));
}

describe("phantom chest CT", () => {
  it("gives the same bytes for the same options", () => {
    const again = [...generateChestSeries(options)];
    expect(again.map(({ file }) => file)).toEqual(series.map(({ file }) => file));
  });

  it("gives other pixels for another seed, and other UIDs for another patient", () => {
    const other = generateChestSeries({ ...options, seed: 8 }).next().value as PhantomSlice;
    expect(other.pixels).not.toEqual(series[0]!.pixels);
    const patient = generateChestSeries({ ...options, patientId: "PHANTOM-X" }).next().value as PhantomSlice;
    expect(patient.pixels).toEqual(series[0]!.pixels);
    expect(patient.sopInstanceUid).not.toBe(series[0]!.sopInstanceUid);
  });

  it("names each instance once, in order, with UIDs of the UUID form", () => {
    expect(series.map(({ instanceNumber }) => instanceNumber)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(new Set(series.map(({ sopInstanceUid }) => sopInstanceUid)).size).toBe(6);
    for (const { sopInstanceUid } of series) expect(sopInstanceUid).toMatch(/^2\.25\.[1-9]\d{35,38}$/);
  });

  it("stores 12 bits, from air to bone", () => {
    for (const { pixels } of series) {
      expect(pixels).toHaveLength(512 * 512);
      let [least, most] = [Infinity, -Infinity];
      for (const value of pixels) [least, most] = [Math.min(least, value), Math.max(most, value)];
      expect(least).toBeGreaterThanOrEqual(0);
      expect(least + rescaleIntercept).toBeLessThan(-1000);
      expect(most + rescaleIntercept).toBeGreaterThan(500);
      expect(most).toBeLessThanOrEqual(4095);
    }
  });

  it("ends its file with exactly these pixels", () => {
    for (const { file, pixels } of series) {
      const tail = file.slice(file.length - pixels.length * 2);
      expect(new Int16Array(tail.buffer)).toEqual(pixels);
    }
  });

  it("shows the nodule against the lung, where it says", () => {
    const { row, column, radiusPx } = middle.nodule!;
    expect(radiusPx * 2 * 0.703125).toBeCloseTo(9, 1);
    expect(mean(patch(middle, row, column, 2))).toBeGreaterThan(0);
    expect(mean(patch(middle, row, column, 2))).toBeLessThan(90);
    // Between the nodule and whatever vessels are near there is aerated lung on most sides.
    const around = Array.from({ length: 32 }, (_, i) => (i / 32) * 2 * Math.PI).map((angle) =>
      mean(patch(middle, row + 12 * Math.sin(angle), column + 12 * Math.cos(angle), 0)),
    );
    around.sort((a, b) => a - b);
    expect(around[16]).toBeLessThan(-700);
  });

  it("has the noise of a CT: correlated between neighbours, about 12 HU in soft tissue", () => {
    // Within the ascending aorta: blood with contrast medium, nothing else.
    const [row, column] = [206, 232];
    const blood = patch(middle, row, column, 8);
    expect(mean(blood)).toBeGreaterThan(150);
    expect(deviation(blood)).toBeGreaterThan(8);
    expect(deviation(blood)).toBeLessThan(17);
    const next = patch(middle, row, column + 1, 8);
    const [m, n] = [mean(blood), mean(next)];
    const covariance = mean(blood.map((v, i) => (v - m) * (next[i]! - n)));
    const correlation = covariance / (deviation(blood) * deviation(next));
    expect(correlation).toBeGreaterThan(0.3);
    expect(correlation).toBeLessThan(0.95);
  });

  it.each([
    { ...options, slices: 3 },
    { ...options, slices: 33 },
    { ...options, slices: 5.5 },
    { ...options, seed: Number.NaN },
    { ...options, studyDate: "2026-03-01" },
    { ...options, studyTime: "10:15" },
  ])("refuses %o", (wrong) => {
    expect(() => generateChestSeries(wrong).next()).toThrow(expect.objectContaining({ code: "usage" }));
  });
});

describePeer("dciodvfy", "phantom chest CT for dciodvfy", () => {
  it("is a CT Image without an error", () => {
    const folder = mkdtempSync(join(tmpdir(), "scanseal-phantom-"));
    try {
      for (const { file, instanceNumber } of [series[0]!, middle]) {
        const path = join(folder, `${instanceNumber}.dcm`);
        writeFileSync(path, file);
        const { stdout, stderr } = spawnSync(peerPath("dciodvfy"), [path], { encoding: "utf8" });
        const said = (stdout + stderr).split("\n").filter((line) => line !== "");
        expect(said).toContain("CTImage");
        expect(said.filter((line) => /error/i.test(line))).toEqual([]);
        // Its only warnings are that it does not know the private block.
        expect(said.filter((line) => line.includes("Warning") && !line.startsWith("(0x0019,"))).toEqual([]);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
