/** A tiny two-frame object with one of everything that leaves are about. Invented values only. */
import { type NewElement, numberElement, padded, textElement } from "../../../src/dicom/encode.ts";
import { type Tag, tags } from "../../../src/dicom/tags.ts";
import type { Bytes } from "../../../src/foundation/bytes.ts";
import { fromLatin1 } from "../../../src/foundation/bytes.ts";

/** 4 x 6 pixels, 16 bits, two frames. */
export const samplePixels: Bytes = Uint8Array.from({ length: 96 }, (_, i) => (i % 2 === 0 ? 3 * i : i % 13));

/** `block` is the private block's number, 10 to FF: renumbering it must change no leaf. */
export function sampleElements(block = 0x10): NewElement[] {
  const low = (element: number): Tag => 0x00090000 + (block << 8) + element;
  const code = (value: string, meaning: string): NewElement[] => [
    textElement(0x00080100, "SH", value),
    textElement(0x00080102, "SH", "DCM"),
    textElement(0x00080104, "LO", meaning),
  ];
  return [
    textElement(tags.specificCharacterSet, "CS", "ISO_IR 100"),
    textElement(0x00080008, "CS", "ORIGINAL\\PRIMARY\\AXIAL"),
    textElement(tags.sopClassUid, "UI", "1.2.840.10008.5.1.4.1.1.2"),
    textElement(tags.sopInstanceUid, "UI", "2.25.1234567890"),
    textElement(0x00080020, "DA", "20260131"),
    textElement(tags.modality, "CS", "CT"),
    {
      tag: 0x00081140,
      vr: "SQ",
      items: [
        [
          textElement(0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.2"),
          textElement(0x00081155, "UI", "2.25.77"),
          {
            tag: 0x0040a170,
            vr: "SQ",
            items: [code("121311", "Localizer"), code("121312", "Biopsy localizer")],
          },
        ],
        [
          textElement(0x00081155, "UI", "2.25.78"),
          textElement(0x00090010, "LO", "ACME NESTED"),
          textElement(0x00091001, "SH", "inner"),
        ],
      ],
    },
    { tag: 0x00082112, vr: "SQ", items: [] },
    textElement(0x00090000 + block, "LO", "ACME 1.0"),
    textElement(low(1), "LO", "a private text "),
    { tag: low(2), vr: "OB", value: Uint8Array.of(1, 2, 3, 4) },
    {
      tag: low(3),
      vr: "SQ",
      items: [
        [
          textElement(0x00080100, "SH", "P-1"),
          { tag: 0x00111001, vr: "SQ", items: [[], [textElement(0x00080104, "LO", "deep")]] },
        ],
        [],
      ],
    },
    numberElement(low(4), "UL", 70_000, 3),
    textElement(tags.patientName, "PN", "Muster^Erika"),
    textElement(tags.patientId, "LO", "4711"),
    textElement(0x00180050, "DS", "1.25"),
    numberElement(0x00189310, "FD", 0.5),
    textElement(tags.studyInstanceUid, "UI", "2.25.1"),
    textElement(tags.seriesInstanceUid, "UI", "2.25.2"),
    ...pixelElements(),
  ];
}

function pixelElements(): NewElement[] {
  return [
    numberElement(tags.samplesPerPixel, "US", 1),
    textElement(tags.photometricInterpretation, "CS", "MONOCHROME2"),
    textElement(tags.numberOfFrames, "IS", "2"),
    numberElement(tags.rows, "US", 4),
    numberElement(tags.columns, "US", 6),
    numberElement(tags.bitsAllocated, "US", 16),
    numberElement(tags.bitsStored, "US", 16),
    numberElement(tags.highBit, "US", 15),
    numberElement(tags.pixelRepresentation, "US", 0),
    numberElement(0x00280106, "US", 2),
    { tag: 0x00281101, vr: "US", value: Uint8Array.of(4, 0, 0, 0, 16, 0) },
    { tag: 0x00420011, vr: "OB", value: padded(fromLatin1("%PDF-"), "OB") },
    { tag: tags.pixelData, vr: "OW", value: samplePixels },
  ];
}
