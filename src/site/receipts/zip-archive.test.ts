/** Zip archives from strangers (attack-scenario 51, zip slip; bombs). */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { type ZipPart, zipOf } from "../../../test/receipts/zip-writer.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { looksLikeZip, openZip } from "./zip-archive.ts";

const folder = mkdtempSync(join(tmpdir(), "scanseal-zip-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = join(folder, "media.zip");
const plain: ZipPart = { name: "a.dcm", content: Buffer.from("an object") };
const zeros = (bytes: number): Uint8Array => new Uint8Array(bytes);

async function contentsOf(bytes: Uint8Array): Promise<Record<string, string>> {
  writeFileSync(path, bytes);
  const archive = await openZip(path);
  const contents: Record<string, string> = {};
  try {
    for (const { name, chunks } of archive.entries) {
      const parts: Uint8Array[] = [];
      for await (const chunk of chunks()) parts.push(chunk.slice());
      contents[name] = Buffer.concat(parts).toString("latin1");
    }
  } finally {
    archive.close();
  }
  return contents;
}

describe("a zip archive", () => {
  it("gives its files, stored and deflated, and no folders", async () => {
    const parts: ZipPart[] = [
      plain,
      { name: "b/", content: zeros(0), mode: 0o040755 },
      { name: "b/c.dcm", content: zeros(70_000), deflate: true },
    ];
    expect(await contentsOf(zipOf(parts))).toEqual({ "a.dcm": "an object", "b/c.dcm": "\0".repeat(70_000) });
    expect(await looksLikeZip(path)).toBe(true);
    writeFileSync(path, "no archive");
    expect(await looksLikeZip(path)).toBe(false);
  });

  const refused: readonly (readonly [string, readonly ZipPart[]])[] = [
    ["a name that leads out", [{ ...plain, name: "../../home/site/trust.json" }]],
    ["a name that leads out in the middle", [{ ...plain, name: "a/../../b" }]],
    ["an absolute name", [{ ...plain, name: "/etc/passwd" }]],
    ["a drive letter", [{ ...plain, name: "C:/windows/x" }]],
    ["a name with a backslash", [{ ...plain, name: "..\\x" }]],
    ["a name with NUL", [{ ...plain, name: "a\0.dcm" }]],
    ["a link", [{ ...plain, mode: 0o120777 }]],
    ["a device", [{ ...plain, mode: 0o020666 }]],
    ["one name twice", [plain, plain]],
    ["one name in two spellings", [plain, { ...plain, name: "A.DCM" }]],
    ["encryption", [{ ...plain, flags: 0x0801 }]],
    ["another method", [{ ...plain, method: 14 }]],
    ["a wrong checksum", [{ ...plain, crc: 1 }]],
    ["more than stated", [{ name: "a", content: zeros(5000), deflate: true, statedBytes: 10 }]],
    ["less than stated", [{ name: "a", content: zeros(5000), deflate: true, statedBytes: 6000 }]],
    ["entries in one place", [plain, { ...plain, name: "b.dcm", at: 0 }]],
  ];
  it.each(refused)("is refused for %s", async (_, parts) => {
    await expect(contentsOf(zipOf(parts))).rejects.toMatchObject({ code: "archive-invalid" });
  });

  it("that expands to much more than it is, is refused before anything is taken out", async () => {
    const bomb = zipOf([{ name: "bomb", content: zeros(80 << 20), deflate: true }]);
    await expect(contentsOf(bomb)).rejects.toMatchObject({ code: "limit-inflate" });
    const lie = zipOf([{ ...plain, statedBytes: 0xfffffff0 }]);
    await expect(contentsOf(lie)).rejects.toThrow(ScansealError);
    // A black picture is no bomb.
    expect(
      Object.keys(await contentsOf(zipOf([{ name: "x", content: zeros(1 << 20), deflate: true }]))),
    ).toEqual(["x"]);
  });

  it("of any bytes gives its entries or one of our errors", async () => {
    const whole = zipOf([plain, { name: "b", content: zeros(300), deflate: true }]);
    const changed = fc
      .array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
      .map((edits) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of edits) bytes[at] = value;
        return bytes;
      });
    await fc.assert(
      fc.asyncProperty(changed, async (bytes) => {
        const outcome = await contentsOf(bytes).catch((error: unknown) => error);
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(ScansealError);
      }),
      { numRuns: 400 },
    );
  });
});
