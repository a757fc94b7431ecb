/**
 * Storage commitment asked of archives (PS3.4 annex J): what was delivered is asked for until the archive answers, with growing pauses. A request is
 * durable before it leaves; an answer counts only for what was asked of that archive, under a transaction UID that nobody can guess.
 */
import type { DimseStatus } from "../../../dicom-network/dimse/service.ts";
import { describeStatus, dimseStatus } from "../../../dicom-network/dimse/status.ts";
import type { CommitmentReport, CommitmentRequest } from "../../../dicom-network/dimse/storage-commitment.ts";
import type { Clock } from "../../../foundation/crypto.ts";
import type { EventSink } from "../../../operations/event.ts";
import type { CommitmentAsk, Commitments } from "../../../store/journal/commitments.ts";
import { told } from "../fault-words.ts";
import type { CommitmentAskSettings, DestinationSettings } from "../settings.ts";
import { endWithin, Waker } from "../waker.ts";

export interface AskingParts {
  readonly commitments: Pick<Commitments, "claim" | "unasked" | "report" | "open">;
  /** As of now. */
  readonly destinations: () => readonly DestinationSettings[];
  /** N-ACTION; a report on the same association is given to `take`. @throws ScansealError of the network: it was not asked */
  readonly ask: (
    destination: AskedDestination,
    request: CommitmentRequest,
    stopped: AbortSignal,
  ) => Promise<DimseStatus>;
  /** Their bytes may go now, where nobody else needs them. Never rejects. */
  readonly onCommitted: (objects: readonly string[]) => Promise<void>;
  /** Random. */
  readonly newTransactionUid: () => string;
  readonly clock: Clock;
  readonly events: EventSink;
}

export type AskedDestination = DestinationSettings & { readonly commitment: CommitmentAskSettings };

/** Between two looks at what is due. */
const pollMs = 2_000;
/** A CT series in one request, 50 KB; archives answer one as a whole. */
const instancesMax = 500;
/** Pauses grow to this, or to the first one where that is longer. */
const pauseMsMax = 6 * 60 * 60_000;
/** An archive that cannot be asked is left alone for so long at most. */
const restMsMax = 60_000;
/** What is under way at the end may take this long: it is asked again otherwise. */
const stopMs = 5_000;

export class AskingDesk {
  readonly #parts: AskingParts;
  readonly #pause: Waker = new Waker();
  readonly #stopped: AbortController = new AbortController();
  /** By destination. */
  readonly #running = new Map<string, Promise<void>>();
  readonly #resting = new Map<string, number>();
  #loop: Promise<void> | undefined;

  constructor(parts: AskingParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#pause.wake();
    await this.#loop;
    await endWithin([...this.#running.values()], stopMs);
  }

  /** A report has come. @param name of the destination that sent it, proven by how it came */
  async take(report: CommitmentReport, name: string): Promise<DimseStatus> {
    const { commitments, clock, events, onCommitted } = this.#parts;
    const destination = this.#asked().find((one) => one.name === name);
    if (!destination) return { code: dimseStatus.notAuthorized };
    try {
      const { sendAgainMax } = destination.commitment;
      const outcome = await commitments.report(name, report, sendAgainMax, clock.now());
      if (outcome.result === "repeated") return { code: dimseStatus.success };
      if (outcome.result === "refused") {
        const why = `a report of ${name} counts for nothing: ${outcome.why}`;
        events({ kind: "fault", where: "storage commitment", code: "peer-protocol", why });
        return { code: dimseStatus.invalidArgument };
      }
      const { committed, resent, failed, missing } = outcome;
      const [first] = failed;
      events({
        kind: "commitment-reported",
        destination: name,
        ...{ committed: committed.length, resent: resent.length, failed: failed.length, missing },
        ...(first && { object: first.id, reason: first.reason }),
      });
      await onCommitted(committed);
      return { code: dimseStatus.success };
    } catch (error) {
      events({ kind: "fault", where: "storage commitment", ...told(error) });
      // It is sent again, or asked for again.
      return { code: dimseStatus.processingFailure };
    }
  }

  #asked(): readonly AskedDestination[] {
    return this.#parts.destinations().filter((one): one is AskedDestination => one.commitment !== undefined);
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      for (const destination of this.#asked()) {
        const { name } = destination;
        if (this.#running.has(name) || this.#parts.clock.now() < (this.#resting.get(name) ?? 0)) continue;
        this.#running.set(
          name,
          this.#askAll(destination).finally(() => this.#running.delete(name)),
        );
      }
      await this.#pause.sleep(pollMs);
    }
  }

  /** Until nothing is due, or it cannot be asked. Never rejects. */
  async #askAll(destination: AskedDestination): Promise<void> {
    const { commitments, newTransactionUid, clock, events } = this.#parts;
    const { name, commitment } = destination;
    const pause = (asks: number): number => pauseMs(asks, commitment);
    try {
      while (!this.#stopped.signal.aborted) {
        const ask = await commitments.claim(name, newTransactionUid(), instancesMax, clock.now(), pause);
        if (!ask) return;
        if (ask.asks > commitment.alarmAfter) await this.#tellLate(name, ask);
        if (await this.#ask(destination, ask)) continue;
        const restMs = Math.min(commitment.askAgainMs, restMsMax);
        this.#resting.set(name, clock.now() + restMs);
        return;
      }
    } catch (error) {
      if (!this.#stopped.signal.aborted)
        events({ kind: "fault", where: "storage commitment", ...told(error) });
    }
  }

  /** @returns whether it was asked */
  async #ask(destination: AskedDestination, ask: CommitmentAsk): Promise<boolean> {
    const { commitments, clock, events } = this.#parts;
    const { transactionUid, instances } = ask;
    const { name, commitment } = destination;
    try {
      const { code } = await this.#parts.ask(
        destination,
        { transactionUid, instances },
        this.#stopped.signal,
      );
      if (code === dimseStatus.success) return true;
      const why = `${name} refuses to be asked: ${describeStatus(code)}`;
      events({ kind: "fault", where: "storage commitment", code: "peer-rejected", why });
    } catch (error) {
      const { code, why } = told(error);
      events({ kind: "fault", where: "storage commitment", code, why: `${name} cannot be asked: ${why}` });
    }
    await commitments.unasked(transactionUid, clock.now() + commitment.askAgainMs);
    return false;
  }

  async #tellLate(destination: string, { asks }: CommitmentAsk): Promise<void> {
    const { commitments, events } = this.#parts;
    const open = (await commitments.open()).find((one) => one.destination === destination);
    events({ kind: "commitment-late", destination, waiting: open?.waits ?? 0, asks: asks - 1 });
  }
}

function pauseMs(asks: number, { askAgainMs }: CommitmentAskSettings): number {
  return Math.min(askAgainMs * 2 ** Math.min(asks - 1, 30), Math.max(pauseMsMax, askAgainMs));
}
