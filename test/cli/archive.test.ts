/** `scanseal archive learn | approve`, and `verify --from`: what an archive habitually changes is explained, and nothing else. */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { numberElement, textElement } from "../../src/dicom/encode.ts";
import { readDicom } from "../../src/dicom/read.ts";
import { type Edit, writeToBytes } from "../../src/dicom/splice.ts";
import { tags } from "../../src/dicom/tags.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import { makeSite, makeWorkplace, type Run } from "./scanseal-process.ts";

const place = makeWorkplace();
const operator = { SCANSEAL_NEW_OPERATOR_PASSPHRASE: "a long enough passphrase" };
const proof = { SCANSEAL_OPERATOR_PASSPHRASE: "a long enough passphrase" };

const put = (element: ReturnType<typeof textElement>): Edit => ({ kind: "put", element });
/** Of class administrative, identity, clinical but descriptive, and private. */
const habitual: readonly Edit[] = [
  put(textElement(0x00080054, "AE", "ARCHIVE")),
  put(textElement(0x00081030, "LO", "CT of the chest")),
  put(textElement(0x0008103e, "LO", "Lung")),
  put(textElement(0x00330010, "LO", "ARCHIVE 2.0")),
  put(textElement(0x00331001, "LO", "stored")),
];

async function returned(folder: string, edits: readonly Edit[]): Promise<void> {
  for (const n of [1, 2, 3]) {
    const object = await readDicom(new MemorySource(readFileSync(place.path(`sealed/2.25.${n}.dcm`))));
    place.write(`${folder}/${n}.dcm`, await writeToBytes(object, edits));
  }
}

const isSameTag = (a: Edit, b: Edit): boolean =>
  a.kind === "put" && b.kind === "put" && a.element.tag === b.element.tag;

const verdicts = (...args: string[]): Set<string> =>
  new Set(
    place
      .run("verify", "--json", ...args)
      .stdout.split("\n")
      .filter((line) => line !== "")
      .map((line) => (JSON.parse(line) as { verdict: string }).verdict),
  );

const approve = (...args: string[]): Run => place.runWith({ env: proof }, "archive", "approve", ...args);

describe("archive", () => {
  beforeAll(async () => {
    makeSite(place);
    expect(place.run("seal", "scans", "--device", "CT1", "--out", "sealed")).toMatchObject({ status: 0 });
    place.runWith({ env: operator }, "operator", "add", "anna");
    await returned("returned", habitual);
  });

  it("learns what changed, by class, and explains nothing before a person approves it", () => {
    const done = place.run("archive", "learn", "pacs", "sealed", "returned");
    expect(done).toMatchObject({ status: 0, stderr: "" });
    expect(done.stdout).toMatch(/00080054 +added +administrative +3/);
    expect(done.stdout).toMatch(/00081030 +added +identity +3/);
    expect(done.stdout).toMatch(/0008103E +added +clinical +3/);
    expect(done.stdout).toMatch(/0033\[ARCHIVE 2\.0\]01 +added +clinical +3/);
    expect(verdicts("--from", "pacs", "returned")).toEqual(new Set(["altered"]));
  });

  it("approved changes are explained with --from alone", () => {
    const done = approve("pacs", "--by", "anna");
    expect(done).toMatchObject({ status: 0, stdout: expect.stringContaining("version 1") });
    expect(verdicts("--from", "pacs", "returned")).toEqual(new Set(["verified-with-changes"]));
    expect(verdicts("returned")).toEqual(new Set(["altered"]));
    expect(verdicts("--from", "other", "returned")).toEqual(new Set(["altered"]));
    // A mistyped name is told: the images alone would only look changed.
    expect(place.run("verify", "--from", "other", "returned").stderr).toContain("--from other: no archive");
    expect(place.run("verify", "--from", "pacs", "returned").stderr).toBe("");
    expect(place.run("verify", "--from", "pacs", "returned").stdout).toContain("verified-with-changes");
  });

  it("another attribute, another kind of change, and a pixel are altered as before", async () => {
    const attacks: Record<string, Edit> = {
      other: put(textElement(0x00080080, "LO", "Elsewhere")),
      window: put(textElement(0x00281050, "DS", "1")),
      "private-other": put(textElement(0x00331002, "LO", "more")),
      "private-creator": put(textElement(0x00330010, "LO", "ARCHIVE 3.0")),
      pixels: put({ ...numberElement(tags.pixelData, "US", ...new Array<number>(48).fill(7)), vr: "OW" }),
    };
    for (const [name, edit] of Object.entries(attacks)) {
      await returned(name, [...habitual.filter((one) => !isSameTag(one, edit)), edit]);
      expect(verdicts("--from", "pacs", name), name).toEqual(new Set(["altered"]));
    }
  });

  it("what is never a habit is listed with the reason, and cannot be approved", async () => {
    const never = [
      put(textElement(tags.patientId, "LO", "4712")),
      put(textElement(tags.specificCharacterSet, "CS", "ISO_IR 192")),
      put(textElement(0x00281050, "DS", "1")),
    ];
    await returned("bad", [...habitual, ...never]);
    const done = place.run("archive", "learn", "bad", "sealed", "bad");
    expect(done.status).toBe(1);
    expect(done.stdout).toMatch(/00100020 +changed +identity +3 +never: it identifies the patient/);
    expect(done.stdout).toMatch(/00281050 +added +clinical +3 +never: it describes or is the image/);
    expect(approve("bad", "--by", "anna")).toMatchObject({ status: 0 });
    expect(verdicts("--from", "bad", "bad")).toEqual(new Set(["altered"]));
    expect(verdicts("--from", "bad", "returned")).toEqual(new Set(["verified-with-changes"]));
    // By whoever edits what was learned, neither.
    const file = place.path("scanseal-data/archives/bad.json");
    const text = readFileSync(file, "utf8").replace('"00080054"', '"00100020"');
    place.write("scanseal-data/archives/bad.json", text);
    expect(approve("bad", "--by", "anna")).toMatchObject({ status: 2 });
  });

  it("a new approval replaces the one before, with parts left out", () => {
    expect(place.run("archive", "learn", "pacs", "sealed", "returned")).toMatchObject({ status: 0 });
    const done = approve("pacs", "--by", "anna", "--without", "0008103E");
    expect(done).toMatchObject({ status: 0, stdout: expect.stringContaining("version 2") });
    expect(verdicts("--from", "pacs", "returned")).toEqual(new Set(["altered"]));
  });

  it("pixels, lost seals and strangers' objects are no habit", async () => {
    const pixels = put({
      ...numberElement(tags.pixelData, "US", ...new Array<number>(48).fill(7)),
      vr: "OW",
    });
    await returned("repainted", [pixels]);
    const painted = place.run("archive", "learn", "x", "sealed", "repainted");
    expect(painted).toMatchObject({ status: 1, stdout: expect.stringContaining("Nothing that x returned") });
    expect(painted.stderr).toContain("its pixels are not those that were sent");
    const bare = place.run("archive", "learn", "x", "sealed", "scans");
    expect(bare.stderr).toContain("came back without its seal");
    expect(approve("x", "--by", "anna")).toMatchObject({ status: 2 });
    expect(place.run("archive", "learn", "../x", "sealed", "scans")).toMatchObject({ status: 2 });
    const nobody = { env: { SCANSEAL_OPERATOR_PASSPHRASE: "another long passphrase" } };
    expect(place.runWith(nobody, "archive", "approve", "pacs", "--by", "anna")).toMatchObject({ status: 2 });
  });
});
