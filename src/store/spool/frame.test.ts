import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  blockBytes,
  frameBytes,
  frameHeaderBytes,
  parseFrameHeader,
  parseSegmentHeader,
  parseTrailer,
  putFrameHeader,
  segmentFileName,
  segmentHeaderBytes,
  segmentIndex,
  trailerBytes,
  trailerCrc,
} from "./frame.ts";

const sixteen = fc.uint8Array({ minLength: 16, maxLength: 16 });
const count = fc.oneof(fc.nat(), fc.nat(Number.MAX_SAFE_INTEGER));
const frame = fc.record({
  record: sixteen,
  sequence: fc.nat(2 ** 32 - 1),
  payloadBytes: fc.nat(600_000),
  trailerBytes: fc.nat(65_576),
  trailerCrc: fc.nat(2 ** 32 - 1),
});

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const out = new Uint8Array(bytes);
  out[bit >> 3]! ^= 1 << (bit & 7);
  return out;
}

describe("frames of the spool", () => {
  it("are read as they were written, by their own life alone, and never beyond the segment", () => {
    const property = fc.property(frame, sixteen, sixteen, fc.nat(511), (header, life, other, bit) => {
      const head = new Uint8Array(frameHeaderBytes).fill(0xff);
      putFrameHeader(head, life, header);
      const bytes = frameBytes(header.payloadBytes, header.trailerBytes);
      expect(bytes % blockBytes).toBe(0);
      expect(parseFrameHeader(head, life, bytes)).toEqual(header);
      expect(parseFrameHeader(head, life, bytes - 1)).toBeUndefined();
      if (Buffer.compare(life, other) !== 0) expect(parseFrameHeader(head, other, bytes)).toBeUndefined();
      expect(parseFrameHeader(flipped(head, bit), life, 2 ** 32)).toBeUndefined();
    });
    fc.assert(property, { numRuns: 500 });
  });

  it("say in which life their segment is", () => {
    const property = fc.property(sixteen, count, count, fc.nat(511), (life, order, bytes, bit) => {
      const block = segmentHeaderBytes({ life, order, bytes });
      expect(block.length).toBe(blockBytes);
      expect(parseSegmentHeader(block)).toEqual({ life, order, bytes });
      expect(parseSegmentHeader(flipped(block, bit))).toBeUndefined();
    });
    fc.assert(property, { numRuns: 300 });
  });

  it("end with a trailer that the frame vouches for", () => {
    const digest = fc.uint8Array({ minLength: 32, maxLength: 32 });
    const property = fc.property(
      digest,
      count,
      fc.uint8Array({ maxLength: 300 }),
      fc.nat(),
      (sha256, total, header, at) => {
        const bytes = trailerBytes({ digest: sha256, total, header });
        const crc = trailerCrc(bytes);
        expect(parseTrailer(bytes, crc)).toEqual({ digest: sha256, total, header });
        expect(parseTrailer(flipped(bytes, at % (8 * bytes.length)), crc)).toBeUndefined();
        expect(parseTrailer(bytes.subarray(0, at % bytes.length), crc)).toBeUndefined();
      },
    );
    fc.assert(property, { numRuns: 300 });
  });

  it("lie in files of one kind of name", () => {
    expect(segmentFileName(7)).toBe("segment-00000007");
    fc.assert(fc.property(fc.nat(1e12), (index) => segmentIndex(segmentFileName(index)) === index));
    for (const name of [
      "lock",
      "segment-1",
      "segment-00000001.new",
      "segment-0000000x",
      "xsegment-00000001",
    ]) {
      expect(segmentIndex(name)).toBeUndefined();
    }
  });
});
