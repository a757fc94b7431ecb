/** `scanseal series`: closing, listing, checking; exit status, stdout and JSON. */
import { once } from "node:events";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { stripSeal } from "../../src/attack-lab/forgeries.ts";
import { encodePart10, type NewElement, textElement } from "../../src/dicom/encode.ts";
import { readDicom } from "../../src/dicom/read.ts";
import { writeToBytes } from "../../src/dicom/splice.ts";
import { tags } from "../../src/dicom/tags.ts";
import { explicitLittleEndianUid } from "../../src/dicom/transfer-syntax.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import { sampleElements } from "../vectors/manifest/sample-object.ts";
import { makeSite, makeWorkplace, oneLine } from "./scanseal-process.ts";

const place = makeWorkplace();
makeSite(place, 3);
const { run, path, write } = place;
run("seal", "scans", "--device", "CT1", "--out", "sealed", "--no-watermark");
const uidOf = (tag: number): string =>
  Buffer.from(sampleElements().find((one) => one.tag === tag)!.value!)
    .toString("latin1")
    .replace(/\0$/, "");
const series = uidOf(tags.seriesInstanceUid);
const study = uidOf(tags.studyInstanceUid);

function json(...args: readonly string[]): { status: number | null; lines: Record<string, unknown>[] } {
  const { status, stdout } = run(...args, "--json");
  return {
    status,
    lines: stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line)),
  };
}

function step(status: string, uids: readonly string[], sopClass = "1.2.840.10008.3.1.2.3.3"): Uint8Array {
  const image = (uid: string): NewElement[] => [
    textElement(0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.2"),
    textElement(0x00081155, "UI", uid),
  ];
  const item: NewElement[] = [
    { tag: 0x00081140, vr: "SQ", items: uids.map(image) },
    textElement(tags.seriesInstanceUid, "UI", series),
  ];
  const elements: NewElement[] = [
    textElement(tags.sopClassUid, "UI", sopClass),
    textElement(tags.sopInstanceUid, "UI", "2.25.77"),
    textElement(0x00400252, "CS", status),
    { tag: 0x00400340, vr: "SQ", items: [item] },
  ];
  return encodePart10(elements, explicitLittleEndianUid);
}

describe("series close", () => {
  it("refuses nothing, two ways at once, and half a wish for a Key Object", () => {
    for (const args of [
      [],
      [series, "--quiet", "5"],
      [series, "--ko", "ko"],
      [series, "--objects", "sealed"],
    ]) {
      const { status, stdout, stderr } = run("series", "close", ...args);
      expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
      expect(stderr).toMatch(oneLine);
    }
    expect(run("series", "close", "1.2.3.4").stderr).toMatch(/sealed nothing in that series/);
  });

  it("signs once, and says so the second time", () => {
    expect(run("series", "close", series)).toEqual({
      status: 0,
      stdout: `series ${series} closed: v1, 3 instances, by CT1\n`,
      stderr: "",
    });
    expect(run("series", "close", series).stdout).toBe(
      `series ${series} as before: v1, 3 instances, by CT1\n`,
    );
    expect(json("series", "list").lines).toEqual([
      expect.objectContaining({ series, study, state: "closed", version: 1, listed: 3, sealed: 3 }),
    ]);
    expect(run("series", "show", series).stdout).toMatch(/^v1 closed .*3 instances.*\n\n3 instances of v1/);
    expect(run("series", "show", "1.2.3").status).toBe(1);
  });

  it("two at once sign one version", async () => {
    write("both/1.dcm", otherSeries("2.25.31"));
    write("both/2.dcm", otherSeries("2.25.32"));
    run("seal", "both", "--device", "CT1", "--out", "both-sealed", "--no-watermark");
    const closings = [1, 2, 3].map(() => place.start("series", "close", "2.25.30"));
    const ends = await Promise.all(closings.map((one) => once(one, "exit")));
    expect(ends.map(([status]) => status)).toEqual([0, 0, 0]);
    expect(json("series", "show", "2.25.30").lines).toHaveLength(1);
  });

  it("tells how an MPPS differs, and takes only one that is completed", () => {
    write("step.dcm", step("COMPLETED", ["2.25.1", "2.25.2", "2.25.3"]));
    expect(run("series", "close", "--mpps", "step.dcm").status).toBe(0);
    write("no-step.dcm", new TextEncoder().encode("neither DICOM nor a step"));
    expect(run("series", "close", "--mpps", "no-step.dcm")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("no-step.dcm is no Modality Performed Procedure Step"),
    });
    write("step.dcm", step("COMPLETED", ["2.25.1", "2.25.2", "2.25.9"]));
    const { status, stdout } = run("series", "close", "--mpps", "step.dcm");
    expect(status).toBe(1);
    expect(stdout).toContain("in the MPPS, never sealed: 2.25.9\n");
    expect(stdout).toContain("sealed, not in the MPPS: 2.25.3\n");
    write("step.dcm", step("IN PROGRESS", ["2.25.1"]));
    expect(run("series", "close", "--mpps", "step.dcm")).toMatchObject({ status: 2, stdout: "" });
    write("step.dcm", step("COMPLETED", ["2.25.1"], "1.2.840.10008.5.1.4.1.1.2"));
    expect(run("series", "close", "--mpps", "step.dcm").stderr).toMatch(/no Modality Performed/);
  });

  it("signs the study, once", () => {
    expect(run("series", "close", "--study", study).stdout).toMatch(/study \S+ signed: v1, 1 series\n$/);
    expect(run("series", "close", "--study", study).stdout).toMatch(/study \S+ as before: v1, 1 series\n$/);
  });

  it("closes what is quiet: nothing that is closed, nothing that is recent, no Key Object's series", () => {
    expect(run("series", "close", "--quiet", "0").stdout).toBe("no series to close\n");
    write("late/4.dcm", lateFile());
    run("seal", "late", "--device", "CT1", "--out", "sealed", "--no-watermark");
    expect(run("series", "check", "sealed").stdout).toMatch(/^– open .*1 sealed after it was closed\n/);
    expect(run("series", "list").stdout).toMatch(/closed v1, more since +3 +4 /);
    expect(run("series", "close", "--quiet", "60").stdout).toBe("no series to close\n");
    expect(run("series", "close", "--quiet", "0").stdout).toContain("closed: v2, 4 instances");
    const args = ["--ko", "ko", "--objects", "sealed"];
    expect(run("series", "close", series, ...args).stdout).toMatch(
      /as before: v2.*\n {2}Key Object: ko\/.*\n/,
    );
    expect(run("series", "close", "--quiet", "0").stdout).toBe("no series to close\n");
  });
});

