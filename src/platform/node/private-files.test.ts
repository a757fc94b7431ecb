import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ensurePrivateFolder } from "./private-files.ts";

describe("a private folder", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "scanseal-private-"));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it("is made with its parents, for its owner alone, and may be there already", () => {
    const folder = join(root, "a", "b", "c");
    ensurePrivateFolder(folder);
    ensurePrivateFolder(folder);
    for (const made of [join(root, "a"), join(root, "a", "b"), folder]) {
      expect(statSync(made).mode & 0o777).toBe(0o700);
    }
  });

  it("is an error at once where none can be made: below a file, and where the system makes none", () => {
    writeFileSync(join(root, "file"), "");
    const below = join(root, "file", "x", "y");
    // The whole path: a part of it would look like a path from here.
    expect(() => ensurePrivateFolder(below)).toThrowError(`cannot make the folder ${below}: ENOTDIR`);
    // Linux: Node's recursive mkdir does not return here.
    if (process.platform === "linux")
      expect(() => ensurePrivateFolder("/proc/x/y")).toThrowError(/cannot make/);
  });
});
