/** Whom a notice is about: patient and study as they are known, each value as its VR allows or left empty. */
import type { JsonDataSet, JsonElement, JsonPersonName, JsonValue } from "../../dicom/json/json-model.ts";
import type { Tag } from "../../dicom/tags.ts";
import { tagHex } from "../../dicom/tags.ts";

interface SubjectAttribute {
  readonly tag: Tag;
  readonly vr: "CS" | "DA" | "LO" | "PN" | "SH" | "TM";
  /** Type 2 of the Patient and General Study Modules (PS3.3 C.7.1.1, C.7.2.1): there, if empty. */
  readonly isAlwaysThere?: boolean;
}

const attributes: readonly SubjectAttribute[] = [
  { tag: 0x00080020, vr: "DA", isAlwaysThere: true },
  { tag: 0x00080030, vr: "TM", isAlwaysThere: true },
  { tag: 0x00080050, vr: "SH", isAlwaysThere: true },
  { tag: 0x00080090, vr: "PN", isAlwaysThere: true },
  { tag: 0x00081030, vr: "LO" },
  { tag: 0x00100010, vr: "PN", isAlwaysThere: true },
  { tag: 0x00100020, vr: "LO", isAlwaysThere: true },
  { tag: 0x00100021, vr: "LO" },
  { tag: 0x00100030, vr: "DA", isAlwaysThere: true },
  { tag: 0x00100040, vr: "CS", isAlwaysThere: true },
  { tag: 0x00200010, vr: "SH", isAlwaysThere: true },
];

export const subjectTags: readonly Tag[] = attributes.map(({ tag }) => tag);

/** PS3.5 6.2, in characters. */
const lengthMax = { LO: 64, SH: 16 } as const;
const forms = {
  CS: /^[A-Z0-9 _]{1,16}$/,
  DA: /^\d{8}$/,
  TM: /^\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?$/,
} as const;
const nameGroupMax = 64;

/** A value that is too long is another value when it is cut: an ID another patient's. So what does not fit is left empty. */
export function subjectOf(known: JsonDataSet): JsonDataSet {
  const out: Record<string, JsonElement> = {};
  for (const { tag, vr, isAlwaysThere } of attributes) {
    const key = tagHex(tag).toUpperCase();
    const [value, ...more] = known[key]?.Value ?? [];
    const fitting = more.length > 0 || value === undefined ? undefined : fitted(value, vr);
    if (fitting !== undefined) out[key] = { vr, Value: [fitting] };
    else if (isAlwaysThere === true) out[key] = { vr };
  }
  return out;
}

function fitted(value: JsonValue, vr: SubjectAttribute["vr"]): JsonValue | undefined {
  if (vr === "PN") return value === null || typeof value !== "object" ? undefined : fittedName(value);
  if (typeof value !== "string" || !isPlain(value)) return undefined;
  if (vr === "LO" || vr === "SH") return [...value].length <= lengthMax[vr] ? value : undefined;
  return forms[vr].test(value) ? value : undefined;
}

function fittedName(value: object): JsonPersonName | undefined {
  const { Alphabetic, Ideographic, Phonetic } = value as JsonPersonName;
  const groups = { Alphabetic, Ideographic, Phonetic };
  const isFitting = Object.values(groups).every(
    (group) =>
      group === undefined ||
      (typeof group === "string" &&
        isPlain(group) &&
        !group.includes("=") &&
        [...group].length <= nameGroupMax &&
        group.split("^").length <= 5),
  );
  if (!isFitting) return undefined;
  return Object.fromEntries(Object.entries(groups).filter(([, group]) => group !== undefined));
}

/** A backslash separates values; controls have no place in these VRs. */
function isPlain(text: string): boolean {
  return !/[\\\u0000-\u001f\u007f-\u009f]/.test(text) && text.isWellFormed();
}
