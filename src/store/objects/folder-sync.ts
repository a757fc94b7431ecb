/** Names made durable: one fsync of a folder for everybody who waits for it. */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { Turns } from "../../foundation/turns.ts";

export class FolderSync {
  readonly #turns: Turns;
  readonly #fsync: (folder: string) => Promise<void>;
  /** Begun, or not yet: who comes later than the begin needs another one. */
  readonly #waiting = new Map<string, Promise<void>>();
  /** Folders whose own names are durable, as far as this process knows. Two levels: at most 65,793. */
  readonly #durable = new Set<string>();

  /** @param fsync for tests of when it is called */
  constructor(turns: Turns, fsync: (folder: string) => Promise<void> = syncFolder) {
    this.#turns = turns;
    this.#fsync = fsync;
  }

  /** @param folders the changed one first, then those that hold its name and each other's, upwards; the last one is taken for durable */
  async sync(folders: readonly string[]): Promise<void> {
    const needed = folders.filter((_, level) => level === 0 || !this.#durable.has(folders[level - 1]!));
    await Promise.all(needed.map((folder) => this.#syncOne(folder)));
    for (const folder of folders.slice(0, -1)) this.#durable.add(folder);
  }

  /** For a deletion: a folder that is not there has nothing to lose. */
  async syncExisting(folder: string): Promise<void> {
    try {
      await this.#syncOne(folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }

  #syncOne(folder: string): Promise<void> {
    // Windows cannot open folders; NTFS journals names itself.
    if (process.platform === "win32") return Promise.resolve();
    const joined = this.#waiting.get(folder);
    if (joined) return joined;
    const syncing: Promise<void> = this.#later(() => {
      // From here on a change may come too late for this fsync.
      this.#waiting.delete(folder);
      return this.#fsync(folder);
    });
    this.#waiting.set(folder, syncing);
    return syncing;
  }

  /** Never at once: it must be known to those who join before it begins. */
  async #later(body: () => Promise<void>): Promise<void> {
    await Promise.resolve();
    await this.#turns.run(body);
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
