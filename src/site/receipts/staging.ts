/** A private folder on the site's own disk for what is unpacked; it is gone when the work is, or a day after a crash. */
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { ScansealError } from "../../foundation/errors.ts";

const prefix = "staging-";
/** No run takes this long without touching its folder. */
const abandonedMs = 86_400_000;

/** @throws ScansealError `io`, and what `body` throws */
export async function withStaging<T>(home: string, body: (folder: string) => Promise<T>): Promise<T> {
  let folder: string;
  try {
    for (const name of await readdir(home))
      if (name.startsWith(prefix)) await removeAbandoned(join(home, name));
    folder = await mkdtemp(join(home, prefix));
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new ScansealError("io", `no folder can be made in ${home} (${code ?? "unknown error"})`, { cause });
  }
  try {
    return await body(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function removeAbandoned(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => undefined);
  if (found && found.mtimeMs < Date.now() - abandonedMs) await rm(folder, { recursive: true, force: true });
}
