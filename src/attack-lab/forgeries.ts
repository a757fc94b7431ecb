/** What an attacker does to a sealed object. Each is an edit of the object's own bytes; what comes of it is verify's to say. */
import { swapped } from "../dicom/byte-plan.ts";
import { findElement } from "../dicom/elements.ts";
import { type NewElement, numberElement, textElement } from "../dicom/encode.ts";
import type { DicomObject } from "../dicom/model.ts";
import { imageAttributesOf } from "../dicom/pixel-data/image-attributes.ts";
import type { Edit } from "../dicom/splice.ts";
import { elementOf, groupOf, isPrivateCreator, type Tag, tags } from "../dicom/tags.ts";
import { type Bytes, latin1 } from "../foundation/bytes.ts";
import { ScansealError } from "../foundation/errors.ts";

/** Another patient's name and identifier over the same image. */
export function swapPatient(name: string, id: string): Edit[] {
  return [
    { kind: "put", element: textElement(tags.patientName, "PN", name) },
    { kind: "put", element: textElement(tags.patientId, "LO", id) },
  ];
}

/**
 * New samples for the whole native pixel data, little endian.
 * @throws ScansealError `usage` when there is no native pixel data of that length
 */
export function replacePixels(object: DicomObject, samples: Bytes): Edit[] {
  const pixels = findElement(object.elements, tags.pixelData);
  if (!pixels || pixels.fragments || pixels.length !== samples.length) {
    throw new ScansealError("usage", "no native pixel data of that length", { tag: tags.pixelData });
  }
  return [{ kind: "put", element: { tag: tags.pixelData, vr: pixels.vr, value: samples } }];
}

/** Left becomes right; every header stays. */
export async function flipSide(object: DicomObject): Promise<Edit[]> {
  const { samples, rows, columns, bytes } = await nativeSamples(object);
  const out = new Uint8Array(samples.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const from = (row * columns + column) * bytes;
      const to = (row * columns + (columns - 1 - column)) * bytes;
      for (let k = 0; k < bytes; k++) out[to + k] = samples[from + k]!;
    }
  }
  return replacePixels(object, out);
}

/** The samples of a native single-frame image of one sample per pixel, little endian. */
export async function nativeSamples(
  object: DicomObject,
): Promise<{ samples: Bytes; rows: number; columns: number; bytes: number }> {
  const attributes = imageAttributesOf(object);
  const pixels = findElement(object.elements, tags.pixelData);
  const plain =
    attributes?.samplesPerPixel === 1 &&
    attributes.numberOfFrames === 1 &&
    attributes.bitsAllocated % 8 === 0;
  if (!attributes || !pixels || pixels.fragments || !plain) {
    throw new ScansealError("usage", "not a native single-frame image of one sample per pixel");
  }
  const { rows, columns, bitsAllocated } = attributes;
  const bytes = bitsAllocated / 8;
  const raw = await object.dataSource.read(pixels.valueOffset, rows * columns * bytes);
  const samples = pixels.encoding.bigEndian && pixels.vr === "OW" ? swapped(raw, 2) : raw.slice();
  return { samples, rows, columns, bytes };
}

/** An overlay plane (PS3.3 C.9.2) that hides a rectangle: no pixel of the image is touched. */
export function insertOverlay(
  rows: number,
  columns: number,
  box: { readonly top: number; readonly left: number; readonly height: number; readonly width: number },
): Edit[] {
  const bits = new Uint8Array(Math.ceil((rows * columns) / 16) * 2);
  for (let row = box.top; row < Math.min(rows, box.top + box.height); row++) {
    for (let column = box.left; column < Math.min(columns, box.left + box.width); column++) {
      const bit = row * columns + column;
      bits[bit >> 3]! |= 1 << (bit & 7);
    }
  }
  const elements: NewElement[] = [
    numberElement(0x60000010, "US", rows),
    numberElement(0x60000011, "US", columns),
    textElement(0x60000040, "CS", "G"),
    numberElement(0x60000050, "SS", 1, 1),
    numberElement(0x60000100, "US", 1),
    numberElement(0x60000102, "US", 0),
    { tag: 0x60003000, vr: "OW", value: bits },
  ];
  return elements.map((element) => ({ kind: "put", element }));
}

/** Every trace of the seal: our private block, MAC parameters and signatures. */
export function stripSeal(object: DicomObject): Edit[] {
  const creator = object.elements.find(
    ({ tag, value }) =>
      groupOf(tag) === 0x0071 && isPrivateCreator(tag) && value && latin1(value).startsWith("SCANSEAL"),
  );
  const isSeal = (tag: Tag): boolean =>
    tag === tags.macParametersSequence ||
    tag === tags.digitalSignaturesSequence ||
    (creator !== undefined &&
      groupOf(tag) === 0x0071 &&
      (tag === creator.tag || elementOf(tag) >>> 8 === elementOf(creator.tag)));
  return object.elements.filter(({ tag }) => isSeal(tag)).map(({ tag }) => ({ kind: "remove", path: [tag] }));
}
