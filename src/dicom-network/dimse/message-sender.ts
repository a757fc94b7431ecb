/** Sends whole messages: a command and its data set, with no other message between (PS3.7 6.3.1, PS3.8 annex E). */
import type { Bytes } from "../../foundation/bytes.ts";
import { type CommandSet, encodeCommandSet } from "./command-set.ts";
import type { UpperLayerAssociation } from "./upper-layer/upper-layer.ts";

export class MessageSender {
  readonly #association: Pick<UpperLayerAssociation, "send">;
  #last: Promise<void> = Promise.resolve();
  #queued = 0;

  constructor(association: Pick<UpperLayerAssociation, "send">) {
    this.#association = association;
  }

  /**
   * Resolves when the transport has room for more.
   * @param sendDataSet what sends the data set of a command that has one
   * @throws ScansealError `peer-aborted`, `network`, `timeout`; what `sendDataSet` throws
   */
  async send(
    contextId: number,
    command: CommandSet,
    sendDataSet?: (() => Promise<void>) | Bytes,
  ): Promise<void> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    if (this.#queued++ > 0) await before;
    try {
      await this.#association.send(contextId, { isCommand: true, isLast: true }, encodeCommandSet(command));
      if (sendDataSet instanceof Uint8Array)
        await this.#association.send(contextId, { isCommand: false, isLast: true }, sendDataSet);
      else await sendDataSet?.();
    } finally {
      this.#queued--;
      resolve();
    }
  }
}
