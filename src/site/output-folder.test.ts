import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { encodePart10, textElement } from "../dicom/encode.ts";
import type { DicomObject } from "../dicom/model.ts";
import { readDicom } from "../dicom/read.ts";
import { explicitLittleEndianUid } from "../dicom/transfer-syntax.ts";
import { MemorySource } from "../foundation/byte-source.ts";
import { OutputFolder } from "./output-folder.ts";

const root = mkdtempSync(join(tmpdir(), "scanseal-output-"));
afterAll(() => rmSync(root, { recursive: true }));

function objectOf(patient: string): Promise<DicomObject> {
  const elements = [
    textElement(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7"),
    textElement(0x00080018, "UI", "2.25.1"),
    textElement(0x00100020, "LO", patient),
  ];
  return readDicom(new MemorySource(encodePart10(elements, explicitLittleEndianUid)));
}

function folder(name: string): string {
  mkdirSync(join(root, name));
  return join(root, name);
}

describe("the output folder", () => {
  it("is made when absent, takes the same bytes twice, and never another object's under one name", async () => {
    const place = join(root, "new", "deep");
    const output = await OutputFolder.open(place);
    const first = await output.write("2.25.1", await objectOf("a"), []);
    expect(first).toEqual({ path: join(place, "2.25.1.dcm"), existed: false });
    const bytes = readFileSync(first.path);
    expect((await output.write("2.25.1", await objectOf("a"), [])).existed).toBe(true);
    await expect(output.write("2.25.1", await objectOf("b"), [])).rejects.toMatchObject({
      code: "duplicate-instance",
    });
    expect(readFileSync(first.path)).toEqual(bytes);
    expect(readdirSync(place)).toEqual(["2.25.1.dcm"]);
  });

  it("tells before anything is signed that a UID is taken", async () => {
    const output = await OutputFolder.open(folder("taken"));
    await output.requireFree("2.25.1");
    await output.write("2.25.1", await objectOf("a"), []);
    await expect(output.requireFree("2.25.1")).rejects.toMatchObject({ code: "duplicate-instance" });
  });

  it.each(["../2.25.1", "/2.25.1", "2.25.1/../x", "", "2.25.1\0", "a".repeat(70)])(
    "writes nothing for the UID %j",
    async (uid) => {
      const output = await OutputFolder.open(join(root, "uids"));
      await expect(output.write(uid, await objectOf("a"), [])).rejects.toMatchObject({
        code: "not-sealable",
      });
      await expect(output.requireFree(uid)).rejects.toMatchObject({ code: "not-sealable" });
      expect(readdirSync(join(root, "uids"))).toEqual([]);
    },
  );

  it("removes what a dead process left, not what a living one is writing, nor anything else", async () => {
    const place = folder("left");
    // Linux and others count processes far below this.
    const dead = `.scanseal-${hostname()}-2147483646-0`;
    const living = `.scanseal-${hostname()}-${process.ppid}-0`;
    const elsewhere = ".scanseal-another-machine-1-0";
    const abandoned = ".scanseal-another-machine-1-1";
    for (const name of [dead, living, elsewhere, abandoned, ".scanseal-notes", "x.dcm"])
      writeFileSync(join(place, name), "");
    utimesSync(join(place, abandoned), 0, 0);
    await OutputFolder.open(place);
    expect(readdirSync(place).sort()).toEqual([elsewhere, living, ".scanseal-notes", "x.dcm"].sort());
  });

  it("that cannot be made says why: Node's own recursive mkdir says ENOENT for a read-only disk", async () => {
    writeFileSync(join(root, "a-file"), "");
    await expect(OutputFolder.open(join(root, "a-file", "below", "it"))).rejects.toThrow("(ENOTDIR)");
  });

  it("that cannot be one is an error of its own kind", async () => {
    writeFileSync(join(root, "file"), "");
    await expect(OutputFolder.open(join(root, "file"))).rejects.toMatchObject({ code: "io" });
    await expect(OutputFolder.open(join(root, "file", "below"))).rejects.toMatchObject({ code: "io" });
  });
});
