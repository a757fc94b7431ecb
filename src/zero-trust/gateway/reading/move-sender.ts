/** Sends what a C-MOVE asked for to its destination: an association for as many objects as fit it, in exactly the syntax they are kept in. */
import type { PresentationContext } from "../../../dicom-network/dimse/association.ts";
import { connectDimse, type DimseClient } from "../../../dicom-network/dimse/client.ts";
import type { MoveOriginator, SubOperationOutcome } from "../../../dicom-network/dimse/service.ts";
import { dimseStatus, isStored } from "../../../dicom-network/dimse/status.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import type { MoveDestinationSettings } from "../settings.ts";
import { dataSetBytes } from "./data-set-bytes.ts";
import { type Outgoing, outgoingObject } from "./read.ts";

/** PS3.8 9.3.2.2: ids are odd and below 256. */
const contextsMax = 128;
/** A destination that cannot be reached is not tried for each of a thousand objects. */
const failuresMax = 3;

export class MoveSender {
  readonly #place: MoveDestinationSettings;
  readonly #aeTitle: string;
  readonly #originator: MoveOriginator;
  /** Class and syntax of what was sent so far: the next association proposes all of them. */
  readonly #needs = new Map<
    string,
    { readonly abstractSyntax: string; readonly transferSyntaxes: readonly string[] }
  >();
  #client: DimseClient | undefined;
  #failures = 0;

  constructor(place: MoveDestinationSettings, aeTitle: string, originator: MoveOriginator) {
    this.#place = place;
    this.#aeTitle = aeTitle;
    this.#originator = originator;
  }

  /** Never rejects. */
  async send(read: Outgoing): Promise<SubOperationOutcome["outcome"]> {
    const { sopClassUid, sopInstanceUid, transferSyntaxUid, staged } = outgoingObject(read);
    if (this.#failures >= failuresMax) return "failed";
    try {
      const client = await this.#clientFor(sopClassUid, transferSyntaxUid);
      const named = { sopClassUid, sopInstanceUid, transferSyntaxUid, moveOriginator: this.#originator };
      const { code } = await client.store(named, dataSetBytes(staged));
      this.#failures = 0;
      if (code === dimseStatus.success) return "completed";
      return isStored(code) ? "warning" : "failed";
    } catch (error) {
      // That it does not take this class or syntax is no failure of the connection.
      const isRefused =
        error instanceof ScansealError && error.code === "peer-rejected" && this.#client?.isOpen;
      if (!isRefused) this.#failures++;
      return "failed";
    }
  }

  async #clientFor(abstractSyntax: string, transferSyntax: string): Promise<DimseClient> {
    const key = `${abstractSyntax} ${transferSyntax}`;
    const isProposed = this.#needs.has(key);
    if (this.#client?.isOpen && isProposed) return this.#client;
    await this.end();
    if (this.#needs.size >= contextsMax) this.#needs.clear();
    this.#needs.set(key, { abstractSyntax, transferSyntaxes: [transferSyntax] });
    const contexts: PresentationContext[] = [...this.#needs.values()].map((need, i) => ({
      id: 2 * i + 1,
      ...need,
    }));
    const { host, port, tls, aeTitle } = this.#place;
    this.#client = await connectDimse({
      ...{ host, port, tls, contexts },
      callingAeTitle: this.#aeTitle,
      calledAeTitle: aeTitle,
    });
    return this.#client;
  }

  async end(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    if (client?.isOpen) await client.release().catch(() => undefined);
  }
}
