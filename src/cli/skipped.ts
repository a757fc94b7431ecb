/** What was found but not taken, a line each on stderr. */
import { ScansealError } from "../foundation/errors.ts";
import type { Inputs } from "./inputs.ts";
import { reportProblem } from "./problem.ts";

/**
 * @param done "verified", "sealed"
 * @throws ScansealError `usage` when there was nothing to do at all
 */
export function reportSkipped(inputs: Inputs, done: string): void {
  const { files, unreadable } = inputs;
  for (const { path, problem } of unreadable) reportProblem(`${path}: not ${done}: ${problem}`);
  reportLeftOut(inputs, done);
  if (files.length === 0 && unreadable.length === 0)
    throw new ScansealError("usage", "no DICOM file was found");
}

/** Files that are none of ours, and folders that were not gone into. */
export function reportLeftOut(
  { otherFiles, linkedFolders }: Pick<Inputs, "otherFiles" | "linkedFolders">,
  done: string,
): void {
  if (otherFiles > 0) {
    const what =
      otherFiles === 1 ? "1 file is not DICOM and was" : `${otherFiles} files are not DICOM and were`;
    reportProblem(`${what} not ${done}`);
  }
  if (linkedFolders > 0) {
    const what =
      linkedFolders === 1
        ? "1 link to a folder was not followed: name it"
        : `${linkedFolders} links to folders were not followed: name them`;
    reportProblem(`${what} to have what is in there ${done}`);
  }
}
