/** What is asked to be corrected, and of which objects: by hand, from a worklist, or from a message. */
import { characterSetOf, displayText } from "../../dicom/character-sets.ts";
import { lookup } from "../../dicom/dictionary/dictionary.ts";
import { findElement, nameTextOf } from "../../dicom/elements.ts";
import type { DataElement, DicomObject } from "../../dicom/model.ts";
import { formatTag, type Tag, tagHex, tags } from "../../dicom/tags.ts";
import { isVr, type Vr, vrTraits } from "../../dicom/vr.ts";
import { type Bytes, fromLatin1, utf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeTextDecoding } from "../../platform/node/text-decoding.ts";
import type { CorrectionBasis } from "../../provenance/manifest/correction-statement.ts";
import { classOfAttribute } from "../../zero-trust/evidence/attribute-classes.ts";

export interface RequestedCorrection {
  readonly basis: CorrectionBasis;
  /** Labels: printable ASCII. */
  readonly approvedBy: readonly string[];
  /** New values as people read them; "" for an empty one. */
  readonly values: ReadonlyMap<Tag, string>;
  /** Whom it is about: the patient as the objects name him now. Undefined: whoever has the studies. */
  readonly patient?: { readonly id: string; readonly issuer: string | undefined };
  /** Only these studies; undefined for all of the patient's that are given. */
  readonly studies?: readonly string[];
}

/** PS3.5 table 6.2-1: characters of one value. */
const charactersMax: Partial<Readonly<Record<Vr, number>>> = {
  AE: 16,
  AS: 4,
  CS: 16,
  DA: 8,
  DS: 16,
  DT: 26,
  IS: 12,
  LO: 64,
  LT: 10_240,
  PN: 324,
  SH: 16,
  ST: 1_024,
  TM: 14,
  UC: 10_240,
  UT: 10_240,
};

const forms: Partial<Readonly<Record<Vr, RegExp>>> = {
  CS: /^[A-Z0-9 _]*$/,
  DA: /^(?:\d{8})?$/,
  TM: /^[\d.]*$/,
  DT: /^[\d.+-]*$/,
  AS: /^(?:\d{3}[DWMY])?$/,
};

/** @throws ScansealError `usage` for what cannot be corrected, or not to that value; without the value */
export function requireCorrectable(tag: Tag, text: string): Vr {
  const at = formatTag(tag);
  const vr = lookup(tag)?.vr ?? "UN";
  if (classOfAttribute(tagHex(tag)) !== "identity")
    throw new ScansealError("usage", `${at} is no identity attribute: nothing explains a change of it`);
  if (tag === tags.specificCharacterSet || !isVr(vr) || !vrTraits[vr].text || charactersMax[vr] === undefined)
    throw new ScansealError("usage", `${at} is corrected by no value on the command line`);
  const isFit = text.length <= (charactersMax[vr] ?? 0) && (forms[vr]?.test(text) ?? true);
  if (!isFit || /[\p{Cc}\\]/u.test(text))
    throw new ScansealError("usage", `the value for ${at} is none that ${vr} can have`);
  return vr;
}

/** The text in the object's own character set. @throws ScansealError `usage` where that has no such characters */
export function encodedText({ elements }: Pick<DicomObject, "elements">, text: string, vr: Vr): Bytes {
  if (/^[ -~]*$/.test(text)) return fromLatin1(text);
  const set = nameTextOf(elements, tags.specificCharacterSet)?.split("\\")[0]?.trim();
  const isAffected = ["LO", "LT", "PN", "SH", "ST", "UC", "UT"].includes(vr);
  if (isAffected && set === "ISO_IR 192") return utf8(text);
  if (isAffected && set === "ISO_IR 100" && /^[ -~\u00a0-\u00ff]*$/.test(text)) return fromLatin1(text);
  throw new ScansealError("usage", "the value has characters that the object's character set cannot write");
}

/** "(0010,0020)=NEW". @throws ScansealError `usage` */
function settingOf(text: string): readonly [Tag, string] {
  const match = /^\(?([0-9A-Fa-f]{4}),?([0-9A-Fa-f]{4})\)?=(.*)$/s.exec(text);
  if (!match) throw new ScansealError("usage", `a correction is written "(0010,0020)=NEW"`);
  const tag = Number.parseInt(match[1]! + match[2]!, 16);
  requireCorrectable(tag, match[3]!);
  return [tag, match[3]!];
}

/** What a worklist item says of patient, order and visit (PS3.4 table K.6-1). */
const worklistTags: readonly Tag[] = [
  0x00080050, 0x00080090, 0x00100010, 0x00100020, 0x00100021, 0x00100030, 0x00100040, 0x00321060, 0x00380010,
  0x00401001,
];

/**
 * What a modality worklist item says of its study. An attribute that it lacks is not corrected.
 * @throws ScansealError `usage` for an object that is no such item
 */
export function worklistCorrection({ elements }: DicomObject): RequestedCorrection {
  const study = nameTextOf(elements, tags.studyInstanceUid);
  if (study === undefined || !findElement(elements, 0x00400100))
    throw new ScansealError("usage", "it is no worklist item: it names no study, or no scheduled step");
  const set = characterSetOf(elements);
  const values = new Map<Tag, string>();
  for (const tag of worklistTags) {
    const element = findElement(elements, tag);
    const text = element && textOf(element, set);
    if (text === undefined || text === "") continue;
    requireCorrectable(tag, text);
    values.set(tag, text);
  }
  return { basis: "worklist", approvedBy: ["modality worklist"], values, studies: [study] };
}

function textOf(element: DataElement, set: ReturnType<typeof characterSetOf>): string | undefined {
  return displayText(element, set, nodeTextDecoding);
}

/** A correction by hand. @throws ScansealError `usage` */
export function personalCorrection(
  studies: readonly string[],
  settings: readonly string[],
  operator: string,
): RequestedCorrection {
  const values = new Map<Tag, string>();
  for (const setting of settings) {
    const [tag, text] = settingOf(setting);
    if (values.has(tag)) throw new ScansealError("usage", `${formatTag(tag)} is set twice`);
    values.set(tag, text);
  }
  return { basis: "person", approvedBy: [operator], values, studies };
}
