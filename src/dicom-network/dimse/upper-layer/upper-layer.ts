/**
 * The service of the Upper Layer (PS3.8 section 7) as its user sees it: one association over one transport connection, in either role.
 * `accept-connection.ts` and `request-association.ts` make them.
 */
import type { Bytes } from "../../../foundation/bytes.ts";
import type {
  AssociateAccept,
  AssociateReject,
  AssociateRequest,
  AssociationEnd,
  NetworkPeer,
} from "../association.ts";

/** One Presentation Data Value (PS3.8 9.3.5.1 and annex E). `bytes` is valid only during the call it is given to. */
export interface PresentationDataValue {
  readonly contextId: number;
  readonly isCommand: boolean;
  readonly isLast: boolean;
  readonly bytes: Bytes;
}

/**
 * Takes what arrives, in order. While a returned promise is pending nothing more is delivered, and the socket is paused: back-pressure.
 * An exception or rejection aborts the association.
 */
export type DataIndication = (value: PresentationDataValue) => void | Promise<void>;

export interface UpperLayerAssociation {
  readonly role: "acceptor" | "requestor";
  readonly peer: NetworkPeer;
  readonly request: AssociateRequest;
  readonly accept: AssociateAccept;
  /**
   * P-DATA request: fragments `bytes` into PDVs of the size the peer takes. `isLast` ends the message part. Resolves when the transport
   * has room again; one call at a time. `bytes` is not kept after it resolves.
   * @throws ScansealError `peer-aborted`, `network`, `timeout` when the association ended
   */
  send(
    contextId: number,
    part: { readonly isCommand: boolean; readonly isLast: boolean },
    bytes: Bytes,
  ): Promise<void>;
  /** Work that the peer waits for: until it is done the peer may be silent. */
  work<T>(work: Promise<T>): Promise<T>;
  /** A-RELEASE request. Resolves with the end, whatever it is. */
  release(): Promise<AssociationEnd>;
  /** A-ABORT request; reasons of PS3.8 table 9-26. Idempotent. */
  abort(why: string): void;
  /** Resolves once, when the association is over; never rejects. */
  readonly ended: Promise<AssociationEnd>;
}

export interface UpperLayerTimers {
  /** ARTIM (PS3.8 section 9.1.5): connect to A-ASSOCIATE, and after reject, abort, release until the connection closes. */
  readonly artimMs: number;
  /** Without any byte from an associated peer while no operation of ours is under way. */
  readonly idleMs: number;
  /** From the first to the last byte of one PDU. */
  readonly pduMs: number;
  /** Average of a message's arrival after a grace of `minimumRateGraceMs`, in bytes a second: a slow-loris sends less. */
  readonly minimumRateBytesPerSecond: number;
  readonly minimumRateGraceMs: number;
  /** How long a peer may take no byte of what we send. */
  readonly sendStallMs: number;
}

export interface UpperLayerLimits {
  /** The P-DATA PDU we advertise and enforce. */
  readonly maxPduBytes: number;
  /** A-ASSOCIATE-RQ and -AC. */
  readonly associatePduBytesMax: number;
  /** What we send at most in one PDU to a peer that takes any length. */
  readonly sendPduBytesMax: number;
}

/** The acceptor's user: answers a request. */
export type AssociateIndication = (
  request: AssociateRequest,
  peer: NetworkPeer,
) => Promise<AssociateDecision> | AssociateDecision;

export type AssociateDecision =
  | {
      readonly accept: AssociateAccept;
      /** Called once the acceptance is on its way; returns who takes the data. */
      readonly onOpen: (association: UpperLayerAssociation) => DataIndication;
    }
  | { readonly reject: AssociateReject };
