/** A Key Object Selection document "Signed Complete Acquisition Content": PS3.3 A.35.4 and C.17.6.2, PS3.16 TID 2010. */
import { findElement, plainTextOf } from "../../dicom/elements.ts";
import { encodePart10, type NewElement, textElement } from "../../dicom/encode.ts";
import type { DataElement, DicomObject } from "../../dicom/model.ts";
import { type Tag, tags } from "../../dicom/tags.ts";
import { explicitLittleEndianUid } from "../../dicom/transfer-syntax.ts";
import type { Vr } from "../../dicom/vr.ts";
import { signatureTags } from "../../digital-signatures/attributes.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import {
  keyObjectTags as at,
  completeAcquisition,
  descriptionOf,
  keyObjectClass,
  keyObjectDescription,
} from "../../zero-trust/evidence/key-object.ts";

/** How one instance is referenced. */
export interface Reference {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  /** Of its DICOM Digital Signature that names the manifest: (0400,0100), (0400,0120). */
  readonly signature: { readonly uid: string; readonly value: Bytes };
  readonly hasPixels: boolean;
}

export interface KeyObjectContent {
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
  /** Of the series manifest that it repeats. */
  readonly version: number;
  /** Payload digest of that manifest. */
  readonly manifest: string;
  /** Milliseconds since 1970. */
  readonly madeAt: number;
  readonly studyInstanceUid: string;
  readonly listedSeriesUid: string;
  readonly references: readonly Reference[];
  /** Whose patient and study it repeats. */
  readonly model: readonly NewElement[];
}

/** Patient and study (PS3.3 C.7.1.1, C.7.2.1): type 1 and 2, and the character set they are written in. */
const copied: readonly (readonly [Tag, Vr])[] = [
  [tags.specificCharacterSet, "CS"],
  [0x00080020, "DA"],
  [0x00080030, "TM"],
  [0x00080050, "SH"],
  [0x00080090, "PN"],
  [tags.patientName, "PN"],
  [tags.patientId, "LO"],
  [0x00100030, "DA"],
  [0x00100040, "CS"],
  [tags.studyInstanceUid, "UI"],
  [0x00200010, "SH"],
];

/** What the document has in common with an object of the study. Empty where that has nothing. */
export function modelOf({ elements }: DicomObject): readonly NewElement[] {
  return copied.flatMap(([tag, vr]) => {
    const value = findElement(elements, tag)?.value;
    // A character set that is not needed is not named (PS3.3 C.12.1.1.2).
    if (tag === tags.specificCharacterSet && !value?.length) return [];
    // The source's bytes may be given back; the document stays.
    return [{ tag, vr, value: (value ?? new Uint8Array(0)).slice() }];
  });
}

/** How an object is referenced; undefined where it has not that signature. */
export function referenceTo({ elements }: DicomObject, signatureUid: string): Reference | undefined {
  for (const item of findElement(elements, tags.digitalSignaturesSequence)?.items ?? []) {
    const value = findElement(item.elements, signatureTags.signature)?.value;
    if (plainTextOf(item.elements, signatureTags.digitalSignatureUid) !== signatureUid || !value) continue;
    return {
      sopClassUid: plainTextOf(elements, tags.sopClassUid) ?? "",
      sopInstanceUid: plainTextOf(elements, tags.sopInstanceUid) ?? "",
      signature: { uid: signatureUid, value: value.slice() },
      hasPixels: hasPixels(elements),
    };
  }
  return undefined;
}

function hasPixels(elements: readonly DataElement[]): boolean {
  const pixels = [tags.pixelData, tags.floatPixelData, tags.doubleFloatPixelData];
  return pixels.some((tag) => findElement(elements, tag) !== undefined);
}

