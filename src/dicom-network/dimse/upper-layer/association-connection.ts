/** One transport connection driven by the state machine of PS3.8 section 9.2, in either role. */
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Bytes } from "../../../foundation/bytes.ts";
import { type ErrorCode, ScansealError } from "../../../foundation/errors.ts";
import type {
  AbortReason,
  AssociateAccept,
  AssociateReject,
  AssociateRequest,
  AssociationEnd,
  NetworkPeer,
} from "../association.ts";
import {
  type ConnectionUser,
  type EventDetail,
  pduEvents,
  type UpperLayerOptions,
  unexpectedPdu,
} from "./connection-event.ts";
import { ConnectionWatch } from "./connection-watch.ts";
import { InboundStream, type InboundUser } from "./inbound-stream.ts";
import {
  abortReason,
  decodeAbort,
  decodeReject,
  encodeAbort,
  encodeReject,
  encodeRelease,
  type PduType,
  pduType,
} from "./pdu.ts";
import { PdvSender } from "./pdv-sender.ts";
import { describeEnd } from "./reasons.ts";
import { type Action, type State, transition, type UpperLayerEvent } from "./state-machine.ts";
import type { DataIndication, PresentationDataValue, UpperLayerAssociation } from "./upper-layer.ts";

/** Aborts that wait for a peer which does not read them. */
const unreadAnswerBytesMax = 4_096;

export class AssociationConnection {
  readonly peer: NetworkPeer;
  /** Resolves when the connection is closed and everything let go. */
  readonly ended: Promise<AssociationEnd>;
  readonly #resolveEnded: (end: AssociationEnd) => void;
  readonly #socket: Duplex;
  readonly #user: ConnectionUser;
  readonly #options: UpperLayerOptions;
  readonly #inbound: InboundStream;
  readonly #watch: ConnectionWatch;
  readonly #openContexts: Uint8Array = new Uint8Array(256);
  #state: State = 1;
  #artim: NodeJS.Timeout | undefined;
  #end: AssociationEnd | undefined;
  #error: ScansealError | undefined;
  #onData: DataIndication | undefined;
  #sender: PdvSender | undefined;
  readonly #onError: (error: NodeJS.ErrnoException) => void = (error) =>
    this.#closed(error.code ?? error.name);
  readonly #onClose: () => void = () => this.#cleanUp();

  constructor(socket: Duplex, peer: NetworkPeer, user: ConnectionUser, options: UpperLayerOptions) {
    this.#socket = socket;
    this.peer = peer;
    this.#user = user;
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<AssociationEnd>();
    this.ended = promise;
    this.#resolveEnded = resolve;
    this.#watch = new ConnectionWatch(options.timers, (why) => this.abort(why, "timeout"));
    const inboundUser: InboundUser = {
      begin: (type) => this.#begin(type),
      pdu: (type, body) => this.#pdu(type, body),
      value: (value) => this.#value(value),
      isOpen: (contextId) => this.#openContexts[contextId] === 1,
      fault: (reason, why) => this.step("invalid-pdu", { reason, why }),
      failed: (error) => this.abortFor(error),
      eof: () => this.#closed("the peer closed the connection"),
    };
    this.#inbound = new InboundStream(socket, this.#watch, inboundUser, options.limits);
  }

