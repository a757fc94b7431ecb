import { verify } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { otherSignature, publicKey, signDer, signRaw } from "../../test/watermark/marking.ts";
import { hasLowS, signatureFromDer, signatureToDer, withLowS } from "./ecdsa-signature.ts";

const raws = fc.oneof(
  fc.uint8Array({ minLength: 64, maxLength: 64 }),
  // Numbers with leading zeros.
  fc
    .tuple(fc.nat(32), fc.nat(32), fc.uint8Array({ minLength: 64, maxLength: 64 }))
    .map(([r, s, bytes]) => bytes.fill(0, 0, r).fill(0, 32, 32 + s)),
);

describe("ECDSA signatures", () => {
  it("come back from DER", () => {
    const property = fc.property(raws, (raw) => {
      expect(signatureFromDer(signatureToDer(raw))).toEqual(raw);
    });
    fc.assert(property);
  });

  it("are those of another implementation", () => {
    for (let i = 0; i < 50; i++) {
      const message = Uint8Array.of(i);
      const der = signDer(message);
      const raw = signatureFromDer(der)!;
      expect(verify("sha256", message, { key: publicKey, dsaEncoding: "ieee-p1363" }, raw)).toBe(true);
      expect(signatureToDer(raw)).toEqual(der);
    }
  });

  it("are taken with the lower s alone: the other is as valid", () => {
    const seen = new Set<boolean>();
    for (let i = 0; i < 50; i++) {
      const message = Uint8Array.of(i);
      const raw = signRaw(message);
      const low = withLowS(raw);
      seen.add(hasLowS(raw));
      expect(hasLowS(low)).toBe(true);
      expect(withLowS(low)).toEqual(low);
      expect(low).toEqual(hasLowS(raw) ? raw : otherSignature(raw));
      expect(hasLowS(otherSignature(low))).toBe(false);
      for (const signature of [low, otherSignature(low)]) {
        expect(verify("sha256", message, { key: publicKey, dsaEncoding: "ieee-p1363" }, signature)).toBe(
          true,
        );
      }
    }
    expect(seen).toEqual(new Set([true, false]));
  });

  it("have one form in DER", () => {
    const property = fc.property(raws, fc.nat(), fc.integer({ min: 1, max: 255 }), (raw, at, flip) => {
      const der = signatureToDer(raw);
      der[at % der.length]! ^= flip;
      const read = signatureFromDer(der);
      if (read !== undefined) expect(signatureToDer(read)).toEqual(der);
    });
    fc.assert(property, { numRuns: 2000 });
  });

  it("refuses garbage", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const read = signatureFromDer(bytes);
        if (read !== undefined) expect(signatureToDer(read)).toEqual(bytes);
      }),
    );
    const der = signatureToDer(new Uint8Array(64).fill(1));
    expect(signatureFromDer(der.subarray(0, -1))).toBeUndefined();
    expect(signatureFromDer(Uint8Array.of(...der, 0))).toBeUndefined();
  });
});
