import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { chunkBytes, readChunks } from "../../foundation/byte-source.ts";
import { concatBytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { openFileSource, readSmallFile } from "./file-source.ts";

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

describe("reading by pieces", () => {
  const path = join(folder, "pieces");
  const content = Uint8Array.from({ length: 3 * chunkBytes + 5 }, (_, i) => (i * 2_654_435_761) >>> 24);
  writeFileSync(path, content);

  it("gives the range whole, whatever was read before", async () => {
    const source = await openFileSource(path);
    for (const [offset, length] of [[0, content.length], [7, chunkBytes], [chunkBytes, chunkBytes + 1], [9, 0]] as const) {
      const parts: Uint8Array[] = [];
      for await (const piece of readChunks(source, offset, length)) parts.push(piece.slice());
      expect(concatBytes(parts)).toEqual(content.subarray(offset, offset + length));
    } // biome-ignore format: a table
    for await (const piece of readChunks(source, 0, content.length)) {
      expect(piece.length).toBe(chunkBytes);
      break;
    }
    await expect(readChunks(source, 1, content.length).next()).rejects.toMatchObject({ code: "io" });
    await source.close();
  });

  it("tells that the file became shorter", async () => {
    const short = join(folder, "short");
    writeFileSync(short, content);
    const source = await openFileSource(short);
    truncateSync(short, chunkBytes + 9);
    const pieces = readChunks(source, 0, content.length);
    expect((await pieces.next()).value).toHaveLength(chunkBytes);
    await expect(pieces.next()).rejects.toMatchObject({ code: "io" });
    await source.close();
  });
});

describe("a small file", () => {
  it("is read into the memory given, a larger one not at all", () => {
    const path = join(folder, "small");
    writeFileSync(path, Uint8Array.of(1, 2, 3));
    const memory = Uint8Array.of(9, 9, 9, 9);
    expect([...readSmallFile(path, 3, (size) => memory.subarray(0, size))!]).toEqual([1, 2, 3]);
    expect([...memory]).toEqual([1, 2, 3, 9]);
    expect(readSmallFile(path, 2, () => memory)).toBeUndefined();
    for (const other of [folder, join(folder, "absent")]) {
      expect(() => readSmallFile(other, 9, () => memory)).toThrow(ScansealError);
    }
  });
});
