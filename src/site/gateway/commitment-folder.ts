/** Requests for storage commitment that are not reported yet: a file each, so that a crash loses none. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fromUtf8, utf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import {
  createFileDurably,
  ensurePrivateFolder,
  readPrivateFile,
  syncFolder,
} from "../../platform/node/private-files.ts";
import type {
  CommitmentStore,
  PendingCommitment,
} from "../../zero-trust/gateway/commitment/commitment-desk.ts";

/** A day of a hospital's modalities; above it they are told to come again. */
const requestsMax = 10_000;
/** 20,000 references with UIDs of full length. */
const requestBytesMax = 8 << 20;

export class CommitmentFolder implements CommitmentStore {
  readonly #folder: string;
  /** By id, which ascends with time. */
  readonly #pending = new Map<string, PendingCommitment>();

  /** @throws ScansealError `io`, also for a damaged file */
  constructor(folder: string) {
    ensurePrivateFolder(folder);
    this.#folder = folder;
    for (const name of readdirSync(folder).sort()) {
      if (!name.endsWith(".json")) continue;
      const pending = read(join(folder, name));
      this.#pending.set(pending.id, pending);
    }
  }

  async add(pending: PendingCommitment): Promise<void> {
    if (this.#pending.size >= requestsMax)
      throw new ScansealError("storage-full", "too many requests for storage commitment wait");
    createFileDurably(this.#path(pending.id), utf8(JSON.stringify(pending)), { mode: 0o600 });
    this.#pending.set(pending.id, pending);
  }

  async all(): Promise<readonly PendingCommitment[]> {
    return [...this.#pending.values()];
  }

  async remove(id: string): Promise<void> {
    this.#pending.delete(id);
    rmSync(this.#path(id), { force: true });
    syncFolder(this.#folder);
  }

  #path(id: string): string {
    return join(this.#folder, `${id}.json`);
  }
}

function read(path: string): PendingCommitment {
  try {
    const pending = JSON.parse(fromUtf8(readPrivateFile(path, requestBytesMax))) as PendingCommitment;
    if (typeof pending.id === "string" && Array.isArray(pending.instances)) return pending;
  } catch (error) {
    if (error instanceof ScansealError) throw error;
  }
  throw new ScansealError("io", "a kept request for storage commitment is damaged");
}
