/** What scripts rely on: exit status, stdout and stderr, JSON lines, file names. */
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeSite, makeWorkplace, oneLine, sampleFile } from "./scanseal-process.ts";

const place = makeWorkplace();
makeSite(place);
const { run, runWith, path, write } = place;
const sealed = run("seal", "scans", "--device", "CT1", "--out", "sealed");

describe("seal", () => {
  it("names files by SOP Instance UID, says so on stdout, and nothing on stderr", () => {
    expect(sealed).toEqual({ status: 0, stdout: "3 objects sealed by CT1 into sealed\n", stderr: "" });
    expect(readdirSync(path("sealed"))).toEqual(["2.25.1.dcm", "2.25.2.dcm", "2.25.3.dcm"]);
  });

  it("gives the same bytes for the same original, into the same folder or another", () => {
    expect(run("seal", "scans", "--device", "CT1", "--out", "sealed").status).toBe(0);
    expect(run("seal", "scans/2.dcm", "--device", "CT1", "--out", "again").status).toBe(0);
    expect(readFileSync(path("again/2.25.2.dcm"))).toEqual(readFileSync(path("sealed/2.25.2.dcm")));
  });

  it("refuses a duplicate SOP Instance UID, signs nothing for it, and goes on with the others", () => {
    write("twice/a.dcm", sampleFile("2.25.1", "another patient"));
    write("twice/b.dcm", sampleFile("2.25.50"));
    const before = readFileSync(path("sealed/2.25.1.dcm"));
    const seals = (): number =>
      readdirSync(path("scanseal-data/devices/CT1/seals"), { recursive: true, encoding: "utf8" }).filter(
        (name) => name.endsWith(".seal"),
      ).length;
    const kept = seals();
    const { status, stdout, stderr } = run("seal", "twice", "--device", "CT1", "--out", "sealed");
    expect(status).toBe(1);
    expect(stdout).toMatch(/^1 object sealed/);
    expect(stderr).toMatch(/^scanseal: twice.a\.dcm: not sealed: .*\(duplicate-instance\)\n$/);
    expect(readFileSync(path("sealed/2.25.1.dcm"))).toEqual(before);
    expect(seals()).toBe(kept + 1);
  });

  it("says what was sealed before", () => {
    expect(run("seal", "scans", "--device", "CT1", "--out", "sealed")).toEqual({
      status: 0,
      stdout: "3 objects sealed by CT1 into sealed: all of them sealed before, the same seal again\n",
      stderr: "",
    });
    write("more/1.dcm", sampleFile("2.25.1"));
    write("more/55.dcm", sampleFile("2.25.55"));
    expect(run("seal", "more", "--device", "CT1", "--out", "again").stdout).toBe(
      "2 objects sealed by CT1 into again: 1 sealed before, the same seal again\n",
    );
    expect(run("seal", "more/55.dcm", "--device", "CT1", "--out", "again").stdout).toBe(
      "1 object sealed by CT1 into again: it was sealed before, the same seal again\n",
    );
  });

  it("refuses two files of one UID in one run, even when they are equal", () => {
    write("copies/a.dcm", sampleFile("2.25.60"));
    write("copies/b.dcm", sampleFile("2.25.60"));
    const { status, stderr } = run("seal", "copies", "--device", "CT1", "--out", "copied");
    expect(status).toBe(1);
    expect(stderr).toMatch(/duplicate-instance/);
  });

  it("goes on behind a file that is no object or cannot be read", () => {
    write("mixed/a.dcm", sampleFile("2.25.70"));
    write("mixed/b.dcm", sampleFile("2.25.71").subarray(0, 400));
    write("mixed/c.txt", "not DICOM");
    symlinkSync("nowhere", path("mixed/d.dcm"));
    const { status, stdout, stderr } = run("seal", "mixed", "--device", "CT1", "--out", "out-mixed");
    expect({ status, stdout }).toEqual({ status: 2, stdout: "1 object sealed by CT1 into out-mixed\n" });
    expect(stderr.trimEnd().split("\n")).toEqual([
      expect.stringMatching(/b\.dcm: not sealed: .*\(length-exceeds-parent|truncated\)/),
      expect.stringMatching(/d\.dcm: not sealed: no such file/),
      "scanseal: 1 file is not DICOM and was not sealed",
    ]);
  });
});

