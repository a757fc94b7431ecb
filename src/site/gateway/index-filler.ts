/**
 * Puts what was admitted into the index, behind everything else: nothing waits for it. What waits is in the journal's database from the judgement's
 * transaction on, so that a crash loses nothing; what was admitted before there was an index is looked for at the start.
 */
import { ScansealError } from "../../foundation/errors.ts";
import type { EventSink } from "../../operations/event.ts";
import type { IndexQueue, WaitingObject } from "../../store/index/index-queue.ts";
import type { IndexEntry, InstanceIndex } from "../../store/index/instance-index.ts";
import type { JudgedObject } from "../../store/journal/journal.ts";
import type { OpenObject } from "../../store/objects/object-store.ts";
import { endWithin, Waker } from "../../zero-trust/gateway/waker.ts";
import { FaultsInARow } from "./faults-in-a-row.ts";
import { entryOf, packedAttributesIn } from "./index-attributes.ts";

/** One transaction, in which the embedded database stops the event loop: some 8 ms. */
const objectsAtOnce = 32;
/** After something came: others come with it. */
const gatherMs = 200;
/** For what other processes left, and after a fault. */
const pollMs = 30_000;
/** Between two of whose bytes were read here: the network goes first. */
const readPauseMs = 20;
/** What is under way is one transaction. */
const stopMs = 5_000;

export interface FillerParts {
  readonly index: Pick<InstanceIndex, "put">;
  readonly queue: IndexQueue;
  /** The kept bytes; undefined where they are kept no longer. @throws ScansealError `io` */
  readonly openKept: (object: JudgedObject) => Promise<OpenObject | undefined>;
}

export interface Filled {
  readonly indexed: number;
  readonly failed: number;
}

/** Sentences of the queue. */
const problems = {
  gone: "its bytes are kept no longer: only an archive has them",
  unreadable: "its kept bytes cannot be read",
  otherName: "its data set does not name its instance, series and study",
  unfit: "it has values that the index cannot keep",
} as const;

/** Until nothing waits. @param pause between batches; its promise may end the work by false @throws ScansealError `io`, `storage-full` */
export async function fillIndex(
  parts: FillerParts,
  goesOn: (wasRead: boolean) => Promise<boolean> = async () => true,
): Promise<Filled> {
  let indexed = 0;
  let failed = 0;
  for (;;) {
    const waiting = await parts.queue.waiting(objectsAtOnce);
    if (waiting.length === 0) return { indexed, failed };
    const entries: IndexEntry[] = [];
    let wasRead = false;
    for (const one of waiting) {
      wasRead ||= one.attributes === undefined;
      const entry = await entryFor(parts, one);
      if (typeof entry === "object") entries.push(entry);
      else {
        await parts.queue.failed(one.object.id, problems[entry]);
        failed++;
      }
    }
    const kept = await putAll(parts, entries);
    indexed += kept;
    failed += entries.length - kept;
    if (!(await goesOn(wasRead))) return { indexed, failed };
  }
}

async function entryFor(
  { openKept }: FillerParts,
  waiting: WaitingObject,
): Promise<IndexEntry | keyof typeof problems> {
  try {
    const packed = waiting.attributes ?? (await readKept(openKept, waiting.object));
    if (!packed) return "gone";
    return entryOf(waiting, packed) ?? "otherName";
  } catch (error) {
    if (error instanceof ScansealError) return "unreadable";
    throw error;
  }
}

async function readKept(
  openKept: FillerParts["openKept"],
  object: JudgedObject,
): Promise<Uint8Array | undefined> {
  const source = await openKept(object);
  if (!source) return undefined;
  try {
    return await packedAttributesIn(source, object.digest);
  } finally {
    await source.close();
  }
}

/** One that cannot be kept does not keep the others out. @returns how many are there now */
async function putAll({ index, queue }: FillerParts, entries: readonly IndexEntry[]): Promise<number> {
  try {
    await index.put(entries);
    await queue.settled(entries.map(({ objectId }) => objectId));
    return entries.length;
  } catch (error) {
    if (!(error instanceof ScansealError) || error.code !== "usage") throw error;
  }
  let kept = 0;
  for (const entry of entries) {
    try {
      await index.put([entry]);
      await queue.settled([entry.objectId]);
      kept++;
    } catch (error) {
      if (!(error instanceof ScansealError) || error.code !== "usage") throw error;
      await queue.failed(entry.objectId, problems.unfit);
    }
  }
  return kept;
}

export class IndexFiller {
  readonly #parts: FillerParts;
  readonly #events: EventSink;
  readonly #waker: Waker = new Waker();
  #isMissingAdded = false;
  #isStopping = false;
  readonly #faults: FaultsInARow;
  #loop: Promise<void> | undefined;

  constructor(parts: FillerParts, events: EventSink) {
    this.#parts = parts;
    this.#events = events;
    this.#faults = new FaultsInARow(events, "index");
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Something was admitted. */
  wake(): void {
    this.#waker.wake();
  }

  /** The batch that is under way is finished; the rest waits for the next start. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#waker.wake();
    if (this.#loop) await endWithin([this.#loop], stopMs);
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      await this.#fill();
      if (this.#isStopping) return;
      await this.#waker.sleep(pollMs);
      await pause(this.#isStopping ? 0 : gatherMs);
    }
  }

  async #fill(): Promise<void> {
    try {
      if (!this.#isMissingAdded) await this.#parts.queue.addMissing();
      this.#isMissingAdded = true;
      const { failed } = await fillIndex(this.#parts, async (wasRead) => {
        await pause(wasRead ? readPauseMs : 0);
        return !this.#isStopping;
      });
      this.#faults.over();
      if (failed > 0)
        this.#events({ kind: "fault", where: "index", code: "unsupported", why: missing(failed) });
    } catch (error) {
      this.#faults.tell(error, "filling the index failed");
    }
  }
}

function missing(count: number): string {
  const objects = count === 1 ? "1 object is" : `${count} objects are`;
  return `${objects} missing from the index; scanseal index status says why`;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
