/** A device's marking choice, as a file in its folder. */
import { join } from "node:path";
import { ScansealError } from "../foundation/errors.ts";
import { readJson, writeJson } from "../keys/custody/json-file.ts";
import { fileExists } from "../platform/node/private-files.ts";
import { anyModality, defaultMarking, type MarkingChoice } from "../sealing/marking-choice.ts";

interface MarkingDocument extends MarkingChoice {
  readonly format: "scanseal-marking-1";
}

const documentFormat = "scanseal-marking-1";
/** PS3.5 section 6.2: CS. */
const modalityForm = /^[A-Z0-9_ ]{1,16}$/;

function pathOf(deviceFolder: string): string {
  return join(deviceFolder, "marking.json");
}

/** @throws ScansealError `key-unusable` for a file that cannot be understood, `io` */
export function readMarking(deviceFolder: string): MarkingChoice {
  const path = pathOf(deviceFolder);
  if (!fileExists(path)) return defaultMarking;
  const { marked, digestOnly } = readJson<MarkingDocument>(path, documentFormat);
  const isList = (list: unknown): boolean =>
    Array.isArray(list) && list.every((modality) => typeof modality === "string");
  try {
    if (!isList(marked) || !isList(digestOnly)) throw new ScansealError("usage", "not two lists");
    requireMarking({ marked, digestOnly });
  } catch (cause) {
    throw new ScansealError(
      "key-unusable",
      `${path} is damaged: restore it from a backup, or remove it to have the defaults`,
      { cause },
    );
  }
  return { marked, digestOnly };
}

/** @throws ScansealError `usage` for what is no modality, or is in both lists; `io` */
export function writeMarking(deviceFolder: string, choice: MarkingChoice): void {
  requireMarking(choice);
  const { marked, digestOnly } = choice;
  writeJson<MarkingDocument>(pathOf(deviceFolder), { format: documentFormat, marked, digestOnly });
}

/** @throws ScansealError `usage` for what is no modality, or is in both lists */
export function requireMarking({ marked, digestOnly }: MarkingChoice): void {
  for (const modality of [...marked, ...digestOnly]) {
    if (modality !== anyModality && !modalityForm.test(modality))
      throw new ScansealError("usage", `not a modality, such as CT, nor "${anyModality}": ${modality}`);
  }
  const both = marked.find((modality) => digestOnly.includes(modality));
  if (both !== undefined)
    throw new ScansealError("usage", `${both} cannot be marked and sealed by digest only`);
}
