/** Key Object Selection documents titled "Signed Complete Acquisition Content" (PS3.3 A.35.4, PS3.16 CID 7010): a list of a series in DICOM's own form. */
import { findElement, plainTextOf } from "../../dicom/elements.ts";
import type { DataElement, DicomObject } from "../../dicom/model.ts";
import { type Tag, tags } from "../../dicom/tags.ts";
import { uidForm } from "../../dicom/uid.ts";
import type { ListedInstance } from "./series-evidence.ts";

export const keyObjectClass = "1.2.840.10008.5.1.4.1.1.88.59";
export const completeAcquisition = { value: "113035", scheme: "DCM" } as const;
export const keyObjectDescription = { value: "113012", scheme: "DCM" } as const;

/** What one series consists of, as a Key Object says. */
export interface KeyObjectList {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly instances: readonly ListedInstance[];
  /** Milliseconds since 1970: content date and time of our own documents, which are in UTC. */
  readonly madeAt: number | undefined;
  /** The series manifest that it repeats; undefined in documents of other software. */
  readonly repeats: { readonly version: number; readonly manifest: string } | undefined;
}

export const keyObjectTags = {
  referencedSeriesSequence: 0x00081115,
  referencedSopSequence: 0x00081199,
  referencedSopClassUid: 0x00081150,
  referencedSopInstanceUid: 0x00081155,
  contentDate: 0x00080023,
  contentTime: 0x00080033,
  codeValue: 0x00080100,
  codingScheme: 0x00080102,
  conceptNameSequence: 0x0040a043,
  textValue: 0x0040a160,
  evidenceSequence: 0x0040a375,
  contentSequence: 0x0040a730,
  digitalSignatureUid: 0x04000100,
  referencedDigitalSignatureSequence: 0x04000402,
} as const;

const descriptionForm = /^Scanseal series manifest, version ([1-9]\d{0,5}), SHA-256 ([0-9a-f]{64})$/;

/** What our own documents say of the manifest they repeat. Digests of manifests say nothing of a patient. */
export function descriptionOf(version: number, manifest: string): string {
  return `Scanseal series manifest, version ${version}, SHA-256 ${manifest}`;
}

/** Empty where the object is no such document. Whether it is what was sealed is judged elsewhere. */
export function keyObjectLists({ elements }: DicomObject): readonly KeyObjectList[] {
  if (plainTextOf(elements, tags.sopClassUid) !== keyObjectClass) return [];
  if (!hasCode(elements, completeAcquisition)) return [];
  const lists = itemsOf(elements, keyObjectTags.evidenceSequence).flatMap((study) =>
    itemsOf(study, keyObjectTags.referencedSeriesSequence).map((series): KeyObjectList => {
      const named = itemsOf(series, keyObjectTags.referencedSopSequence);
      return {
        studyInstanceUid: uidOf(study, tags.studyInstanceUid),
        seriesInstanceUid: uidOf(series, tags.seriesInstanceUid),
        instances: named.map(listedInstance),
        madeAt: undefined,
        repeats: undefined,
      };
    }),
  );
  const [only] = lists;
  const repeats = lists.length === 1 ? repeatedManifest(elements) : undefined;
  return only && repeats ? [{ ...only, repeats, madeAt: contentTimeOf(elements) }] : lists;
}

function listedInstance(item: readonly DataElement[]): ListedInstance {
  const [signature] = itemsOf(item, keyObjectTags.referencedDigitalSignatureSequence);
  return {
    sopInstanceUid: uidOf(item, keyObjectTags.referencedSopInstanceUid),
    digest: signature ? digestBeginning(uidOf(signature, keyObjectTags.digitalSignatureUid)) : "",
    instanceNumber: undefined,
  };
}

/** Our Digital Signature UID is the beginning of the manifest's digest; what is none of ours begins no digest. */
function digestBeginning(uid: string): string {
  const decimal = /^2\.25\.(\d{1,39})$/.exec(uid)?.[1];
  const hex = decimal === undefined ? "none" : BigInt(decimal).toString(16).padStart(32, "0");
  return hex.length === 32 ? hex : "none";
}

function repeatedManifest(elements: readonly DataElement[]): KeyObjectList["repeats"] {
  for (const item of itemsOf(elements, keyObjectTags.contentSequence)) {
    if (!hasCode(item, keyObjectDescription)) continue;
    const match = descriptionForm.exec(plainTextOf(item, keyObjectTags.textValue) ?? "");
    if (match) return { version: Number(match[1]), manifest: match[2]! };
  }
  return undefined;
}

/** "20260131" and "235959.123" in UTC, as our own documents have them. */
function contentTimeOf(elements: readonly DataElement[]): number | undefined {
  const date = /^(\d{4})(\d\d)(\d\d)$/.exec(plainTextOf(elements, keyObjectTags.contentDate) ?? "");
  const time = /^(\d\d)(\d\d)(\d\d\.\d{3})$/.exec(plainTextOf(elements, keyObjectTags.contentTime) ?? "");
  if (!date || !time) return undefined;
  const at = Date.parse(`${date.slice(1).join("-")}T${time.slice(1).join(":")}Z`);
  return Number.isNaN(at) ? undefined : at;
}

function hasCode(elements: readonly DataElement[], code: { value: string; scheme: string }): boolean {
  const [name] = itemsOf(elements, keyObjectTags.conceptNameSequence);
  return (
    name !== undefined &&
    plainTextOf(name, keyObjectTags.codeValue) === code.value &&
    plainTextOf(name, keyObjectTags.codingScheme) === code.scheme
  );
}

function itemsOf(elements: readonly DataElement[], tag: Tag): readonly (readonly DataElement[])[] {
  return findElement(elements, tag)?.items?.map((item) => item.elements) ?? [];
}

function uidOf(elements: readonly DataElement[], tag: Tag): string {
  const text = plainTextOf(elements, tag) ?? "";
  return uidForm.test(text) ? text : "";
}
