/** `scanseal restore`, on what `scanseal seal` made. */
import { readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { plainTextOf } from "../../src/dicom/elements.ts";
import { readDicom } from "../../src/dicom/read.ts";
import { tags } from "../../src/dicom/tags.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import { phantomFiles } from "../interop/dimse-peers.ts";
import { makeWorkplace } from "./scanseal-process.ts";

const place = makeWorkplace();
const objectsIn = (folder: string): string[] =>
  readdirSync(place.path(folder)).filter((name) => name.endsWith(".dcm"));

describe("restore", () => {
  beforeAll(() => {
    for (const [i, file] of phantomFiles().entries()) place.write(`captured/${i}.dcm`, file);
    expect(place.run("init")).toMatchObject({ status: 0 });
    expect(place.run("enroll", "ct1", "--ae", "CT1", "--serial", "1")).toMatchObject({ status: 0 });
    expect(place.run("seal", "captured", "--device", "ct1", "--out", "sealed")).toMatchObject({ status: 0 });
  });

  it("gives every original back, and says that it has no seal", () => {
    const { status, stdout, stderr } = place.run("restore", "sealed", "--out", "originals");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toContain("4 objects restored into originals: every pixel as it was captured.");
    expect(stdout).toContain("They carry no seal");
    const captured = objectsIn("captured").map((name) => readFileSync(place.path("captured", name)));
    for (const name of objectsIn("originals")) {
      const original = readFileSync(place.path("originals", name));
      expect(captured.some((file) => file.equals(original))).toBe(true);
    }
    // This site made them, and knows what of.
    expect(stdout).toContain("recorded what they were restored from");
    const verified = place.run("verify", "originals");
    expect(verified).toMatchObject({ status: 0, stdout: expect.stringContaining("received") });
    expect(place.run("verify", "captured")).toMatchObject({ status: 0 });
    expect(place.run("verify", "sealed").stdout).toContain("verified");
    // Nobody else does.
    place.run("init", "--home", "elsewhere");
    expect(place.run("verify", "originals", "--home", "elsewhere")).toMatchObject({ status: 1 });
    // Again: the same files are there.
    expect(place.run("restore", "sealed", "--out", "originals")).toMatchObject({ status: 0 });
  });

  it("one that was changed is refused by name, the others are restored", () => {
    const [first] = objectsIn("sealed");
    const bytes = readFileSync(place.path("sealed", first!));
    bytes[bytes.length - 20_000]! ^= 4;
    place.write(`changed/${first}`, bytes);
    for (const name of objectsIn("sealed").slice(1))
      place.write(`changed/${name}`, readFileSync(place.path("sealed", name)));
    const { status, stdout, stderr } = place.run("restore", "changed", "--out", "others");
    expect(status).toBe(1);
    expect(stdout).toContain("3 objects restored");
    expect(stderr).toContain(`changed/${first}: not restored: it is altered`);
    expect(objectsIn("others")).toHaveLength(3);
    // What stands in the place of an original is never overwritten.
    const [, second] = objectsIn("sealed");
    place.write(`taken/${second}`, "another file");
    const taken = place.run("restore", "sealed", "--out", "taken");
    expect(taken).toMatchObject({ status: 1, stderr: expect.stringContaining(`taken/${second}`) });
    expect(readFileSync(place.path("taken", second!), "utf8")).toBe("another file");
  });

  it("a corrected object is restored with its correction, an older version as it was", async () => {
    const passphrase = "a long enough passphrase";
    const env = { SCANSEAL_NEW_OPERATOR_PASSPHRASE: passphrase, SCANSEAL_OPERATOR_PASSPHRASE: passphrase };
    place.runWith({ env }, "operator", "add", "anna");
    const [first] = objectsIn("sealed");
    const { elements } = await readDicom(new MemorySource(readFileSync(place.path("sealed", first!))));
    const uid = plainTextOf(elements, tags.studyInstanceUid) ?? "";
    const set = ["--study", uid, "--set", "(0010,0020)=CORRECTED", "--by", "anna"];
    expect(place.runWith({ env }, "correct", `sealed/${first}`, ...set, "--out", "fixed")).toMatchObject({
      status: 0,
    });
    expect(place.run("restore", "fixed", "--out", "fixed-originals")).toMatchObject({
      status: 0,
      stderr: "",
    });
    expect(place.run("verify", "fixed-originals")).toMatchObject({ status: 0 });
    expect(place.run("restore", `sealed/${first}`, "--out", "older-originals")).toMatchObject({ status: 0 });
    expect(place.run("verify", "older-originals").stdout).toContain("superseded");
  });

  it("nothing to restore, no site: usage", () => {
    expect(place.run("restore", "nowhere", "--out", "x")).toMatchObject({ status: 2 });
    expect(place.run("restore", "sealed", "--out", "x", "--home", "none")).toMatchObject({ status: 2 });
  });
});
