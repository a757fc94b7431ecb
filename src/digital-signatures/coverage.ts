/** What a signature leaves open: spec step 10. A short list verifies, so this is judged apart from the arithmetic. */
import { lookup } from "../dicom/dictionary/dictionary.ts";
import { findElement } from "../dicom/elements.ts";
import type { DataElement } from "../dicom/model.ts";
import { elementOf, isPrivate, type Tag, tags } from "../dicom/tags.ts";
import { mustBeSigned } from "./required-attributes.ts";
import { isSignable } from "./signable.ts";
import type { Coverage } from "./signature-fact.ts";
import type { FoundSignature } from "./signature-record.ts";

/** Signatures are checked for themselves; lengths and padding show nothing. What is no 32-bit number is no group length. */
function isExempt({ tag, length, items }: DataElement): boolean {
  return (
    (elementOf(tag) === 0 && length === 4 && !items) ||
    tag === tags.macParametersSequence ||
    tag === tags.digitalSignaturesSequence ||
    tag === tags.dataSetTrailingPadding
  );
}

/**
 * @param where the signature stands: the required list applies to data sets
 * @param signed tags listed as signed
 * @param partial those of them whose content was not signed whole
 */
export function coverageOf(
  where: Pick<FoundSignature, "scope" | "location">,
  signed: readonly Tag[],
  partial: ReadonlySet<Tag> = new Set(),
): Coverage {
  const { scope } = where;
  const ofDataSet = where.location.length === 0;
  const listed = new Set(partial.size === 0 ? signed : signed.filter((tag) => !partial.has(tag)));
  const uncovered: Tag[] = [];
  const uncoveredPrivate: Tag[] = [];
  const disguised: Tag[] = [];
  const nested = new Set<Tag>();
  for (const element of scope) {
    const { tag } = element;
    if (listed.has(tag) && isSignable(element)) collectLeftOut(element, nested);
    else if (isExempt(element)) continue;
    else if (isPrivate(tag)) uncoveredPrivate.push(tag);
    else {
      uncovered.push(tag);
      if (element.vr === "UN" && lookup(tag)) disguised.push(tag);
    }
  }
  return {
    uncovered,
    uncoveredPrivate,
    requiredUncovered: ofDataSet ? uncovered.filter(mustBeSigned) : [],
    disguised,
    nestedUncovered: [...nested].sort((a, b) => a - b),
    absent: signed.filter((tag) => !findElement(scope, tag)),
  };
}

/** Children of covered sequences that the MAC stream leaves out, at any depth. The reader bounds the depth. */
function collectLeftOut(element: DataElement, into: Set<Tag>): void {
  for (const item of element.items ?? []) {
    for (const child of item.elements) {
      if (isSignable(child)) collectLeftOut(child, into);
      else if (!isExempt(child)) into.add(child.tag);
    }
  }
}
