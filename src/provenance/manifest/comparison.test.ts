import { describe, expect, it } from "vitest";
import { encodeVariant, variants } from "../../../test/vectors/manifest/encodings.ts";
import { comparison, framesUnchanged, put, unchanged } from "../../../test/vectors/manifest/expectations.ts";
import { sampleElements, samplePixels } from "../../../test/vectors/manifest/sample-object.ts";
import { read, type Sealed, seal } from "../../../test/vectors/manifest/sealing.ts";
import { encodePart10, type NewElement, numberElement, textElement } from "../../dicom/encode.ts";
import type { FrameDecoder } from "../../dicom/pixel-data/decoder.ts";
import { writeToBytes } from "../../dicom/splice.ts";
import { type Tag, tags } from "../../dicom/tags.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";

const explicit = variants.find(({ name }) => name === "explicit")!;
const sealed = await seal(encodeVariant(sampleElements(), explicit));

/** RLE of our own making would prove little: frames here are "compressed" by a decoder that reverses bytes. */
const reversing: FrameDecoder = {
  decode: async ({ codestream }) => {
    if (codestream[0] === 0xee) throw new ScansealError("codec-failed", "cannot be decoded");
    return { samples: codestream.slice().reverse() };
  },
};
const frames = [samplePixels.slice(0, 48), samplePixels.slice(48)];
const lossless = "1.2.840.10008.1.2.4.80";
const lossy = "1.2.840.10008.1.2.4.50";

function encapsulated(syntax: string, codestreams: readonly Bytes[]): Bytes {
  const others = sampleElements().filter(({ tag }) => tag !== tags.pixelData);
  return encodePart10([...others, { tag: tags.pixelData, vr: "OB", frames: codestreams }], syntax);
}

async function transplanted(of: Sealed, file: Bytes): Promise<Bytes> {
  return writeToBytes(
    await read(file),
    of.elements.map((element) => put(element)),
  );
}

describe("compressed pixels", () => {
  const codestreams = frames.map((frame) => frame.slice().reverse());

  it("without loss are committed decoded and as sent; sent bytes need no decoding", async () => {
    const of = await seal(encapsulated(lossless, codestreams), reversing);
    expect(of.statement).toMatchObject({
      leaves: { frames: 2, encoded: 2 },
      pixels: { decoded: true, lossless: true },
    });
    expect(await comparison(of.file, of)).toMatchObject({ frames: { ...framesUnchanged, route: "encoded" } });
  });

  it("are recognised after a lossless transcode, both ways", async () => {
    const compressed = await seal(encapsulated(lossless, codestreams), reversing);
    const native = encodeVariant([...sampleElements(), ...compressed.elements], explicit);
    expect(await comparison(native, compressed)).toMatchObject({
      ...unchanged,
      frames: { ...framesUnchanged, route: "native" },
    });
    const compressedLater = await transplanted(sealed, encapsulated(lossless, codestreams));
    expect(await comparison(compressedLater, sealed, reversing)).toMatchObject({
      ...unchanged,
      frames: { ...framesUnchanged, route: "decoded" },
    });
    expect(await comparison(compressedLater, sealed)).toMatchObject({
      frames: { matched: 0, uncheckable: [0, 1], reason: "unsupported" },
    });
  });

  it("that changed or no longer decode are found in their frame", async () => {
    const of = await seal(encapsulated(lossless, codestreams), reversing);
    const changed = codestreams[1]!.slice();
    changed[7]! ^= 4;
    const edit = await transplanted(of, encapsulated(lossless, [codestreams[0]!, changed]));
    expect(await comparison(edit, of, reversing)).toMatchObject({ frames: { matched: 1, changed: [1] } });
    changed[0] = 0xee;
    const broken = await transplanted(of, encapsulated(lossless, [codestreams[0]!, changed]));
    expect(await comparison(broken, of, reversing)).toMatchObject({ frames: { matched: 1, changed: [1] } });
  });

  it("with loss are judged by their bytes alone", async () => {
    const of = await seal(encapsulated(lossy, codestreams), reversing);
    expect(of.statement).toMatchObject({
      leaves: { frames: 0, encoded: 2 },
      pixels: { decoded: false, lossless: false },
    });
    expect(await comparison(of.file, of)).toMatchObject({ frames: { ...framesUnchanged, route: "encoded" } });
    const swapped = await transplanted(of, encapsulated(lossy, [codestreams[1]!, codestreams[0]!]));
    expect(await comparison(swapped, of)).toMatchObject({ frames: { changed: [0, 1] } });
    const native = encodeVariant([...sampleElements(), ...of.elements], explicit);
    expect(await comparison(native, of)).toMatchObject({
      frames: { uncheckable: [0, 1], reason: "lossy-original" },
    });
  });

  it("that do not decode at capture are committed by their bytes", async () => {
    const of = await seal(encapsulated(lossless, [codestreams[0]!, Uint8Array.of(0xee, 1)]), reversing);
    expect(of.statement.leaves).toMatchObject({ frames: 0, encoded: 2 });
    const bare = await seal(encapsulated(lossless, codestreams));
    expect(bare.statement.leaves).toMatchObject({ frames: 0, encoded: 2 });
  });
});

describe("a native tail", () => {
  it("is a fact: the pad, and what it holds", async () => {
    const replaced: readonly NewElement[] = [
      numberElement(tags.bitsAllocated, "US", 8),
      numberElement(tags.bitsStored, "US", 8),
      numberElement(tags.highBit, "US", 7),
      numberElement(tags.rows, "US", 1),
      numberElement(tags.columns, "US", 3),
      textElement(tags.numberOfFrames, "IS", "1"),
    ];
    const gone = new Set<Tag>([tags.pixelData, ...replaced.map(({ tag }) => tag)]);
    const small = [...sampleElements().filter(({ tag }) => !gone.has(tag)), ...replaced];
    const file = (pad: number): Bytes =>
      encodeVariant(
        [...small, { tag: tags.pixelData, vr: "OW", value: Uint8Array.of(1, 2, 3, pad) }],
        explicit,
      );
    const of = await seal(file(0));
    expect((await comparison(of.file, of)).frames.tail).toEqual({ bytes: 1, zero: true });
    const payload = await transplanted(of, file(9));
    expect((await comparison(payload, of)).frames).toMatchObject({
      matched: 1,
      tail: { bytes: 1, zero: false },
    });
    const big = encodeVariant(
      [...small, ...of.elements, { tag: tags.pixelData, vr: "OW", value: Uint8Array.of(1, 2, 3, 0) }],
      variants.find(({ name }) => name === "big endian")!,
    );
    expect(await comparison(big, of)).toMatchObject({ ...unchanged, frames: { matched: 1 } });
  });
});
