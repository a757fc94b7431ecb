/** Which modalities' pixels a device marks: chosen at enrolment, or later with `scanseal device marking`. */
import { ScansealError } from "../../foundation/errors.ts";
import { fileExists } from "../../platform/node/private-files.ts";
import { openHome } from "../../site/home.ts";
import { readMarking, requireMarking, writeMarking } from "../../site/marking-file.ts";

export interface MarkingOptions {
  readonly marked?: readonly string[];
  readonly digestOnly?: readonly string[];
}

/** Before anything is made for it. @throws ScansealError `usage` */
export function checkMarking({ marked = [], digestOnly = [] }: MarkingOptions): void {
  requireMarking({ marked, digestOnly });
}

/** A modality that is named moves into its list; the others stay where they are. */
export function changeMarking(deviceFolder: string, { marked = [], digestOnly = [] }: MarkingOptions): void {
  if (marked.length + digestOnly.length === 0) return;
  const before = readMarking(deviceFolder);
  const moved = (list: readonly string[], here: readonly string[], there: readonly string[]): string[] => [
    ...new Set([...list.filter((modality) => !there.includes(modality)), ...here]),
  ];
  writeMarking(deviceFolder, {
    marked: moved(before.marked, marked, digestOnly),
    digestOnly: moved(before.digestOnly, digestOnly, marked),
  });
}

/** @returns 0 */
export async function deviceMarking(
  name: string,
  options: MarkingOptions & { readonly home: string },
): Promise<number> {
  const folder = openHome(options.home).deviceFolder(name);
  if (!fileExists(folder)) throw new ScansealError("usage", "this site has no device of that name");
  changeMarking(folder, options);
  const { marked, digestOnly } = readMarking(folder);
  const list = (modalities: readonly string[]): string => modalities.join(", ") || "none named";
  process.stdout.write(
    `Marked: ${list(marked)}\nDigest only: ${list(digestOnly)}\nOthers are marked, but for PT, NM, RTDOSE and SEG. Parametric maps and images for processing never are.\n`,
  );
  return 0;
}
