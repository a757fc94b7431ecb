import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { writeSparseMultiFrame } from "../../../test/dicom/sparse-file.ts";
import { describePeer, peerPath } from "../../../test/peers.ts";
import { encodePart10, numberElement, textElement } from "../../dicom/encode.ts";
import { framesOf, type PixelFrames } from "../../dicom/pixel-data/frames.ts";
import { readDicom } from "../../dicom/read.ts";
import { tags } from "../../dicom/tags.ts";
import { type ByteSource, MemorySource } from "../../foundation/byte-source.ts";
import { type Bytes, concatBytes } from "../../foundation/bytes.ts";
import { CodecPool } from "../../platform/node/codecs/codec-pool.ts";
import { openFileSource } from "../../platform/node/file-source.ts";
import { type FrameBytes, nativeFrame, storedFrame } from "./frame-bytes.ts";

const explicitLittle = "1.2.840.10008.1.2.1";

async function bytesOf(frame: FrameBytes): Promise<Bytes> {
  const parts: Bytes[] = [];
  for await (const part of frame.chunks()) parts.push(part.slice());
  const bytes = concatBytes(parts);
  expect(bytes.length).toBe(frame.length);
  return bytes;
}

async function opened(path: string): Promise<{ frames: PixelFrames; close: () => unknown }> {
  const source = await openFileSource(path);
  return { frames: (await framesOf(await readDicom(source)))!, close: () => source.close() };
}

describePeer("corpus", "frames of real objects", () => {
  const corpus = peerPath("corpus");
  let codecs: CodecPool;
  let expected: Bytes[];

  beforeAll(async () => {
    codecs = new CodecPool();
    const { frames, close } = await opened(join(corpus, "multiframe/emri_small.dcm"));
    const { dataSource } = frames.object;
    // 10 frames of 64 x 64 words follow each other: read past what is tested.
    const at = (i: number) => dataSource.read(frames.element.valueOffset + i * 8192, 8192);
    expected = await Promise.all(Array.from({ length: 10 }, async (_, i) => (await at(i)).slice()));
    await close();
  });
  afterAll(() => codecs.close());

  it.each([
    ["emri_small.dcm", true],
    ["emri_small_big_endian.dcm", true],
    ["emri_small_RLE.dcm", false],
    ["emri_small_jpeg_ls_lossless.dcm", false],
    ["emri_small_jpeg_2k_lossless.dcm", false],
  ])("%s: each frame decoded is that of the uncompressed object", async (file, isNative) => {
    const { frames, close } = await opened(join(corpus, "multiframe", file));
    for (const [i, pixels] of expected.entries()) {
      const decoded = await nativeFrame(frames, i, codecs);
      expect(decoded.transferSyntaxUid).toBe(explicitLittle);
      expect(Buffer.compare(await bytesOf(decoded), pixels)).toBe(0);
      const stored = await storedFrame(frames, i);
      const { uid } = frames.object.transferSyntax;
      expect(stored.transferSyntaxUid).toBe(isNative ? explicitLittle : uid);
      const isSame = Buffer.compare(await bytesOf(stored), pixels) === 0;
      expect(isSame).toBe(isNative);
    }
    await close();
  });

  it("the stored bytes of a JPEG-LS frame are one codestream, from its first marker to its last", async () => {
    const { frames, close } = await opened(join(corpus, "multiframe/emri_small_jpeg_ls_lossless.dcm"));
    for (let i = 0; i < 10; i++) {
      const bytes = await bytesOf(await storedFrame(frames, i));
      expect([...bytes.subarray(0, 4)]).toEqual([0xff, 0xd8, 0xff, 0xf7]);
      const end = bytes.at(-1) === 0 ? bytes.length - 1 : bytes.length;
      expect([...bytes.subarray(end - 2, end)]).toEqual([0xff, 0xd9]);
    }
    await close();
  });

  it("a decoded colour frame is laid out as Planar Configuration says", async () => {
    const { frames, close } = await opened(join(corpus, "transfer-syntax/small/SC_rgb_rle_16bit_2frame.dcm"));
    const { attributes } = frames;
    expect(attributes).toMatchObject({ samplesPerPixel: 3, bitsAllocated: 16, planarConfiguration: 0 });
    const planar = { ...frames, attributes: { ...attributes, planarConfiguration: 1 as const } };
    const pixels = await bytesOf(await nativeFrame(frames, 1, undefined));
    const planes = await bytesOf(await nativeFrame(planar, 1, undefined));
    const count = pixels.length / 6;
    for (let i = 0; i < count; i++) {
      for (let s = 0; s < 3; s++) {
        const at = 2 * (s * count + i);
        if (planes[at] !== pixels[6 * i + 2 * s] || planes[at + 1] !== pixels[6 * i + 2 * s + 1])
          throw new Error(`pixel ${i}, sample ${s}`);
      }
    }
    expect(planes).not.toEqual(pixels);
    await close();
  });

  it.each([-1, 10, 1.5, Number.NaN])("there is no frame %s", async (index) => {
    const { frames, close } = await opened(join(corpus, "multiframe/emri_small_RLE.dcm"));
    await expect(storedFrame(frames, index)).rejects.toMatchObject({ code: "usage" });
    await expect(nativeFrame(frames, index, codecs)).rejects.toMatchObject({ code: "usage" });
    await close();
  });
});

it("samples by plane stay by plane, as the attributes say", async () => {
  const pixels = Uint8Array.from({ length: 24 }, (_, i) => i);
  const number = (tag: number, value: number) => numberElement(tag, "US", value);
  const file = encodePart10(
    [
      textElement(tags.sopClassUid, "UI", "1.2.840.10008.5.1.4.1.1.7"),
      textElement(tags.sopInstanceUid, "UI", "2.25.1"),
      number(tags.samplesPerPixel, 3),
      textElement(tags.photometricInterpretation, "CS", "RGB"),
      number(tags.planarConfiguration, 1),
      textElement(tags.numberOfFrames, "IS", "2"),
      number(tags.rows, 2),
      number(tags.columns, 2),
      number(tags.bitsAllocated, 8),
      number(tags.bitsStored, 8),
      number(tags.highBit, 7),
      number(tags.pixelRepresentation, 0),
      { tag: tags.pixelData, vr: "OB", value: pixels },
    ],
    explicitLittle,
  );
  const frames = (await framesOf(await readDicom(new MemorySource(file))))!;
  expect([...(await bytesOf(await nativeFrame(frames, 1, undefined)))]).toEqual([...pixels.subarray(12)]);
});

it("of 2 GB of frames only the one that is asked for is read", async () => {
  const folder = mkdtempSync(join(tmpdir(), "scanseal-frames-"));
  try {
    const path = join(folder, "frames.dcm");
    writeSparseMultiFrame(path, 4_000);
    const file = await openFileSource(path);
    let read = 0;
    const counting: ByteSource = {
      size: file.size,
      read: (offset, length) => {
        read += length;
        return file.read(offset, length);
      },
    };
    const frames = (await framesOf(await readDicom(counting)))!;
    const frame = await storedFrame(frames, 3_999);
    await bytesOf(frame);
    expect(read).toBeLessThan(frame.length + 1_000_000);
    await file.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
