/** What goes between the state machine of a connection and its two roles. */
import type { Bytes } from "../../../foundation/bytes.ts";
import type { ErrorCode, ScansealError } from "../../../foundation/errors.ts";
import type { AbortReason, AssociateReject } from "../association.ts";
import { type PduType, pduType } from "./pdu.ts";
import type { UpperLayerEvent } from "./state-machine.ts";
import type { UpperLayerLimits, UpperLayerTimers } from "./upper-layer.ts";

export interface UpperLayerOptions {
  readonly timers: UpperLayerTimers;
  readonly limits: UpperLayerLimits;
}

/** The role's own part. */
export interface ConnectionUser {
  readonly role: "acceptor" | "requestor";
  /**
   * An A-ASSOCIATE-RQ in Sta2, an A-ASSOCIATE-AC in Sta5. Calls `step`.
   * @throws ScansealError `peer-protocol`
   */
  associatePdu(type: PduType, body: Bytes): void;
  /** The association is over; the connection may still be closing. */
  ended?(error: ScansealError): void;
}

/** What an event brings along; its action takes what it needs. */
export interface EventDetail {
  /** A PDU to send. */
  readonly pdu?: Bytes;
  readonly reject?: AssociateReject;
  readonly abort?: AbortReason;
  /** Reason of PS3.8 table 9-26 when we abort as provider. */
  readonly reason?: number;
  readonly why?: string;
  /** Of the errors that pending calls end with. */
  readonly code?: ErrorCode;
  /** Continues with the indication or confirmation. */
  readonly perform?: () => void;
}

/** The event each PDU makes. */
export const pduEvents: Readonly<Record<PduType, UpperLayerEvent>> = {
  [pduType.associateRequest]: "associate-rq-pdu",
  [pduType.associateAccept]: "associate-ac-pdu",
  [pduType.associateReject]: "associate-rj-pdu",
  [pduType.data]: "data-pdu",
  [pduType.releaseRequest]: "release-rq-pdu",
  [pduType.releaseResponse]: "release-rp-pdu",
  [pduType.abort]: "abort-pdu",
};

/** For a log. */
export function unexpectedPdu(type: PduType): string {
  return `unexpected PDU: ${pduEvents[type].replace("-pdu", "")}`;
}
