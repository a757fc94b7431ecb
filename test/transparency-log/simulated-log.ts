/**
 * A disk and a journal that lose their power at a chosen step: of the disk what no datasync and no folder sync covered may be gone or torn; the
 * journal's transactions are there or not, and their answers may be lost.
 */
import { type Bytes, equalBytes } from "../../src/foundation/bytes.ts";
import { ScansealError } from "../../src/foundation/errors.ts";
import type { LogFile, LogFiles } from "../../src/provenance/transparency-log/sequencer/log-files.ts";
import type { LogBatch, LogHead, LogJournal, LogState } from "../../src/store/log-journal/log-journal.ts";
import { randomOf } from "../simulation/simulated-disk.ts";

/** Counts every change there is, and cuts the power at one of them. */
export class Power {
  steps = 0;
  readonly #cutAt: number;

  constructor(cutAt: number = Number.POSITIVE_INFINITY) {
    this.#cutAt = cutAt;
  }

  get isOff(): boolean {
    return this.steps >= this.#cutAt;
  }

  /** Before and after each change: nothing happens without power, and nobody hears of what happened. */
  async step(change: () => void): Promise<void> {
    await Promise.resolve();
    this.#require();
    this.steps++;
    this.#require();
    change();
    this.steps++;
    this.#require();
  }

  #require(): void {
    if (this.isOff) throw new ScansealError("io", "the power is off");
  }
}

class Inode {
  seen: Bytes = new Uint8Array(0);
  durable: Bytes = new Uint8Array(0);
}

type Names = Map<string, Inode | "folder">;

export class SimulatedLogFiles implements LogFiles {
  readonly #power: Power;
  readonly #names: Names;
  readonly #durable: Names;

  constructor(power: Power, names: Names = new Map()) {
    this.#power = power;
    this.#names = new Map(names);
    this.#durable = new Map(names);
  }

