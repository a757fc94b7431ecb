import fc from "fast-check";
import { deflateRaw } from "pako";
import { describe, expect, it } from "vitest";
import { BoundedSource, fromMemory, pushed } from "../../test/dicom/drivers.ts";
import { explicitLittle, image, text } from "../../test/dicom/malformed-samples.ts";
import { encodeSample, samplePart10 } from "../../test/dicom/sample-object.ts";
import { type Bytes, concatBytes } from "../foundation/bytes.ts";
import { DataSetInflater } from "./inflate.ts";
import { readDicom } from "./read.ts";
import { deflatedUid } from "./transfer-syntax.ts";

/** Bytes that deflate a little, of any length. */
function content(length: number): Bytes {
  const out = new Uint8Array(length);
  let state = 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    out[i] = state >>> 28;
  }
  return out;
}

function inflated(deflated: Bytes, chunk: number): ReturnType<DataSetInflater["finish"]> {
  const inflater = new DataSetInflater();
  for (let at = 0; at < deflated.length; at += chunk) inflater.push(deflated.subarray(at, at + chunk));
  return inflater.finish();
}

describe("inflating", () => {
  const original = content(700_000);
  const deflated = deflateRaw(original);

  it.each([[1], [1_000], [deflated.length]])("gives the same in chunks of %i", (chunk) => {
    const { source, trailing } = inflated(deflated, chunk);
    expect(source.size).toBe(original.length);
    expect(trailing).toBe(0);
    expect(source.window(0, original.length)).toEqual(original);
  });

  it("gives ranges across its pieces, and only those it has", async () => {
    const { source } = inflated(deflated, 4_096);
    await fc.assert(
      fc.asyncProperty(fc.nat(original.length), fc.nat(600_000), async (offset, wanted) => {
        const length = Math.min(wanted, original.length - offset);
        const range = await source.read(offset, length);
        expect(Buffer.compare(range, original.subarray(offset, offset + length))).toBe(0);
      }),
      { numRuns: 200 },
    );
    await expect(source.read(original.length, 1)).rejects.toMatchObject({ code: "io" });
    await expect(source.read(-1, 1)).rejects.toMatchObject({ code: "io" });
  });

  it("takes one NUL to make the length even, and nothing else", () => {
    // Empty stored blocks make a stream of any length.
    const even = deflateRaw(new Uint8Array(0));
    const odd = concatBytes([Uint8Array.of(0, 0, 0, 0xff, 0xff), even]);
    expect([even.length % 2, odd.length % 2]).toEqual([0, 1]);
    const trailingOf = (...parts: Bytes[]): number => inflated(concatBytes(parts), 1_000).trailing;
    expect(trailingOf(odd, Uint8Array.of(0))).toBe(0);
    expect(trailingOf(odd, Uint8Array.of(7))).toBe(1);
    expect(trailingOf(odd, Uint8Array.of(0, 0))).toBe(2);
    expect(trailingOf(even, Uint8Array.of(0))).toBe(1);
  });
});

describe("a deflated object larger than a piece", () => {
  const pixels = { tag: 0x7fe00010, vr: "OB", value: content(700_000) } as const;
  const pad = text(0xfffcfffc, "LO", "PAD ");
  const elements = [...image(700, 1_000, undefined, pixels), pad];
  const stream = deflateRaw(encodeSample(elements, explicitLittle));
  const bytes = samplePart10(concatBytes([stream, new Uint8Array(stream.length % 2)]), deflatedUid);

  it("is read whichever way it arrives, its pixels as a reference", async () => {
    const readings = [fromMemory(bytes), readDicom(new BoundedSource(bytes)), pushed([1_460])(bytes)];
    for (const object of await Promise.all(readings)) {
      expect(object.elements.map((element) => element.tag)).toEqual(elements.map(({ tag }) => tag));
      const found = object.elements.at(-2)!;
      expect(found.value).toBeUndefined();
      const value = await object.dataSource.read(found.valueOffset, found.length);
      expect(Buffer.compare(value, pixels.value)).toBe(0);
    }
  });
});
