/** The messages of one association, both ways: puts commands together, and hands requests and responses to who takes them (PS3.7 section 8). */
import { type Bytes, concatBytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { commandBytesMax, decodeCommandSet, responseBit } from "./command-set.ts";
import { MessageAcceptor } from "./message-acceptor.ts";
import { MessageSender } from "./message-sender.ts";
import { Requestor } from "./requestor.ts";
import type { DimseProvider, OpenAssociation } from "./service.ts";
import type { PresentationDataValue, UpperLayerAssociation } from "./upper-layer/upper-layer.ts";

/** Our PDUs take any command in one piece; each piece of one byte would cost a hundred. */
const commandPiecesMax = 64;
/** An archive may fetch an object from a slow store before the next answer, but nobody waits for longer. */
const stepMsDefault = 600_000;

export class DimseSession {
  readonly requestor: Requestor;
  readonly #acceptor: MessageAcceptor;
  /** Pieces of a command that is not complete. */
  #command: Bytes[] = [];
  #commandBytes = 0;
  #commandContext = 0;
  #isOver = false;

  constructor(
    association: UpperLayerAssociation,
    open: OpenAssociation,
    provider: Omit<DimseProvider, "admit">,
    drainBytesMax: number,
    stepMs: number = stepMsDefault,
  ) {
    const sender = new MessageSender(association);
    this.requestor = new Requestor(association, sender);
    this.#acceptor = new MessageAcceptor({
      association,
      open,
      provider,
      drainBytesMax,
      stepMs,
      sender,
      requestor: this.requestor,
    });
  }

  /** Calls back as soon as no message of the peer is under way: at once, or when the one under way is answered. */
  whenIdle(callback: () => void): void {
    if (this.#acceptor.isIdle && this.#commandBytes === 0) callback();
    else this.#acceptor.onIdle = callback;
  }

  /** The association is over: an object of which not all has come is given up. */
  end(error: ScansealError = new ScansealError("network", "the association is over")): void {
    this.#isOver = true;
    this.#command = [];
    this.#commandBytes = 0;
    this.#acceptor.end();
    this.requestor.end(error);
  }

  /** For the Upper Layer. Whatever it throws aborts the association. */
  take(value: PresentationDataValue): void | Promise<void> {
    if (this.#isOver) return;
    return value.isCommand ? this.#takeCommand(value) : this.#takeData(value);
  }

  #takeCommand({ contextId, isLast, bytes }: PresentationDataValue): void | Promise<void> {
    if (this.#dataSetContext !== undefined) throw protocolError("a command while a data set is incomplete");
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
    const command = decodeCommandSet(whole);
    if ((command.field & responseBit) !== 0) return this.requestor.takeCommand(contextId, command);
    return this.#acceptor.take(contextId, command);
  }

  /** Of a data set that has begun, or is due. */
  get #dataSetContext(): number | undefined {
    return this.#acceptor.dueContext ?? this.requestor.dueContext;
  }

  #takeData({ contextId, bytes, isLast }: PresentationDataValue): void | Promise<void> {
    const due = this.#dataSetContext;
    if (due === undefined) throw protocolError("a data set without a command");
    if (due !== contextId) throw protocolError("a data set on another context");
    return this.#acceptor.dueContext === undefined
      ? this.requestor.takeData(bytes, isLast)
      : this.#acceptor.takeData(bytes, isLast);
  }
}

function protocolError(message: string): ScansealError {
  return new ScansealError("peer-protocol", message);
}
