/** A DIMSE client: opens an association, asks for C-ECHO and C-STORE, one operation at a time. */
import { type Bytes, concatBytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type {
  AgreedContext,
  AssociateRequest,
  AssociationEnd,
  NetworkPeer,
  PresentationContext,
} from "./association.ts";
import {
  type CommandSet,
  commandBytesMax,
  commandField,
  decodeCommandSet,
  encodeCommandSet,
  responseBit,
} from "./command-set.ts";
import { DataSetSender } from "./data-set-sender.ts";
import {
  agreedContexts,
  describeContextResult,
  ownImplementation,
  verificationSopClass,
} from "./presentation.ts";
import type { DimseStatus } from "./service.ts";
import { isStored } from "./status.ts";
import { type ClientTls, openTransport } from "./transport.ts";
import { dicomApplicationContext } from "./upper-layer/pdu-associate.ts";
import { describeEnd } from "./upper-layer/reasons.ts";
import { requestAssociation } from "./upper-layer/request-association.ts";
import type {
  PresentationDataValue,
  UpperLayerAssociation,
  UpperLayerLimits,
  UpperLayerTimers,
} from "./upper-layer/upper-layer.ts";
import { upperLayerLimits, upperLayerTimers } from "./upper-layer/upper-layer-defaults.ts";

export interface DimseTarget {
  readonly host: string;
  readonly port: number;
  readonly tls?: ClientTls | undefined;
  readonly callingAeTitle: string;
  readonly calledAeTitle: string;
  /** 1 to 128. */
  readonly contexts: readonly PresentationContext[];
  readonly timers?: UpperLayerTimers | undefined;
  readonly limits?: UpperLayerLimits | undefined;
  /** Until the connection stands, TLS included. */
  readonly connectMs?: number | undefined;
}

/** What is stored: as the command names it. */
export interface StoredInstance {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
}

export interface DimseClient {
  readonly peer: NetworkPeer;
  /** What the peer accepted. */
  readonly contexts: readonly AgreedContext[];
  /** False once the association ended, for whatever reason. */
  readonly isOpen: boolean;
  /** Resolves when the connection is closed; never rejects. */
  readonly ended: Promise<AssociationEnd>;
  /** @throws ScansealError `peer-rejected` without a context for it, `network`, `timeout`, `peer-aborted`, `peer-protocol` */
  echo(): Promise<DimseStatus>;
  /**
   * Streams a data set; a status of any kind is returned. When `dataSet` throws, the association is aborted before the object is complete and the
   * exception passed on.
   * @throws ScansealError `peer-rejected` when the peer did not accept the class in this transfer syntax: nothing was sent; `network`,
   *   `timeout`, `peer-aborted`, `peer-protocol`; `usage` while another operation is under way
   */
  store(instance: StoredInstance, dataSet: AsyncIterable<Bytes>): Promise<DimseStatus>;
  /** @throws ScansealError `network`, `timeout`, `peer-aborted`, `peer-protocol` when it ended otherwise */
  release(): Promise<void>;
  abort(why: string): void;
}

/** TCP gives up after two minutes; nobody waits that long for a machine that is off. */
const connectMsDefault = 10_000;
/** Archives answer when the object is on their disk, and some are busy. */
const answerMs = 120_000;

/** PS3.7 table E.1-1: medium. */
const mediumPriority = 0;
const messageIdMax = 0xffff;

/**
 * @throws ScansealError `network`, `timeout`, `key-unusable`, `peer-rejected`, `peer-aborted`, `peer-protocol`; `usage` for AE titles and
 *   contexts that break the standard
 */
export async function connectDimse(target: DimseTarget): Promise<DimseClient> {
  const { host, port, tls, connectMs = connectMsDefault } = target;
  const request: AssociateRequest = {
    callingAeTitle: target.callingAeTitle,
    calledAeTitle: target.calledAeTitle,
    applicationContext: dicomApplicationContext,
    contexts: target.contexts,
    user: {
      maxPduBytes: 0,
      implementationClassUid: ownImplementation.classUid,
      implementationVersionName: ownImplementation.versionName,
    },
  };
  const options = {
    timers: target.timers ?? { ...upperLayerTimers, idleMs: answerMs },
    limits: target.limits ?? upperLayerLimits,
  };
  const { socket, peer } = await openTransport({ host, port, tls, connectMs });
  let client: Client | undefined;
  const onData = (association: UpperLayerAssociation) => {
    const opened = new Client(association);
    client = opened;
    return (value: PresentationDataValue): void => opened.take(value);
  };
  await requestAssociation(socket, peer, request, onData, options);
  return client!;
}

interface Operation {
  readonly field: number;
  readonly messageId: number;
  readonly answer: PromiseWithResolvers<DimseStatus>;
  /** Set when it has come. */
  status: DimseStatus | undefined;
  /** The last of the request is on its way. */
  isSent: boolean;
}

class Client implements DimseClient {
  readonly peer: NetworkPeer;
  readonly contexts: readonly AgreedContext[];
  isOpen = true;
  readonly #association: UpperLayerAssociation;
  #operation: Operation | undefined;
  #messageIds = 0;
  #response: Bytes[] = [];
  #responseBytes = 0;
  /** Why we ended it ourselves. */
  #failure: ScansealError | undefined;

  constructor(association: UpperLayerAssociation) {
    this.#association = association;
    this.peer = association.peer;
    this.contexts = agreedContexts(association.request, association.accept);
    void association.ended.then((end) => {
      this.isOpen = false;
      this.#operation?.answer.reject(this.#failure ?? endError(end));
    });
  }

  get ended(): Promise<AssociationEnd> {
    return this.#association.ended;
  }

  async echo(): Promise<DimseStatus> {
    const context = this.contexts.find(({ abstractSyntax }) => abstractSyntax === verificationSopClass);
    if (!context) throw new ScansealError("peer-rejected", "the peer did not accept a context for C-ECHO");
    const command = { field: commandField.echoRequest, hasDataSet: false, sopClassUid: verificationSopClass };
    return this.#perform(context.id, command, undefined);
  }

  async store(instance: StoredInstance, dataSet: AsyncIterable<Bytes>): Promise<DimseStatus> {
    const { sopClassUid, sopInstanceUid } = instance;
    const command = {
      field: commandField.storeRequest,
      hasDataSet: true,
      priority: mediumPriority,
      sopClassUid,
      sopInstanceUid,
    };
    return this.#perform(this.#contextFor(instance), command, dataSet);
  }

  /** @throws ScansealError `peer-rejected` */
  #contextFor({ sopClassUid, transferSyntaxUid }: StoredInstance): number {
    const context = this.contexts.find(
      ({ abstractSyntax, transferSyntax }) =>
        abstractSyntax === sopClassUid && transferSyntax === transferSyntaxUid,
    );
    if (context) return context.id;
    const { request, accept } = this.#association;
    const proposed = request.contexts.filter(
      (one) => one.abstractSyntax === sopClassUid && one.transferSyntaxes.includes(transferSyntaxUid),
    );
    const what = `SOP class ${sopClassUid} in transfer syntax ${transferSyntaxUid}`;
    if (proposed.length === 0) throw new ScansealError("peer-rejected", `${what} was not proposed`);
    const answers = proposed.map(({ id }) => accept.contexts.find((answer) => answer.id === id));
    const why = answers.every((answer) => answer?.result === 0)
      ? "it took another transfer syntax"
      : describeContextResult(answers.find((answer) => answer?.result !== 0)?.result);
    throw new ScansealError("peer-rejected", `the peer does not take ${what}: ${why}`);
  }

  async #perform(
    contextId: number,
    command: Omit<CommandSet, "messageId">,
    dataSet: AsyncIterable<Bytes> | undefined,
  ): Promise<DimseStatus> {
    if (this.#operation) throw new ScansealError("usage", "another operation is under way");
    this.#messageIds = (this.#messageIds % messageIdMax) + 1;
    const { field } = command;
    const answer = Promise.withResolvers<DimseStatus>();
    // It is waited for only once all is sent.
    answer.promise.catch(() => undefined);
    const operation: Operation = {
      field,
      messageId: this.#messageIds,
      answer,
      status: undefined,
      isSent: false,
    };
    this.#operation = operation;
    try {
      const bytes = encodeCommandSet({ ...command, messageId: operation.messageId });
      operation.isSent = dataSet === undefined;
      await this.#association.send(contextId, { isCommand: true, isLast: true }, bytes);
      if (dataSet) await this.#sendDataSet(contextId, dataSet, operation);
      return await answer.promise;
    } catch (error) {
      // Whatever it was: the association is over, or as good as that.
      this.isOpen = false;
      throw error;
    } finally {
      this.#operation = undefined;
    }
  }

  async #sendDataSet(contextId: number, dataSet: AsyncIterable<Bytes>, operation: Operation): Promise<void> {
    const sender = new DataSetSender(this.#association, contextId);
    // Failures of the association and of the data set are told apart.
    let isSending = false;
    try {
      for await (const piece of dataSet) {
        isSending = true;
        await sender.push(piece);
        isSending = false;
      }
      isSending = true;
      operation.isSent = true;
      await sender.end();
    } catch (error) {
      if (!isSending) this.abort("the object cannot be sent whole");
      this.isOpen = false;
      // A peer that has refused may go without reading the rest.
      if (isSending && operation.status !== undefined) return;
      throw this.#failure !== undefined && isSending ? this.#failure : error;
    }
  }

  /** For the Upper Layer. What it throws aborts the association. */
  take({ isCommand, isLast, bytes }: PresentationDataValue): void {
    try {
      if (!isCommand) throw protocolError("a data set nobody asked for");
      if (this.#responseBytes + bytes.length > commandBytesMax) throw protocolError("a command is too long");
      if (!isLast) {
        // Valid only during the call.
        this.#response.push(new Uint8Array(bytes));
        this.#responseBytes += bytes.length;
        return;
      }
      const whole = this.#responseBytes === 0 ? bytes : concatBytes([...this.#response, bytes]);
      this.#response = [];
      this.#responseBytes = 0;
      this.#answered(decodeCommandSet(whole));
    } catch (error) {
      if (error instanceof ScansealError) this.#failure ??= error;
      this.isOpen = false;
      this.#operation?.answer.reject(error);
      throw error;
    }
  }

  #answered({ field, respondedTo, status, errorComment, hasDataSet }: CommandSet): void {
    const operation = this.#operation;
    const isAnswer =
      operation !== undefined &&
      operation.status === undefined &&
      field === (operation.field | responseBit) &&
      respondedTo === operation.messageId;
    if (!isAnswer) throw protocolError("a message that answers nothing");
    if (status === undefined || hasDataSet) throw protocolError("a response that is none");
    // Nobody can have stored what has not been sent.
    if (!operation.isSent && isStored(status))
      throw protocolError("a success before the object was complete");
    operation.status = { code: status, comment: errorComment };
    operation.answer.resolve(operation.status);
  }

  async release(): Promise<void> {
    if (this.#operation) throw new ScansealError("usage", "an operation is under way");
    this.isOpen = false;
    const end = await this.#association.release();
    if (end.kind !== "released") throw this.#failure ?? endError(end);
  }

  abort(why: string): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#failure ??= new ScansealError("network", `the association was aborted: ${why}`);
    this.#operation?.answer.reject(this.#failure);
    this.#association.abort(why);
  }
}

function protocolError(message: string): ScansealError {
  return new ScansealError("peer-protocol", message);
}

/** What we aborted ourselves without a failure of our own was a timer (source 0) or what the peer sent (2). */
function endError(end: AssociationEnd): ScansealError {
  const message = describeEnd(end);
  if (end.kind === "aborted") {
    if (end.by === "peer") return new ScansealError("peer-aborted", message);
    return new ScansealError(end.abort.source === 0 ? "timeout" : "peer-protocol", message);
  }
  return new ScansealError(end.kind === "rejected" ? "peer-rejected" : "network", message);
}
