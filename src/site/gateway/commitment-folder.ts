/** Requests for storage commitment that are not reported yet: a file each, so that a crash loses none. */
import { readdirSync, renameSync, rmSync } from "node:fs";
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
  WaitingCommitment,
} from "../../zero-trust/gateway/commitment/commitment-desk.ts";

/** A day of a modality; above it, or above the bytes, it is told to come again. One that asks and never listens fills nobody else's room. */
const requestsMax = 1_000;
const bytesMax: number = 64 << 20;
/** 20,000 references with UIDs of full length. */
const requestBytesMax = 8 << 20;

interface Kept extends WaitingCommitment {
  readonly bytes: number;
}

export class CommitmentFolder implements CommitmentStore {
  readonly #folder: string;
  /** By id, which ascends with time. */
  readonly #kept = new Map<string, Kept>();
  /** By source. */
  readonly #sums = new Map<string, { requests: number; bytes: number }>();

  /** A damaged file is set aside. @param onDamaged told its name @throws ScansealError `io` */
  constructor(folder: string, onDamaged: (name: string) => void = () => undefined) {
    ensurePrivateFolder(folder);
    this.#folder = folder;
    for (const name of readdirSync(folder).sort()) {
      if (!name.endsWith(".json")) continue;
      try {
        this.#keep(...read(join(folder, name)));
      } catch {
        this.#setAside(name.slice(0, -".json".length));
        onDamaged(name);
      }
    }
  }

  async add(pending: PendingCommitment): Promise<void> {
    const bytes = utf8(JSON.stringify(pending));
    const sum = this.#sums.get(pending.source) ?? { requests: 0, bytes: 0 };
    if (sum.requests >= requestsMax || sum.bytes + bytes.length > bytesMax)
      throw new ScansealError("storage-full", "too many requests for storage commitment of one source wait");
    createFileDurably(this.#path(pending.id), bytes, { mode: 0o600 });
    this.#keep(pending, bytes.length);
  }

  #keep({ id, source, askedAt }: PendingCommitment, bytes: number): void {
    this.#kept.set(id, { id, source, askedAt, bytes });
    const sum = this.#sums.get(source) ?? { requests: 0, bytes: 0 };
    this.#sums.set(source, { requests: sum.requests + 1, bytes: sum.bytes + bytes });
  }

  waiting(): readonly WaitingCommitment[] {
    return [...this.#kept.values()];
  }

  async read(id: string): Promise<PendingCommitment> {
    return read(this.#path(id))[0];
  }

  async setAside(id: string): Promise<void> {
    this.#forget(id);
    this.#setAside(id);
  }

  async remove(id: string): Promise<void> {
    this.#forget(id);
    rmSync(this.#path(id), { force: true });
    syncFolder(this.#folder);
  }

  #forget(id: string): void {
    const kept = this.#kept.get(id);
    if (!kept) return;
    this.#kept.delete(id);
    const { requests, bytes } = this.#sums.get(kept.source)!;
    if (requests === 1) this.#sums.delete(kept.source);
    else this.#sums.set(kept.source, { requests: requests - 1, bytes: bytes - kept.bytes });
  }

  #setAside(id: string): void {
    try {
      renameSync(this.#path(id), join(this.#folder, `${id}.damaged`));
    } catch (cause) {
      throw new ScansealError("io", "a damaged request for storage commitment cannot be set aside", {
        cause,
      });
    }
  }

  #path(id: string): string {
    return join(this.#folder, `${id}.json`);
  }
}

/** And its length. @throws ScansealError `io` */
function read(path: string): readonly [PendingCommitment, number] {
  try {
    const bytes = readPrivateFile(path, requestBytesMax);
    const pending = JSON.parse(fromUtf8(bytes)) as PendingCommitment;
    const isSound =
      typeof pending.id === "string" &&
      path.endsWith(`${pending.id}.json`) &&
      typeof pending.source === "string" &&
      typeof pending.aeTitle === "string" &&
      Number.isSafeInteger(pending.askedAt) &&
      Array.isArray(pending.instances);
    if (isSound) return [pending, bytes.length];
  } catch (error) {
    if (error instanceof ScansealError) throw error;
  }
  throw new ScansealError("io", "a kept request for storage commitment is damaged: it was set aside");
}
