import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { findInputs } from "./inputs.ts";

const root = mkdtempSync(join(tmpdir(), "scanseal-inputs-"));
afterAll(() => rmSync(root, { recursive: true }));
const part10 = Buffer.concat([Buffer.alloc(128), Buffer.from("DICM")]);

function make(name: string, content: Uint8Array | string): string {
  const path = join(root, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, content);
  return path;
}

describe("inputs", () => {
  const a = make("study/series/a", part10);
  const b = make("study/b.dcm", part10);
  const note = make("study/note.txt", "text");
  make("study/empty", "");
  make("study/folder.dcm/c", part10);
  make("outside/d", part10);
  symlinkSync(join(root, "outside/d"), join(root, "study/link"));
  symlinkSync(join(root, "outside"), join(root, "study/linked-folder"));
  symlinkSync(join(root, "study"), join(root, "study/loop"));
  symlinkSync("nowhere", join(root, "study/dangling"));

  it("are a folder's DICOM files, by content; the rest is counted, and loops are not walked", async () => {
    const { files, ...rest } = await findInputs([join(root, "study")]);
    expect(new Set(files)).toEqual(
      new Set([a, b, join(root, "study/folder.dcm/c"), join(root, "study/link")]),
    );
    expect(rest).toEqual({
      otherFiles: 2,
      linkedFolders: 2,
      unreadable: [{ path: join(root, "study/dangling"), problem: "no such file or folder" }],
    });
  });

  it("are what is named, whatever it holds, once", async () => {
    expect((await findInputs([note, b, note])).files).toEqual([note, b]);
  });

  it("are what a pattern matches; a name with a pattern's characters is a name first", async () => {
    const odd = make("odd/[a]*.dcm", part10);
    make("odd/aa.dcm", part10);
    expect((await findInputs([odd])).files).toEqual([odd]);
    expect((await findInputs([join(root, "odd", "*.dcm")])).files).toHaveLength(2);
    const matched = await findInputs([join(root, "study", "*")]);
    expect(matched.unreadable.map(({ path }) => path)).toContain(join(root, "study/dangling"));
    expect(matched.files).toContain(b);
  });

  it.each(["absent", "study/b.dcm/below", "absent/*.dcm"])("%s is a mistake of the caller", async (name) => {
    await expect(findInputs([b, join(root, name)])).rejects.toMatchObject({ code: "usage" });
  });

  it("with a name that is not UTF-8 are told, not lost", async () => {
    // Other systems have no such names.
    if (process.platform !== "linux") return;
    mkdirSync(join(root, "latin"));
    writeFileSync(Buffer.concat([Buffer.from(join(root, "latin/")), Buffer.from([0x4d, 0xfc])]), part10);
    const { files, unreadable } = await findInputs([join(root, "latin")]);
    expect(files).toEqual([]);
    expect(unreadable).toEqual([{ path: expect.any(String), problem: expect.stringMatching(/UTF-8/) }]);
  });
});