function fileWith(...changed: readonly NewElement[]): Uint8Array {
  const elements = sampleElements().filter(({ tag }) => tag >>> 16 !== 9);
  const byTag = new Map([...elements, ...changed].map((element) => [element.tag, element]));
  return encodePart10([...byTag.values()], explicitLittleEndianUid);
}

function lateFile(): Uint8Array {
  return fileWith(textElement(tags.sopInstanceUid, "UI", "2.25.4"));
}

function otherSeries(uid: string): Uint8Array {
  const series = textElement(tags.seriesInstanceUid, "UI", "2.25.30");
  const study = textElement(tags.studyInstanceUid, "UI", "2.25.33");
  return fileWith(textElement(tags.sopInstanceUid, "UI", uid), series, study);
}

describe("series check and verify", () => {
  it("a whole series", () => {
    const { status, stdout } = run("series", "check", "sealed");
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: `✓ complete  series ${series}: 4 of 4 instances, manifest v2 by CT1\n`,
    });
    const verified = run("verify", "sealed", "ko");
    expect(verified.status).toBe(0);
    expect(verified.stdout).toMatch(/5 objects: 5 verified\n✓ complete {2}series .*4 of 4 instances/);
  });

  it("a Key Object of somebody else is not sealed: nobody has a list of a series signed by sending it", async () => {
    const [name] = readdirSync(path("ko"));
    const object = await readDicom(new MemorySource(new Uint8Array(readFileSync(path("ko", name!)))));
    write("foreign/ko.dcm", await writeToBytes(object, stripSeal(object)));
    const refused = run("seal", "foreign", "--device", "CT1", "--out", "foreign-sealed");
    expect(refused).toMatchObject({ status: 1 });
    expect(refused.stderr).toContain("says that a series is complete");
    expect(readdirSync(path("foreign-sealed"))).toEqual([]);
  });

  it("one instance gone: its UID, exit 1, and every verdict as before", () => {
    mkdirSync(path("part"));
    for (const name of readdirSync(path("sealed"))) copyFileSync(path("sealed", name), path("part", name));
    rmSync(path("part/2.25.2.dcm"));
    const { status, stdout } = run("series", "check", "part");
    expect(status).toBe(1);
    expect(stdout).toMatch(/^✗ incomplete {2}series .*3 of 4 .*; 1 missing\n {2}missing: 2\.25\.2\n$/);
    const { status: verified, lines } = json("verify", "part");
    expect(verified).toBe(1);
    expect(lines.slice(0, 3).map(({ verdict }) => verdict)).toEqual(["verified", "verified", "verified"]);
    expect(lines[3]).toMatchObject({ series, state: "incomplete", version: 2, missing: ["2.25.2"] });
  });

  it("of single files nobody says that they are all", () => {
    const { status, lines } = json("verify", "part/2.25.1.dcm");
    expect({ status, count: lines.length }).toEqual({ status: 0, count: 1 });
  });

  it("a whole study, and what does not belong to the series that was asked for", () => {
    expect(run("series", "check", "ko", "--whole-studies").status).toBe(1);
    const { lines } = json("series", "check", "sealed", "--series", "1.2.3");
    expect(lines[0]).toMatchObject({ series: "1.2.3", state: "open", foreign: expect.any(Array) });
    expect(lines[0]!.foreign).toHaveLength(4);
  });
});
