import { describe, expect, it } from "vitest";
import { fromLatin1, latin1 } from "../../foundation/bytes.ts";
import { type CaptureStatement, decodeStatement, encodeStatement, type WatermarkClaim } from "./statement.ts";

const claim: WatermarkClaim = {
  scheme: "MTW1",
  contentId: "0".repeat(32),
  keyId: "1".repeat(16),
  frames: 2,
  table: "2".repeat(64),
};

function statementWith(watermark: WatermarkClaim): CaptureStatement {
  return {
    type: "capture",
    assurance: "in-device",
    device: { certificate: "3".repeat(64), hash: "SHA-256" },
    key: { epoch: "1", counter: 7 },
    root: "4".repeat(64),
    seed: "5".repeat(64),
    table: "6".repeat(64),
    leaves: { count: 5, attributes: 3, frames: 2, encoded: 0 },
    pixels: {
      transferSyntax: "1.2.840.10008.1.2.1",
      codec: "native",
      frames: 2,
      decoded: true,
      lossless: true,
    },
    watermark,
    software: { name: "scanseal", version: "0.1.0" },
    sealedAt: "2026-01-31T12:00:00.250Z",
  };
}

describe("what a statement says of watermarks", () => {
  it.each<[string, WatermarkClaim]>([
    ["marked", claim],
    ["some frames", { ...claim, frames: 1 }],
    ["not marked", { scheme: "none", reason: "digest-only" }],
  ])("%s: comes back, and has one spelling", (_, watermark) => {
    const written = encodeStatement(statementWith(watermark));
    expect(decodeStatement(written).watermark).toEqual(watermark);
    const reordered = latin1(written).replace(/"scheme":"(\w+)",(.*?)\}/, '$2,"scheme":"$1"}');
    expect(() => decodeStatement(fromLatin1(reordered))).toThrow("manifest");
  });

  it.each<[string, object]>([
    ["no frame", { frames: 0 }],
    ["more frames than there are", { frames: 3 }],
    ["half a frame", { frames: 1.5 }],
    ["another length of the content id", { contentId: "00" }],
    ["capitals", { keyId: "A".repeat(16) }],
    ["another scheme", { scheme: "MTW2" }],
    ["something more", { reason: "and" }],
  ])("%s is refused", (_, wrong) => {
    const sound = latin1(encodeStatement(statementWith(claim)));
    const text = sound.replace(JSON.stringify(claim), JSON.stringify({ ...claim, ...wrong }));
    expect(text).not.toBe(sound);
    expect(() => decodeStatement(fromLatin1(text))).toThrow(
      expect.objectContaining({ code: "seal-structure" }),
    );
  });
});
