import { generateKeyPairSync, randomBytes } from "node:crypto";
import { afterAll, describe, expect, it } from "vitest";
import { encodePart10, type NewElement, numberElement, textElement } from "../dicom/encode.ts";
import type { DicomObject } from "../dicom/model.ts";
import { frameSamples } from "../dicom/pixel-data/frame-samples.ts";
import { framesOf, type PixelFrames } from "../dicom/pixel-data/frames.ts";
import { pixelDataElements } from "../dicom/pixel-data/pixel-data-writer.ts";
import { planesOf } from "../dicom/pixel-data/sample-planes.ts";
import { readDicom } from "../dicom/read.ts";
import { writeToBytes } from "../dicom/splice.ts";
import { tags } from "../dicom/tags.ts";
import { MemorySource } from "../foundation/byte-source.ts";
import { toHex } from "../foundation/bytes.ts";
import type { Signer } from "../foundation/crypto.ts";
import { checkFrame } from "../invisible-watermark/check.ts";
import { keySigner } from "../keys/custody/device-keys.ts";
import { CodecPool } from "../platform/node/codecs/codec-pool.ts";
import { nodeCrypto, nodeRandom } from "../platform/node/crypto.ts";
import { decodeWatermarkTable } from "../provenance/manifest/watermark-table.ts";
import { InlineFrameMarker } from "./frame-marking.ts";
import { markObject, type ObjectMark, type ObjectMarkingPorts } from "./object-marking.ts";

const native = "1.2.840.10008.1.2.1";
const big = "1.2.840.10008.1.2.2";
const codecs = new CodecPool();
afterAll(() => codecs.close());

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const spki = new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
const signer: Signer = keySigner(privateKey, randomBytes(64), "SHA-256");

const ports: ObjectMarkingPorts = {
  crypto: nodeCrypto,
  random: nodeRandom,
  decoder: codecs,
  encoder: codecs,
  marker: new InlineFrameMarker(nodeCrypto),
  keys: { locatorKey: nodeRandom.bytes(32), recoveryKey: nodeRandom.bytes(32) },
  refuse: () => undefined,
  signer,
};

interface Image {
  readonly syntax?: string;
  readonly samples?: number;
  readonly bits?: 8 | 16;
  readonly frames: readonly ("anatomy" | "blank")[];
  readonly more?: readonly NewElement[];
}

const side = 192;

/** A disc with noise on a quiet background, and not the same in any two frames. */
function anatomy(seed: number, samples: number, bits: number): Uint8Array {
  const out = new Uint8Array((side * side * samples * bits) / 8);
  const view = new DataView(out.buffer);
  let state = seed + 1;
  for (let i = 0; i < side * side * samples; i++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    const place = Math.floor(i / samples);
    const [x, y] = [(place % side) - side / 2, Math.floor(place / side) - side / 2];
    const inside = Math.hypot(x, y) < side / 3;
    const value = inside
      ? (bits === 8 ? 110 : 1000) + Math.round(x / 4) + ((state >>> 16) % 17)
      : 20 + ((state >>> 16) & 3);
    if (bits === 8) view.setUint8(i, value);
    else view.setUint16(2 * i, value, true);
  }
  return out;
}

function sampleFrames({ samples = 1, bits = 16, frames }: Image): Uint8Array[] {
  return frames.map((kind, i) =>
    kind === "anatomy"
      ? anatomy(i, samples, bits)
      : new Uint8Array((side * side * samples * bits) / 8).fill(3),
  );
}

