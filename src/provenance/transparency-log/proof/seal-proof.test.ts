import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes } from "../../../foundation/bytes.ts";
import { proofBytesMax } from "./log-proof.ts";
import { decodeSealProof, encodeSealProof, type SealProof } from "./seal-proof.ts";

const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const u32 = fc.nat({ max: 0xffff_ffff });
const proofs: fc.Arbitrary<SealProof> = fc.record({
  salt: bytesOf(32),
  place: fc.record({ index: u32, count: u32, path: fc.array(bytesOf(32), { maxLength: 20 }) }),
  proof: fc.uint8Array({ minLength: 1, maxLength: 600 }),
});

describe("a seal's proof", () => {
  it("is read as it was written", () => {
    const property = fc.property(proofs, (proof) => {
      expect(decodeSealProof(encodeSealProof(proof))).toEqual(proof);
    });
    fc.assert(property);
  });

  it("has one form: what is read at all is written again, byte for byte; the rest is log-structure", () => {
    // A head that says a number of hashes, and about as many bytes.
    const shaped = fc
      .tuple(bytesOf(40), fc.nat({ max: 22 }), fc.integer({ min: -2, max: 40 }))
      .map(([start, hashes, more]) =>
        concatBytes([
          Uint8Array.of(1),
          start,
          Uint8Array.of(hashes),
          new Uint8Array(Math.max(0, hashes * 32 + more)),
        ]),
      );
    let read = 0;
    const property = fc.property(fc.oneof(shaped, fc.uint8Array({ maxLength: 200 })), (bytes) => {
      try {
        expect(encodeSealProof(decodeSealProof(bytes))).toEqual(bytes);
        read++;
      } catch (error) {
        expect(error).toMatchObject({ code: "log-structure" });
      }
    });
    fc.assert(property, { numRuns: 1_000 });
    expect(read).toBeGreaterThan(50);
  });

  it("ends where the proof of a log may end", () => {
    const place = { index: 0, count: 1, path: [] };
    const of = (length: number) =>
      encodeSealProof({ salt: new Uint8Array(32), place, proof: new Uint8Array(length) });
    expect(decodeSealProof(of(proofBytesMax)).proof).toHaveLength(proofBytesMax);
    expect(() => decodeSealProof(of(proofBytesMax + 1))).toThrow(
      expect.objectContaining({ code: "log-structure" }),
    );
  });
});
