import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { writeSparseMultiFrame } from "./dicom/sparse-file.ts";

/** The bound for a 2 GB object, Node itself (some 90 MB) included. */
const megabytesMax = 150;

it("2 GB of frames are read in bounded memory", () => {
  const folder = mkdtempSync(join(tmpdir(), "scanseal-large-"));
  try {
    const path = join(folder, "frames.dcm");
    expect(writeSparseMultiFrame(path, 4_000)).toBeGreaterThan(2_000_000_000);
    const script = fileURLToPath(new URL("./dicom/reading-process.ts", import.meta.url));
    const output = execFileSync(process.execPath, [script], { input: `${path}\n`, encoding: "utf8" });
    const { code, megabytes } = JSON.parse(output) as { code: string; megabytes: number };
    expect(code).toBe("accepted");
    expect(megabytes).toBeLessThan(megabytesMax);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