async function objectOf(image: Image): Promise<DicomObject> {
  const { syntax = native, samples = 1, bits = 16, frames, more = [] } = image;
  const elements: NewElement[] = [
    textElement(tags.sopClassUid, "UI", "1.2.840.10008.5.1.4.1.1.7"),
    textElement(tags.sopInstanceUid, "UI", "2.25.1"),
    numberElement(tags.samplesPerPixel, "US", samples),
    textElement(tags.photometricInterpretation, "CS", samples === 3 ? "RGB" : "MONOCHROME2"),
    ...(samples === 3 ? [numberElement(tags.planarConfiguration, "US", syntax === native ? 1 : 0)] : []),
    textElement(tags.numberOfFrames, "IS", `${frames.length}`),
    numberElement(tags.rows, "US", side),
    numberElement(tags.columns, "US", side),
    numberElement(tags.bitsAllocated, "US", bits),
    numberElement(tags.bitsStored, "US", bits),
    numberElement(tags.highBit, "US", bits - 1),
    numberElement(tags.pixelRepresentation, "US", 0),
    ...more,
  ];
  const pixels = { tag: tags.pixelData, vr: "OW" } as const;
  const isNative = syntax === native || syntax === big;
  const plain = sampleFrames(image);
  const shell = await readDicom(
    new MemorySource(
      encodePart10(
        [...elements, { ...pixels, value: new Uint8Array(plain.length * plain[0]!.length) }],
        native,
      ),
    ),
  );
  const shellFrames = (await framesOf(shell))!;
  if (syntax === native) {
    const edits = pixelDataElements(shellFrames, plain).map((element) => ({ kind: "put", element }) as const);
    return readDicom(new MemorySource(await writeToBytes(shell, edits)));
  }
  if (isNative) {
    const value = new Uint8Array(Buffer.concat(plain));
    return readDicom(new MemorySource(encodePart10([...elements, { ...pixels, value }], syntax)));
  }
  const codestreams: Uint8Array[] = [];
  for (const frame of plain) {
    const request = { transferSyntaxUid: syntax, attributes: shellFrames.attributes, samples: frame };
    codestreams.push((await codecs.encode(request)).codestream);
  }
  const encapsulated: NewElement = { tag: tags.pixelData, vr: "OB", frames: codestreams };
  return readDicom(new MemorySource(encodePart10([...elements, encapsulated], syntax)));
}

async function marked(object: DicomObject, mark: ObjectMark): Promise<PixelFrames> {
  const after = await readDicom(new MemorySource(await writeToBytes(object, mark.edits)));
  return (await framesOf(after))!;
}

async function mustMark(object: DicomObject, changed: Partial<ObjectMarkingPorts> = {}): Promise<ObjectMark> {
  const mark = await markObject(object, { ...ports, ...changed });
  if ("reason" in mark) throw new Error(mark.reason);
  return mark;
}

async function checkOf(frames: PixelFrames, index: number) {
  const samples = await frameSamples(frames, index, codecs);
  const planes = planesOf(frames.attributes, samples as Uint8Array);
  if ("reason" in planes) throw new Error(planes.reason);
  return (await checkFrame(planes, nodeCrypto, () => spki)).facts;
}

