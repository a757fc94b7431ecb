/** C-FIND, C-MOVE or C-GET while it runs for the peer: its responses, its sub-operations' counts, its cancellation (PS3.7 9.1.2 to 9.1.4). */
import { textElement } from "../../dicom/encode.ts";
import { transferSyntaxOf } from "../../dicom/transfer-syntax.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { encodeIdentifier } from "../query/identifier.ts";
import { type CommandSet, responseBit } from "./command-set.ts";
import { DimseRefusal, type DimseStatus, type Retrieval, type SubOperationOutcome } from "./service.ts";
import { dimseStatus } from "./status.ts";

/** (0008,0058) Failed SOP Instance UID List. */
const failedListTag = 0x00080058;
/** A list of more would be longer than many peers take an identifier; the count tells of the rest. */
const failedListedMax = 1_000;
const countMax = 0xffff;

/** What it needs of its association. */
export interface OperationLink {
  send(response: CommandSet, dataSet?: Bytes): Promise<void>;
  /** The peer may be silent while we work. */
  work<T>(work: Promise<T>): Promise<T>;
  /** What a provider may take for a step. */
  readonly stepMs: number;
  /** The next message is the last: from then on a request of the peer is a new one. */
  finishing(): void;
}

export class RunningOperation {
  readonly messageId: number;
  readonly transferSyntaxUid: string;
  readonly #field: number;
  readonly #sopClassUid: string;
  readonly #link: OperationLink;
  readonly #abort: AbortController = new AbortController();
  #isCancelled = false;
  #isOver = false;
  #retrieval: Pick<Retrieval<unknown>, "total" | "isPart"> | undefined;
  #failedUids: string[] = [];
  readonly #counts: Record<SubOperationOutcome["outcome"], number> = { completed: 0, warning: 0, failed: 0 };

