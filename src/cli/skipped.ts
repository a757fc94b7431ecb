/** What was found but not taken, in one line on stderr. */
import { ScansealError } from "../foundation/errors.ts";
import type { Inputs } from "./inputs.ts";

/** @throws ScansealError `usage` when there was nothing to do at all */
export function reportSkipped({ files, otherFiles }: Inputs, done: string): void {
  if (otherFiles > 0) {
    const what =
      otherFiles === 1 ? "1 file is not DICOM and was" : `${otherFiles} files are not DICOM and were`;
    process.stderr.write(`scanseal: ${what} not ${done}\n`);
  }
  if (files.length === 0) throw new ScansealError("usage", "no DICOM file was found");
}
