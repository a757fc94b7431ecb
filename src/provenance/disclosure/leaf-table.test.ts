import fc from "fast-check";
import { deflateRaw } from "pako";
import { describe, expect, it } from "vitest";
import { type Bytes, concatBytes, fromLatin1, u16le, u32le } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { LeafRecord } from "./commitment.ts";
import { decodeLeafTable, encodeLeafTable } from "./leaf-table.ts";

const records = fc
  .uniqueArray(
    fc.record({
      path: fc.string({ unit: fc.constantFrom(..."0123456789ABCDEF/[] "), minLength: 1, maxLength: 40 }),
      vr: fc.constantFrom("LO", "*", "US or SS", "frame"),
      commitment: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    }),
    { selector: ({ path }) => path, maxLength: 60 },
  )
  .map((list): LeafRecord[] => list.sort((a, b) => (a.path < b.path ? -1 : 1)));

/** A table around hand-made names. */
function tableOf(names: Bytes, count: number, namesBytes: number = names.length): Bytes {
  const deflated = deflateRaw(names);
  const header = [Uint8Array.of(1), u32le(count), u32le(namesBytes), u32le(deflated.length)];
  return concatBytes([...header, deflated, new Uint8Array(16 * count)]);
}

function name(shared: number, rest: string, vr = "LO"): Bytes {
  return concatBytes([
    u16le(shared),
    u16le(rest.length),
    fromLatin1(rest),
    Uint8Array.of(vr.length),
    fromLatin1(vr),
  ]);
}

function refused(table: Bytes): void {
  expect(() => decodeLeafTable(table)).toThrow(expect.objectContaining({ code: "seal-structure" }));
}

describe("the leaf table", () => {
  it("comes back as it was written", () => {
    fc.assert(
      fc.property(records, (list) => {
        const read = decodeLeafTable(encodeLeafTable(list)).map((record) => ({
          ...record,
          commitment: new Uint8Array(record.commitment),
        }));
        expect(read).toEqual(list);
      }),
    );
  });

  it("accepts the hand-made table that the refusals below are variations of", () => {
    expect(
      decodeLeafTable(tableOf(concatBytes([name(0, "0010"), name(3, "8")]), 2)).map(({ path }) => path),
    ).toEqual(["0010", "0018"]);
  });

  it("refuses names that are unsorted, repeated, empty, unprintable or beyond their bounds", () => {
    const two = (a: Bytes, b: Bytes): Bytes => tableOf(concatBytes([a, b]), 2);
    refused(two(name(0, "0018"), name(3, "0")));
    refused(two(name(0, "0010"), name(4, "")));
    refused(two(name(0, ""), name(0, "0")));
    refused(two(name(0, "0010"), name(5, "1")));
    refused(two(name(0, "0010"), name(0, "0\n")));
    refused(two(name(0, "0010"), name(0, "0018", "")));
    refused(two(name(0, "0".repeat(2048)), name(2048, "0")));
    refused(tableOf(name(0, "0010"), 2));
    refused(tableOf(concatBytes([name(0, "0010"), name(0, "0018")]), 1));
  });

  it("refuses counts, lengths and versions that do not fit", () => {
    const good = tableOf(name(0, "0010"), 1);
    refused(good.subarray(0, good.length - 1));
    refused(concatBytes([good, new Uint8Array(1)]));
    refused(good.subarray(0, 12));
    refused(Uint8Array.of(2, ...good.subarray(1)));
    refused(tableOf(name(0, "0010"), 1, 5));
    refused(tableOf(name(0, "0010"), 1, 12));
    refused(concatBytes([Uint8Array.of(1), u32le(0xffffffff), u32le(9), u32le(9), new Uint8Array(9)]));
  });

  it("stops at a bomb of zeros and of long shared paths", () => {
    refused(tableOf(new Uint8Array(8 << 20), 1, 100));
    refused(tableOf(new Uint8Array(64 << 20), 1, 64 << 20));
    const long = "0".repeat(2000);
    const many = Array.from({ length: 40_000 }, (_, i) => name(2000, String(100_000 + i)));
    refused(tableOf(concatBytes([name(0, long), ...many]), 40_001));
  });

  it("gives only our error for garbage", () => {
    const table = tableOf(concatBytes([name(0, "0010"), name(3, "8")]), 2);
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.tuple(fc.nat(table.length - 1), fc.nat(255)).map(([at, byte]) => {
        const changed = table.slice();
        changed[at] = byte;
        return changed;
      }),
    );
    fc.assert(
      fc.property(garbage, (bytes) => {
        try {
          decodeLeafTable(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(ScansealError);
          expect((error as ScansealError).code).toBe("seal-structure");
        }
      }),
      { numRuns: 2000 },
    );
  });
});
