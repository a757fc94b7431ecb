/** The shared suite on a folder, and what is a folder's own. */
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { openFolderObjectStore } from "../../src/store/objects/folder-object-store.ts";
import {
  contentOf,
  digestOf,
  inPieces,
  objectStoreSuite,
  type Sample,
  sample,
} from "./object-store-suite.ts";
import { startStoreProcess } from "./store-process.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scanseal-objects-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const pathOf = ({ digest }: Sample) => join(folder, digest.slice(0, 2), digest.slice(2, 4), digest);

/** All files of objects, and of those half written. */
function files(): string[] {
  const all = readdirSync(folder, { recursive: true, withFileTypes: true });
  return all.filter((each) => each.isFile() && !each.name.includes(".lock")).map(({ name }) => name);
}

describe("object store in a folder", () => {
  objectStoreSuite(async () => ({ open: () => openFolderObjectStore(folder), close: async () => undefined }));

  it("is its owner's alone, and leaves nothing but objects", async () => {
    const store = await openFolderObjectStore(join(folder, "new", "objects"));
    const one = sample();
    await store.put(one.digest, inPieces(one));
    await expect(store.put(one.digest, inPieces(sample()))).rejects.toThrow();
    expect(files()).toEqual([one.digest]);
    const modes = readdirSync(join(folder, "new"), { recursive: true, withFileTypes: true }).map((each) => {
      const mode = statSync(join(each.parentPath, each.name)).mode & 0o777;
      return mode === (each.isDirectory() ? 0o700 : 0o600);
    });
    expect(modes).not.toContain(false);
  });

  it("has no more than its quota, over a restart too", async () => {
    const [one, two, three] = [sample(40_000), sample(40_000), sample(40_000)];
    const store = await openFolderObjectStore(folder, { bytesMax: 100_000 });
    await store.put(one.digest, inPieces(one));
    await store.put(two.digest, inPieces(two));
    await expect(store.put(three.digest, inPieces(three))).rejects.toMatchObject({ code: "storage-full" });
    expect(files().sort()).toEqual([one.digest, two.digest].sort());
    // What is there needs no room.
    await store.put(one.digest, inPieces(one));
    const again = await openFolderObjectStore(folder, { bytesMax: 100_000 });
    await expect(again.put(three.digest, inPieces(three))).rejects.toMatchObject({ code: "storage-full" });
    await Promise.all([again.delete(one.digest), again.delete(one.digest)]);
    await again.put(three.digest, inPieces(three));
    await expect(again.put(one.digest, inPieces(one))).rejects.toMatchObject({ code: "storage-full" });
  });

  it("writes anew what was damaged", async () => {
    const store = await openFolderObjectStore(folder, { bytesMax: 250_000 });
    const [one, two] = [sample(100_000), sample(100_000)];
    await store.put(one.digest, inPieces(one));
    const damaged = Uint8Array.from(one.bytes);
    damaged[5]! ^= 1;
    writeFileSync(pathOf(one), damaged);
    await store.put(one.digest, inPieces(one));
    expect(await contentOf(store, one.digest)).toEqual(one.bytes);
    // Counted once.
    await store.put(two.digest, inPieces(two));
  });

  it("follows no link that stands for an object", async () => {
    const store = await openFolderObjectStore(folder);
    const one = sample();
    const secret = join(folder, "secret");
    writeFileSync(secret, "not an object");
    mkdirSync(join(pathOf(one), ".."), { recursive: true });
    symlinkSync(secret, pathOf(one));
    await expect(store.open(one.digest)).rejects.toMatchObject({ code: "io" });
    await store.put(one.digest, inPieces(one));
    expect(await contentOf(store, one.digest)).toEqual(one.bytes);
    expect(readFileSync(secret, "utf8")).toBe("not an object");
  });

  it("says io where nothing can be written, without the path", async () => {
    writeFileSync(join(folder, "file"), "");
    const opening = openFolderObjectStore(join(folder, "file"));
    await expect(opening).rejects.toMatchObject({ code: "io" });
    await expect(opening).rejects.not.toThrow(folder);
    const store = await openFolderObjectStore(folder);
    const one = sample();
    writeFileSync(join(folder, one.digest.slice(0, 2)), "in the way");
    await expect(store.put(one.digest, inPieces(one))).rejects.toMatchObject({ code: "io" });
    expect(files()).not.toContain(one.digest);
  });

  it("after kill -9 only whole objects have names, and leftovers of the dead alone are removed", async () => {
    const mine = await openFolderObjectStore(folder);
    const one = sample();
    let go: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    async function* slowly(): AsyncGenerator<Bytes> {
      yield one.bytes.subarray(0, 50_000);
      await gate;
      yield one.bytes.subarray(50_000);
    }
    const putting = mine.put(one.digest, slowly());
    for (let round = 0; round < 3; round++) {
      const child = startStoreProcess("objects", folder);
      await child.lines(20 + 15 * round);
      child.process.kill("SIGKILL");
      await once(child.process, "exit");
      const store = await openFolderObjectStore(folder);
      for (const digest of child.seen()) expect(digestOf(await contentOf(store, digest))).toBe(digest);
      const incoming = readdirSync(join(folder, "incoming"), { recursive: true, withFileTypes: true });
      // Mine, still being written.
      expect(incoming.filter((each) => each.isFile() && !each.name.includes(".lock"))).toHaveLength(1);
    }
    go!();
    await putting;
    expect(await contentOf(mine, one.digest)).toEqual(one.bytes);
    expect(existsSync(pathOf(one))).toBe(true);
    for (const name of files()) expect(name).toMatch(/^[0-9a-f]{64}$/);
  });
});
