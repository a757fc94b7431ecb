/** The performing DIMSE-service-user's half of an association: takes the peer's requests and their data sets, answers them (PS3.7 sections 8 to 10). */
import { isWellFormedUid } from "../../dicom/uid.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { AgreedContext } from "./association.ts";
import { type CommandSet, commandField, responseBit } from "./command-set.ts";
import { commitmentTaker } from "./commitment-requests.ts";
import type { MessageSender } from "./message-sender.ts";
import { verificationSopClass } from "./presentation.ts";
import { type PreparedOperation, queryRetrieveTaker } from "./query-retrieve-requests.ts";
import type { Requestor } from "./requestor.ts";
import { RunningOperation } from "./running-operation.ts";
import {
  type DimseProvider,
  DimseRefusal,
  type DimseStatus,
  type OpenAssociation,
  type StoreReceiver,
} from "./service.ts";
import { queryRetrieveClassOf, storageCommitmentClass } from "./sop-classes.ts";
import { dimseStatus } from "./status.ts";
import type { UpperLayerAssociation } from "./upper-layer/upper-layer.ts";

/** A request that has a message ID. */
export type RequestCommand = CommandSet & { readonly messageId: number };

/** Takes a data set; what `end` resolves with is answered, unless it began what answers by itself. */
export type DataSetTaker = Omit<StoreReceiver, "end"> & { end(): Promise<DimseStatus | PreparedOperation> };

/** A message whose data set is arriving. */
interface Arriving {
  readonly contextId: number;
  readonly command: RequestCommand;
  /** Undefined once refused: the rest is drained. */
  receiver: DataSetTaker | undefined;
  status: DimseStatus | undefined;
  drained: number;
}

export interface AcceptorParts {
  readonly association: UpperLayerAssociation;
  readonly open: OpenAssociation;
  readonly provider: Omit<DimseProvider, "admit">;
  readonly drainBytesMax: number;
  /** What a query or retrieval may take from one answer to the next. */
  readonly stepMs: number;
  readonly sender: MessageSender;
  /** For the sub-operations of C-GET. */
  readonly requestor: Requestor;
}

export class MessageAcceptor {
  readonly #parts: AcceptorParts;
  readonly #contexts: ReadonlyMap<number, AgreedContext>;
  #arriving: Arriving | undefined;
  #running: RunningOperation | undefined;
  /** Messages and operations that are not answered. */
  #unanswered = 0;
  #isOver = false;
  /** Called as soon as nothing is under way. */
  onIdle: (() => void) | undefined;

  constructor(parts: AcceptorParts) {
    this.#parts = parts;
    this.#contexts = new Map(parts.open.contexts.map((context) => [context.id, context]));
  }

  get isIdle(): boolean {
    return this.#arriving === undefined && this.#unanswered === 0;
  }

  /** A data set is due, or arriving, on this context. */
  get dueContext(): number | undefined {
    return this.#arriving?.contextId;
  }

  /** The association is over: an object of which not all has come is given up. */
  end(): void {
    this.#isOver = true;
    this.#running?.end();
    const receiver = this.#arriving?.receiver;
    this.#arriving = undefined;
    receiver?.cancel();
  }

  /** A request. */
  take(contextId: number, command: CommandSet): void | Promise<void> {
    const { field, hasDataSet, messageId } = command;
    if (field === commandField.cancelRequest && !hasDataSet) {
      // PS3.7 9.3.2.3: nothing answers a C-CANCEL; where nothing runs there is nothing to cancel.
      if (this.#running?.messageId === command.respondedTo) this.#running?.cancel();
      return;
    }
    if (messageId === undefined) throw protocolError("a request without a message ID");
    // PS3.7 D.3.3.3: the window is one operation.
    if (this.#running) throw protocolError("a request while an operation is under way");
    const request = { ...command, messageId };
    const answer = this.#dispatch(contextId, request);
    const status = "code" in answer ? answer : undefined;
    if (!hasDataSet) return this.#answer(contextId, request, status!);
    const receiver = "code" in answer ? undefined : answer;
    if (this.#isOver) {
      // The provider ended the association itself.
      receiver?.cancel();
      return;
    }
    this.#arriving = { contextId, command: request, receiver, status, drained: 0 };
  }

  /** A receiver only for a message with a data set. */
  #dispatch(contextId: number, command: RequestCommand): DataSetTaker | DimseStatus {
    const { field, hasDataSet } = command;
    const context = this.#contexts.get(contextId)!;
    const { abstractSyntax } = context;
    const { open, provider } = this.#parts;
    const isEvent = field === commandField.eventReportRequest;
    const roles = open.rolesOf(abstractSyntax);
    if (!(isEvent ? roles.scp : roles.scu)) return { code: dimseStatus.unrecognizedOperation };
    if (field === commandField.echoRequest) {
      if (abstractSyntax !== verificationSopClass) return { code: dimseStatus.classNotSupported };
      return { code: hasDataSet ? dimseStatus.mistypedArgument : dimseStatus.success };
    }
    const queryRetrieve = queryRetrieveClassOf(abstractSyntax);
    if (queryRetrieve) return queryRetrieveTaker(provider, queryRetrieve, open, context, command);
    if (abstractSyntax === storageCommitmentClass) return commitmentTaker(provider, open, context, command);
    if (field !== commandField.storeRequest || abstractSyntax === verificationSopClass)
      return { code: dimseStatus.unrecognizedOperation };
    return this.#storeReceiver(context, command);
  }

  #storeReceiver(context: AgreedContext, command: RequestCommand): StoreReceiver | DimseStatus {
    const { sopClassUid, sopInstanceUid, messageId, hasDataSet } = command;
    // PS3.4 B.1.4: a context is for one SOP class.
    if (sopClassUid !== context.abstractSyntax) return { code: dimseStatus.classNotSupported };
    if (sopInstanceUid === undefined || !isWellFormedUid(sopInstanceUid))
      return { code: dimseStatus.invalidInstance };
    if (!hasDataSet) return { code: dimseStatus.mistypedArgument };
    const { transferSyntax: transferSyntaxUid } = context;
    const { open: association, provider } = this.#parts;
    const { moveOriginatorAeTitle: aeTitle, moveOriginatorMessageId: originalId } = command;
    const moveOriginator =
      aeTitle === undefined || originalId === undefined ? undefined : { aeTitle, messageId: originalId };
    const request = { association, messageId, transferSyntaxUid, sopClassUid, sopInstanceUid };
    try {
      return provider.store(moveOriginator ? { ...request, moveOriginator } : request);
    } catch (error) {
      return statusOf(error);
    }
  }

