/** `scanseal watermark stats`: nothing is written, everything is measured. */
import { describe, expect, it } from "vitest";
import { generateChestSeries } from "../../src/phantom/chest-ct.ts";
import { makeWorkplace } from "./scanseal-process.ts";

describe("watermark stats", () => {
  const place = makeWorkplace();
  const [slice] = generateChestSeries({ seed: 3, slices: 4, studyDate: "20260101" });
  place.write("slice.dcm", slice!.file);
  place.write("no-object.dcm", slice!.file.subarray(0, 200));

  it("marks in memory, restores, and says how visible it was", () => {
    const { status, stdout } = place.run("watermark", "stats", "--json", "slice.dcm");
    expect(status).toBe(0);
    const line = JSON.parse(stdout) as Record<string, unknown>;
    expect(line).toMatchObject({
      path: "slice.dcm",
      frame: 0,
      markable: true,
      restored: true,
      modality: "CT",
      samples: 512 * 512,
      sidecarBits: 0,
      tileDigestBytes: 8 * 1024,
      size: { before: slice!.file.length, after: slice!.file.length },
    });
    const { changeToNoise, psnr, maxChange } = line.invisibility as Record<string, number>;
    expect(changeToNoise).toBeLessThan(0.5);
    expect(psnr).toBeGreaterThan(60);
    expect(maxChange).toBeGreaterThan(0);
  });

  it("the table sums it up; a file that cannot be read is told and the others are measured", () => {
    const { status, stdout, stderr } = place.run("watermark", "stats", "no-object.dcm", "slice.dcm");
    expect(status).toBe(2);
    expect(stderr).toContain("no-object.dcm: ");
    expect(stdout).toContain("bit for bit");
    expect(stdout).toContain("1 file, 1 frame: 1 can be marked; all 1 came back bit for bit");
  });
});
