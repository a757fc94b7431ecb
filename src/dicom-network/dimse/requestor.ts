/** The invoking DIMSE-service-user's half of an association (PS3.7 section 8): one request at a time, and its responses. */
import { type Bytes, concatBytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { type CommandSet, commandField, responseBit } from "./command-set.ts";
import { DataSetSender } from "./data-set-sender.ts";
import type { MessageSender } from "./message-sender.ts";
import { isPending, isStored } from "./status.ts";
import type { UpperLayerAssociation } from "./upper-layer/upper-layer.ts";

/** A response and its data set. */
export interface DimseResponse {
  readonly command: CommandSet & { readonly status: number };
  readonly dataSet: Bytes | undefined;
}

/** Takes pending responses; while a promise is pending the peer is held back. */
export type PendingTaker = (response: DimseResponse) => void | Promise<void>;

/** Identifiers of matches; a list of 16,000 failed instances. Archives answer with some kilobytes. */
const answerBytesMax = 1 << 20;
const messageIdMax = 0xffff;
const messageIdMin = 1;

interface Exchange {
  readonly field: number;
  readonly messageId: number;
  readonly contextId: number;
  readonly onPending: PendingTaker | undefined;
  readonly answer: PromiseWithResolvers<DimseResponse>;
  /** The last response has come. */
  isAnswered: boolean;
  /** The last of the request is on its way. */
  isSent: boolean;
}

/** A response whose data set is still arriving. */
interface Arriving {
  readonly exchange: Exchange;
  readonly command: DimseResponse["command"];
  pieces: Bytes[];
  bytes: number;
}

export class Requestor {
  readonly #association: UpperLayerAssociation;
  readonly #sender: MessageSender;
  #exchange: Exchange | undefined;
  #arriving: Arriving | undefined;
  #messageIds = 0;
  #end: ScansealError | undefined;
  /** The association takes nothing more, though the last request was answered. */
  isBroken = false;

  constructor(association: UpperLayerAssociation, sender: MessageSender) {
    this.#association = association;
    this.#sender = sender;
  }

  get isBusy(): boolean {
    return this.#exchange !== undefined;
  }

  /** A data set of a response is due on this context. */
  get dueContext(): number | undefined {
    return this.#arriving?.exchange.contextId;
  }

  /**
   * Sends a request and resolves with its last response. When `dataSet` throws, the association is aborted before the data set is complete.
   * @throws ScansealError `usage` while another is under way; `network`, `timeout`, `peer-aborted`, `peer-protocol`; what `dataSet` throws
   */
  async perform(
    contextId: number,
    command: Omit<CommandSet, "messageId">,
    dataSet?: AsyncIterable<Bytes> | Bytes,
    onPending?: PendingTaker,
  ): Promise<DimseResponse> {
    if (this.#end) throw this.#end;
    if (this.#exchange) throw new ScansealError("usage", "another operation is under way");
    this.#messageIds = Math.max(messageIdMin, (this.#messageIds + 1) % (messageIdMax + 1));
    const answer = Promise.withResolvers<DimseResponse>();
    // It is waited for only once all is sent.
    answer.promise.catch(() => undefined);
    const { field } = command;
    const messageId = this.#messageIds;
    const exchange: Exchange = {
      field,
      messageId,
      contextId,
      onPending,
      answer,
      isAnswered: false,
      isSent: false,
    };
    this.#exchange = exchange;
    try {
      await this.#send(exchange, { ...command, messageId }, dataSet);
      return await answer.promise;
    } finally {
      this.#exchange = undefined;
    }
  }

  /** C-CANCEL-RQ (PS3.7 9.3.2.3), when something can be cancelled. The last response still follows. */
  async cancel(): Promise<void> {
    const exchange = this.#exchange;
    if (!exchange || exchange.isAnswered || this.#end) return;
    const { messageId: respondedTo, contextId } = exchange;
    const command = { field: commandField.cancelRequest, hasDataSet: false, respondedTo };
    await this.#sender.send(contextId, command).catch(() => undefined);
  }

  async #send(
    exchange: Exchange,
    command: CommandSet,
    dataSet?: AsyncIterable<Bytes> | Bytes,
  ): Promise<void> {
    const { contextId } = exchange;
    if (dataSet === undefined || dataSet instanceof Uint8Array) {
      exchange.isSent = true;
      await this.#sender.send(contextId, command, dataSet);
    } else {
      await this.#sender.send(contextId, command, () => this.#sendDataSet(exchange, dataSet));
    }
  }

  async #sendDataSet(exchange: Exchange, dataSet: AsyncIterable<Bytes>): Promise<void> {
    const sender = new DataSetSender(this.#association, exchange.contextId);
    // Failures of the association and of the data set are told apart.
    let isSending = false;
    try {
      for await (const piece of dataSet) {
        isSending = true;
        await sender.push(piece);
        isSending = false;
      }
      isSending = true;
      exchange.isSent = true;
      await sender.end();
    } catch (error) {
      if (!isSending) this.#association.abort("the object cannot be sent whole");
      // A peer that has refused may go without reading the rest.
      if (isSending && exchange.isAnswered) {
        this.isBroken = true;
        return;
      }
      throw isSending ? (this.#end ?? error) : error;
    }
  }

  /** A response has come. @throws ScansealError `peer-protocol` for one that answers nothing */
  takeCommand(contextId: number, command: CommandSet): void | Promise<void> {
    const exchange = this.#exchange;
    const { status, field, respondedTo } = command;
    const isAnswer =
      exchange !== undefined &&
      !exchange.isAnswered &&
      contextId === exchange.contextId &&
      field === (exchange.field | responseBit) &&
      respondedTo === exchange.messageId;
    if (!isAnswer) throw protocolError("a message that answers nothing");
    if (status === undefined) throw protocolError("a response without a status");
    if (isPending(status) && exchange.onPending === undefined)
      throw protocolError("a pending response to what has one");
    // Nobody can have stored what has not been sent.
    if (!exchange.isSent && (isStored(status) || isPending(status)))
      throw protocolError("a success before the object was complete");
    if (!command.hasDataSet)
      return this.#answered(exchange, { command: { ...command, status }, dataSet: undefined });
    if (
      field === (commandField.storeRequest | responseBit) ||
      field === (commandField.echoRequest | responseBit)
    )
      throw protocolError("a response with a data set");
    this.#arriving = { exchange, command: { ...command, status }, pieces: [], bytes: 0 };
  }

  /** The next piece of a response's data set. @throws ScansealError `peer-protocol` when it is too long */
  takeData(bytes: Bytes, isLast: boolean): void | Promise<void> {
    const arriving = this.#arriving!;
    arriving.bytes += bytes.length;
    if (arriving.bytes > answerBytesMax || arriving.pieces.length > answerBytesMax / 64)
      throw protocolError("an answer is too long");
    arriving.pieces.push(new Uint8Array(bytes));
    if (!isLast) return;
    this.#arriving = undefined;
    return this.#answered(arriving.exchange, {
      command: arriving.command,
      dataSet: concatBytes(arriving.pieces),
    });
  }

  #answered(exchange: Exchange, response: DimseResponse): void | Promise<void> {
    if (isPending(response.command.status)) return exchange.onPending!(response);
    exchange.isAnswered = true;
    exchange.answer.resolve(response);
  }

  /** The association is over. */
  end(error: ScansealError): void {
    this.#end ??= error;
    this.#arriving = undefined;
    this.#exchange?.answer.reject(this.#end);
  }
}

function protocolError(message: string): ScansealError {
  return new ScansealError("peer-protocol", message);
}
