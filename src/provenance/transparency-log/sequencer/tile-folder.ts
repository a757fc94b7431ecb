/** Tiles, bundles and the checkpoint as files under the names that clients ask for: any web server can serve the folder. */
import { type Bytes, equalBytes } from "../../../foundation/bytes.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import { Turns } from "../../../foundation/turns.ts";
import { FolderSync } from "../../../store/objects/folder-sync.ts";
import { beginningOf, entryBytesMax } from "../proof/entry-bundle.ts";
import { noteBytesMax } from "../proof/signed-note.ts";
import { type TileName, tilePath, tileWidth } from "../proof/tile.ts";
import type { LogFiles } from "./log-files.ts";

export interface NewTile {
  readonly name: TileName;
  readonly bytes: Bytes;
}

/** Full bundles of the largest entries there can be. */
const tileBytesMax: number = tileWidth * (entryBytesMax + 2);
/** Waits for the disk at once: libuv has four threads, and the journal's and the network's work must find one free. */
const writesMax = 3;
const checkpointPath = "checkpoint";

export class TileFolder {
  readonly #files: LogFiles;
  readonly #turns: Turns = new Turns(writesMax);
  readonly #folders: FolderSync;

  constructor(files: LogFiles) {
    this.#files = files;
    this.#folders = new FolderSync(new Turns(writesMax), (folder) => files.syncFolder(folder));
  }

  /**
   * Durable when it resolves. A tile that is there already must have the same bytes.
   * @param writer who writes: of several processes each has its own unfinished files
   * @throws ScansealError `log-conflict` for other bytes; `io`, `storage-full`
   */
  async put(tiles: readonly NewTile[], writer: string): Promise<void> {
    await Promise.all(tiles.map((tile) => this.#turns.run(() => this.#write(tile, writer))));
    const folders = new Map(
      tiles.map(({ name }) => [foldersOf(tilePath(name))[0], foldersOf(tilePath(name))]),
    );
    // Also of those that were there: their names may not be durable yet.
    await Promise.all([...folders.values()].map((above) => this.#folders.sync(above)));
  }

  /** Undefined when it is not there; of a partial one that is gone, the beginning of the full one. @throws ScansealError `io` */
  async read(name: TileName): Promise<Bytes | undefined> {
    const bytes = await this.#files.read(tilePath(name), tileBytesMax);
    if (bytes || name.width === tileWidth) return bytes;
    const full = await this.#files.read(tilePath({ ...name, width: tileWidth }), tileBytesMax);
    return full && beginningOf(full, name);
  }

  /** @throws ScansealError `io`; `log-conflict` when it is not there, though the log has it */
  async require(name: TileName): Promise<Bytes> {
    const bytes = await this.read(name);
    if (!bytes)
      throw new ScansealError(
        "log-conflict",
        `${tilePath(name)} is missing: the tiles are damaged, or of another copy`,
      );
    return bytes;
  }

  /**
   * Partial tiles that full ones have replaced: readers take the full one's beginning. Nothing depends on it, so nothing is synced.
   * @param tiles full ones, durable
   * @throws ScansealError `io`
   */
  async removePartial(tiles: readonly TileName[]): Promise<void> {
    for (const tile of tiles) await this.#files.removeFolder(`${tilePath(tile)}.p`);
  }

  readCheckpoint(): Promise<Bytes | undefined> {
    return this.#files.read(checkpointPath, noteBytesMax);
  }

  /** Durable when it resolves; after a crash there is the old or the new one. */
  async putCheckpoint(bytes: Bytes, writer: string): Promise<void> {
    await this.#replace(checkpointPath, bytes, writer);
    await this.#folders.sync(["."]);
  }

  async #write({ name, bytes }: NewTile, writer: string): Promise<void> {
    const path = tilePath(name);
    const known = await this.#files.read(path, tileBytesMax);
    if (known) {
      if (equalBytes(known, bytes)) return;
      throw new ScansealError("log-conflict", `${path} is there with other content: tiles never change`);
    }
    await this.#files.makeFolder(foldersOf(path)[0]!);
    await this.#replace(path, bytes, writer);
  }

  async #replace(path: string, bytes: Bytes, writer: string): Promise<void> {
    const fresh = `${path}.${writer}.new`;
    const file = await this.#files.create(fresh);
    try {
      await file.write(bytes);
      await file.datasync();
    } finally {
      await file.close();
    }
    await this.#files.rename(fresh, path);
  }
}

/** From the file's own folder upwards. */
function foldersOf(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return [...parts.map((_, i) => parts.slice(0, parts.length - i).join("/")), "."];
}
