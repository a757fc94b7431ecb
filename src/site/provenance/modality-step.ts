/** A Modality Performed Procedure Step as a file: what a modality says to have made (PS3.3 C.4.14). */
import { findElement, plainTextOf } from "../../dicom/elements.ts";
import type { DataElement } from "../../dicom/model.ts";
import { readDicom } from "../../dicom/read.ts";
import { type Tag, tags } from "../../dicom/tags.ts";
import { isMalformed, ScansealError } from "../../foundation/errors.ts";
import { withFile } from "../file-input.ts";

const modalityStepClass = "1.2.840.10008.3.1.2.3.3";
const stepTags = {
  status: 0x00400252,
  performedSeriesSequence: 0x00400340,
  referencedImageSequence: 0x00081140,
  referencedOtherSequence: 0x00400220,
  referencedSopInstanceUid: 0x00081155,
} as const;

export interface PerformedSeries {
  readonly seriesInstanceUid: string;
  /** SOP Instance UIDs. */
  readonly instances: readonly string[];
}

/** @throws ScansealError `usage` for another object, or a step that is not completed; `io`; codes of the reader */
export async function readModalityStep(path: string): Promise<readonly PerformedSeries[]> {
  const { elements } = await withFile(path, readDicom).catch((error: unknown) => {
    if (!(error instanceof ScansealError) || !isMalformed(error.code)) throw error;
    throw new ScansealError("usage", `${path} is no Modality Performed Procedure Step: ${error.message}`);
  });
  if (plainTextOf(elements, tags.sopClassUid) !== modalityStepClass)
    throw new ScansealError("usage", `${path} is no Modality Performed Procedure Step`);
  // IN PROGRESS may still grow; DISCONTINUED is whatever there happened to be.
  if (plainTextOf(elements, stepTags.status) !== "COMPLETED")
    throw new ScansealError("usage", `the step in ${path} is not COMPLETED: close its series by their UID`);
  const series = itemsOf(elements, stepTags.performedSeriesSequence).map((item) => ({
    seriesInstanceUid: plainTextOf(item, tags.seriesInstanceUid) ?? "",
    instances: [stepTags.referencedImageSequence, stepTags.referencedOtherSequence]
      .flatMap((tag) => itemsOf(item, tag))
      .map((one) => plainTextOf(one, stepTags.referencedSopInstanceUid) ?? ""),
  }));
  if (series.length === 0) throw new ScansealError("usage", `the step in ${path} names no series`);
  return series;
}

function itemsOf(elements: readonly DataElement[], tag: Tag): readonly (readonly DataElement[])[] {
  return findElement(elements, tag)?.items?.map((item) => item.elements) ?? [];
}

/** How a step and the seals of one series differ; both empty where they agree. */
export function stepDifferences(
  { instances }: PerformedSeries,
  sealed: readonly string[],
): { readonly notSealed: readonly string[]; readonly notInStep: readonly string[] } {
  const inStep = new Set(instances);
  const inSeals = new Set(sealed);
  return {
    notSealed: [...inStep].filter((uid) => !inSeals.has(uid)),
    notInStep: [...inSeals].filter((uid) => !inStep.has(uid)),
  };
}
