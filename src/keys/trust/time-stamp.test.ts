/** Tokens as strangers send them: whatever the bytes are, the answer is a time or the name of a step. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import vectors from "../../../test/vectors/time-stamps/vectors.json" with { type: "json" };
import { type Bytes, concatBytes, fromBase64, fromHex } from "../../foundation/bytes.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { checkTimeStamps, renewedMessage, TimeStampTrust } from "./time-stamp.ts";

const message = fromHex(vectors.message);
const { now } = vectors;
const trust = new TimeStampTrust({ anchors: [fromBase64(vectors.anchor)] }, nodeCrypto);
const tokensOf = (name: string): Bytes[] =>
  vectors.tokens.find((vector) => vector.name === name)!.tokens.map((token) => fromBase64(token));
const [stamp] = tokensOf("stamp") as [Bytes];

async function stepOf(token: Bytes): Promise<string> {
  const result = await trust.check(token, { message, now });
  return result.ok ? "ok" : result.step;
}

describe("a token", () => {
  it("holds as it is", async () => {
    expect(await stepOf(stamp)).toBe("ok");
    expect(trust.isStampOf(stamp, message)).toBe(true);
    expect(trust.isStampOf(stamp, fromHex("00"))).toBe(false);
  });

  it("of any other bytes is refused, never an exception", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (bytes) => {
        expect(await stepOf(bytes)).toBe("structure");
        expect(trust.isStampOf(bytes, message)).toBe(false);
      }),
    );
  });

  it("cut out, doubled, or overwritten anywhere is refused", async () => {
    const place = fc.nat({ max: stamp.length - 1 });
    const change = fc.record({ at: place, take: fc.nat({ max: 40 }), put: fc.uint8Array({ maxLength: 40 }) });
    await fc.assert(
      fc.asyncProperty(change, async ({ at, take, put }) => {
        const changed = concatBytes([stamp.subarray(0, at), put, stamp.subarray(at + take)]);
        const isSame = changed.length === stamp.length && changed.every((byte, i) => byte === stamp[i]);
        expect((await stepOf(changed)) === "ok").toBe(isSame);
      }),
      { numRuns: 500 },
    );
  });

  it("with any byte in any bit changed is refused: every byte, one bit each", async () => {
    const steps = new Map<string, number>();
    for (let i = 0; i < stamp.length; i++) {
      const changed = stamp.slice();
      changed[i]! ^= 1 << (i % 8);
      const step = await stepOf(changed);
      steps.set(step, (steps.get(step) ?? 0) + 1);
    }
    expect(steps.has("ok")).toBe(false);
    expect([...steps.keys()]).toEqual(
      expect.arrayContaining(["structure", "imprint", "signing-certificate", "signature"]),
    );
  });

  it("of 24 KiB or less is read, a larger one is not", async () => {
    const result = await trust.check(new Uint8Array(24 * 1024 + 1), { message, now });
    expect(result).toMatchObject({ ok: false, detail: expect.stringContaining("more than 24576 bytes") });
  });
});

describe("many tokens", () => {
  it("of one seal are looked at up to 16, whatever they are", async () => {
    const tokens = Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? stamp.slice() : Uint8Array.of(n)));
    const placed = await checkTimeStamps(tokens, { message, now }, trust);
    expect(placed).toHaveLength(16);
    expect(placed.filter(({ result }) => result.ok)).toHaveLength(8);
  });

  it("are placed in whatever order they come", async () => {
    const [first, second] = tokensOf("renewal") as [Bytes, Bytes];
    expect(trust.isStampOf(second, renewedMessage(message, [first]))).toBe(true);
    for (const tokens of [
      [first, second],
      [second, first],
    ]) {
      const placed = await checkTimeStamps(tokens, { message, now }, trust);
      expect(placed.map(({ token, renews, result }) => [token === second, renews.length, result.ok])).toEqual(
        [
          [true, 1, true],
          [false, 0, true],
        ],
      );
    }
  });
});
