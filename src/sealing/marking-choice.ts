/** Which objects a device marks, and which it seals by digest only: the site's choice for each modality, else what such images are for. */
import { plainTextOf } from "../dicom/elements.ts";
import type { DicomObject } from "../dicom/model.ts";
import { tags } from "../dicom/tags.ts";
import type { DigestOnlyReason } from "./object-marking.ts";

/** Values of Modality (0008,0060). A modality in neither list has the default. */
export interface MarkingChoice {
  readonly marked: readonly string[];
  readonly digestOnly: readonly string[];
}

export const defaultMarking: MarkingChoice = { marked: [], digestOnly: [] };

/** Every modality that is not in a list. */
export const anyModality = "all";

/** Their samples are measurements, or are counted with (DESIGN section 3): one unit more is another result. */
const measuredModalities: ReadonlySet<string> = new Set(["PT", "NM", "RTDOSE", "SEG"]);
const parametricMapStorage = "1.2.840.10008.5.1.4.1.1.30";

/** Undefined: its frames are marked, where they can be. */
export function digestOnlyReason(object: DicomObject, choice: MarkingChoice): DigestOnlyReason | undefined {
  const { elements } = object;
  if (plainTextOf(elements, tags.sopClassUid) === parametricMapStorage) return "parametric-map";
  if (plainTextOf(elements, tags.presentationIntentType) === "FOR PROCESSING") return "for-processing";
  const modality = plainTextOf(elements, tags.modality) ?? "";
  if (choice.digestOnly.includes(modality)) return "choice";
  if (choice.marked.includes(modality)) return undefined;
  if (choice.digestOnly.includes(anyModality)) return "choice";
  if (choice.marked.includes(anyModality)) return undefined;
  return measuredModalities.has(modality) ? "modality" : undefined;
}
