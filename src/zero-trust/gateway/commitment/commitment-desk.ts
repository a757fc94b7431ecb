/**
 * Storage commitment for modalities (PS3.4 annex J): a request is durable before it is answered, and its report says `committed` only of what was
 * admitted under the policy and is in the archive. Nobody is told before that; what is not so in time is reported as failed.
 */
import type {
  CommitmentReport,
  CommitmentRequest,
  FailedReference,
  SopReference,
} from "../../../dicom-network/dimse/storage-commitment.ts";
import type { Clock } from "../../../foundation/crypto.ts";
import type { EventSink } from "../../../operations/event.ts";
import type { Commitments } from "../../../store/journal/commitments.ts";
import type { Journal, JudgedObject } from "../../../store/journal/journal.ts";
import { told } from "../fault-words.ts";
import { endWithin, Waker } from "../waker.ts";
import { commitmentFailure, instanceCommitment } from "./instance-commitment.ts";

/** A request that is not reported yet. */
export interface PendingCommitment extends CommitmentRequest {
  readonly id: string;
  /** Name in the configuration. */
  readonly source: string;
  /** Of the request: whom the report is for. */
  readonly aeTitle: string;
  readonly askedAt: number;
}

/** What is known of one without its instances, of which there may be thousands. */
export type WaitingCommitment = Pick<PendingCommitment, "id" | "source" | "askedAt">;

/** Kept until the report was taken. */
export interface CommitmentStore {
  /** Durable. @throws ScansealError `storage-full` also above what one source may have waiting, `io` */
  add(pending: PendingCommitment): Promise<void>;
  /** Oldest first. */
  waiting(): readonly WaitingCommitment[];
  /** @throws ScansealError `io`, also for a damaged one */
  read(id: string): Promise<PendingCommitment>;
  /** It cannot be read: nobody is told, and a person may look at it. */
  setAside(id: string): Promise<void>;
  remove(id: string): Promise<void>;
}

export interface CommitmentParts {
  readonly journal: Pick<Journal, "object" | "objects" | "deliveriesOf">;
  /** What archives commit to. */
  readonly commitments: Pick<Commitments, "of">;
  readonly store: CommitmentStore;
  /** Its bytes are kept here, and are those that were judged. */
  readonly isKept: (object: JudgedObject) => Promise<boolean>;
  /** @returns whether the peer took it; undefined where the source has no place for reports any more @throws ScansealError of the network */
  readonly send: (pending: PendingCommitment, report: CommitmentReport) => Promise<boolean | undefined>;
  readonly clock: Clock;
  readonly events: EventSink;
  readonly newId: () => string;
}

/** Archives of a hospital's night are mended in the morning; modalities give up after a day or two. */
const waitMsMax = 24 * 60 * 60_000;
/** Between two looks at what waits. */
const pollMs = 2_000;
/** What waits for hours is looked at less often: by its age. */
const looksOfAge = 30;
const lookMsMax = 60_000;
/** A peer that is away, or refuses its report, is tried this long. */
const reportMsMax = 48 * 60 * 60_000;
const retryMsMax = 10 * 60_000;
/** What is under way at the end may take this long: it is reported again otherwise. */
const stopMs = 5_000;
/** Rows of one UID. */
const rowsMax = 1_000;

export class CommitmentDesk {
  readonly #parts: CommitmentParts;
  readonly #pause: Waker = new Waker();
  /** Id -> when its report may be tried again, and how often it was. */
  readonly #retries = new Map<string, { readonly at: number; readonly tries: number }>();
  /** Id -> which of its instances waited, and when it is looked at again. */
  readonly #waits = new Map<string, { readonly at: number; readonly index: number }>();
  /** By source: one that is off keeps nobody else waiting. */
  readonly #lanes = new Map<string, Promise<void>>();
  #isStopping = false;
  #loop: Promise<void> | undefined;

  constructor(parts: CommitmentParts) {
    this.#parts = parts;
  }

