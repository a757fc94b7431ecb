/** Storage commitment asked by a running gateway: who is asked, and over which association. */
import { randomUUID } from "node:crypto";
import { explicitLittleEndianUid, implicitLittleEndianUid } from "../../dicom/transfer-syntax.ts";
import { connectDimse } from "../../dicom-network/dimse/client.ts";
import type { DimseStatus } from "../../dicom-network/dimse/service.ts";
import { storageCommitmentClass } from "../../dicom-network/dimse/sop-classes.ts";
import { dimseStatus } from "../../dicom-network/dimse/status.ts";
import type { CommitmentReport, CommitmentRequest } from "../../dicom-network/dimse/storage-commitment.ts";
import type { EventSink } from "../../operations/event.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import type { Commitments } from "../../store/journal/commitments.ts";
import { type AskedDestination, AskingDesk } from "../../zero-trust/gateway/commitment/asking-desk.ts";
import type { Gateway } from "../../zero-trust/gateway/gateway.ts";
import type { GatewaySettings } from "../../zero-trust/gateway/settings.ts";

export interface AskingRunParts {
  readonly commitments: Commitments;
  readonly events: EventSink;
  /** Made after this. */
  readonly gateway: () => Pick<Gateway, "committed">;
}

/** An archive with a listener of ours for its reports has an association of its own for them. */
const lingerMs = 1_000;
/** One without is waited for on the association that asked. */
const lingerMsAlone = 30_000;

export class CommitmentAsking {
  readonly #parts: AskingRunParts;
  readonly #desk: AskingDesk;
  #settings: GatewaySettings;

  /** @param settings of the start @throws ScansealError `io`, `storage-full` of the journal */
  static async open(parts: AskingRunParts, settings: GatewaySettings): Promise<CommitmentAsking> {
    const asking = new CommitmentAsking(parts, settings);
    await asking.apply(settings);
    return asking;
  }

  private constructor(parts: AskingRunParts, settings: GatewaySettings) {
    this.#parts = parts;
    this.#settings = settings;
    this.#desk = new AskingDesk({
      ...parts,
      onCommitted: (objects) => parts.gateway().committed(objects),
      destinations: () => this.#settings.destinations,
      ask: (...asked) => this.#ask(...asked),
      newTransactionUid,
      clock: systemClock,
    });
  }

  /** In force. */
  get settings(): GatewaySettings {
    return this.#settings;
  }

  /** Before anything is delivered under these settings. */
  async apply(settings: GatewaySettings): Promise<void> {
    // Its title stays, as that of the listeners does.
    this.#settings = { ...settings, aeTitle: this.#settings.aeTitle };
    const { destinations } = settings;
    const names = (isAsked: boolean): string[] =>
      destinations.filter((one) => (one.commitment !== undefined) === isAsked).map(({ name }) => name);
    await this.#parts.commitments.askAt(names(true), names(false));
  }

  take(report: CommitmentReport, destination: string): Promise<DimseStatus> {
    return this.#desk.take(report, destination);
  }

  start(): void {
    this.#desk.start();
  }

  stop(): Promise<void> {
    return this.#desk.stop();
  }

  async #ask(
    { name, commitment }: AskedDestination,
    request: CommitmentRequest,
    stopped: AbortSignal,
  ): Promise<DimseStatus> {
    const { host, port, tls, aeTitle, reports } = commitment;
    const reported = Promise.withResolvers<void>();
    const transferSyntaxes = [explicitLittleEndianUid, implicitLittleEndianUid];
    const client = await connectDimse({
      ...{ host, port, tls, calledAeTitle: aeTitle, callingAeTitle: this.#settings.aeTitle },
      contexts: [{ id: 1, abstractSyntax: storageCommitmentClass, transferSyntaxes }],
      report: async (report) => {
        const status = await this.#desk.take(report, name);
        reported.resolve();
        return status;
      },
    });
    try {
      const status = await client.requestCommitment(request);
      if (status.code === dimseStatus.success)
        await first(reports ? lingerMs : lingerMsAlone, stopped, reported.promise, client.ended);
      return status;
    } finally {
      if (client.isOpen) await client.release().catch(() => undefined);
    }
  }
}

/** Resolves with the first of them, after `ms`, or when all is stopped. */
async function first(ms: number, stopped: AbortSignal, ...those: Promise<unknown>[]): Promise<void> {
  const over = Promise.withResolvers<void>();
  const timer = setTimeout(over.resolve, ms);
  const stop = (): void => over.resolve();
  stopped.addEventListener("abort", stop, { once: true });
  if (stopped.aborted) stop();
  try {
    await Promise.race([over.promise, ...those]);
  } finally {
    clearTimeout(timer);
    stopped.removeEventListener("abort", stop);
  }
}

/** PS3.5 annex B.2, of 122 random bits: who has not seen the request cannot answer it. */
function newTransactionUid(): string {
  return `2.25.${BigInt(`0x${randomUUID().replaceAll("-", "")}`)}`;
}
