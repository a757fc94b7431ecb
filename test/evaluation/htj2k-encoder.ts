/** Rewrites a native single-sample or RGB image in HTJ2K (lossless), as a modern archive would: OpenJPH's encoder, our own encapsulation. */
import { createRequire } from "node:module";
import { rewriteObject } from "../../src/attack-lab/rewrites.ts";
import { feedPlan } from "../../src/dicom/byte-plan.ts";
import { encodeElement, encodeMeta } from "../../src/dicom/encode.ts";
import type { DicomObject } from "../../src/dicom/model.ts";
import { canonicalFrame } from "../../src/dicom/pixel-data/canonical-frames.ts";
import { framesOf } from "../../src/dicom/pixel-data/frames.ts";
import { tags } from "../../src/dicom/tags.ts";
import { explicitLittleEndianUid } from "../../src/dicom/transfer-syntax.ts";
import { type Bytes, concatBytes } from "../../src/foundation/bytes.ts";
import { parse } from "./fixture.ts";

interface Encoder {
  getDecodedBuffer(info: object): Uint8Array;
  setQuality(reversible: boolean, step: number): void;
  encode(): void;
  getEncodedBuffer(): Uint8Array;
  delete(): void;
}

const load = createRequire(import.meta.url);
const htj2kLosslessUid = "1.2.840.10008.1.2.4.201";

/** Undefined where this encoder has no form for the samples. */
export async function asHtj2k(object: DicomObject): Promise<Bytes | undefined> {
  if (object.transferSyntax.encapsulated) return undefined;
  const explicit = await parse(
    await rewriteObject(object, { transferSyntaxUid: explicitLittleEndianUid }),
    object.tolerated.map(({ code }) => code),
  );
  const pixels = await framesOf(explicit);
  if (pixels?.layout.kind !== "native" || pixels.attributes.kind !== "integer") return undefined;
  const { rows, columns, samplesPerPixel, bitsAllocated, bitsStored, pixelRepresentation } =
    pixels.attributes;
  const grey = samplesPerPixel === 1;
  // The build's encoder mixes up the components of colour over eight bits.
  if (!grey && bitsAllocated > 8) return undefined;
  if (bitsAllocated > 16 || bitsAllocated < 8 || (!grey && pixels.attributes.photometric !== "RGB"))
    return undefined;
  const factory = load("@cornerstonejs/codec-openjph") as (
    o: object,
  ) => Promise<Record<string, new () => Encoder>>;
  const module = await factory({ print: () => {}, printErr: () => {} });
  const frames: Bytes[] = [];
  for (let index = 0; index < pixels.attributes.numberOfFrames; index++) {
    const parts: Bytes[] = [];
    await feedPlan(
      [await canonicalFrame(pixels, index)],
      explicit.dataSource,
      (bytes) => void parts.push(bytes.slice()),
    );
    const encoder = new module.HTJ2KEncoder!();
    const info = {
      width: columns,
      height: rows,
      bitsPerSample: bitsStored,
      componentCount: samplesPerPixel,
      isSigned: pixelRepresentation === 1,
      isUsingColorTransform: !grey,
    };
    encoder.getDecodedBuffer(info).set(concatBytes(parts));
    encoder.setQuality(true, 0);
    encoder.encode();
    frames.push(encoder.getEncodedBuffer().slice());
    encoder.delete();
  }
  const element = explicit.elements.find(({ tag }) => tag === tags.pixelData)!;
  const encoding = { explicit: true, bigEndian: false };
  const value = (tag: number): Bytes => explicit.elements.find((e) => e.tag === tag)!.value!;
  const body = await explicit.source.read(explicit.metaEnd, element.offset - explicit.metaEnd);
  const rest = await explicit.source.read(element.end, explicit.source.size - element.end);
  return concatBytes([
    encodeMeta(value(tags.sopClassUid), value(tags.sopInstanceUid), htj2kLosslessUid),
    body,
    encodeElement({ tag: tags.pixelData, vr: "OB", frames }, encoding),
    rest,
  ]);
}
