import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Bytes, concatBytes, fromLatin1, toHex } from "../../foundation/bytes.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { Committer, commitLeaves, type Leaf, type LeafRecord, rootOf } from "./commitment.ts";

const seed = Uint8Array.from({ length: 32 }, (_, i) => i);

function sha256(...parts: readonly Bytes[]): Bytes {
  return new Uint8Array(createHash("sha256").update(concatBytes(parts)).digest());
}

/** RFC 6962 section 2.1, as it is written there. */
function merkleTreeHash(entries: readonly Bytes[]): Bytes {
  if (entries.length === 0) return sha256();
  if (entries.length === 1) return sha256(Uint8Array.of(0), entries[0]!);
  let k = 1;
  while (2 * k < entries.length) k *= 2;
  return sha256(Uint8Array.of(1), merkleTreeHash(entries.slice(0, k)), merkleTreeHash(entries.slice(k)));
}

const u16 = (n: number): Bytes => Uint8Array.of(n & 255, n >> 8);

/** The formula of spec/commitments.md, written a second time. */
function commitmentBySpecification(index: number, count: number, leaf: Leaf & { value: Bytes }): Bytes {
  const xof = createHash("shake256", { outputLength: 16 * count });
  const salts = xof.update("scanseal/salt/v1").update(seed).digest();
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(leaf.value.length));
  return sha256(
    fromLatin1("scanseal/leaf/v1\0"),
    salts.subarray(16 * index, 16 * index + 16),
    u16(leaf.path.length),
    fromLatin1(leaf.path),
    Uint8Array.of(leaf.vr.length),
    fromLatin1(leaf.vr),
    length,
    leaf.value,
  ).subarray(0, 16);
}

const leaves = fc
  .uniqueArray(
    fc.record({
      path: fc.string({ unit: fc.constantFrom(..."0123456789ABCDEF/[]"), minLength: 1, maxLength: 24 }),
      vr: fc.constantFrom("LO", "*", "US or SS", "frame"),
      value: fc.uint8Array({ maxLength: 200 }),
    }),
    { selector: ({ path }) => path, maxLength: 40 },
  )
  .map((list) => list.sort((a, b) => (a.path < b.path ? -1 : 1)));

describe("commitments", () => {
  it("are the formula of the specification", async () => {
    await fc.assert(
      fc.asyncProperty(leaves, async (list) => {
        const records = await commitLeaves(nodeCrypto, seed, list);
        records.forEach((record, i) => {
          expect(toHex(record.commitment)).toBe(toHex(commitmentBySpecification(i, list.length, list[i]!)));
        });
        const entries = records.map(({ path, vr, commitment }) =>
          concatBytes([
            u16(path.length),
            fromLatin1(path),
            Uint8Array.of(vr.length),
            fromLatin1(vr),
            commitment,
          ]),
        );
        expect(rootOf(nodeCrypto, records)).toBe(toHex(merkleTreeHash(entries)));
      }),
    );
  });

  it("are the same for a value in memory and one that is streamed, of any length", async () => {
    const committer = new Committer(nodeCrypto, seed, 3);
    for (const length of [0, 1, 4000, 4096, 10_000]) {
      const value = new Uint8Array(length).fill(7);
      for (const path of ["00100010", "x".repeat(2048)]) {
        const streamed = {
          length,
          async feed(sink: (bytes: Bytes) => void): Promise<void> {
            for (let at = 0; at < length; at += 999) sink(value.subarray(at, at + 999));
          },
        };
        const inMemory = toHex(committer.commit(1, { path, vr: "OB" }, value));
        expect(toHex(await committer.commitLeaf(1, { path, vr: "OB", value: streamed }))).toBe(inMemory);
        expect(inMemory).toBe(toHex(commitmentBySpecification(1, 3, { path, vr: "OB", value })));
      }
    }
  });

  it("write a length beyond 32 bits in 64", async () => {
    // The header alone shows it: a value that claims 2^33 bytes and gives none is refused after hashing.
    const value = { length: 2 ** 33, feed: async (): Promise<void> => {} };
    const committer = new Committer(nodeCrypto, seed, 1);
    await expect(committer.commitLeaf(0, { path: "7FE00010", vr: "OB", value })).rejects.toThrow(
      /another length/,
    );
  });

  it("differ when anything differs: seed, position, path, VR, value, length", () => {
    const base = new Committer(nodeCrypto, seed, 2);
    const other = new Committer(nodeCrypto, new Uint8Array(32), 2);
    const value = fromLatin1("A ");
    const seen = [
      base.commit(0, { path: "00100010", vr: "PN" }, value),
      base.commit(1, { path: "00100010", vr: "PN" }, value),
      other.commit(0, { path: "00100010", vr: "PN" }, value),
      base.commit(0, { path: "00100020", vr: "PN" }, value),
      base.commit(0, { path: "00100010", vr: "LO" }, value),
      base.commit(0, { path: "00100010", vr: "PN" }, fromLatin1("B ")),
      base.commit(0, { path: "00100010", vr: "PN" }, fromLatin1("A A ")),
    ].map(toHex);
    expect(new Set(seen).size).toBe(seen.length);
  });

  it("refuse a wrong seed, too many leaves, leaves out of order and paths without end", async () => {
    expect(() => new Committer(nodeCrypto, new Uint8Array(31), 1)).toThrow(/32 bytes/);
    expect(() => new Committer(nodeCrypto, seed, 500_001)).toThrow(/too many/);
    const leaf = (path: string): Leaf => ({ path, vr: "LO", value: new Uint8Array(0) });
    await expect(commitLeaves(nodeCrypto, seed, [leaf("b"), leaf("a")])).rejects.toThrow(/order/);
    await expect(commitLeaves(nodeCrypto, seed, [leaf("a"), leaf("a")])).rejects.toThrow(/order/);
    await expect(commitLeaves(nodeCrypto, seed, [leaf("a".repeat(2049))])).rejects.toThrow(/too long/);
  });

  it("give another root when a record is removed, repeated or swapped", () => {
    const records: LeafRecord[] = ["a", "b", "c"].map((path) => ({
      path,
      vr: "*",
      commitment: new Uint8Array(16),
    }));
    const [a, b, c] = records as [LeafRecord, LeafRecord, LeafRecord];
    const roots = [[], [a], [a, b], [a, b, c], [a, b, c, c], [b, a, c]].map((list) =>
      rootOf(nodeCrypto, list),
    );
    expect(new Set(roots).size).toBe(roots.length);
  });
});
