/** What every object store does, whatever is behind it. */
import { createHash, randomBytes } from "node:crypto";
import { afterEach, beforeEach, expect, it } from "vitest";
import { readChunks } from "../../src/foundation/byte-source.ts";
import { type Bytes, concatBytes } from "../../src/foundation/bytes.ts";
import type { ObjectStore } from "../../src/store/objects/object-store.ts";

export interface ObjectStoreHarness {
  /** The first, or one more beside it, as of another process. */
  open(): Promise<ObjectStore>;
  close(): Promise<void>;
}

export interface Sample {
  readonly bytes: Bytes;
  readonly digest: string;
}

export function sample(length = 100_000): Sample {
  const bytes = new Uint8Array(randomBytes(length));
  return { bytes, digest: digestOf(bytes) };
}

export function digestOf(bytes: Bytes): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** In pieces whose memory is used again, as sources give them. */
export async function* inPieces({ bytes }: Sample, size = 30_000): AsyncGenerator<Bytes> {
  const buffer = new Uint8Array(size);
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size);
    buffer.set(piece);
    yield buffer.subarray(0, piece.length);
  }
}

export async function contentOf(store: ObjectStore, digest: string): Promise<Bytes> {
  const object = await store.open(digest);
  try {
    const parts: Bytes[] = [];
    for await (const chunk of readChunks(object, 0, object.size)) parts.push(chunk.slice());
    return concatBytes(parts);
  } finally {
    await object.close();
  }
}

interface StoresUnderTest {
  readonly store: ObjectStore;
  readonly another: () => Promise<ObjectStore>;
}

export function objectStoreSuite(start: () => Promise<ObjectStoreHarness>): void {
  let harness: ObjectStoreHarness;
  beforeEach(async () => {
    harness = await start();
  });
  afterEach(() => harness.close());
  for (const [title, body] of Object.entries(cases)) {
    it(title, async () => body({ store: await harness.open(), another: () => harness.open() }));
  }
}

const cases: Readonly<Record<string, (under: StoresUnderTest) => Promise<void>>> = {
  "gives back what was put, whole and by range": async ({ store }) => {
    for (const length of [0, 1, 30_000, 2_500_000]) {
      const one = sample(length);
      await store.put(one.digest, inPieces(one));
      expect(Buffer.compare(await contentOf(store, one.digest), one.bytes)).toBe(0);
    }
    const one = sample();
    await store.put(one.digest, inPieces(one));
    const object = await store.open(one.digest);
    expect(object.size).toBe(one.bytes.length);
    expect(await object.read(40_000, 50)).toEqual(one.bytes.subarray(40_000, 40_050));
    await expect(object.read(99_990, 11)).rejects.toMatchObject({ code: "io" });
    await object.close();
  },

  "takes the same again, one after the other and at once": async ({ store, another }) => {
    const other = await another();
    const one = sample();
    await store.put(one.digest, inPieces(one));
    await store.put(one.digest, inPieces(one));
    const two = sample();
    await Promise.all([store, other, store, other, store].map((each) => each.put(two.digest, inPieces(two))));
    for (const { digest, bytes } of [one, two]) expect(await contentOf(other, digest)).toEqual(bytes);
  },

  "refuses content that is not what the digest names, and keeps nothing of it": async ({ store }) => {
    const one = sample();
    await expect(store.put(one.digest, inPieces(sample()))).rejects.toMatchObject({ code: "internal" });
    await expect(store.open(one.digest)).rejects.toMatchObject({ code: "io" });
    await store.put(one.digest, inPieces(one));
    await expect(store.put(one.digest, inPieces(sample()))).rejects.toMatchObject({ code: "internal" });
    expect(await contentOf(store, one.digest)).toEqual(one.bytes);
  },

  "keeps nothing of content that ends in an error, and passes the error on": async ({ store }) => {
    const one = sample();
    async function* broken(): AsyncGenerator<Bytes> {
      yield one.bytes.subarray(0, 50_000);
      throw new RangeError("the source broke");
    }
    await expect(store.put(one.digest, broken())).rejects.toThrow(RangeError);
    await expect(store.open(one.digest)).rejects.toMatchObject({ code: "io" });
    await store.put(one.digest, inPieces(one));
    expect(await contentOf(store, one.digest)).toEqual(one.bytes);
  },

  "deletes, twice too, and takes it again": async ({ store }) => {
    const one = sample();
    await store.delete(one.digest);
    await store.put(one.digest, inPieces(one));
    const reading = await store.open(one.digest);
    await Promise.all([store.delete(one.digest), store.delete(one.digest)]);
    await store.delete(one.digest);
    await expect(store.open(one.digest)).rejects.toMatchObject({ code: "io" });
    // Who has it open reads on.
    expect(await reading.read(0, 10)).toEqual(one.bytes.subarray(0, 10));
    await reading.close();
    await store.put(one.digest, inPieces(one));
    expect(await contentOf(store, one.digest)).toEqual(one.bytes);
  },

  "takes many at once": async ({ store }) => {
    const many = Array.from({ length: 60 }, () => sample(5_000));
    await Promise.all(many.map((one) => store.put(one.digest, inPieces(one))));
    await Promise.all(many.slice(30).map(({ digest }) => store.delete(digest)));
    for (const { digest, bytes } of many.slice(0, 30)) expect(await contentOf(store, digest)).toEqual(bytes);
    for (const { digest } of many.slice(30))
      await expect(store.open(digest)).rejects.toMatchObject({ code: "io" });
  },

  "takes nothing but a digest for a name": async ({ store }) => {
    const names = [
      "",
      "..",
      "../../x",
      "A".repeat(64),
      "0".repeat(63),
      `${"0".repeat(64)}\n`,
      `ab/${"0".repeat(61)}`,
    ];
    for (const name of names) {
      await expect(store.open(name)).rejects.toMatchObject({ code: "usage" });
      await expect(store.put(name, inPieces(sample()))).rejects.toMatchObject({ code: "usage" });
      await expect(store.delete(name)).rejects.toMatchObject({ code: "usage" });
    }
  },
};