  /** Listens to the transport; `first` is the event that starts the role. */
  start(first: UpperLayerEvent, detail?: EventDetail): void {
    // Responses are small and awaited: Nagle's algorithm would hold them back.
    if (this.#socket instanceof Socket) this.#socket.setNoDelay(true);
    this.#socket.on("error", this.#onError);
    this.#socket.on("close", this.#onClose);
    this.#inbound.start();
    this.step(first, detail);
    if (this.#socket.destroyed || this.#socket.closed) {
      this.#closed("closed before it was used");
      queueMicrotask(() => this.#cleanUp());
    }
  }

  /** An event of table 9-10. False where the table is empty: then nothing happens. */
  step(event: UpperLayerEvent, detail: EventDetail = {}): boolean {
    const found = transition(this.#state, event);
    if (found === undefined) return false;
    this.#state =
      found.next[1] !== undefined && this.#takesSecond(found.action, detail) ? found.next[1] : found.next[0];
    this.#act(found.action, detail);
    return true;
  }

  #takesSecond(action: Action, detail: EventDetail): boolean {
    return action === "AE-6" ? detail.reject !== undefined : this.#user.role === "acceptor";
  }

  /** The association both agreed on; data flows. */
  open(
    request: AssociateRequest,
    accept: AssociateAccept,
    onOpen: (association: UpperLayerAssociation) => DataIndication,
  ): UpperLayerAssociation {
    for (const { id, result } of accept.contexts) if (result === 0) this.#openContexts[id] = 1;
    const { sendPduBytesMax } = this.#options.limits;
    const theirs = (this.#user.role === "acceptor" ? request : accept).user.maxPduBytes;
    this.#sender = new PdvSender(
      this.#socket,
      this.#watch,
      theirs === 0 ? sendPduBytesMax : Math.min(theirs, sendPduBytesMax),
    );
    this.#watch.start();
    const association: UpperLayerAssociation = {
      role: this.#user.role,
      peer: this.peer,
      request,
      accept,
      ended: this.ended,
      send: (contextId, part, bytes) => this.#send(contextId, part, bytes),
      work: (work) => this.#work(work),
      release: () => this.#release(),
      abort: (why) => this.abort(why),
    };
    try {
      this.#onData = onOpen(association);
    } catch (error) {
      this.abortFor(error);
    }
    return association;
  }

  /** `code` is that of the errors pending calls end with. */
  abort(why: string, code: ErrorCode = "network"): void {
    if (this.#end !== undefined) return;
    if (this.step("abort-request", { why, code })) return;
    // Before there is an association there is nobody to tell (Sta2).
    this.#finish({ kind: "aborted", by: "us", abort: { source: 0, reason: 0 }, why }, code);
    this.#state = 1;
    this.#socket.destroy();
  }

  /** A failure of the user, or of what it called. */
  abortFor(error: unknown): void {
    if (error instanceof ScansealError) this.abort(error.message, error.code);
    // Another error's message may say anything.
    else this.abort(`failure: ${error instanceof Error ? error.name : typeof error}`, "internal");
  }

  #send(contextId: number, part: { isCommand: boolean; isLast: boolean }, bytes: Bytes): Promise<void> {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#openContexts[contextId] !== 1)
      return Promise.reject(new ScansealError("usage", "a send on a context that is not accepted"));
    if (!this.step("data-request"))
      return Promise.reject(new ScansealError("usage", "a send after the release was requested"));
    return this.#sender!.send(contextId, part, bytes);
  }

  async #work<T>(work: Promise<T>): Promise<T> {
    this.#watch.workBegan();
    try {
      return await work;
    } finally {
      this.#watch.workDone();
    }
  }

  #release(): Promise<AssociationEnd> {
    this.#sender!.whenDone(() => this.step("release-request"));
    return this.ended;
  }

