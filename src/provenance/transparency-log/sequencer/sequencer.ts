/**
 * Gives entries their places, for ever. spec/transparency-log.md, "Sequencer": an entry is durable in the journal before its submitter hears of
 * it, and a checkpoint is committed there, by compare-and-set, before anybody sees it.
 */
import { type Bytes, equalBytes, tryUtf8, utf8 } from "../../../foundation/bytes.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import type { LogHead } from "../../../store/log-journal/log-journal.ts";
import { checkpointText } from "../proof/checkpoint.ts";
import { encodeBundle, entriesOf } from "../proof/entry-bundle.ts";
import { kindOf } from "../proof/log-entry.ts";
import { formatNote } from "../proof/signed-note.ts";
import { type TileName, tileWidth } from "../proof/tile.ts";
import { TreeHasher } from "../proof/tree-hasher.ts";
import { TreeReader } from "../proof/tree-reader.ts";
import { GrowingTree } from "./growing-tree.ts";
import { comparePublished, Publication } from "./publication.ts";
import type { SequencerParts } from "./sequencer-parts.ts";

/** Of one row of the journal: some 150 KB. */
const batchEntriesMax = 4096;
/** Some milliseconds at most. Measured with 256 submitters: batches of 250 instead of 110. */
const gatherTurnsMax = 8;
/** More means the disk does not follow: submitters are told, and come again. */
const waitingMax = 100_000;
/** Rows of the journal read at a time. */
const batchesAtOnce = 64;

interface Waiting {
  readonly entries: readonly Bytes[];
  resolve(first: number): void;
  reject(error: unknown): void;
}

export class Sequencer {
  readonly #parts: SequencerParts;
  readonly #hasher: TreeHasher;
  readonly #publication: Publication;
  readonly #epoch: number;
  readonly #tree: GrowingTree;
  #queue: Waiting[] = [];
  #waiting = 0;
  #appending: Promise<void> | undefined;
  #publishing: Promise<void> = Promise.resolve();
  /** What the journal has committed. */
  #committed: LogHead;
  #checkpoint: Bytes;
  /** What everybody sees; undefined before the first. */
  #published: Bytes | undefined;
  /** Full tiles whose partial ones are still there. */
  readonly #full: TileName[] = [];
  /** The journal's answer was lost: it may have more than we know. */
  #isUncertain = false;
  #problem: ScansealError | undefined;
  #isClosed = false;

  private constructor(
    parts: SequencerParts,
    start: {
      readonly epoch: number;
      readonly tree: GrowingTree;
      readonly committed: LogHead;
      readonly checkpoint: Bytes;
    },
  ) {
    this.#parts = parts;
    this.#hasher = new TreeHasher(parts.crypto);
    this.#publication = new Publication(parts, this.#hasher);
    this.#epoch = start.epoch;
    this.#tree = start.tree;
    this.#committed = start.committed;
    this.#checkpoint = start.checkpoint;
  }

  /**
   * Takes the log: whoever had it can neither append nor publish any more. What does not fit together makes it read-only, which `problem` tells.
   * @throws ScansealError `usage` when the journal has no such log; `io`, `storage-full`
   */
  static async open(parts: SequencerParts): Promise<Sequencer> {
    // 1. Epoch + 1.
    const state = await parts.journal.take(parts.signer.key.name);
    const hasher = new TreeHasher(parts.crypto);
    const committed = state.published;
    const checkpoint = utf8(state.checkpoint);
    const published = await parts.tiles.readCheckpoint();
    try {
      // 3. The right edge.
      const tree = await GrowingTree.read(committed.size, parts.tiles, hasher);
      if (!tree.matches(committed))
        throw new ScansealError(
          "log-conflict",
          "the tiles do not give the journal's root: they are damaged, or of another copy",
        );
      const reader = new TreeReader(committed.size, (name) => parts.tiles.require(name), hasher);
      // 2. What is published.
      if (published) await comparePublished(published, committed, parts, (size) => reader.root(size));
      const sequencer = new Sequencer(parts, { epoch: state.epoch, tree, committed, checkpoint });
      sequencer.#published = published;
      // 5. Rows that no tile holds yet.
      await sequencer.#takeUp();
      // 4. Witnesses, before anything new is signed: with the checkpoint that they should know.
      if (checkpoint.length === 0) await sequencer.#sign(committed);
      await sequencer.#announce(true);
      return sequencer;
    } catch (error) {
      if (!isReadOnlyReason(error)) throw error;
      const tree = await GrowingTree.read(0, parts.tiles, hasher);
      const sequencer = new Sequencer(parts, { epoch: state.epoch, tree, committed, checkpoint });
      sequencer.#published = published;
      sequencer.#problem = error;
      return sequencer;
    }
  }

