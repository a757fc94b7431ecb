/** Image files that are no DICOM. */
import { closeSync, constants, openSync, readSync } from "node:fs";
import { isPng } from "../platform/node/png.ts";

const head = new Uint8Array(8);
/** Without O_NONBLOCK the open of a pipe waits for a writer. */
const openFlags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** By its first bytes. False where it cannot be read: that is told by whoever reads it. */
export function looksLikePng(path: string): boolean {
  let file: number | undefined;
  try {
    file = openSync(path, openFlags);
    return readSync(file, head, 0, head.length, 0) === head.length && isPng(head);
  } catch {
    return false;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
