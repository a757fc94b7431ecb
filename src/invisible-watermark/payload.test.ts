import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex } from "../foundation/bytes.ts";
import { nodeCrypto } from "../platform/node/crypto.ts";
import type { PlaneColour } from "./frame.ts";
import { layoutOf } from "./layout.ts";
import {
  bytesToBeSigned,
  completePayload,
  contextOf,
  parsePayload,
  putSignature,
  startPayload,
} from "./payload.ts";

const exactly = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });

const superblocks = 4;
const contents = fc.record({
  bits: fc.integer({ min: 8, max: 16 }),
  signed: fc.boolean(),
  colour: fc.constantFrom<PlaneColour>("mono", "rgb", "ybr"),
  keyId: exactly(8),
  contentId: exactly(16),
  frameNo: fc.nat(0xffffffff),
  root: exactly(32),
  originalHash: exactly(32),
  signature: exactly(64),
  superblockDigests: exactly(32 * superblocks),
  keyedTags: fc.boolean(),
  encryptedRecovery: fc.boolean(),
  hasSidecar: fc.boolean(),
  entries: fc.array(
    fc.record({
      parameters: fc.nat(255),
      hostBits: fc.nat(65_535),
      sourceBits: fc.nat(65_535),
      order: fc.nat(65_535),
    }),
    { minLength: superblocks, maxLength: superblocks },
  ),
});

describe("payload", () => {
  it("says what was written", () => {
    const property = fc.property(contents, ({ entries, superblockDigests, ...content }) => {
      const layout = layoutOf(128, 128, content.colour)!;
      const bytes = startPayload(content, layout, content);
      completePayload(bytes, { ...content, superblockDigests }, { ...content, superblocks: entries });
      const unsigned = bytesToBeSigned(bytes);
      putSignature(bytes, content.signature);
      expect(bytesToBeSigned(bytes)).toEqual(unsigned);
      const { superblocks: parsed, ...rest } = parsePayload(bytes, layout)!;
      const { originalHash } = content;
      expect(rest).toEqual({ ...pickRest(content), originalHash: originalHash.slice(0, 16) });
      expect(parsed).toEqual(
        entries.map((entry, i) => ({ ...entry, digest: superblockDigests.slice(32 * i, 32 * i + 8) })),
      );
    });
    fc.assert(property);
  });

  it("takes only what a frame of the layout can carry", () => {
    const layout = layoutOf(128, 128, "mono")!;
    const id = { keyId: new Uint8Array(8), contentId: new Uint8Array(16), frameNo: 0 };
    const good = startPayload({ bits: 12, signed: true, colour: "mono" }, layout, id);
    const changed = (at: number, to: number): Uint8Array => good.with(at, to);
    expect(parsePayload(good, layout)).toBeDefined();
    const refused: Record<string, Uint8Array> = {
      magic: changed(3, 0x32),
      flags: changed(4, 8),
      "too few bits": changed(5, 7),
      "too many bits": changed(5, 17),
      planes: changed(6, 1 | (2 << 1)),
      "another colour": changed(6, 1 | (3 << 1) | (2 << 3)),
      "unused bits of the form": changed(6, good[6]! | 0x80),
      "share bytes": changed(7, layout.shareBytes + 1),
      width: changed(36, 127),
      height: changed(39, 1),
      length: good.slice(0, -1),
    };
    for (const [what, bytes] of Object.entries(refused))
      expect(parsePayload(bytes, layout), what).toBeUndefined();
  });

  it("never throws", () => {
    const layout = layoutOf(128, 128, "mono")!;
    const property = fc.property(exactly(layout.payloadBytes), fc.boolean(), (bytes, magic) => {
      if (magic)
        bytes.set(startPayload({ bits: 8, signed: false, colour: "mono" }, layout, noId).subarray(0, 8));
      parsePayload(bytes, layout);
    });
    fc.assert(property);
  });

  it("has a context that depends on all but flags and digests", () => {
    const layout = layoutOf(128, 128, "mono")!;
    const payload = startPayload({ bits: 12, signed: false, colour: "mono" }, layout, noId);
    const contexts = Array.from(payload.subarray(0, 152), (byte, at) =>
      toHex(contextOf(payload.with(at, byte ^ 1), nodeCrypto)),
    );
    const plain = toHex(contextOf(payload, nodeCrypto));
    expect(contexts.map((context) => context !== plain)).toEqual(
      contexts.map((_, at) => at !== 4 && at < 40),
    );
  });
});

const noId = { keyId: new Uint8Array(8), contentId: new Uint8Array(16), frameNo: 0 };

function pickRest<T extends object>(content: T): Omit<T, "originalHash" | "superblockDigests"> {
  const { originalHash: _, ...rest } = content as T & { originalHash: Uint8Array };
  return rest as Omit<T, "originalHash" | "superblockDigests">;
}
