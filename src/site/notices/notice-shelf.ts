/** Notices that were made lately, by what they say: the same facts give the same instance again, byte for byte. */
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Bytes, toHex } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import {
  ensurePrivateFolder,
  readPrivateFile,
  replaceFileDurably,
} from "../../platform/node/private-files.ts";

/** About 1 MB each. */
const keptMax = 256;
/** They say the day: older ones are not asked for again. */
const ageMsMax = 48 * 3_600_000;
const fileBytesMax: number = 8 * 2 ** 20;

export class NoticeShelf {
  readonly #folder: string;

  /** @throws ScansealError `io` */
  constructor(folder: string) {
    this.#folder = folder;
    ensurePrivateFolder(folder);
  }

  /** Undefined too for one that is damaged. @param key hexadecimal @throws ScansealError `io` */
  async find(key: string): Promise<Bytes | undefined> {
    for (const name of await this.#names()) {
      if (!name.startsWith(`${key}-`)) continue;
      try {
        const bytes = readPrivateFile(join(this.#folder, name), fileBytesMax);
        if (name === nameOf(key, bytes)) return bytes;
      } catch (error) {
        if (!(error instanceof ScansealError)) throw error;
      }
      await rm(join(this.#folder, name), { force: true });
    }
    return undefined;
  }

  /** @throws ScansealError `io`, `storage-full` */
  async keep(key: string, bytes: Bytes): Promise<void> {
    await this.#tidy();
    replaceFileDurably(join(this.#folder, nameOf(key, bytes)), bytes, { mode: 0o600 });
  }

  /** Old ones, and beyond their number the oldest. */
  async #tidy(): Promise<void> {
    const kept: { readonly path: string; readonly at: number }[] = [];
    for (const name of await this.#names()) {
      const path = join(this.#folder, name);
      const found = await stat(path).catch(() => undefined);
      if (found) kept.push({ path, at: found.mtimeMs });
    }
    kept.sort((a, b) => b.at - a.at);
    const since = Date.now() - ageMsMax;
    for (const [i, { path, at }] of kept.entries())
      if (i >= keptMax - 1 || at < since) await rm(path, { force: true });
  }

  async #names(): Promise<readonly string[]> {
    try {
      return await readdir(this.#folder);
    } catch (cause) {
      throw new ScansealError("io", "the folder of the notices cannot be read", { cause });
    }
  }
}

function nameOf(key: string, bytes: Bytes): string {
  return `${key}-${toHex(nodeCrypto.hash("SHA-256", bytes))}.dcm`;
}
