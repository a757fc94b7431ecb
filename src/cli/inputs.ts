/** From what the user typed to the files that are meant: files, folders and globs. */
import { closeSync, globSync, openSync, readSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
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

const magic = Buffer.alloc(4);

/** PS3.10 section 7.1: "DICM" after 128 bytes. Synchronous: a thousand files take 20 ms instead of 300. */
function isPart10(path: string): boolean {
  const file = openSync(path, "r");
  try {
    return readSync(file, magic, 0, 4, 128) === 4 && magic.toString("latin1") === "DICM";
  } finally {
    closeSync(file);
  }
}

/** Every regular file below a folder, by name; links to folders are not followed, so that no loop is walked. */
async function* filesBelow(folder: string): AsyncGenerator<string> {
  const open = [folder];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const entries = await readdir(next, { withFileTypes: true });
    const folders: string[] = [];
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(next, entry.name);
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
        if (isPart10(file)) files.push(file);
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