describe("marking an object", () => {
  it.each<[string, Image]>([
    ["native, two frames", { frames: ["anatomy", "anatomy"] }],
    ["big endian", { syntax: big, frames: ["anatomy"] }],
    ["8 bits", { bits: 8, frames: ["anatomy"] }],
    ["RGB by plane", { bits: 8, samples: 3, frames: ["anatomy", "anatomy"] }],
    ["RLE", { syntax: "1.2.840.10008.1.2.5", frames: ["anatomy"] }],
    ["JPEG lossless", { syntax: "1.2.840.10008.1.2.4.70", frames: ["anatomy"] }],
    ["JPEG-LS", { syntax: "1.2.840.10008.1.2.4.80", frames: ["anatomy", "anatomy"] }],
    ["JPEG-LS, RGB", { syntax: "1.2.840.10008.1.2.4.80", bits: 8, samples: 3, frames: ["anatomy"] }],
    ["JPEG 2000", { syntax: "1.2.840.10008.1.2.4.90", frames: ["anatomy"] }],
    ["HTJ2K", { syntax: "1.2.840.10008.1.2.4.201", frames: ["anatomy"] }],
  ])("%s: every frame is intact, and says which it is", async (_, image) => {
    const object = await objectOf(image);
    const mark = await mustMark(object);
    const frames = await marked(object, mark);
    for (let index = 0; index < image.frames.length; index++) {
      expect(await checkOf(frames, index)).toMatchObject({
        intact: true,
        frameNo: index,
        contentId: mark.watermark.contentId,
        keyId: mark.watermark.keyId,
      });
    }
    const table = decodeWatermarkTable(mark.watermark.table);
    expect(table.frames.map((frame) => frame?.tileDigests.length)).toEqual(image.frames.map(() => 8 * 144));
    expect(mark.watermark.frames).toBe(image.frames.length);
  });

  it("gives the same marks again from their record, and others without", async () => {
    const object = await objectOf({
      syntax: "1.2.840.10008.1.2.4.80",
      frames: ["anatomy", "blank", "anatomy"],
    });
    const first = await mustMark(object);
    const again = await markObject(object, { ...ports, refuse: () => "choice" }, first.record);
    const bytesOf = async (mark: typeof again): Promise<string> =>
      toHex(await writeToBytes(object, (mark as ObjectMark).edits));
    expect(await bytesOf(again)).toBe(await bytesOf(first));
    expect((again as ObjectMark).watermark.table).toEqual(first.watermark.table);
    expect(await bytesOf(await mustMark(object))).not.toBe(await bytesOf(first));
    const other = await objectOf({ frames: ["anatomy"] });
    await expect(markObject(other, ports, first.record)).rejects.toMatchObject({ code: "internal" });
  });

  it("leaves a frame as it is that cannot be marked, beside others that are", async () => {
    const image: Image = { frames: ["anatomy", "blank", "anatomy"] };
    const object = await objectOf(image);
    const mark = await mustMark(object);
    expect(mark.watermark.frames).toBe(2);
    expect(mark.record.signatures.map((one) => one?.length)).toEqual([64, undefined, 64]);
    const frames = await marked(object, mark);
    expect(await checkOf(frames, 1)).toEqual({ found: false, reason: "unreadable" });
    expect(await frameSamples(frames, 1, codecs)).toEqual(sampleFrames(image)[1]);
    expect(await markObject(await objectOf({ frames: ["blank"] }), ports)).toEqual({ reason: "noise" });
  });

  it("says why nothing is marked", async () => {
    const object = await objectOf({ frames: ["anatomy"] });
    const reasonOf = async (one: DicomObject, changed: Partial<ObjectMarkingPorts> = {}) =>
      markObject(one, { ...ports, ...changed });
    expect(await reasonOf(object, { refuse: () => "modality" })).toEqual({ reason: "modality" });
    expect(await reasonOf(object, { signer: { ...signer, keyType: "RSA" } })).toEqual({
      reason: "signer-key",
    });
    const padding = [numberElement(tags.pixelPaddingValue, "US", 1000)];
    expect(await reasonOf(await objectOf({ frames: ["anatomy"], more: padding }))).toEqual({
      reason: "padding",
    });
    const nothing = encodePart10(
      [textElement(tags.sopClassUid, "UI", "1.2"), textElement(tags.sopInstanceUid, "UI", "2.25.1")],
      native,
    );
    expect(await reasonOf(await readDicom(new MemorySource(nothing)))).toEqual({ reason: "no-pixels" });
    const signature = textElement(0x04000100, "UI", "2.25.2");
    const signed: NewElement = { tag: tags.digitalSignaturesSequence, vr: "SQ", items: [[signature]] };
    expect(await reasonOf(await objectOf({ frames: ["anatomy"], more: [signed] }))).toEqual({
      reason: "signed",
    });
    // A codestream that no decoder reads is sealed as it is.
    const codestream: NewElement = { tag: tags.pixelData, vr: "OB", frames: [new Uint8Array(100)] };
    const [sop, ...rest] = object.elements.filter(({ tag }) => tag !== tags.pixelData);
    const elements = [sop!, ...rest].map(({ tag, vr, value }) => ({ tag, vr, value: value! }) as NewElement);
    const broken = encodePart10([...elements, codestream], "1.2.840.10008.1.2.4.90");
    const { reason } = (await reasonOf(await readDicom(new MemorySource(broken)))) as { reason: string };
    expect(["encoding", "lossy"]).toContain(reason);
  });

  it("does not mark what would grow by more than a tenth", async () => {
    // Flat areas that RLE makes nearly nothing of.
    const flat = await objectOf({ bits: 8, frames: ["anatomy"], syntax: "1.2.840.10008.1.2.4.80" });
    const frames = (await framesOf(flat))!;
    const samples = sampleFrames({ bits: 8, frames: ["anatomy"] })[0]!.map((value) => value & 0xf0);
    const request = { transferSyntaxUid: flat.transferSyntax.uid, attributes: frames.attributes, samples };
    const { codestream } = await codecs.encode(request);
    const edits = pixelDataElements(frames, [codestream]).map(
      (element) => ({ kind: "put", element }) as const,
    );
    const object = await readDicom(new MemorySource(await writeToBytes(flat, edits)));
    expect(await markObject(object, ports)).toEqual({ reason: "growth" });
  });

  it("the signer's failure ends it, with nothing left running", async () => {
    const object = await objectOf({ frames: ["anatomy", "anatomy", "anatomy", "anatomy", "anatomy"] });
    let asked = 0;
    const failing: Signer = {
      ...signer,
      start: () => ({
        update: () => undefined,
        sign: async () => {
          asked++;
          throw new Error("the token was pulled out");
        },
      }),
    };
    await expect(markObject(object, { ...ports, signer: failing })).rejects.toThrow("token");
    expect(asked).toBeLessThan(5);
  });
});
