/** Sends files over several associations at once. */
import { connectDimse, type DimseClient } from "../../dicom-network/dimse/client.ts";
import type { DimseStatus } from "../../dicom-network/dimse/service.ts";
import { isStored } from "../../dicom-network/dimse/status.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { connectionProblem } from "./connection-words.ts";
import type { NetworkTarget } from "./network-target.ts";
import { type Batch, batchesOf, type OutgoingFile, sendFile } from "./outgoing-file.ts";

export type Sent =
  | { readonly result: "accepted" | "refused"; readonly file: OutgoingFile; readonly status: DimseStatus }
  /** `refused`: the peer takes no such object, and it was not sent. */
  | {
      readonly result: "refused" | "failed";
      readonly file: OutgoingFile;
      readonly problem: string;
      /** It was left when nobody could connect any more. */
      readonly isLeft?: true;
    };

/**
 * Every file is reported once. An association that ends is opened again for the next file; when it cannot be, what is left has failed.
 * @param associations at most so many at once
 * @throws ScansealError when not even the first association could be opened: nothing was reported
 */
export async function transmit(
  files: readonly OutgoingFile[],
  target: NetworkTarget,
  associations: number,
  report: (sent: Sent) => void,
): Promise<void> {
  let isBegun = false;
  for (const batch of batchesOf(files)) {
    const transmission = new Transmission(batch, target, (sent) => {
      isBegun = true;
      report(sent);
    });
    await transmission.run(associations);
    if (!isBegun) throw withWords(transmission.connectError);
    transmission.giveUp();
  }
}

function withWords(error: unknown): unknown {
  if (!(error instanceof ScansealError)) return error;
  return new ScansealError(error.code, connectionProblem(error), { cause: error });
}

class Transmission {
  readonly #target: NetworkTarget;
  readonly #contexts: Batch["contexts"];
  readonly #queue: OutgoingFile[];
  readonly #report: (sent: Sent) => void;
  connectError: unknown;

  constructor({ contexts, files }: Batch, target: NetworkTarget, report: (sent: Sent) => void) {
    this.#target = target;
    this.#contexts = contexts;
    this.#queue = files.toReversed();
    this.#report = report;
  }

  async run(associations: number): Promise<void> {
    const width = Math.min(associations, this.#queue.length);
    await Promise.all(Array.from({ length: width }, () => this.#work()));
  }

  /** What is left after `run`: nobody could connect any more. */
  giveUp(): void {
    if (this.#queue.length === 0) return;
    const problem = connectionProblem(this.connectError);
    for (const file of this.#queue.toReversed())
      this.#report({ result: "failed", file, problem, isLeft: true });
  }

  async #work(): Promise<void> {
    let client: DimseClient | undefined;
    while (this.#queue.length > 0) {
      if (client?.isOpen !== true) {
        try {
          client = await connectDimse({ ...this.#target, contexts: this.#contexts });
        } catch (error) {
          this.connectError = error;
          return;
        }
      }
      const file = this.#queue.pop();
      if (file !== undefined) this.#report(await outcomeOf(client, file));
    }
    // All is answered: how the association ends changes nothing.
    if (client?.isOpen) await client.release().catch(() => undefined);
  }
}

async function outcomeOf(client: DimseClient, file: OutgoingFile): Promise<Sent> {
  try {
    const status = await sendFile(client, file);
    return { result: isStored(status.code) ? "accepted" : "refused", file, status };
  } catch (error) {
    const isRefused = error instanceof ScansealError && error.code === "peer-rejected";
    return { result: isRefused ? "refused" : "failed", file, problem: connectionProblem(error) };
  }
}
