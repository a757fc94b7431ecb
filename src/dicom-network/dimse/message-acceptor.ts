/** The messages of one association whose peer is the client: takes commands and their data sets, answers them (PS3.7 sections 8 and 9). */
import { type Bytes, concatBytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { AgreedContext } from "./association.ts";
import {
  type CommandSet,
  commandBytesMax,
  commandField,
  decodeCommandSet,
  encodeCommandSet,
  isWellFormedUid,
  responseBit,
} from "./command-set.ts";
import { verificationSopClass } from "./presentation.ts";
import {
  type DimseProvider,
  DimseRefusal,
  type DimseStatus,
  type OpenAssociation,
  type StoreReceiver,
} from "./service.ts";
import { dimseStatus } from "./status.ts";
import type { PresentationDataValue, UpperLayerAssociation } from "./upper-layer/upper-layer.ts";

/** Our PDUs take any command in one piece; each piece of one byte would cost a hundred. */
const commandPiecesMax = 64;

/** A message whose data set is arriving. */
interface Arriving {
  readonly contextId: number;
  readonly command: CommandSet;
  /** Undefined once refused: the rest is drained. */
  receiver: StoreReceiver | undefined;
  status: DimseStatus | undefined;
  drained: number;
}

export class MessageAcceptor {
  readonly #association: UpperLayerAssociation;
  readonly #open: OpenAssociation;
  readonly #provider: DimseProvider;
  readonly #drainBytesMax: number;
  readonly #contexts: ReadonlyMap<number, AgreedContext>;
  /** Pieces of a command that is not complete. */
  #command: Bytes[] = [];
  #commandBytes = 0;
  #commandContext = 0;
  #arriving: Arriving | undefined;
  #isAnswering = false;
  #isOver = false;
  #whenIdle: (() => void) | undefined;

  constructor(
    association: UpperLayerAssociation,
    open: OpenAssociation,
    provider: DimseProvider,
    drainBytesMax: number,
  ) {
    this.#association = association;
    this.#open = open;
    this.#provider = provider;
    this.#drainBytesMax = drainBytesMax;
    this.#contexts = new Map(open.contexts.map((context) => [context.id, context]));
  }

  /** Calls back as soon as no message is under way: at once, or when the one under way is answered. */
  whenIdle(callback: () => void): void {
    if (this.#isIdle) callback();
    else this.#whenIdle = callback;
  }

  get #isIdle(): boolean {
    return this.#arriving === undefined && this.#commandBytes === 0 && !this.#isAnswering;
  }

  /** The association is over: an object of which not all has come is given up. */
  end(): void {
    this.#isOver = true;
    const receiver = this.#arriving?.receiver;
    this.#arriving = undefined;
    receiver?.cancel();
  }

  /** For the Upper Layer. Whatever it throws aborts the association. */
  take(value: PresentationDataValue): void | Promise<void> {
    if (this.#isOver) return;
    return value.isCommand ? this.#takeCommand(value) : this.#takeData(value);
  }

  #takeCommand({ contextId, isLast, bytes }: PresentationDataValue): void | Promise<void> {
    if (this.#arriving !== undefined) throw protocolError("a command while a data set is incomplete");
    if (this.#commandBytes > 0 && contextId !== this.#commandContext)
      throw protocolError("a command on two contexts");
    if (this.#commandBytes + bytes.length > commandBytesMax) throw protocolError("a command is too long");
    if (this.#command.length === commandPiecesMax) throw protocolError("a command in too many pieces");
    if (!isLast) {
      // Views of the chunk are valid only during the call.
      this.#command.push(new Uint8Array(bytes));
      this.#commandBytes += bytes.length;
      this.#commandContext = contextId;
      return;
    }
    const whole = this.#commandBytes === 0 ? bytes : concatBytes([...this.#command, bytes]);
    this.#command = [];
    this.#commandBytes = 0;
    return this.#begin(contextId, decodeCommandSet(whole));
  }

  #begin(contextId: number, command: CommandSet): void | Promise<void> {
    // PS3.7 9.3.2.3: nothing answers a C-CANCEL; there is nothing to cancel.
    if (command.field === commandField.cancelRequest && !command.hasDataSet) return;
    if ((command.field & responseBit) !== 0) throw protocolError("a response to no request of ours");
    if (command.messageId === undefined) throw protocolError("a request without a message ID");
    const answer = this.#dispatch(contextId, command);
    const status = "code" in answer ? answer : undefined;
    if (!command.hasDataSet) return this.#answer(contextId, command, status!);
    const receiver = "code" in answer ? undefined : answer;
    if (this.#isOver) {
      // The provider ended the association itself.
      receiver?.cancel();
      return;
    }
    this.#arriving = { contextId, command, receiver, status, drained: 0 };
  }

  /** A receiver only for a message with a data set. */
  #dispatch(contextId: number, command: CommandSet): StoreReceiver | DimseStatus {
    const { field, hasDataSet } = command;
    const context = this.#contexts.get(contextId)!;
    if (field === commandField.echoRequest) {
      if (context.abstractSyntax !== verificationSopClass) return { code: dimseStatus.classNotSupported };
      return { code: hasDataSet ? dimseStatus.mistypedArgument : dimseStatus.success };
    }
    if (field !== commandField.storeRequest || context.abstractSyntax === verificationSopClass)
      return { code: dimseStatus.unrecognizedOperation };
    const { sopClassUid, sopInstanceUid, messageId } = command;
    // PS3.4 B.1.4: a context is for one SOP class.
    if (sopClassUid !== context.abstractSyntax) return { code: dimseStatus.classNotSupported };
    if (sopInstanceUid === undefined || !isWellFormedUid(sopInstanceUid))
      return { code: dimseStatus.invalidInstance };
    if (!hasDataSet) return { code: dimseStatus.mistypedArgument };
    const { transferSyntax: transferSyntaxUid } = context;
    try {
      return this.#provider.store({
        association: this.#open,
        messageId: messageId!,
        transferSyntaxUid,
        sopClassUid,
        sopInstanceUid,
      });
    } catch (error) {
      return statusOf(error);
    }
  }

  #takeData(value: PresentationDataValue): void | Promise<void> {
    const arriving = this.#arriving;
    if (arriving === undefined) throw protocolError("a data set without a command");
    if (value.contextId !== arriving.contextId) throw protocolError("a data set on another context");
    const { bytes, isLast } = value;
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
      if (arriving.drained > this.#drainBytesMax)
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
    this.#isAnswering = true;
    let { status } = arriving;
    if (receiver !== undefined) {
      try {
        status = await receiver.end();
      } catch (error) {
        status = statusOf(error);
      }
    }
    await this.#answer(contextId, command, status!);
  }

  async #answer(contextId: number, command: CommandSet, { code, comment }: DimseStatus): Promise<void> {
    this.#isAnswering = true;
    const { field, messageId, sopClassUid, sopInstanceUid } = command;
    const isStore = field === commandField.storeRequest;
    const response = encodeCommandSet({
      field: field | responseBit,
      hasDataSet: false,
      respondedTo: messageId,
      status: code,
      errorComment: comment,
      sopClassUid: wellFormed(sopClassUid),
      sopInstanceUid: isStore ? wellFormed(sopInstanceUid) : undefined,
    });
    // What is over needs no answer; the object was taken or not all the same.
    if (!this.#isOver) await this.#association.send(contextId, { isCommand: true, isLast: true }, response);
    this.#isAnswering = false;
    this.#whenIdle?.();
  }
}

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
