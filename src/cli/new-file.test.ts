import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Bytes } from "../foundation/bytes.ts";
import { ScansealError } from "../foundation/errors.ts";
import { writeNewFile } from "./new-file.ts";

const folder = mkdtempSync(join(tmpdir(), "scanseal-new-file-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function* pieces(...parts: readonly number[]): AsyncGenerator<Bytes> {
  for (const byte of parts) yield new Uint8Array(70_000).fill(byte);
}

describe("a new file", () => {
  it("has every piece, for its owner alone", async () => {
    const path = join(folder, "a");
    await writeNewFile(path, pieces(1, 2));
    const bytes = readFileSync(path);
    expect([bytes.length, bytes[0], bytes[139_999]]).toEqual([140_000, 1, 2]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it("is never made over another, nor through a link", async () => {
    writeFileSync(join(folder, "b"), "somebody's");
    symlinkSync(join(folder, "elsewhere"), join(folder, "c"));
    for (const name of ["b", "c"])
      await expect(writeNewFile(join(folder, name), pieces(1))).rejects.toMatchObject({ code: "io" });
    expect(readFileSync(join(folder, "b"), "utf8")).toBe("somebody's");
    expect(existsSync(join(folder, "elsewhere"))).toBe(false);
  });

  it("is not there when its pieces end with an error", async () => {
    async function* broken(): AsyncGenerator<Bytes> {
      yield* pieces(1);
      throw new ScansealError("internal", "not the bytes");
    }
    await expect(writeNewFile(join(folder, "d"), broken())).rejects.toThrowError("not the bytes");
    expect(existsSync(join(folder, "d"))).toBe(false);
  });

  it("a folder that is not there is told", async () => {
    await expect(writeNewFile(join(folder, "no", "e"), pieces(1))).rejects.toThrowError(/cannot be written/);
  });
});
