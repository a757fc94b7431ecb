/** What may be approved as an archive's habit, and what never: the closed lists of spec/derivations.md, "Archives' habits". */
import { lookup } from "../../dicom/dictionary/dictionary.ts";
import { classOfAttribute } from "./attribute-classes.ts";

/** Text about the study and its series that nobody measures, plans or identifies by. Class clinical, for a lie in it can mislead. */
const descriptive: ReadonlySet<string> = new Set(["0008103E", "0008103F"]);

/** Who it is, which order it is, how the bytes of names are read, and who vouches for the object. */
const neverTags: ReadonlySet<string> = new Set([
  "00080005", // Specific Character Set: the same bytes would be another name
  "00080050", // Accession Number
  "00080051",
  "00100010", // Patient's Name
  "00100020", // Patient ID, its issuers and types
  "00100021",
  "00100022",
  "00100024",
  "00100030", // Patient's Birth Date
  "00100032",
  "00100033",
  "00100034",
  "00100035",
  "00100040", // Patient's Sex
  "00100041",
  "00100044",
  "00100045",
  "00101000", // Other Patient IDs, Names, Birth Name
  "00101001",
  "00101002",
  "00101005",
  "00101060",
  "00104000", // Patient Comments
  "00120040", // Subject of a clinical trial, who has no other name there
  "00120042",
  "00200010", // Study ID
  "00380010", // Admission ID
  "00401001", // Requested Procedure ID
  "00402016", // Placer and filler order numbers
  "00402017",
]);

/** Pixel description, geometry, acquisition, LUTs and presentation, overlays, curves, functional groups, signatures, pixels. */
const neverGroups: ReadonlySet<string> = new Set([
  "0018",
  "0028",
  "0048",
  "0062",
  "0070",
  "0400",
  "2050",
  "4FFE",
  "5200",
  "7FE0",
  "FFFA",
]);
const neverGroupForms = /^(?:30|50|54|56|60|7F)/;

/** Why a change at that path is never a habit; undefined where a person may approve it. */
export function neverHabit(path: string): string | undefined {
  if (path.includes("[")) return privateReason(path);
  for (const tag of path.split("/").filter((_, i) => i % 2 === 0)) {
    const group = tag.slice(0, 4);
    if (neverTags.has(tag)) return "it identifies the patient or the order";
    if (neverGroups.has(group) || neverGroupForms.test(group)) return "it describes or is the image";
    if (lookup(Number.parseInt(tag, 16))?.vr === "UI") return "it is a UID";
    if (tag.endsWith("0000") || tag === "00080001") return "it is a length, and holds something else";
  }
  if (descriptive.has(path.slice(0, 8))) return undefined;
  return classOfAttribute(path.replaceAll("*", "0")) === "clinical" ? "it is clinical" : undefined;
}

function privateReason(path: string): string | undefined {
  if (path.startsWith("0071[SCANSEAL 1.0]")) return "it is the seal";
  if (path.includes("/")) return "it stands in an item";
  return path.includes("[]") ? "it has no creator" : undefined;
}
