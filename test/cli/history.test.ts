/** `scanseal history`: what a person reads about an object's past, from its file or from its UID alone. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { History } from "../../src/site/history/history.ts";
import { siteWithPast } from "./history-site.ts";
import { oneLine, withoutDigests } from "./scanseal-process.ts";

const place = siteWithPast();
const { run, path, write } = place;

function told(...args: readonly string[]): { readonly status: number | null; readonly history: History } {
  const { status, stdout, stderr } = run("history", ...args, "--json");
  expect(stderr).toBe("");
  expect(stdout.trimEnd().split("\n")).toHaveLength(1);
  return { status, history: JSON.parse(stdout) as History };
}

/** First sights and entries of the log come when they come. */
const kinds = ({ events }: History): string[] =>
  events.map(({ what }) => what).filter((what) => !/^log|^first-seen/.test(what));

describe("history of a file", () => {
  it("a sealed object: who captured it, that nobody touched it, and what the gate did with it", () => {
    const { status, history } = told("sealed/2.25.1.dcm");
    expect(status).toBe(0);
    expect(kinds(history)).toEqual(expect.arrayContaining(["sealed", "received", "admitted", "delivered"]));
    expect(kinds(history)[0]).toBe("sealed");
    expect(history).toMatchObject({
      verdict: "verified",
      assurance: "in-device",
      capturedBy: { text: "CT1, sealed in the device", isProven: true },
      touchedSince: { isProven: true },
      contradictions: [],
    });
    expect(history.series).toMatchObject({ state: "incomplete", count: 3, version: 1, missing: ["2.25.3"] });
    const times = history.events.map(({ at }) => Date.parse(at ?? ""));
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    const sealed = history.events[0]!;
    expect(sealed).toMatchObject({ time: "T3", known: { by: "statement", trust: "trusted" } });
    expect(history.statements.map(({ digest }) => digest)).toContain(
      sealed.known.by === "statement" && sealed.known.digest,
    );
  });

  it("reads as a page, within the columns, and says nothing of the patient unless asked", () => {
    const { status, stdout, stderr } = run("history", "sealed/2.25.1.dcm");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^sealed.2\.25\.1\.dcm\n\n {2}✓ verified\n/);
    expect(stdout).toMatch(/\n {2}Captured by +CT1, sealed in the device\n/);
    expect(stdout).toMatch(
      /\n {2}\d\d:\d\d:\d\dZ {2}● {2}CT1 sealed it in the device as number 1 of its key 1/,
    );
    expect(stdout).toMatch(/\n {2}\d\d:\d\d:\d\dZ {2}○ {2}archive confirmed that it has it\.\n/);
    expect(stdout).toMatch(
      /\n {2}Series +CT1 closed it as version 1 with 3 instances; .* 1 missing\.\n +2\.25\.3\n/,
    );
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(stdout).not.toMatch(/4711|Muster|\u001b/);
    expect(withoutDigests(run("history", "sealed/2.25.1.dcm", "--json").stdout)).not.toMatch(/4711|Muster/);
    expect(run("history", "sealed/2.25.1.dcm", "--identify").stdout).toMatch(/Patient ID +4711/);
  });

  it("an altered object: exit 1, not called captured, and the seal told beside it", () => {
    const { status, history } = told("altered.dcm");
    expect(status).toBe(1);
    expect(history).toMatchObject({
      verdict: "altered",
      capturedBy: { text: expect.stringContaining("before it was changed"), isProven: false },
      touchedSince: { text: expect.stringContaining("1 attribute changed"), isProven: false },
    });
    expect(kinds(history)).toEqual(expect.arrayContaining(["sealed", "received", "held"]));
  });

  it("a seal whose signature does not fit is an event that is not proven", () => {
    const broken = readFileSync(path("sealed/2.25.3.dcm"));
    const at = broken.indexOf('"sig":"') + 40;
    broken[at] = broken[at] === 0x41 ? 0x42 : 0x41;
    write("broken.dcm", broken);
    const { status, history } = told("broken.dcm");
    expect(status).toBe(1);
    const own = history.events.find(({ what, known }) => what === "sealed" && known.by === "statement");
    expect(own).toMatchObject({ time: "claimed", fault: expect.stringContaining("signature") });
    expect(history.capturedBy.isProven).toBe(false);
    expect(run("history", "broken.dcm").stdout).toMatch(/✗ {2}CT1 sealed it[^✗]*Not proven: [^\n]*signature/);
  });

  it("the original of a sealed object: its UID is known, but nothing of that is about these bytes", () => {
    const { status, history } = told("scans/1.dcm");
    expect(status).toBe(1);
    expect(history.existsSince).toMatchObject({ isProven: false });
    expect(history.events.length).toBeGreaterThan(2);
    for (const { what, ofOtherBytes } of history.events)
      expect(ofOtherBytes === true).toBe(what !== "series-closed");
    expect(history.contradictions).toEqual([]);
  });

  it("a received object: known since then, by the site's own receipt, and never captured", () => {
    const { status, history } = told("prior/7.dcm");
    expect(status).toBe(0);
    expect(kinds(history)).toEqual(["series-closed", "receipt"]);
    expect(history).toMatchObject({
      verdict: "received",
      capturedBy: { text: expect.stringContaining("received from old PACS"), isProven: false },
      touchedSince: { isProven: true },
      existsSince: { time: "T2", isProven: true },
      series: { state: "incomplete", text: expect.stringContaining("this one is not among them") },
    });
  });

  it("what is no DICOM object, no file, or no site: one line, exit as elsewhere", () => {
    write("garbage.dcm", new Uint8Array(2_000).fill(7));
    expect(run("history", "garbage.dcm").status).toBe(1);
    const absent = run("history", "absent.dcm");
    const noSite = run("history", "2.25.1", "--home", "nowhere");
    const noConfig = run("history", "2.25.1", "--config", "nowhere.yaml");
    for (const done of [absent, noSite, noConfig]) {
      expect(done).toMatchObject({ status: 2, stdout: "" });
      expect(done.stderr).toMatch(oneLine);
    }
  });
});

describe("history of a UID", () => {
  it("looks at the copy that the gate keeps, and tells of those who released it", async () => {
    await place.release();
    const { status, history } = told("2.25.2");
    expect(status).toBe(1);
    expect(history.verdict).toBe("altered");
    expect(kinds(history)).toEqual([
      ...["sealed", "series-closed", "received", "held"],
      ...["release-asked", "released", "delivered"],
    ]);
    expect(history.events.find(({ what }) => what === "released")!.who.map(({ name }) => name)).toEqual([
      "anna",
      "ben",
    ]);
    expect(run("history", "2.25.2").stdout).toMatch(/Looked at the copy that the gate keeps/);
  });

  it("without a copy tells what is known, and of an unknown one that nothing is", () => {
    const { status, history } = told("2.25.3");
    expect(status).toBe(0);
    expect(history).toMatchObject({
      capturedBy: { text: expect.stringContaining("by this site's journal"), isProven: false },
    });
    expect(history.verdict).toBeUndefined();
    const unknown = run("history", "2.25.404");
    expect(unknown).toEqual({
      status: 1,
      stdout: "2.25.404\n\n  Nothing is known here about this object.\n",
      stderr: "",
    });
  });

  it("a configuration that has errors keeps nobody from a file's history, unless it was named", () => {
    write("broken.yaml", "nothing: here\n");
    expect(run("history", "sealed/2.25.1.dcm", "--config", "broken.yaml").status).toBe(2);
  });
});
