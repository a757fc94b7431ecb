/** `scanseal try`: one's own scans are only read, and no folder is emptied that a demonstration did not make. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { makeWorkplace, oneLine, sampleFile } from "./scanseal-process.ts";

const place = makeWorkplace();
const { run, path, write } = place;
write("scans/a.dcm", sampleFile("2.25.1"));
write("scans/b.dcm", sampleFile("2.25.2"));
write("scans/copy.dcm", sampleFile("2.25.2"));
write("scans/cut.dcm", sampleFile("2.25.3").subarray(0, 500));

describe("try", () => {
  it("uses what can be sealed, says what is left out, and runs again in its own folder", () => {
    for (let round = 0; round < 2; round++) {
      const { status, stdout, stderr } = run("try", "scans", "--out", "out");
      expect(stdout).toMatch(/^2 objects as sealed +→ passed +✓ verified$/m);
      expect(stdout).toMatch(/^Patient swapped +✗ held +✗ altered/m);
      expect(stdout).toMatch(/^Seal stripped +✗ held +– unsealed/m);
      expect(stdout).toMatch(/^Deflated += here already +✓ verified/m);
      expect(stdout).toContain("The archive received 2: byte for byte as sealed, nothing else.");
      expect(stderr).toMatch(
        /^scanseal: 2 of 4 DICOM files are used: 1 with the SOP Instance UID of another, 1 not well-formed/,
      );
      expect(status).toBe(0);
    }
    const page = readFileSync(path("out/index.html"), "utf8");
    expect(page).toContain("Content-Security-Policy");
    expect(page).not.toMatch(/https?:|<script/);
    expect(readdirSync(path("scans"))).toHaveLength(4);
    const held = run("quarantine", "list", "--home", "out/site");
    expect(held).toMatchObject({ status: 1, stderr: "" });
    expect(held.stdout).toMatch(/1 altered, 1 unsealed +demo-device/);
  });

  it("leaves a folder alone that holds anything, even under the names it uses itself", () => {
    mkdirSync(path("mine/sealed"), { recursive: true });
    writeFileSync(path("mine/sealed/1.dcm"), "somebody's");
    for (const args of [["try", "scans"], ["demo"]]) {
      const { status, stderr } = run(...args, "--out", "mine");
      expect(status).toBe(2);
      expect(stderr).toMatch(/holds other files/);
    }
    expect(readFileSync(path("mine/sealed/1.dcm"), "utf8")).toBe("somebody's");
  });

  it("does not empty the folder that the scans are in, by whatever name", () => {
    write("inside/scans/a.dcm", sampleFile("2.25.1"));
    for (const out of ["inside", "inside/scans", "inside/../inside"]) {
      const { status, stderr } = run("try", "inside/scans", "--out", out);
      expect(status).toBe(2);
      expect(stderr).toMatch(oneLine);
    }
    expect(readdirSync(path("inside/scans"))).toEqual(["a.dcm"]);
  });

  it("says why nothing can be tried", () => {
    write("cut/cut.dcm", sampleFile("2.25.3").subarray(0, 500));
    expect(run("try", "cut", "--out", "none")).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(oneLine),
    });
    expect(run("try", "absent", "--out", "none").stderr).toMatch(oneLine);
    expect(run("try", "inside/scans", "--out", "scans/a.dcm/x").stderr).toMatch(oneLine);
  });
});
