/**
 * A disk in memory that loses what a real one may lose when its power is cut: any sectors of any write that no fdatasync covered,
 * in any order, and any name that no sync of the folder covered. Calls end one at a time, in an order a seed decides.
 */
import type { Bytes } from "../../src/foundation/bytes.ts";
import { ScansealError } from "../../src/foundation/errors.ts";
import type { Disk, DiskFile, FolderClaim } from "../../src/store/spool/disk.ts";

/** What a disk writes whole or not at all. */
const sectorBytes = 512;

export type DiskCall =
  | "write"
  | "writeThrough"
  | "datasync"
  | "create"
  | "unlink"
  | "syncFolder"
  | "open"
  | "freeBytes"
  | "read";

/** Which calls fail: of each of these kinds the `first`, and then every `every`th. */
export interface FaultPlan {
  readonly calls: readonly DiskCall[];
  readonly first: number;
  readonly every: number;
  readonly code: "io" | "storage-full";
}

/** mulberry32: [0, 1) from a seed. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface PendingWrite {
  readonly offset: number;
  readonly bytes: Bytes;
  isDone: boolean;
}

class Inode {
  /** As programs see it. */
  seen: Bytes = new Uint8Array(0);
  durable: Bytes = new Uint8Array(0);
  pending: PendingWrite[] = [];
}

interface Call {
  readonly kind: DiskCall;
  readonly finish: () => void;
}

export class SimulatedDisk implements Disk {
  /** Undefined: the name is known to be gone. */
  readonly #durableNames: Map<string, Inode>;
  readonly #names: Map<string, Inode>;
  readonly #calls: Call[] = [];
  readonly #random: () => number;
  readonly #counts = new Map<DiskCall, number>();
  faults: FaultPlan | undefined;
  /** Calls of this kind do not end for now. */
  held: DiskCall | undefined;
  free: number = Number.MAX_SAFE_INTEGER;

