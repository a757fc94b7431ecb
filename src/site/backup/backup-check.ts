/** Whether a backup is what its manifest says: nothing less, nothing else, and nothing but files. */
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { ScansealError } from "../../foundation/errors.ts";
import { type BackupManifest, manifestName, readManifest } from "./backup-manifest.ts";
import { hashParts } from "./copied-file.ts";

export interface CheckedBackup {
  readonly manifest: BackupManifest;
  /** SHA-256 of the manifest's file: who wrote it down knows a manifest that was made later. */
  readonly digest: string;
  /** What is not as it was written: missing, another's bytes, too much. */
  readonly problems: readonly string[];
}

/** More are not listed: then the disk is broken. */
const problemsMax = 100;

/**
 * Reads every byte of it.
 * @throws ScansealError `usage` where there is no finished backup, `archive-invalid` for a manifest that is none of ours, `io`
 */
export async function checkBackup(
  folder: string,
  onFile?: (done: number, of: number) => void,
): Promise<CheckedBackup> {
  const { manifest, digest } = readManifest(folder);
  const problems: string[] = [];
  const known = new Map(manifest.files.map((file) => [file.path, file]));
  for await (const [path, kind, bytes] of entriesBelow(folder)) {
    if (problems.length >= problemsMax) break;
    if (path === manifestName && kind === "file") continue;
    const file = known.get(path);
    if (kind === "other") problems.push(`${path} is a link or no file`);
    else if (!file) problems.push(`${path} is not in the manifest`);
    // What is not as long as it should be is not read: it may be the whole disk.
    else if (bytes !== file.bytes) problems.push(`${path} is not as long as it was`);
    else {
      known.delete(path);
      const copied = await hashParts([{ path: join(folder, path), offset: 0, length: file.bytes }]);
      if (copied?.digest !== file.digest) problems.push(`${path} does not hold what was written`);
      onFile?.(manifest.files.length - known.size, manifest.files.length);
      continue;
    }
    known.delete(path);
  }
  if (problems.length < problemsMax) for (const path of known.keys()) problems.push(`${path} is missing`);
  return { manifest, digest, problems: problems.slice(0, problemsMax) };
}

type Entry = readonly [path: string, kind: "file" | "other", bytes: number];

async function* entriesBelow(root: string): AsyncGenerator<Entry> {
  const folders = [""];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const name of await names(join(root, folder))) {
      const path = folder === "" ? name : `${folder}/${name}`;
      const stats = await lstat(join(root, path)).catch(() => undefined);
      if (stats?.isDirectory()) folders.push(path);
      else yield [path, stats?.isFile() ? "file" : "other", stats?.size ?? 0];
    }
  }
}

async function names(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch (cause) {
    throw new ScansealError("io", `the backup's folder ${folder} cannot be read`, { cause });
  }
}
