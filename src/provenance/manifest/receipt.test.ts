/** Statement, opening and file of a receipt: what is written can be read, and anything else is refused. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import vectors from "../../../test/vectors/receipts/vectors.json" with { type: "json" };
import { type Bytes, fromHex } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { decodeReceiptOpening, encodeReceiptOpening } from "./receipt-opening.ts";
import { decodeReceipt, encodeReceipt, type ReceiptStatement } from "./receipt-statement.ts";
import { decodeRecordFile, encodeRecordFile } from "./record-file.ts";

const ascii = (text: string): Bytes => new Uint8Array(Buffer.from(text, "latin1"));
const payload = ascii(vectors.payload);
const opening = fromHex(vectors.opening);
const file = ascii(vectors.receipts[0]!.record);
const statement = decodeReceipt(payload);

function refuses(read: (bytes: Bytes) => unknown, bytes: Bytes): void {
  try {
    read(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(ScansealError);
    expect(error).toMatchObject({ code: "seal-structure" });
    return;
  }
  expect.unreachable("it was read");
}

const readers: readonly (readonly [string, Bytes, (bytes: Bytes) => Bytes])[] = [
  ["statement", payload, (bytes) => encodeReceipt(decodeReceipt(bytes))],
  ["opening", opening, (bytes) => encodeReceiptOpening(decodeReceiptOpening(bytes))],
  ["file", file, (bytes) => encodeRecordFile(decodeRecordFile(bytes, nodeCrypto))],
];

describe.each(readers)("the %s of a receipt", (_, whole, again) => {
  it("is written as it was read", () => {
    expect(again(whole)).toEqual(whole);
  });

  it("of any bytes is read to the same bytes, or refused", () => {
    const edits = fc
      .array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 })
      .map((list) => {
        const bytes = whole.slice();
        for (const [at, value] of list) bytes[at] = value;
        return bytes;
      });
    const cut = fc.nat(whole.length - 1).map((length) => whole.slice(0, length));
    const garbage = fc.uint8Array({ maxLength: 300 });
    fc.assert(
      fc.property(fc.oneof(edits, cut, garbage), (bytes) => {
        let written: Bytes;
        try {
          written = again(bytes);
        } catch (error) {
          expect(error).toMatchObject({ name: "ScansealError", code: "seal-structure" });
          return;
        }
        expect(written).toEqual(bytes);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("a receipt's statement", () => {
  const refused: readonly (readonly [string, Partial<ReceiptStatement>])[] = [
    ["an admission that a person answers for", { basis: "admission" }],
    ["a source of two lines", { source: "a\nb" }],
    ["a source without a name", { source: "" }],
    ["a source of more than 64 characters", { source: "x".repeat(65) }],
    ["a day that does not exist", { receivedAt: "2026-02-30T00:00:00.000Z" }],
    ["an opening that is no digest", { opening: "abc" }],
    ["leaves that do not add up", { leaves: { ...statement.leaves, count: statement.leaves.count + 1 } }],
  ];
  it.each(refused)("is not written with %s", (_, change) => {
    expect(() => encodeReceipt({ ...statement, ...change })).toThrow(ScansealError);
  });

  it("needs a person for an import, and for what should have a seal", () => {
    const { operator: _, ...nobody } = statement;
    expect(() => encodeReceipt({ ...nobody, basis: "import" })).toThrow(ScansealError);
    expect(() => encodeReceipt({ ...nobody, basis: "baseline", asUnsealed: true })).toThrow(ScansealError);
    expect(() => encodeReceipt({ ...nobody, basis: "admission", asUnsealed: true })).toThrow(ScansealError);
    expect(decodeReceipt(encodeReceipt({ ...nobody, basis: "baseline" }))).toEqual({
      ...nobody,
      basis: "baseline",
    });
  });
});

describe("a receipt's opening", () => {
  const read = decodeReceiptOpening(opening);

  it("keeps the origin in any language, in one line", () => {
    const origin = "CD von Herrn M\u00fcller, \u7b2c\u4e00\u75c5\u9662";
    expect(decodeReceiptOpening(encodeReceiptOpening({ ...read, origin })).origin).toBe(origin);
    expect(() => encodeReceiptOpening({ ...read, origin: "a\nb" })).toThrow(ScansealError);
    expect(() => encodeReceiptOpening({ ...read, origin: "x".repeat(1025) })).toThrow(ScansealError);
  });

  it("is bounded before it is read", () => {
    refuses(decodeReceiptOpening, new Uint8Array((16 << 20) + (1 << 16) + 1));
    const many = Array.from({ length: 65 }, () => ({ path: "50000106", kind: "changed" as const }));
    expect(() => encodeReceiptOpening({ ...read, irregular: many })).toThrow(ScansealError);
  });
});
