/** The other byte streams a signature may be over: spec step 9. Each says the same of the image; which one fitted is reported. */
import { lookup } from "../dicom/dictionary/dictionary.ts";
import type { DataElement } from "../dicom/model.ts";
import { tags } from "../dicom/tags.ts";
import { type Vr, vrTraits } from "../dicom/vr.ts";
import { type Truncation, truncationOf } from "./dcmtk-truncation.ts";
import { type MacStreamOptions, normalisedText } from "./mac-stream.ts";
import type { MacEncoding } from "./signature-fact.ts";

export interface Alternative {
  readonly encoding: MacEncoding;
  readonly options: MacStreamOptions;
  /** "US or SS" numbers stand with the other sign than they were signed with. */
  readonly otherSign?: boolean;
  /** What is left out of the stream, and which listed sequences that concerns. */
  readonly truncation?: Truncation;
}

/**
 * @param listed the signed elements
 * @param own those of the signature item that are in the stream
 */
export function alternativesFor(
  listed: readonly DataElement[],
  own: readonly DataElement[],
): readonly Alternative[] {
  const groups = new Map<VrGroup, Map<DataElement, Vr>>();
  let padded = false;
  const visit = (element: DataElement): void => {
    const other = otherVrOf(element);
    if (other) {
      const group = groups.get(other.group) ?? new Map<DataElement, Vr>();
      groups.set(other.group, group.set(element, other.vr));
    }
    padded ||= differsFromNormalised(element);
    for (const item of element.items ?? []) for (const child of item.elements) visit(child);
  };
  for (const element of listed) visit(element);
  for (const element of own) visit(element);
  const found: Alternative[] = [];
  // 9a. A hop over implicit VR chooses anew between the VRs that the dictionary allows; which it was before is not recorded, so each
  // kind of element is tried, and kinds together: 15 streams at most, and the budget of bytes ends it before.
  for (const chosen of subsets([...groups])) {
    const otherVr = new Map(chosen.flatMap(([, vrs]) => [...vrs]));
    const otherSign = chosen.some(([group]) => group === "numbers");
    found.push({ encoding: "other-vr", options: { otherVr }, ...(otherSign && { otherSign }) });
  }
  // 9b. Signers other than DCMTK may hash text as it stands.
  if (padded) found.push({ encoding: "raw-text", options: { rawText: true } });
  // 9c. dcmsign hashes large nested sequences in part.
  const truncation = truncationOf(listed);
  if (truncation) found.push({ encoding: "dcmtk-truncated", options: {}, truncation });
  return found;
}

/** Elements whose VR software chooses by one rule, so that they change together. */
type VrGroup = "pixels" | "bytes" | "tables" | "numbers";

/** Every choice of at least one, single ones first. */
function subsets<T>(all: readonly T[]): readonly (readonly T[])[] {
  const found: (readonly T[])[] = [];
  for (let bits = 1; bits < 2 ** all.length; bits++) found.push(all.filter((_, i) => (bits >>> i) & 1));
  return found.sort((a, b) => a.length - b.length);
}

/**
 * The other VR an element may have been signed with. Samples over eight bits are always OW (PS3.5 annex A.2), but files with OB are
 * about, and implicit VR mends them.
 */
function otherVrOf(element: DataElement): { readonly vr: Vr; readonly group: VrGroup } | undefined {
  const { tag, vr, items, fragments } = element;
  if (items || fragments) return undefined;
  const allowed = lookup(tag)?.vr;
  switch (allowed) {
    case "OB or OW":
      if (vr !== "OB" && vr !== "OW") return undefined;
      return { vr: vr === "OB" ? "OW" : "OB", group: tag === tags.pixelData ? "pixels" : "bytes" };
    case "US or OW":
    case "US or SS or OW":
      return { vr: vr === "OW" ? "US" : "OW", group: "tables" };
    case "US or SS":
      return vr === "US" || vr === "SS" ? { vr: vr === "US" ? "SS" : "US", group: "numbers" } : undefined;
    default:
      return undefined;
  }
}

function differsFromNormalised(element: DataElement): boolean {
  const { value, vr } = element;
  if (!value || !vrTraits[vr].text) return false;
  const text = normalisedText(vr, value);
  if (value.length !== text.length + (text.length & 1)) return true;
  return vr === "UI" && value.at(-1) === 0x20;
}