  #act(action: Action, detail: EventDetail): void {
    switch (action) {
      case "AE-2":
        this.#write(detail.pdu!);
        // The standard lets a requestor wait for ever; we do not, here and in AR-1.
        this.#startArtim();
        break;
      case "AE-3":
        this.#stopArtim();
        detail.perform?.();
        break;
      case "AE-4":
        this.#finish({ kind: "rejected", by: "peer", reject: detail.reject! }, "peer-rejected");
        this.#close();
        break;
      case "AE-5":
        this.#startArtim();
        break;
      case "AE-6":
        this.#stopArtim();
        if (detail.reject === undefined) detail.perform?.();
        else this.#reject(detail.reject);
        break;
      case "AE-7":
        this.#write(detail.pdu!);
        detail.perform?.();
        break;
      case "AE-8":
        this.#reject(detail.reject!);
        break;
      case "AE-1": // The caller has connected.
      case "DT-1": // The sender sends.
      case "AR-7":
      case "DT-2": // The reader hands on.
      case "AR-6":
      case "AA-6":
        break;
      default:
        if (action.startsWith("AR")) this.#actOnRelease(action);
        else this.#actOnAbort(action, detail);
    }
  }

  #actOnRelease(action: Action): void {
    switch (action) {
      case "AR-1":
        this.#write(encodeRelease(pduType.releaseRequest));
        this.#startArtim();
        break;
      case "AR-2": // A send under way is finished first (AR-7).
        this.#sender!.whenDone(() => this.step("release-response"));
        break;
      case "AR-3":
        this.#finish({ kind: "released" }, "network");
        this.#close();
        break;
      case "AR-4":
        this.#write(encodeRelease(pduType.releaseResponse));
        this.#finish({ kind: "released" }, "network");
        this.#startArtim();
        break;
      case "AR-5":
        this.#close();
        break;
      case "AR-9":
        this.#write(encodeRelease(pduType.releaseResponse));
        break;
      case "AR-8": // Only the requestor answers now (Sta9); in Sta10 there is no event 14.
      case "AR-10":
        this.step("release-response");
    }
  }

  #actOnAbort(action: Action, detail: EventDetail): void {
    const { why, reason } = detail;
    switch (action) {
      case "AA-1":
        this.#abortAs({ source: 0, reason: 0 }, detail);
        break;
      case "AA-2":
      case "AA-3":
      case "AA-4":
      case "AA-5":
        if (detail.abort !== undefined)
          this.#finish({ kind: "aborted", by: "peer", abort: detail.abort }, "peer-aborted");
        else this.#finish({ kind: "lost", why: why ?? "closed" }, detail.code ?? "network");
        if (action === "AA-2") this.#socket.destroy();
        else this.#close();
        break;
      case "AA-7":
        if (this.#socket.writableLength < unreadAnswerBytesMax)
          this.#write(encodeAbort({ source: 2, reason: reason ?? abortReason.unexpectedPdu }));
        break;
      case "AA-8":
        this.#abortAs({ source: 2, reason: reason ?? abortReason.unexpectedPdu }, detail);
    }
  }

  #abortAs(abort: AbortReason, detail: EventDetail): void {
    this.#write(encodeAbort(abort));
    this.#finish({ kind: "aborted", by: "us", abort, why: detail.why }, detail.code ?? "peer-protocol");
    this.#startArtim();
  }

  #reject(reject: AssociateReject): void {
    this.#write(encodeReject(reject));
    this.#finish({ kind: "rejected", by: "us", reject }, "network");
    this.#startArtim();
  }

  /** The end is known: nothing more is delivered or sent, though the connection may still be closing. */
  #finish(end: AssociationEnd, code: ErrorCode): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#error = new ScansealError(code, describeEnd(end));
    this.#onData = undefined;
    this.#watch.stop();
    this.#inbound.finish();
    this.#sender?.fail(this.#error);
    this.#user.ended?.(this.#error);
  }

  #write(pdu: Bytes): void {
    if (this.#socket.writable) this.#socket.write(pdu);
  }

  #close(): void {
    // A peer that takes nothing more must not keep the connection open.
    this.#startArtim();
    this.#socket.end(() => this.#socket.destroy());
  }

  #startArtim(): void {
    this.#stopArtim();
    if (this.#socket.closed) return;
    const { artimMs } = this.#options.timers;
    this.#artim = setTimeout(() => {
      const why = `nothing came for ${artimMs} ms`;
      if (this.step("artim-expired", { why, code: "timeout" })) return;
      if (this.#end === undefined) this.abort(why, "timeout");
      else this.#socket.destroy();
    }, artimMs);
  }

  #stopArtim(): void {
    clearTimeout(this.#artim);
    this.#artim = undefined;
  }

  #begin(type: PduType): "take" | "skip" {
    switch (type) {
      case pduType.associateRequest:
        if (this.#state === 2) return "take";
        break;
      case pduType.associateAccept:
      case pduType.associateReject:
        if (this.#state === 5) return "take";
        break;
      case pduType.data:
        if (this.#state === 6 || this.#state === 7) {
          this.step("data-pdu");
          return "take";
        }
        break;
      default:
        // Four bytes, judged when they are there.
        return "take";
    }
    this.step(pduEvents[type], { reason: abortReason.unexpectedPdu, why: unexpectedPdu(type) });
    return "skip";
  }

  #pdu(type: PduType, body: Bytes): void {
    try {
      if (type === pduType.associateReject) this.step("associate-rj-pdu", { reject: decodeReject(body) });
      else if (type === pduType.abort) this.step("abort-pdu", { abort: decodeAbort(body) });
      else if (type === pduType.releaseRequest || type === pduType.releaseResponse)
        this.step(pduEvents[type], { reason: abortReason.unexpectedPdu, why: unexpectedPdu(type) });
      else this.#user.associatePdu(type, body);
    } catch (error) {
      if (error instanceof ScansealError && error.code === "peer-protocol")
        this.step("invalid-pdu", { reason: abortReason.invalidParameter, why: error.message });
      else this.abortFor(error);
    }
  }

  #value(value: PresentationDataValue): undefined | Promise<void> {
    this.#watch.piece(value.bytes.length, value.isLast);
    return this.#onData?.(value) as undefined | Promise<void>;
  }

  #closed(why: string): void {
    this.step("transport-closed", { why });
  }

  /** The connection is closed: nothing of it stays behind. */
  #cleanUp(): void {
    this.#closed("closed");
    if (this.#end === undefined) this.#finish({ kind: "lost", why: "closed" }, "network");
    this.#stopArtim();
    this.#watch.stop();
    this.#inbound.stop();
    this.#socket.off("error", this.#onError);
    this.#socket.off("close", this.#onClose);
    this.#resolveEnded(this.#end!);
  }
}
