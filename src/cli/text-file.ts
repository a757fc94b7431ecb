/** Small text files that the user names: PEM in and out. */
import { closeSync, fsyncSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { latin1, utf8 } from "../foundation/bytes.ts";
import { ScansealError } from "../foundation/errors.ts";
import { systemProblem } from "./problem.ts";

/** Thousands of certificates; an endless device is not read to its end. */
const textBytesMax = 8 << 20;

/** A file or a pipe. @returns its bytes as Latin-1, which PEM is a part of @throws ScansealError `io`, `usage` when too large */
export function readText(path: string): string {
  const parts: string[] = [];
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    const chunk = new Uint8Array(1 << 16);
    for (let total = 0; ; ) {
      const got = readSync(file, chunk);
      if (got === 0) return parts.join("");
      total += got;
      if (total > textBytesMax) throw new ScansealError("usage", `${path} is too large to be a PEM file`);
      parts.push(latin1(chunk.subarray(0, got)));
    }
  } catch (error) {
    if (error instanceof ScansealError) throw error;
    throw new ScansealError("io", `${path} cannot be read: ${systemProblem(error)}`, { cause: error });
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/**
 * A new file with what `make` gives. The file is made first: a one-time code is not spent, and no key made, for a result that
 * cannot be written.
 * @throws ScansealError `io` when there is such a file already or it cannot be written, and what `make` throws
 */
export async function writeNewText<T>(
  path: string,
  make: () => Promise<{ readonly text: string; readonly result: T }>,
): Promise<T> {
  const failed = (error: unknown): ScansealError =>
    new ScansealError("io", `${path} cannot be written: ${systemProblem(error)}`, { cause: error });
  let file: number;
  try {
    file = openSync(path, "wx");
  } catch (error) {
    throw failed(error);
  }
  try {
    const { text, result } = await make();
    const bytes = utf8(text);
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
      fsyncSync(file);
    } catch (error) {
      throw failed(error);
    }
    closeSync(file);
    return result;
  } catch (error) {
    closeSync(file);
    unlinkSync(path);
    throw error;
  }
}