  /** Resolves when it is durable. @throws ScansealError `storage-full`, `io` */
  async take(request: CommitmentRequest, source: string, aeTitle: string): Promise<void> {
    const { store, newId, clock } = this.#parts;
    await store.add({ ...request, id: newId(), source, aeTitle, askedAt: clock.now() });
    this.#pause.wake();
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#pause.wake();
    const ended = async (): Promise<void> => {
      await this.#loop;
      await Promise.all(this.#lanes.values());
    };
    await endWithin([ended()], stopMs);
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      try {
        const bySource = Map.groupBy(this.#parts.store.waiting(), ({ source }) => source);
        for (const [source, waiting] of bySource) this.#begin(source, waiting);
      } catch (error) {
        this.#fault(error);
      }
      if (!this.#isStopping) await this.#pause.sleep(pollMs);
    }
  }

  #begin(source: string, waiting: readonly WaitingCommitment[]): void {
    if (this.#lanes.has(source)) return;
    const lane = this.#lookAll(waiting)
      .catch((error: unknown) => this.#fault(error))
      .finally(() => this.#lanes.delete(source));
    this.#lanes.set(source, lane);
  }

  async #lookAll(waiting: readonly WaitingCommitment[]): Promise<void> {
    const { clock, store } = this.#parts;
    for (const { id } of waiting) {
      if (this.#isStopping) return;
      const now = clock.now();
      if (now < (this.#retries.get(id)?.at ?? 0) || now < (this.#waits.get(id)?.at ?? 0)) continue;
      const pending = await store.read(id).catch(async (error: unknown) => {
        this.#fault(error);
        await store.setAside(id);
      });
      if (pending) await this.#look(pending);
    }
  }

  #fault(error: unknown): void {
    this.#parts.events({ kind: "fault", where: "storage commitment", ...told(error) });
  }

  async #look(pending: PendingCommitment): Promise<void> {
    const { clock, store, events } = this.#parts;
    const now = clock.now();
    const retry = this.#retries.get(pending.id);
    const report = await this.#reportOf(pending, now - pending.askedAt >= waitMsMax);
    if (!report) return;
    const isTaken = await this.#parts.send(pending, report).catch((error: unknown) => {
      events({ kind: "fault", where: "storage commitment report", ...told(error) });
      return false;
    });
    const isOver = now - pending.askedAt >= waitMsMax + reportMsMax;
    if (isTaken !== false || isOver) {
      if (isTaken !== true)
        events({
          kind: "fault",
          where: "storage commitment",
          code: "timeout",
          why: "a report was taken by nobody",
        });
      this.#retries.delete(pending.id);
      this.#waits.delete(pending.id);
      await store.remove(pending.id);
      return;
    }
    const tries = (retry?.tries ?? 0) + 1;
    this.#retries.set(pending.id, {
      tries,
      at: now + Math.min(retryMsMax, pollMs * 2 ** Math.min(tries, 12)),
    });
  }

  /** Undefined while something waits. */
  async #reportOf(pending: PendingCommitment, isLate: boolean): Promise<CommitmentReport | undefined> {
    const { id, source, instances, askedAt, transactionUid } = pending;
    const committed: SopReference[] = [];
    const failed: FailedReference[] = [];
    // The one that waited first: it speaks for all while it waits.
    const begin = this.#waits.get(id)?.index ?? 0;
    for (let i = 0; i < instances.length; i++) {
      const index = (begin + i) % instances.length;
      const reference = instances[index]!;
      const state = await this.#stateOf(reference, source);
      if (state === "committed") committed.push(reference);
      else if (state !== "waits") failed.push({ ...reference, reason: state.failed });
      else if (isLate) failed.push({ ...reference, reason: commitmentFailure.processingFailure });
      else {
        const now = this.#parts.clock.now();
        const pauseMs = Math.min(lookMsMax, Math.max(0, now - askedAt) / looksOfAge);
        this.#waits.set(id, { index, at: now + pauseMs });
        return undefined;
      }
    }
    return { transactionUid, committed, failed };
  }

  async #stateOf(
    reference: SopReference,
    source: string,
  ): Promise<"committed" | "waits" | { readonly failed: number }> {
    const { journal, commitments } = this.#parts;
    const rows = await journal.objects({ sopInstanceUid: reference.sopInstanceUid, limit: rowsMax });
    // The last one is not among them.
    if (rows.length >= rowsMax) return { failed: commitmentFailure.processingFailure };
    const known = await Promise.all(
      rows
        .filter(({ arrival }) => !arrival.returned)
        .map(async (object) => {
          // Deliveries first: what is completed in between is asked for, and waits.
          const deliveries = await journal.deliveriesOf(object.id);
          return { object, deliveries, commitments: await commitments.of(object.id) };
        }),
    );
    const state = instanceCommitment(reference, known, source);
    return typeof state === "object" && "kept" in state ? this.#kept(state.kept) : state;
  }

  /** The gate itself is the archive: what it says it has, it has looked at. */
  async #kept(id: string): Promise<"committed" | "waits" | { readonly failed: number }> {
    const { journal, isKept } = this.#parts;
    const before = await journal.object(id);
    if (!before) return { failed: commitmentFailure.processingFailure };
    if (await isKept(before)) return "committed";
    const now = await journal.object(id);
    // It moved meanwhile.
    const isElsewhere =
      now?.stored !== before.stored || JSON.stringify(now.location) !== JSON.stringify(before.location);
    return isElsewhere ? "waits" : { failed: commitmentFailure.processingFailure };
  }
}
