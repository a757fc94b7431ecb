/** The seven PDUs of PS3.8 section 9.3: types, lengths, and the four that have a fixed form. A `body` is what follows the 6-byte header. */
import { type Bytes, viewOf } from "../../../foundation/bytes.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import type { AbortReason, AssociateReject } from "../association.ts";

/** PS3.8 tables 9-11 to 9-26, first byte. */
export const pduType = {
  associateRequest: 0x01,
  associateAccept: 0x02,
  associateReject: 0x03,
  data: 0x04,
  releaseRequest: 0x05,
  releaseResponse: 0x06,
  abort: 0x07,
} as const;

export type PduType = (typeof pduType)[keyof typeof pduType];

/** Type, reserved, length (4). */
export const pduHeaderBytes = 6;
/** Of A-ASSOCIATE-RJ, A-RELEASE-RQ, A-RELEASE-RP and A-ABORT, exactly. */
export const fixedBodyBytes = 4;
/** PDV length (4), context id, message control header. */
export const pdvHeaderBytes = 6;

/** Reason/Diag of A-ABORT from the service provider (PS3.8 table 9-26). */
export const abortReason = {
  notSpecified: 0,
  unrecognizedPdu: 1,
  unexpectedPdu: 2,
  invalidParameter: 6,
} as const;

export function isPduType(type: number): type is PduType {
  return type >= pduType.associateRequest && type <= pduType.abort;
}

/** The error of everything in this folder that a peer got wrong. */
export function protocolError(message: string, offset?: number): ScansealError {
  return new ScansealError("peer-protocol", message, { offset });
}

/** Header and body. */
export function encodePdu(type: PduType, body: Bytes): Bytes {
  const pdu = new Uint8Array(pduHeaderBytes + body.length);
  pdu[0] = type;
  viewOf(pdu).setUint32(2, body.length);
  pdu.set(body, pduHeaderBytes);
  return pdu;
}

/** PS3.8 table 9-21. */
export function encodeReject(reject: AssociateReject): Bytes {
  return encodePdu(
    pduType.associateReject,
    Uint8Array.of(0, reject.result, reject.source, byte(reject.reason)),
  );
}

/** @throws ScansealError `peer-protocol` */
export function decodeReject(body: Bytes): AssociateReject {
  checkFixed(body);
  const [, result, source, reason] = body;
  if (result !== 1 && result !== 2) throw protocolError(`A-ASSOCIATE-RJ with result ${result}`, 1);
  if (source !== 1 && source !== 2 && source !== 3)
    throw protocolError(`A-ASSOCIATE-RJ with source ${source}`, 2);
  return { result, source, reason: reason! };
}

/** PS3.8 tables 9-24 and 9-25. */
export function encodeRelease(type: typeof pduType.releaseRequest | typeof pduType.releaseResponse): Bytes {
  return encodePdu(type, new Uint8Array(fixedBodyBytes));
}

/** PS3.8 table 9-26. */
export function encodeAbort(abort: AbortReason): Bytes {
  return encodePdu(pduType.abort, Uint8Array.of(0, 0, abort.source, byte(abort.reason)));
}

/** An abort is an abort whatever it gives as source: only 2 is the provider. @throws ScansealError `peer-protocol` for another length */
export function decodeAbort(body: Bytes): AbortReason {
  checkFixed(body);
  return { source: body[2] === 2 ? 2 : 0, reason: body[3]! };
}

function checkFixed(body: Bytes): void {
  if (body.length !== fixedBodyBytes) throw protocolError(`a PDU of ${body.length} bytes instead of 4`);
}

function byte(n: number): number {
  if (!Number.isInteger(n) || n < 0 || n > 255) throw new ScansealError("usage", `reason ${n} is no byte`);
  return n;
}