/** The document as a file, unsigned. The same content gives the same bytes. @throws ScansealError `usage` for a value too long for its VR */
export function encodeKeyObject(content: KeyObjectContent): Bytes {
  const { sopInstanceUid, seriesInstanceUid, version, manifest, madeAt, references } = content;
  const moment = new Date(madeAt).toISOString().replace("Z", "").split("T");
  const [date = "", time = ""] = moment.map((part) => part.replaceAll(/[-:]/g, ""));
  return encodePart10(
    [
      ...content.model,
      textElement(tags.sopClassUid, "UI", keyObjectClass),
      textElement(tags.sopInstanceUid, "UI", sopInstanceUid),
      textElement(at.contentDate, "DA", date),
      textElement(at.contentTime, "TM", time),
      textElement(tags.modality, "CS", "KO"),
      textElement(0x00080070, "LO", "Scanseal"),
      // Content date and time are in UTC (PS3.3 C.12.1.1.8).
      textElement(0x00080201, "SH", "+0000"),
      { tag: 0x00081111, vr: "SQ", items: [] },
      textElement(tags.seriesInstanceUid, "UI", seriesInstanceUid),
      // Behind the series of the scan, where viewers sort by number.
      textElement(0x00200011, "IS", String(9000 + version)),
      textElement(tags.instanceNumber, "IS", "1"),
      textElement(0x0040a040, "CS", "CONTAINER"),
      concept(completeAcquisition, "Signed Complete Acquisition Content"),
      textElement(0x0040a050, "CS", "SEPARATE"),
      evidenceOf(content),
      {
        tag: 0x0040a504,
        vr: "SQ",
        items: [[textElement(0x00080105, "CS", "DCMR"), textElement(0x0040db00, "CS", "2010")]],
      },
      {
        tag: at.contentSequence,
        vr: "SQ",
        items: [descriptionItem(version, manifest), ...references.map(contentItem)],
      },
    ],
    explicitLittleEndianUid,
  );
}

function concept(code: { readonly value: string; readonly scheme: string }, meaning: string): NewElement {
  const item = [
    textElement(at.codeValue, "SH", code.value),
    textElement(at.codingScheme, "SH", code.scheme),
    textElement(signatureTags.codeMeaning, "LO", meaning),
  ];
  return { tag: at.conceptNameSequence, vr: "SQ", items: [item] };
}

/** Hierarchical SOP Instance Reference Macro (PS3.3 C.17.2.1). The signature's UID begins the digest of the object's manifest. */
function evidenceOf({ studyInstanceUid, listedSeriesUid, references }: KeyObjectContent): NewElement {
  const sops = references.map((reference) => [
    ...classAndInstance(reference),
    {
      tag: at.referencedDigitalSignatureSequence,
      vr: "SQ" as const,
      items: [
        [
          textElement(at.digitalSignatureUid, "UI", reference.signature.uid),
          { tag: signatureTags.signature, vr: "OB" as const, value: reference.signature.value },
        ],
      ],
    },
  ]);
  const series: NewElement[] = [
    { tag: at.referencedSopSequence, vr: "SQ", items: sops },
    textElement(tags.seriesInstanceUid, "UI", listedSeriesUid),
  ];
  const study: NewElement[] = [
    { tag: at.referencedSeriesSequence, vr: "SQ", items: [series] },
    textElement(tags.studyInstanceUid, "UI", studyInstanceUid),
  ];
  return { tag: at.evidenceSequence, vr: "SQ", items: [study] };
}

function classAndInstance({ sopClassUid, sopInstanceUid }: Reference): NewElement[] {
  return [
    textElement(at.referencedSopClassUid, "UI", sopClassUid),
    textElement(at.referencedSopInstanceUid, "UI", sopInstanceUid),
  ];
}

function descriptionItem(version: number, manifest: string): NewElement[] {
  return [
    textElement(0x0040a010, "CS", "CONTAINS"),
    textElement(0x0040a040, "CS", "TEXT"),
    concept(keyObjectDescription, "Key Object Description"),
    textElement(at.textValue, "UT", descriptionOf(version, manifest)),
  ];
}

function contentItem(reference: Reference): NewElement[] {
  const isWaveform = reference.sopClassUid.startsWith("1.2.840.10008.5.1.4.1.1.9.");
  const type = reference.hasPixels ? "IMAGE" : isWaveform ? "WAVEFORM" : "COMPOSITE";
  return [
    { tag: at.referencedSopSequence, vr: "SQ", items: [classAndInstance(reference)] },
    textElement(0x0040a010, "CS", "CONTAINS"),
    textElement(0x0040a040, "CS", type),
  ];
}
