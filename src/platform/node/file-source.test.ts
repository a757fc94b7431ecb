import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { openFileSource } from "./file-source.ts";

const folder = mkdtempSync(join(tmpdir(), "scanseal-file-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("a file source", () => {
  it("gives ranges, and only those the file has", async () => {
    const path = join(folder, "a");
    writeFileSync(path, Uint8Array.of(1, 2, 3, 4, 5));
    const source = await openFileSource(path);
    expect(source.size).toBe(5);
    expect([...(await source.read(1, 3))]).toEqual([2, 3, 4]);
    expect([...(await source.read(5, 0))]).toEqual([]);
    await expect(source.read(3, 3)).rejects.toMatchObject({ code: "io", offset: 3 });
    await expect(source.read(-1, 1)).rejects.toMatchObject({ code: "io" });
    await source.close();
  });

  it("notices a file that becomes shorter", async () => {
    const path = join(folder, "b");
    writeFileSync(path, new Uint8Array(100));
    const source = await openFileSource(path);
    truncateSync(path, 10);
    await expect(source.read(0, 100)).rejects.toMatchObject({ code: "io" });
    await source.close();
  });

  it("refuses what is no regular file, without waiting", async () => {
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    for (const path of [pipe, folder, "/dev/null", join(folder, "absent")]) {
      await expect(openFileSource(path)).rejects.toMatchObject({ code: "io" });
    }
  });

  it("keeps the path out of its messages", async () => {
    const error = await openFileSource(join(folder, "John^Doe")).catch((e: Error) => e);
    expect((error as Error).message).not.toContain("John");
  });
});