  /** @param seed of the order in which calls end */
  constructor(seed: number, files: ReadonlyMap<string, Bytes> = new Map()) {
    this.#random = randomOf(seed);
    this.#names = new Map(
      [...files].map(([name, bytes]) => {
        const inode = new Inode();
        inode.seen = new Uint8Array(bytes);
        inode.durable = new Uint8Array(bytes);
        return [name, inode];
      }),
    );
    this.#durableNames = new Map(this.#names);
  }

  /** Lets calls end until `until` is true, `steps` are used up, or nothing is under way. @returns the steps that are left */
  async run(steps: number, until: () => boolean): Promise<number> {
    let left = steps;
    await settled();
    while (left > 0 && !until()) {
      const ready = this.#calls.filter((call) => call.kind !== this.held);
      if (ready.length === 0) break;
      const call = ready[Math.floor(this.#random() * ready.length)]!;
      this.#calls.splice(this.#calls.indexOf(call), 1);
      call.finish();
      left--;
      await settled();
    }
    return left;
  }

  /** The files after a power cut. @param loss how likely an uncovered sector or name is lost; 0 is the end of a process */
  afterCut(seed: number, loss: number): Map<string, Bytes> {
    const random = randomOf(seed);
    const isLost = (): boolean => random() < loss;
    const out = new Map<string, Bytes>();
    for (const name of new Set([...this.#durableNames.keys(), ...this.#names.keys()])) {
      const before = this.#durableNames.get(name);
      const now = this.#names.get(name);
      const inode = before === now || !isLost() ? now : before;
      if (inode) out.set(name, contentAfterCut(inode, isLost));
    }
    return out;
  }

  #call<T>(kind: DiskCall, effect: () => T): Promise<T> {
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    return new Promise((resolve, reject) => {
      const finish = (): void => {
        const error = this.#faultOf(kind, count);
        if (error) {
          failedEffects.get(effect)?.(this.#random);
          reject(error);
          return;
        }
        try {
          resolve(effect());
        } catch (cause) {
          reject(cause);
        }
      };
      this.#calls.push({ kind, finish });
    });
  }

  #faultOf(call: DiskCall, count: number): ScansealError | undefined {
    const plan = this.faults;
    if (!plan?.calls.includes(call) || count < plan.first || (count - plan.first) % plan.every !== 0) return;
    return new ScansealError(plan.code, `${call} fails`);
  }

  /** Calls of that kind so far. */
  count(call: DiskCall): number {
    return this.#counts.get(call) ?? 0;
  }

  async claim(): Promise<FolderClaim> {
    return { release: () => undefined };
  }

  async list(): Promise<readonly string[]> {
    return [...this.#names.keys()];
  }

  create(path: string): Promise<DiskFile> {
    return this.#call("create", () => {
      if (this.#names.has(nameOf(path))) throw new ScansealError("io", "EEXIST");
      const inode = new Inode();
      this.#names.set(nameOf(path), inode);
      return this.#file(inode);
    });
  }

  open(path: string): Promise<DiskFile> {
    return this.#call("open", () => {
      const inode = this.#names.get(nameOf(path));
      if (!inode) throw new ScansealError("io", "ENOENT");
      return this.#file(inode);
    });
  }

  unlink(path: string): Promise<void> {
    return this.#call("unlink", () => {
      if (!this.#names.delete(nameOf(path))) throw new ScansealError("io", "ENOENT");
    });
  }

  syncFolder(): Promise<void> {
    return this.#call("syncFolder", () => {
      this.#durableNames.clear();
      for (const [name, inode] of this.#names) this.#durableNames.set(name, inode);
    });
  }

  freeBytes(): Promise<number> {
    return this.#call("freeBytes", () => this.free);
  }

  #file(inode: Inode): DiskFile {
    return {
      write: (bytes, offset) => {
        // Copied now: a caller that reuses its buffer too early must be found out, not helped, so the original is compared below.
        const write: PendingWrite = { offset, bytes: new Uint8Array(bytes), isDone: false };
        inode.pending.push(write);
        const effect = (): void => {
          if (Buffer.compare(write.bytes, bytes) !== 0)
            throw new Error("the bytes changed while they were written");
          write.isDone = true;
          inode.seen = withWrite(inode.seen, offset, write.bytes);
        };
        failedEffects.set(effect, (random) => {
          // Any part of it may be on the disk, and programs see that part.
          const part = Math.floor((random() * bytes.length) / sectorBytes) * sectorBytes;
          inode.seen = withWrite(inode.seen, offset, write.bytes.subarray(0, part));
        });
        return this.#call("write", effect);
      },
      writeThrough: (bytes, offset) => {
        const write: PendingWrite = { offset, bytes: new Uint8Array(bytes), isDone: false };
        inode.pending.push(write);
        const effect = (): void => {
          if (Buffer.compare(write.bytes, bytes) !== 0)
            throw new Error("the bytes changed while they were written");
          inode.seen = withWrite(inode.seen, offset, write.bytes);
          inode.durable = withWrite(inode.durable, offset, write.bytes);
          inode.pending = inode.pending.filter((other) => other !== write);
        };
        failedEffects.set(effect, (random) => {
          // Any part of it may be on the disk, another part seen by programs until the power is cut.
          const part = Math.floor((random() * bytes.length) / sectorBytes) * sectorBytes;
          inode.seen = withWrite(inode.seen, offset, write.bytes.subarray(0, part));
          keepSectors(inode, write, () => random() < 0.5);
          inode.pending = inode.pending.filter((other) => other !== write);
        });
        return this.#call("writeThrough", effect);
      },
      read: (into, offset) =>
        this.#call("read", () => {
          if (offset + into.length > inode.seen.length) throw new ScansealError("io", "beyond the end");
          into.set(inode.seen.subarray(offset, offset + into.length));
        }),
      size: async () => inode.seen.length,
      datasync: () => {
        const covered = inode.pending.filter((write) => write.isDone);
        const forget = (): void => {
          inode.pending = inode.pending.filter((write) => !covered.includes(write));
        };
        const effect = (): void => {
          for (const { offset, bytes } of covered) inode.durable = withWrite(inode.durable, offset, bytes);
          forget();
        };
        failedEffects.set(effect, (random) => {
          // The pages are marked clean although some never reached the disk: a later sync says nothing of them.
          for (const write of covered) keepSectors(inode, write, () => random() < 0.5);
          forget();
        });
        return this.#call("datasync", effect);
      },
      close: async () => undefined,
    };
  }
}

/** What a failing call leaves behind. */
const failedEffects = new WeakMap<() => unknown, (random: () => number) => void>();

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

function withWrite(content: Bytes, offset: number, bytes: Bytes): Bytes {
  let out = content;
  if (offset + bytes.length > content.length) {
    out = new Uint8Array(offset + bytes.length);
    out.set(content);
  }
  out.set(bytes, offset);
  return out;
}

function keepSectors(inode: Inode, { offset, bytes }: PendingWrite, isLost: () => boolean): void {
  const kept: [number, number][] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, (Math.floor((offset + at) / sectorBytes) + 1) * sectorBytes - offset);
    const last = kept.at(-1);
    if (!isLost()) {
      if (last?.[1] === at) last[1] = end;
      else kept.push([at, end]);
    }
    at = end;
  }
  for (const [from, to] of kept) {
    inode.durable = withWrite(inode.durable, offset + from, bytes.subarray(from, to));
  }
}

function contentAfterCut(inode: Inode, isLost: () => boolean): Bytes {
  const copy = new Inode();
  copy.durable = new Uint8Array(inode.durable);
  for (const write of inode.pending) keepSectors(copy, write, isLost);
  return copy.durable;
}
