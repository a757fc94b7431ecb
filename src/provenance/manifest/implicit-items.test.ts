import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { implicitItems } from "../../dicom/implicit-items.ts";
import { nestingReportMax } from "../../dicom/limits.ts";
import { type Bytes, concatBytes, equalBytes, fromHex, u32le } from "../../foundation/bytes.ts";
import { canonicalOpaque } from "./canonical-value.ts";

const item = fromHex("feff00e0");
const endless = fromHex("ffffffff");
const itemEnd = fromHex("feff0de000000000");
const sequenceEnd = fromHex("feffdde000000000");
const privateTag = fromHex("11000110");

function canonical(value: Bytes): Bytes {
  return concatBytes(canonicalOpaque(value, 0, 0).filter((step) => step instanceof Uint8Array));
}

/** An item that holds a sequence of one item, and so on. */
function nested(levels: number, delimited: boolean): Bytes {
  let content: Bytes = new Uint8Array(0);
  for (let level = 0; level < levels; level++) {
    const inner = delimited
      ? concatBytes([item, endless, content, itemEnd])
      : concatBytes([item, u32le(content.length), content]);
    const length = delimited ? endless : u32le(inner.length);
    content = concatBytes([privateTag, length, inner, delimited ? sequenceEnd : new Uint8Array(0)]);
  }
  return concatBytes([item, u32le(content.length), content]);
}

describe("items in a value of unknown VR", () => {
  it("have one canonical encoding, whatever their lengths were", () => {
    for (const levels of [0, 1, 5, 20]) {
      expect(canonical(nested(levels, true))).toEqual(nested(levels, false));
      expect(canonical(nested(levels, false))).toEqual(nested(levels, false));
    }
  });

  it("stay opaque beyond the nesting limit, at any depth without a crash", () => {
    for (const levels of [nestingReportMax + 2, 1000]) {
      const deep = nested(levels, true);
      expect(implicitItems(deep, 0, 0)).toBeUndefined();
      expect(equalBytes(canonical(deep), deep)).toBe(true);
    }
    const openOnly = concatBytes(
      Array.from({ length: 50_000 }, () => concatBytes([item, endless, privateTag, endless])),
    );
    expect(implicitItems(openOnly, 0, 0)).toBeUndefined();
  });

  it("are not read past the element limit", () => {
    const empty = concatBytes([item, u32le(0)]);
    const many = new Uint8Array(empty.length * 100_001);
    for (let at = 0; at < many.length; at += empty.length) many.set(empty, at);
    expect(implicitItems(many.subarray(8), 0, 0)).toHaveLength(100_000);
    expect(implicitItems(many, 0, 0)).toBeUndefined();
  });

  it("need zero lengths in delimiters, ascending tags and even lengths", () => {
    const one = (content: string): Bytes => concatBytes([item, u32le(content.length / 2), fromHex(content)]);
    expect(implicitItems(one("110001100200000041420800050000000000"), 0, 0)).toBeUndefined();
    expect(implicitItems(one("1100011001000000411100021000000000"), 0, 0)).toBeUndefined();
    expect(implicitItems(concatBytes([item, endless, fromHex("feff0de001000000")]), 0, 0)).toBeUndefined();
    expect(implicitItems(one("0200100002000000ABCD"), 0, 0)).toBeUndefined();
    expect(implicitItems(one("110001100200000041421100021000000000"), 0, 0)).toHaveLength(1);
  });

  it("never fail on garbage, and canonical is a fixed point", () => {
    const start = nested(3, true);
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 64 }).map((rest) => concatBytes([item, rest])),
      fc.array(fc.tuple(fc.nat(start.length - 1), fc.nat(255)), { maxLength: 4 }).map((changes) => {
        const bytes = start.slice();
        for (const [at, byte] of changes) bytes[at] = byte;
        return bytes;
      }),
    );
    fc.assert(
      fc.property(garbage, (bytes) => {
        const once = canonical(bytes);
        expect(equalBytes(canonical(once), once)).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });
});