describe("verify", () => {
  mkdirSync(path("changed"));
  copyFileSync(path("sealed/2.25.1.dcm"), path("changed/same.dcm"));
  const changed = readFileSync(path("sealed/2.25.2.dcm"));
  changed.write("4712", changed.indexOf("4711"), "latin1");
  writeFileSync(path("changed/altered.dcm"), changed);
  write("changed/notes.txt", "no image");
  writeFileSync(path("changed/unsealed.dcm"), sampleFile("2.25.9"));

  it("--json gives one line an object with the fields of the contract, and nothing else on stdout", () => {
    const { status, stdout, stderr } = run("verify", "changed", "--json");
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(status).toBe(1);
    expect(stderr).toBe("scanseal: 1 file is not DICOM and was not verified\n");
    expect(lines.map(({ path: name, verdict, assurance }) => [name, verdict, assurance])).toEqual([
      [join("changed", "altered.dcm"), "altered", null],
      [join("changed", "same.dcm"), "verified", "in-device"],
      [join("changed", "unsealed.dcm"), "unsealed", null],
    ]);
    expect(lines[0]).toEqual({
      path: join("changed", "altered.dcm"),
      verdict: "altered",
      assurance: null,
      time: { class: expect.stringMatching(/^T[23]$/), at: expect.any(String), basis: expect.any(String) },
      log: { state: "proven", origin: expect.any(String), index: 0, witnessed: false },
      findings: [
        {
          code: "attribute-changed",
          severity: "error",
          layer: "manifest",
          location: { tag: "(0010,0020)" },
          message: expect.any(String),
          detail: expect.any(String),
        },
      ],
    });
  });

  it.each<[string, number, readonly string[]]>([
    ["all verified", 0, ["sealed", "changed/same.dcm"]],
    ["one unsealed", 1, ["changed/same.dcm", "changed/unsealed.dcm"]],
    ["a named file that is not DICOM", 1, ["changed/notes.txt"]],
    ["a pattern", 0, ["sealed/*.dcm"]],
    ["a folder without DICOM", 2, ["scanseal-data"]],
    ["nothing there", 2, ["sealed", "absent.dcm"]],
    ["a pattern that matches nothing", 2, ["absent/*.dcm"]],
    ["no path", 2, []],
    ["an unknown option", 2, ["--absent", "sealed"]],
    ["another home", 2, ["--home", "absent", "sealed"]],
    ["an empty home", 2, ["--home", "", "sealed"]],
  ])("%s: status %i", (_, expected, args) => {
    const { status, stdout, stderr } = run("verify", ...args);
    expect(status).toBe(expected);
    if (expected === 2) expect(stdout).toBe("");
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it("judges files of any name, shows no control character, and writes JSON that a terminal cannot obey", () => {
    const names = [
      "-dash.dcm",
      "a b.dcm",
      'quo"te.dcm',
      "日本語.dcm",
      "gpj.\u202Emcd",
      "e\u001b[31m\u009bm\u2028.dcm",
      "[a]*.dcm",
    ];
    mkdirSync(path("names"));
    for (const name of names) copyFileSync(path("sealed/2.25.1.dcm"), path("names", name));
    const table = run("verify", "names");
    expect(table.status).toBe(0);
    expect(table.stdout.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}]/u);
    const { stdout } = run("verify", "names", "--json");
    expect(stdout.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}]/u);
    const found = stdout
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as { path: string }).path);
    expect(new Set(found)).toEqual(new Set(names.map((name) => join("names", name))));
    expect(run("verify", "--", ...names.map((name) => join("names", name))).status).toBe(0);
    expect(run("verify", "no\u001b[31mfile").stderr).toMatch(oneLine);
  });

  it("does not say that all is proven when nobody can read it", () => {
    if (!existsSync("/dev/full")) return;
    const full = openSync("/dev/full", "w");
    try {
      const { status, stderr } = runWith({ stdout: full }, "verify", "sealed", "--json");
      expect(status).toBe(2);
      expect(stderr).toMatch(oneLine);
    } finally {
      closeSync(full);
    }
  });

  it("reads no device to its end", () => {
    if (!existsSync("/dev/zero")) return;
    expect(run("verify", "/dev/zero").stderr).toMatch(oneLine);
    expect(run("show", "/dev/zero")).toMatchObject({ status: 2, stderr: expect.stringMatching(oneLine) });
    expect(run("trust", "import", "/dev/zero")).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(oneLine),
    });
  });
});

describe("show", () => {
  it("tells the story with the tag's name, and exits like verify", () => {
    const { status, stdout } = run("show", "changed/altered.dcm");
    expect(status).toBe(1);
    expect(stdout).toContain("Patient ID (0010,0020)");
    expect(stdout).not.toMatch(/4711|4712/);
    expect(run("show", "changed/same.dcm").status).toBe(0);
    expect(run("show", "absent.dcm")).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/absent\.dcm/),
    });
  });
});
