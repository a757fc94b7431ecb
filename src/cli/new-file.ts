/** A file of any size that the user names: made new, durable, and whole or not at all. */
import { closeSync, constants, fsyncSync, openSync, unlinkSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { Bytes } from "../foundation/bytes.ts";
import { ScansealError } from "../foundation/errors.ts";
import { syncFolder } from "../platform/node/private-files.ts";
import { systemProblem } from "./problem.ts";

/**
 * Under its own name from the start: memory sticks know no links, by which a finished file could be named without ever replacing another.
 * For the owner alone.
 * @throws ScansealError `io` when there is such a file or it cannot be written, and what `pieces` throws; then there is no file
 */
export async function writeNewFile(path: string, pieces: AsyncIterable<Bytes>): Promise<void> {
  const failed = (cause: unknown): ScansealError =>
    new ScansealError("io", `${path} cannot be written: ${systemProblem(cause)}`, { cause });
  let file: number;
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
    file = openSync(path, flags, 0o600);
  } catch (error) {
    throw failed(error);
  }
  let isOpen = true;
  try {
    for await (const piece of pieces) {
      try {
        for (let at = 0; at < piece.length; ) at += writeSync(file, piece, at);
      } catch (error) {
        throw failed(error);
      }
    }
    try {
      fsyncSync(file);
      isOpen = false;
      closeSync(file);
    } catch (error) {
      throw failed(error);
    }
    syncFolder(dirname(path));
  } catch (error) {
    if (isOpen) closeSync(file);
    unlinkSync(path);
    throw error;
  }
}