  async read(path: string): Promise<Bytes | undefined> {
    if (this.#power.isOff) throw new ScansealError("io", "the power is off");
    const inode = this.#names.get(path);
    return inode instanceof Inode ? new Uint8Array(inode.seen) : undefined;
  }

  async create(path: string): Promise<LogFile> {
    const inode = new Inode();
    await this.#power.step(() => {
      if (!this.#isFolder(above(path))) throw new ScansealError("io", "no such folder");
      this.#names.set(path, inode);
    });
    return {
      write: (bytes) =>
        this.#power.step(() => {
          inode.seen = new Uint8Array([...inode.seen, ...bytes]);
        }),
      datasync: () =>
        this.#power.step(() => {
          inode.durable = inode.seen;
        }),
      close: async () => undefined,
    };
  }

  rename(from: string, to: string): Promise<void> {
    return this.#power.step(() => {
      const inode = this.#names.get(from);
      if (!inode) throw new ScansealError("io", "no such file");
      this.#names.delete(from);
      this.#names.set(to, inode);
    });
  }

  makeFolder(path: string): Promise<void> {
    return this.#power.step(() => {
      for (let at = path; at !== "."; at = above(at)) this.#names.set(at, "folder");
    });
  }

  removeFolder(path: string): Promise<void> {
    return this.#power.step(() => {
      const inside = [...this.#names.keys()].filter((name) => name === path || name.startsWith(`${path}/`));
      for (const name of inside) this.#names.delete(name);
    });
  }

  syncFolder(path: string): Promise<void> {
    return this.#power.step(() => {
      for (const name of [...this.#durable.keys()]) if (above(name) === path) this.#durable.delete(name);
      for (const [name, inode] of this.#names) if (above(name) === path) this.#durable.set(name, inode);
    });
  }

  /** @param loss how likely what was not synced is lost; 0 is the end of a process */
  afterCut(power: Power, seed: number, loss: number): SimulatedLogFiles {
    const random = randomOf(seed);
    const kept: Names = new Map();
    // Folders before what is in them.
    const names = [...new Set([...this.#durable.keys(), ...this.#names.keys()])].sort();
    for (const name of names) {
      const before = this.#durable.get(name);
      const now = this.#names.get(name);
      const entry = before === now || random() >= loss ? now : before;
      if (!entry || (above(name) !== "." && kept.get(above(name)) !== "folder")) continue;
      kept.set(name, entry === "folder" ? entry : afterCut(entry, random, loss));
    }
    return new SimulatedLogFiles(power, kept);
  }

  /** A copy of all there is, as a backup takes it. */
  copy(power: Power): SimulatedLogFiles {
    return this.afterCut(power, 0, 0);
  }

  /** Somebody else's change, or rot. */
  damage(path: string, change: (bytes: Bytes) => Bytes): void {
    const inode = this.#names.get(path);
    if (!(inode instanceof Inode)) throw new Error(`there is no ${path}`);
    inode.seen = change(inode.seen);
  }

  paths(): string[] {
    return [...this.#names].flatMap(([path, entry]) => (entry === "folder" ? [] : [path]));
  }

  #isFolder(path: string): boolean {
    return path === "." || this.#names.get(path) === "folder";
  }
}

function above(path: string): string {
  return path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : ".";
}

function afterCut(inode: Inode, random: () => number, loss: number): Inode {
  const out = new Inode();
  const isSynced = equalBytes(inode.seen, inode.durable);
  // Torn anywhere: what was written and not synced may be there in part.
  const length = loss === 0 ? inode.seen.length : Math.floor(random() * (inode.seen.length + 1));
  out.seen = isSynced ? inode.seen : inode.seen.slice(0, length);
  out.durable = out.seen;
  return out;
}

interface LogRow {
  readonly state: LogState;
  readonly batches: readonly LogBatch[];
}

export class SimulatedLogJournal implements LogJournal {
  readonly #power: Power;
  readonly #rows: Map<string, LogRow>;

  constructor(power: Power, rows: ReadonlyMap<string, LogRow> = new Map()) {
    this.#power = power;
    this.#rows = new Map(rows);
  }

  copy(power: Power): SimulatedLogJournal {
    return new SimulatedLogJournal(power, this.#rows);
  }

  create(origin: string, root: Bytes): Promise<void> {
    const state = { epoch: 0, size: 0, published: { size: 0, root }, checkpoint: "" };
    return this.#power.step(() => void this.#rows.set(origin, { state, batches: [] }));
  }

  async take(origin: string): Promise<LogState> {
    await this.#power.step(() => this.#change(origin, ({ epoch }) => ({ epoch: epoch + 1 })));
    return this.#row(origin).state;
  }

  async state(origin: string): Promise<LogState> {
    if (this.#power.isOff) throw new ScansealError("io", "the power is off");
    return this.#row(origin).state;
  }

  append(origin: string, epoch: number, batch: LogBatch): Promise<void> {
    return this.#power.step(() => {
      const { state } = this.#row(origin);
      if (state.epoch !== epoch || state.size !== batch.first)
        throw new ScansealError("log-conflict", "taken");
      this.#change(
        origin,
        () => ({ size: batch.first + batch.count }),
        (batches) => [...batches, batch],
      );
    });
  }

  async pending(origin: string, from: number, limit: number): Promise<readonly LogBatch[]> {
    if (this.#power.isOff) throw new ScansealError("io", "the power is off");
    return this.#row(origin)
      .batches.filter(({ first }) => first >= from)
      .slice(0, limit);
  }

  commit(origin: string, epoch: number, from: LogHead, to: LogHead, checkpoint: string): Promise<void> {
    return this.#power.step(() => {
      const { state } = this.#row(origin);
      const isThere = state.published.size === from.size && equalBytes(state.published.root, from.root);
      if (state.epoch !== epoch || !isThere) throw new ScansealError("log-conflict", "taken");
      const left = (batches: readonly LogBatch[]) => batches.filter(({ first }) => first >= to.size);
      this.#change(origin, () => ({ published: to, checkpoint }), left);
    });
  }

  async close(): Promise<void> {}

  #row(origin: string): LogRow {
    const row = this.#rows.get(origin);
    if (!row) throw new ScansealError("usage", "no such log");
    return row;
  }

  #change(
    origin: string,
    change: (state: LogState) => Partial<LogState>,
    batches: (known: readonly LogBatch[]) => readonly LogBatch[] = (known) => known,
  ): void {
    const row = this.#row(origin);
    this.#rows.set(origin, { state: { ...row.state, ...change(row.state) }, batches: batches(row.batches) });
  }
}
