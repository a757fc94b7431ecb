/** From what the user typed to the files that are meant: files, folders and globs. */
import { globSync } from "node:fs";
import { lstat, open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { ScansealError } from "../foundation/errors.ts";

export interface Inputs {
  readonly files: readonly string[];
  /** Files found in folders that are not DICOM Part 10 files. */
  readonly otherFiles: number;
}

const globPattern = /[*?[\]{}]/;

async function kindOf(path: string): Promise<"file" | "folder" | "other" | "absent"> {
  try {
    const entry = await stat(path);
    if (entry.isFile()) return "file";
    return entry.isDirectory() ? "folder" : "other";
  } catch {
    return "absent";
  }
}

/** PS3.10 section 7.1: "DICM" after 128 bytes. */
async function isPart10(path: string): Promise<boolean> {
  const file = await open(path, "r");
  try {
    const magic = Buffer.alloc(4);
    const { bytesRead } = await file.read(magic, 0, 4, 128);
    return bytesRead === 4 && magic.toString("latin1") === "DICM";
  } finally {
    await file.close();
  }
}

/** Every regular file below a folder, by name; links to folders are not followed, so that no loop is walked. */
async function* filesBelow(folder: string): AsyncGenerator<string> {
  const open = [folder];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const names = (await readdir(next)).sort();
    const folders: string[] = [];
    for (const name of names) {
      const path = join(next, name);
      const entry = await lstat(path);
      if (entry.isDirectory()) folders.push(path);
      else if (entry.isFile() || (entry.isSymbolicLink() && (await kindOf(path)) === "file")) yield path;
    }
    open.push(...folders.reverse());
  }
}

/**
 * Named files are taken as they are; folders are searched for DICOM files.
 * @throws ScansealError `usage` when a path or pattern names nothing, `io` when a folder cannot be read
 */
export async function findInputs(paths: readonly string[]): Promise<Inputs> {
  const files: string[] = [];
  let otherFiles = 0;
  const add = async (path: string): Promise<void> => {
    const kind = await kindOf(path);
    if (kind === "file") files.push(path);
    else if (kind === "folder") {
      for await (const file of filesBelow(path)) {
        if (await isPart10(file)) files.push(file);
        else otherFiles++;
      }
    } else if (kind === "other") throw new ScansealError("usage", `${path} is neither a file nor a folder`);
    else if (globPattern.test(path)) {
      const matches = globSync(path).sort();
      if (matches.length === 0) throw new ScansealError("usage", `no file matches ${path}`);
      for (const match of matches) await add(match);
    } else throw new ScansealError("usage", `${path} does not exist`);
  };
  try {
    for (const path of paths) await add(path);
  } catch (cause) {
    if (cause instanceof ScansealError) throw cause;
    throw new ScansealError(
      "io",
      `cannot be read: ${(cause as NodeJS.ErrnoException).path ?? "a folder"} (${(cause as NodeJS.ErrnoException).code})`,
      { cause },
    );
  }
  return { files: [...new Set(files)], otherFiles };
}