  /** The next piece of the data set that is due. */
  takeData(bytes: Bytes, isLast: boolean): void | Promise<void> {
    const arriving = this.#arriving!;
    const { receiver } = arriving;
    if (receiver !== undefined && bytes.length > 0) {
      try {
        const pending = receiver.write(bytes);
        if (pending !== undefined) return this.#afterWrite(arriving, pending, isLast);
      } catch (error) {
        this.#refuse(arriving, statusOf(error));
      }
    } else if (receiver === undefined) {
      arriving.drained += bytes.length;
      if (arriving.drained > this.#parts.drainBytesMax)
        throw protocolError("a refused object goes on for too long");
    }
    if (isLast && !this.#isOver) return this.#complete(arriving);
  }

  async #afterWrite(arriving: Arriving, pending: Promise<void>, isLast: boolean): Promise<void> {
    try {
      await pending;
    } catch (error) {
      this.#refuse(arriving, statusOf(error));
    }
    if (isLast && !this.#isOver) await this.#complete(arriving);
  }

  #refuse(arriving: Arriving, status: DimseStatus): void {
    arriving.receiver = undefined;
    arriving.status = status;
  }

  /** All of the data set has come. */
  async #complete(arriving: Arriving): Promise<void> {
    const { contextId, command, receiver } = arriving;
    this.#arriving = undefined;
    this.#unanswered++;
    try {
      const answer = await outcomeOf(arriving, receiver);
      if ("code" in answer) await this.#answer(contextId, command, answer);
      else this.#start(contextId, command, answer);
    } finally {
      this.#answered();
    }
  }

  /** It answers by itself; meanwhile only C-CANCEL is taken. */
  #start(contextId: number, command: RequestCommand, prepared: PreparedOperation): void {
    if (this.#isOver) return;
    const { association, sender, open, requestor } = this.#parts;
    const context = this.#contexts.get(contextId)!;
    const operation = new RunningOperation(command, context.abstractSyntax, context.transferSyntax, {
      send: (response, dataSet) => sender.send(contextId, response, dataSet),
      work: (work) => association.work(work),
      stepMs: this.#parts.stepMs,
      finishing: () => {
        this.#running = undefined;
      },
    });
    this.#running = operation;
    this.#unanswered++;
    prepared({ operation, open, requestor })
      // The association is over, or cannot go on.
      .catch(() => association.abort("an operation could not be answered"))
      .finally(() => {
        this.#running = this.#running === operation ? undefined : this.#running;
        this.#answered();
      });
  }

  async #answer(contextId: number, command: RequestCommand, { code, comment }: DimseStatus): Promise<void> {
    this.#unanswered++;
    const { field, messageId, sopClassUid, sopInstanceUid, requestedSopClassUid } = command;
    const isQuery = queryFields.has(field);
    const response: CommandSet = {
      field: field | responseBit,
      hasDataSet: false,
      respondedTo: messageId,
      status: code,
      errorComment: comment,
      sopClassUid: wellFormed(sopClassUid ?? requestedSopClassUid),
      sopInstanceUid: isQuery ? undefined : wellFormed(sopInstanceUid ?? command.requestedSopInstanceUid),
      eventTypeId: command.eventTypeId,
      actionTypeId: command.actionTypeId,
    };
    try {
      // What is over needs no answer; the object was taken or not all the same.
      if (!this.#isOver) await this.#parts.sender.send(contextId, response);
    } finally {
      this.#answered();
    }
  }

  #answered(): void {
    this.#unanswered--;
    if (this.isIdle) this.onIdle?.();
  }
}

async function outcomeOf(
  { status }: Arriving,
  receiver: DataSetTaker | undefined,
): Promise<DimseStatus | PreparedOperation> {
  try {
    return receiver === undefined ? status! : await receiver.end();
  } catch (error) {
    return statusOf(error);
  }
}

/** Whose responses name no instance. */
const queryFields: ReadonlySet<number> = new Set([
  commandField.echoRequest,
  commandField.findRequest,
  commandField.moveRequest,
  commandField.getRequest,
]);

/** What a peer gets back is never more than a UID. */
function wellFormed(uid: string | undefined): string | undefined {
  return uid !== undefined && isWellFormedUid(uid) ? uid : undefined;
}

/** Another error's message may say anything, and is not the peer's. */
function statusOf(error: unknown): DimseStatus {
  return error instanceof DimseRefusal ? error.status : { code: dimseStatus.processingFailure };
}

function protocolError(message: string): ScansealError {
  return new ScansealError("peer-protocol", message);
}