  /** Why the log is read-only; undefined when it is not. */
  get problem(): ScansealError | undefined {
    return this.#problem;
  }

  /** Witnesses that it was compared with. */
  get witnessesHeard(): number {
    return this.#publication.heard;
  }

  /** Entries that have their place. */
  get size(): number {
    return this.#tree.size;
  }

  /** What everybody may see. */
  get published(): Bytes | undefined {
    return this.#published;
  }

  /**
   * @param entries of spec/transparency-log.md, at least one; they get places one after another
   * @returns the first one's index, when all are durable
   * @throws ScansealError `log-conflict` when the log is read-only; `io`, `storage-full`: then they may have got a place all the same
   */
  append(entries: readonly Bytes[]): Promise<number> {
    if (this.#problem) return Promise.reject(readOnly(this.#problem));
    if (this.#isClosed) return Promise.reject(new ScansealError("io", "the log is closed"));
    if (entries.length === 0 || entries.length > batchEntriesMax)
      return Promise.reject(new ScansealError("usage", `1 to ${batchEntriesMax} entries at a time`));
    // Whatever else it is, it could tell somebody something.
    if (entries.some((entry) => kindOf(entry) === undefined))
      return Promise.reject(
        new ScansealError("usage", "not an entry of this log: 34 bytes, version 1, a known kind"),
      );
    if (this.#waiting + entries.length > waitingMax)
      return Promise.reject(new ScansealError("io", "too many entries wait for the log"));
    this.#waiting += entries.length;
    return new Promise((resolve, reject) => {
      this.#queue.push({ entries, resolve, reject });
      this.#appending ??= this.#appendAll();
    });
  }

  async #appendAll(): Promise<void> {
    while (this.#queue.length > 0) {
      await this.#gather();
      const batch = this.#nextBatch();
      try {
        if (this.#problem) throw readOnly(this.#problem);
        if (this.#isUncertain) await this.#reload();
        const first = await this.#appendBatch(batch.flatMap(({ entries }) => entries));
        let index = first;
        for (const { entries, resolve } of batch) {
          resolve(index);
          index += entries.length;
        }
      } catch (error) {
        this.#failed(error);
        for (const { reject } of batch) reject(error);
      }
    }
    this.#appending = undefined;
  }

  /** What else arrives shares the transaction: turns of the event loop are waited for while each brings more. */
  async #gather(): Promise<void> {
    for (let turn = 0, known = 0; turn < gatherTurnsMax && this.#queue.length > known; turn++) {
      known = this.#queue.length;
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  #nextBatch(): Waiting[] {
    let count = 0;
    let taken = 0;
    while (taken < this.#queue.length) {
      count += this.#queue[taken]!.entries.length;
      if (count > batchEntriesMax) break;
      taken++;
    }
    const batch = this.#queue.slice(0, taken);
    this.#queue = this.#queue.slice(taken);
    for (const { entries } of batch) this.#waiting -= entries.length;
    return batch;
  }

  async #appendBatch(entries: readonly Bytes[]): Promise<number> {
    const first = this.#tree.size;
    const batch = { first, count: entries.length, entries: encodeBundle(entries) };
    this.#isUncertain = true;
    await this.#parts.journal.append(this.#parts.signer.key.name, this.#epoch, batch);
    this.#isUncertain = false;
    for (const entry of entries) this.#tree.add(entry);
    return first;
  }

  /** The journal may have committed what it could not answer. */
  async #reload(): Promise<void> {
    const { epoch } = await this.#parts.journal.state(this.#parts.signer.key.name);
    if (epoch !== this.#epoch) throw new ScansealError("log-conflict", "another sequencer has taken the log");
    await this.#takeUp();
    this.#isUncertain = false;
  }

  async #takeUp(): Promise<void> {
    for (;;) {
      const from = this.#tree.size;
      const batches = await this.#parts.journal.pending(this.#parts.signer.key.name, from, batchesAtOnce);
      if (batches.length === 0) break;
      for (const { first, count, entries } of batches) {
        const all = entriesOf(entries, batchEntriesMax);
        if (first !== this.#tree.size || all.length !== count)
          throw new ScansealError("log-conflict", "the journal's entries have a gap: it is damaged");
        for (const entry of all) this.#tree.add(entry);
      }
    }
    const { size } = await this.#parts.journal.state(this.#parts.signer.key.name);
    if (size !== this.#tree.size)
      throw new ScansealError("log-conflict", "the journal has fewer entries than places: it is damaged");
  }

  /**
   * Brings everything that has a place under a checkpoint, and the checkpoint to everybody. Resolves also when too few witnesses have cosigned
   * it, or the log has become read-only.
   * @throws ScansealError `io`, `storage-full`: it is tried again at the next call
   */
  publish(): Promise<void> {
    const publishing = this.#publishing.then(() => this.#publishOnce());
    this.#publishing = publishing.catch(() => undefined);
    return publishing;
  }

  async #publishOnce(): Promise<void> {
    if (this.#problem) return;
    try {
      if (this.#publication.conflict) throw this.#publication.conflict;
      if (this.#tree.size > this.#committed.size) await this.#commit();
      await this.#announce();
    } catch (error) {
      if (!this.#failed(error)) throw error;
    }
  }

  async #commit(): Promise<void> {
    const snapshot = this.#tree.snapshot();
    await this.#parts.tiles.put(snapshot.tiles, `epoch-${this.#epoch}`);
    this.#tree.forget(snapshot);
    this.#full.push(...snapshot.tiles.map(({ name }) => name).filter(({ width }) => width === tileWidth));
    await this.#sign({ size: snapshot.size, root: snapshot.root });
  }

  /** What is signed leaves this process only after the journal has committed it. */
  async #sign(head: LogHead): Promise<void> {
    const { journal, signer } = this.#parts;
    const { name, keyId } = signer.key;
    const text = checkpointText(name, head);
    const signature = await signer.sign(utf8(text));
    const checkpoint = formatNote({ text, signatures: [{ name, keyId, signature }] });
    try {
      await journal.commit(name, this.#epoch, this.#committed, head, tryUtf8(checkpoint)!);
      this.#committed = head;
      this.#checkpoint = checkpoint;
    } catch (error) {
      await this.#adopt(head, error);
    }
  }

  /** The commit failed, or its answer was lost: of this one, or of one before. While the epoch is ours, the journal has what we signed. */
  async #adopt(head: LogHead, error: unknown): Promise<void> {
    const { epoch, published, checkpoint } = await this.#parts.journal.state(this.#parts.signer.key.name);
    const isMoved = published.size > this.#committed.size;
    if (epoch !== this.#epoch || !isMoved) throw error;
    this.#committed = published;
    this.#checkpoint = utf8(checkpoint);
    if (published.size !== head.size || !equalBytes(published.root, head.root))
      throw new ScansealError("io", "the journal had committed more than it said: tried again");
  }

  async #announce(isStart = false): Promise<void> {
    // From the folder: a sequencer that had the log before may have written its last one late.
    const published = await this.#parts.tiles.readCheckpoint();
    const isKnown =
      published !== undefined && tryUtf8(published)?.startsWith(textOf(this.#checkpoint)) === true;
    if (isKnown && !isStart) return;
    const whole = await this.#publication.cosigned(this.#checkpoint, isStart);
    // At a start also what is published already: its cosignatures may be damaged, and nobody else would know.
    if (!whole) return;
    const { epoch } = await this.#parts.journal.state(this.#parts.signer.key.name);
    if (epoch !== this.#epoch) throw new ScansealError("log-conflict", "another sequencer has taken the log");
    await this.#parts.tiles.putCheckpoint(whole, `epoch-${this.#epoch}`);
    this.#published = whole;
    // What they replaced was needed until this was published.
    await this.#parts.tiles.removePartial(this.#full.splice(0));
  }

  /** @returns true when it makes the log read-only */
  #failed(error: unknown): boolean {
    if (!isReadOnlyReason(error)) return false;
    this.#problem ??= error;
    return true;
  }

  /** What waits is appended; nothing is published. The journal stays open. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#appending;
    await this.#publishing;
  }
}

/** The signed text: what stands before the signatures. */
function textOf(checkpoint: Bytes): string {
  return tryUtf8(checkpoint)!.split("\n\n")[0]!;
}

/** What does not fit together stays so; a disk that fails may do better later. */
function isReadOnlyReason(error: unknown): error is ScansealError {
  return error instanceof ScansealError && (error.code === "log-conflict" || error.code === "log-structure");
}

function readOnly(problem: ScansealError): ScansealError {
  return new ScansealError("log-conflict", `the log is read-only: ${problem.message}`, { cause: problem });
}