  constructor(
    command: CommandSet & { readonly messageId: number },
    sopClassUid: string,
    transferSyntaxUid: string,
    link: OperationLink,
  ) {
    this.#field = command.field | responseBit;
    this.messageId = command.messageId;
    this.#sopClassUid = sopClassUid;
    this.transferSyntaxUid = transferSyntaxUid;
    this.#link = link;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** C-CANCEL-RQ. */
  cancel(): void {
    this.#isCancelled = true;
    this.#abort.abort();
  }

  /** The association is over: nobody is answered. */
  end(): void {
    this.#isOver = true;
    this.#abort.abort();
  }

  /**
   * Takes what the provider makes, piece by piece, and gives the last response; never rejects but for the association.
   * @param each answers, or does the sub-operation
   */
  async run<Step>(
    begin: () => Promise<AsyncIterable<Step>>,
    each: (step: Step) => Promise<void>,
  ): Promise<void> {
    let status: DimseStatus;
    try {
      const steps = await this.awaiting(begin());
      if (steps !== undefined) await this.#takeAll(steps, each);
      status = { code: this.#isCancelled ? dimseStatus.cancelled : this.#finalCode() };
    } catch (error) {
      // Another error's message may say anything, and is not the peer's.
      status = error instanceof DimseRefusal ? error.status : { code: dimseStatus.unableToProcess };
      this.#abort.abort();
    }
    await this.#finish(status);
  }

  async #takeAll<Step>(steps: AsyncIterable<Step>, each: (step: Step) => Promise<void>): Promise<void> {
    const iterator = steps[Symbol.asyncIterator]();
    try {
      while (!this.signal.aborted) {
        const next = await this.awaiting(iterator.next());
        if (next === undefined || next.done === true) return;
        await each(next.value);
      }
    } catch (error) {
      this.#abort.abort();
      throw error;
    } finally {
      // It may still be at work on what nobody waits for.
      void iterator.return?.().catch(() => undefined);
    }
  }

  /**
   * The provider's work; undefined when the operation is cancelled first. Meanwhile the peer may be silent.
   * @throws DimseRefusal when it takes too long; what `work` throws
   */
  awaiting<T>(work: Promise<T>): Promise<T | undefined> {
    const { signal } = this;
    const settled = new Promise<T | undefined>((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", stop);
      };
      const stop = (): void => {
        end();
        resolve(undefined);
      };
      const timer = setTimeout(() => {
        end();
        reject(new DimseRefusal({ code: dimseStatus.unableToProcess, comment: "it took too long" }));
      }, this.#link.stepMs);
      signal.addEventListener("abort", stop, { once: true });
      if (signal.aborted) stop();
      work.finally(end).then(resolve, reject);
    });
    return this.#link.work(settled);
  }

  /** A pending response to C-FIND (PS3.7 9.1.2.1). */
  async match(dataSet: Bytes, areKeysUnsupported: boolean): Promise<void> {
    const code = areKeysUnsupported ? dimseStatus.pendingKeysUnsupported : dimseStatus.pending;
    await this.#respond({ code }, dataSet);
  }

  expect(retrieval: Pick<Retrieval<unknown>, "total" | "isPart">): void {
    this.#retrieval = retrieval;
  }

  /** The outcome of a sub-operation, told to the peer in a pending response (PS3.4 C.4.2.3.1). */
  async count({ sopInstanceUid, outcome }: SubOperationOutcome): Promise<void> {
    this.#counts[outcome]++;
    if (outcome === "failed" && this.#failedUids.length < failedListedMax)
      this.#failedUids.push(sopInstanceUid);
    await this.#respond({ code: dimseStatus.pending });
  }

  /** PS3.4 C.4.2.3.1: failure when nothing succeeded, a warning when something did not, or may be missing. */
  #finalCode(): number {
    const { completed, warning, failed } = this.#counts;
    const isPart = this.#retrieval?.isPart?.() ?? false;
    if ((failed > 0 || isPart) && completed + warning === 0) return dimseStatus.cannotPerformSubOperations;
    return failed + warning > 0 || isPart ? dimseStatus.someSubOperationsFailed : dimseStatus.success;
  }

  /** PS3.4 C.4.2.1.4.2: the list of what failed comes with every end but success. */
  async #finish(status: DimseStatus): Promise<void> {
    this.#link.finishing();
    const hasList = status.code !== dimseStatus.success && this.#failedUids.length > 0;
    await this.#respond(status, hasList ? this.#failedList() : undefined);
  }

  /** Undefined where the context's transfer syntax is not written (deflated). */
  #failedList(): Bytes | undefined {
    const uids = textElement(failedListTag, "UI", this.#failedUids.join("\\"));
    return transferSyntaxOf(this.transferSyntaxUid)?.deflated === true
      ? undefined
      : encodeIdentifier([uids], this.transferSyntaxUid);
  }

  async #respond({ code, comment }: DimseStatus, dataSet?: Bytes): Promise<void> {
    if (this.#isOver) return;
    const response: CommandSet = {
      field: this.#field,
      hasDataSet: dataSet !== undefined,
      respondedTo: this.messageId,
      status: code,
      errorComment: comment,
      sopClassUid: this.#sopClassUid,
      ...this.#countsOf(code),
    };
    await this.#link.send(response, dataSet);
  }

  /** PS3.4 C.4.2.1.6: what remains is told only of what goes on or was cancelled. */
  #countsOf(code: number): Pick<CommandSet, "remaining" | "completed" | "failed" | "warning"> {
    if (!this.#retrieval) return {};
    const { completed, warning, failed } = this.#counts;
    const remaining = Math.max(0, Math.min(this.#retrieval.total(), countMax) - completed - warning - failed);
    const isOpen = code === dimseStatus.pending || code === dimseStatus.cancelled;
    return {
      ...(isOpen ? { remaining } : {}),
      completed: Math.min(completed, countMax),
      failed: Math.min(failed, countMax),
      warning: Math.min(warning, countMax),
    };
  }
}
