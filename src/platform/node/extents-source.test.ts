import { mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { chunkBytes, readChunks } from "../../foundation/byte-source.ts";
import { concatBytes } from "../../foundation/bytes.ts";
import { type FileRange, openExtents, readSmallExtents } from "./extents-source.ts";

const folder = mkdtempSync(join(tmpdir(), "scanseal-extents-"));
afterAll(() => rmSync(folder, { recursive: true }));

const contents = [0, 1, 2].map((seed) =>
  new Uint8Array(3 * chunkBytes).map((_, i) => ((i + seed) * 2_654_435_761) >>> 24),
);
const paths = contents.map((bytes, i) => {
  const path = join(folder, `file-${i}`);
  writeFileSync(path, bytes);
  return path;
});

interface Piece {
  readonly file: number;
  readonly offset: number;
  readonly length: number;
}

const piece: fc.Arbitrary<Piece> = fc.record({
  file: fc.nat(2),
  offset: fc.nat(2 * chunkBytes),
  length: fc.oneof(fc.nat(20), fc.nat(chunkBytes)),
});

function rangesOf(pieces: readonly Piece[]): FileRange[] {
  return pieces.map(({ file, offset, length }) => ({ path: paths[file]!, offset, length }));
}

function bytesOf(pieces: readonly Piece[]): Uint8Array {
  return concatBytes(
    pieces.map(({ file, offset, length }) => contents[file]!.subarray(offset, offset + length)),
  );
}

describe("extents of files", () => {
  it("read like one file", async () => {
    const property = fc.asyncProperty(
      fc.array(piece, { maxLength: 9 }),
      fc.nat(),
      fc.nat(),
      async (pieces, a, b) => {
        const expected = bytesOf(pieces);
        const source = await openExtents(rangesOf(pieces));
        expect(source.size).toBe(expected.length);
        const offset = a % (expected.length + 1);
        const length = b % (expected.length - offset + 1);
        const part = expected.subarray(offset, offset + length);
        expect(Buffer.compare(await source.read(offset, length), part)).toBe(0);
        const chunks: Uint8Array[] = [];
        for await (const chunk of readChunks(source, offset, length)) chunks.push(new Uint8Array(chunk));
        expect(Buffer.compare(concatBytes(chunks), part)).toBe(0);
        await source.close();
        const whole = readSmallExtents(rangesOf(pieces), expected.length, (size) => new Uint8Array(size));
        expect(Buffer.compare(whole!, expected)).toBe(0);
      },
    );
    await fc.assert(property, { numRuns: 100 });
  });

  it("give nothing outside themselves", async () => {
    const source = await openExtents([{ path: paths[0]!, offset: 10, length: 20 }]);
    await expect(source.read(15, 6)).rejects.toMatchObject({ code: "io", offset: 15 });
    await expect(source.read(-1, 2)).rejects.toMatchObject({ code: "io" });
    expect(() => source.chunks!(0, 21)).toThrow("outside the record");
    expect((await source.read(20, 0)).length).toBe(0);
    await source.close();
    expect(
      readSmallExtents([{ path: paths[0]!, offset: 0, length: 100 }], 99, (n) => new Uint8Array(n)),
    ).toBe(undefined);
  });

  it("notice a file that is shorter, absent, or a link", async () => {
    const short = join(folder, "short");
    writeFileSync(short, new Uint8Array(100));
    const ranges = [{ path: short, offset: 50, length: 50 }];
    const source = await openExtents(ranges);
    truncateSync(short, 60);
    await expect(source.read(0, 50)).rejects.toMatchObject({ code: "io" });
    await source.close();
    const whole = (path: string) => () =>
      readSmallExtents([{ path, offset: 50, length: 50 }], 99, (n) => new Uint8Array(n));
    expect(whole(short)).toThrow(expect.objectContaining({ code: "io" }));
    const link = join(folder, "John^Doe");
    symlinkSync(paths[0]!, link);
    for (const path of [link, join(folder, "absent")]) {
      expect(whole(path)).toThrow(expect.objectContaining({ code: "io" }));
      const error = await openExtents([{ path, offset: 0, length: 1 }]).catch((e: Error) => e);
      expect(error).toMatchObject({ code: "io" });
      expect((error as Error).message).not.toContain("John");
    }
  });

  it("are read in another thread", async () => {
    const script = `
      const { parentPort, workerData } = require("node:worker_threads");
      import(workerData.module).then(async ({ openExtents }) => {
        const source = await openExtents(workerData.ranges);
        parentPort.postMessage(await source.read(0, source.size));
        await source.close();
      });`;
    const pieces = [
      { file: 2, offset: 5, length: 1000 },
      { file: 0, offset: 9, length: 70_000 },
    ];
    const module = new URL("./extents-source.ts", import.meta.url).href;
    const worker = new Worker(script, { eval: true, workerData: { module, ranges: rangesOf(pieces) } });
    const bytes = await new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    expect(bytes).toEqual(bytesOf(pieces));
    await worker.terminate();
  });
});
