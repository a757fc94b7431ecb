/** The folder that a backup is written into: what is in it, with digests. */
import { closeSync, fsyncSync, lstatSync, openSync } from "node:fs";
import { rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { latin1 } from "../../foundation/bytes.ts";
import { readSmallFile } from "../../platform/node/file-source.ts";
import { syncFolder } from "../../platform/node/private-files.ts";
import type { BackedUpFile } from "./backup-manifest.ts";
import { copyFileDurably, hashParts } from "./copied-file.ts";

/** Passphrases and secrets by their names, whatever is in them. */
const secretNames: ReadonlySet<string> = new Set(["secret", "watermark-master", "key.pem"]);
/** No private key in PEM is longer. */
const keyBytesMax: number = 1 << 20;

export interface CopyChoice {
  readonly isTrimmed?: boolean;
  readonly isAgain?: boolean;
  /** What its SHA-256 has to be; another's is not kept. */
  readonly digest?: string;
}

export class BackupFolder {
  readonly #folder: string;
  readonly #withKeys: boolean;
  readonly #files = new Map<string, BackedUpFile>();
  readonly #leftOut = new Set<string>();

  constructor(folder: string, withKeys: boolean) {
    this.#folder = folder;
    this.#withKeys = withKeys;
  }

  /** Whether it is in the backup, or known to be left out. */
  knows(path: string): boolean {
    return this.#files.has(path) || this.#leftOut.has(path);
  }

  get files(): readonly BackedUpFile[] {
    return [...this.#files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** Private keys, in the order in which they were met. */
  get leftOut(): readonly string[] {
    return [...this.#leftOut];
  }

  pathOf(path: string): string {
    return join(this.#folder, path);
  }

  /** @returns whether it is in the backup @throws ScansealError `io`, `storage-full` */
  async copy(from: string, path: string, choice: CopyChoice = {}): Promise<boolean> {
    const { isTrimmed = false, isAgain = false, digest } = choice;
    if (!isAgain && this.#files.has(path)) return true;
    if (!this.#withKeys && (isSecret(from) || hasSecretName(path))) {
      this.#leftOut.add(path);
      return false;
    }
    const copied = await copyFileDurably(from, this.pathOf(path), { mode: 0o600, isTrimmed, isAgain });
    if (!copied) return false;
    if (digest !== undefined && copied.digest !== digest) {
      await rm(this.pathOf(path), { force: true });
      return false;
    }
    this.#files.set(path, { path, ...copied, isPublic: isPublic(from) });
    return true;
  }

  /** A file that something else wrote into the backup; durable from then on. */
  async note(path: string): Promise<void> {
    const handle = openSync(this.pathOf(path), "r+");
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    const copied = await hashParts([{ path: this.pathOf(path), offset: 0 }]);
    if (copied) this.#files.set(path, { path, ...copied, isPublic: false });
  }

  /** Makes the names durable. @throws ScansealError `io` */
  sync(): void {
    const folders = new Set<string>();
    for (const { path } of this.#files.values())
      for (let at = dirname(path); at !== "."; at = dirname(at)) folders.add(at);
    for (const folder of [...folders, "."]) syncFolder(join(this.#folder, folder));
  }

  /** Whether these parts of files, in this order, have the digest. */
  async holds(
    parts: readonly { readonly path: string; readonly offset: number; readonly length: number }[],
    digest: string,
  ): Promise<boolean> {
    return (await hashParts(parts))?.digest === digest;
  }
}

function isPublic(path: string): boolean {
  return ((lstatSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o004) !== 0;
}

function hasSecretName(path: string): boolean {
  return secretNames.has(basename(path)) || path.endsWith(".key");
}

function isSecret(path: string): boolean {
  if (hasSecretName(path)) return true;
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (!stats?.isFile() || stats.size > keyBytesMax) return false;
  const bytes = readSmallFile(path, keyBytesMax, (size) => new Uint8Array(size));
  return bytes !== undefined && latin1(bytes).includes("PRIVATE KEY-----");
}
