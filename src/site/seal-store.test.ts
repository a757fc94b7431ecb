import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { textElement } from "../dicom/encode.ts";
import type { Edit } from "../dicom/splice.ts";
import type { StoredSeal } from "../sealing/seal.ts";
import { type OriginalName, SealStore } from "./seal-store.ts";

const folder = mkdtempSync(join(tmpdir(), "scanseal-seals-"));
afterAll(() => rmSync(folder, { recursive: true }));

function nameOf(n: number): OriginalName {
  return { sopInstanceUid: `2.25.${n}`, digest: new Uint8Array(32).fill(n) };
}

function editsOf(text: string): Edit[] {
  return [
    { kind: "put", element: { tag: 0x00711000, vr: "OB", value: Uint8Array.of(1, 2, 3, 4) } },
    { kind: "put", element: { tag: 0xfffafffa, vr: "SQ", items: [[textElement(0x04000105, "DT", text)]] } },
    { kind: "append-item", sequence: 0x4ffe0001, item: [textElement(0x04000100, "UI", "2.25.9")] },
  ];
}

function sealOf(date: string): StoredSeal {
  const bytes = (n: number, length: number): Uint8Array => new Uint8Array(length).fill(n);
  const marks = {
    contentId: bytes(1, 16),
    salt: bytes(2, 16),
    object: bytes(3, 32),
    signatures: [bytes(4, 64), undefined],
  };
  return { edits: editsOf(date), marks };
}

function fileOf(store: string): string {
  const [name] = readdirSync(store, { recursive: true, encoding: "utf8" }).filter((one) =>
    one.endsWith(".seal"),
  );
  return join(store, name!);
}

describe("stored seals", () => {
  it("are found by the original's UID and digest, both", () => {
    const store = new SealStore(join(folder, "found"));
    const seal = sealOf("20260101");
    expect(store.keep(nameOf(1), seal)).toBe(seal);
    expect(store.find(nameOf(1))).toEqual(seal);
    expect(store.find({ ...nameOf(1), sopInstanceUid: "2.25.2" })).toBeUndefined();
    expect(store.find({ ...nameOf(1), digest: nameOf(2).digest })).toBeUndefined();
  });

  it("stay as they were first kept, and leave nothing else behind", () => {
    const place = join(folder, "first");
    const first = sealOf("20260101");
    new SealStore(place).keep(nameOf(1), first);
    expect(new SealStore(place).keep(nameOf(1), sealOf("20260102"))).toEqual(first);
    expect(readdirSync(place, { recursive: true })).toHaveLength(2);
  });

  it("are an error when cut, edited at any place, or put in another's place", () => {
    const place = join(folder, "damaged");
    const store = new SealStore(place);
    store.keep(nameOf(1), sealOf("20260101"));
    const path = fileOf(place);
    const sound = readFileSync(path);
    const damaged = (content: Uint8Array): void => {
      writeFileSync(path, content);
      expect(() => store.find(nameOf(1))).toThrow(/cannot be used/);
    };
    for (const length of [0, 1, 64, 65, sound.length - 1]) damaged(sound.subarray(0, length));
    for (let at = 0; at < sound.length; at += 7) {
      const edited = Buffer.from(sound);
      edited[at] = edited[at]! ^ 1;
      damaged(edited);
    }
    damaged(Buffer.from("[]"));
    writeFileSync(path, sound);
    expect(store.find(nameOf(1))?.edits).toHaveLength(3);

    const other = join(folder, "other");
    new SealStore(other).keep(nameOf(2), sealOf("20260103"));
    copyFileSync(fileOf(other), path);
    expect(() => store.find(nameOf(1))).toThrow(/cannot be used/);
  });
});
