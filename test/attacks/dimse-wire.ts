/** DIMSE as a hostile peer writes it: every field is what the attack says, whether the standard allows it or not. */
import { commandField, encodeCommandSet } from "../../src/dicom-network/dimse/command-set.ts";
import { type Bytes, concatBytes, fromLatin1, u32be } from "../../src/foundation/bytes.ts";
import { dataPdu } from "../dicom-network/raw-peer.ts";

export const verification = "1.2.840.10008.1.1";
export const ctStorage = "1.2.840.10008.5.1.4.1.1.2";
export const implicitLittleEndian = "1.2.840.10008.1.2";
export const explicitLittleEndian = "1.2.840.10008.1.2.1";
export const deflated = "1.2.840.10008.1.2.1.99";

export interface WireContext {
  readonly id: number;
  readonly abstractSyntax: string;
  readonly transferSyntaxes: readonly string[];
}

export interface WireRequest {
  readonly calling?: string | Bytes;
  readonly called?: string | Bytes;
  readonly contexts?: readonly WireContext[];
  readonly maxPduBytes?: number;
  /** Items behind all others. */
  readonly more?: Bytes;
}

/** Context 1 is Verification, context 3 stores CT in implicit VR, 5 in explicit, 7 deflated. */
export const usualContexts: readonly WireContext[] = [
  { id: 1, abstractSyntax: verification, transferSyntaxes: [implicitLittleEndian] },
  { id: 3, abstractSyntax: ctStorage, transferSyntaxes: [implicitLittleEndian] },
  { id: 5, abstractSyntax: ctStorage, transferSyntaxes: [explicitLittleEndian] },
  { id: 7, abstractSyntax: ctStorage, transferSyntaxes: [deflated] },
];

export function item(type: number, ...parts: readonly Bytes[]): Bytes {
  const value = concatBytes(parts);
  return concatBytes([Uint8Array.of(type, 0, value.length >>> 8, value.length & 255), value]);
}

export function pdu(type: number, body: Bytes, length: number = body.length): Bytes {
  return concatBytes([Uint8Array.of(type, 0), u32be(length >>> 0), body]);
}

function title(value: string | Bytes): Bytes {
  const bytes = typeof value === "string" ? fromLatin1(value.padEnd(16)) : value;
  const field = new Uint8Array(16).fill(0x20);
  field.set(bytes.subarray(0, 16));
  return field;
}

/** The body of an A-ASSOCIATE-RQ (PS3.8 table 9-11). */
export function requestBody(request: WireRequest = {}): Bytes {
  const { calling = "EVIL", called = "GATE", contexts = usualContexts, maxPduBytes = 0 } = request;
  return concatBytes([
    Uint8Array.of(0, 1, 0, 0),
    title(called),
    title(calling),
    new Uint8Array(32),
    item(0x10, fromLatin1("1.2.840.10008.3.1.1.1")),
    ...contexts.map(({ id, abstractSyntax, transferSyntaxes }) =>
      item(
        0x20,
        Uint8Array.of(id, 0, 0, 0),
        item(0x30, fromLatin1(abstractSyntax)),
        ...transferSyntaxes.map((uid) => item(0x40, fromLatin1(uid))),
      ),
    ),
    item(0x50, item(0x51, u32be(maxPduBytes)), item(0x52, fromLatin1("1.2.3.4"))),
    request.more ?? new Uint8Array(0),
  ]);
}

export function associate(request: WireRequest = {}): Bytes {
  return pdu(1, requestBody(request));
}

/** Command on a context, in one PDV. */
export function echoCommand(context = 1, messageId = 1): Bytes {
  const command = encodeCommandSet({
    field: commandField.echoRequest,
    hasDataSet: false,
    messageId,
    sopClassUid: verification,
  });
  return dataPdu([context, 3, command]);
}

export function storeCommandSet(sopInstanceUid = "2.25.666", sopClassUid: string = ctStorage): Bytes {
  return encodeCommandSet({
    field: commandField.storeRequest,
    hasDataSet: true,
    messageId: 1,
    priority: 0,
    sopClassUid,
    sopInstanceUid,
  });
}

export function storeCommand(context = 3, sopInstanceUid?: string, sopClassUid?: string): Bytes {
  return dataPdu([context, 3, storeCommandSet(sopInstanceUid, sopClassUid)]);
}

/** A data set in PDUs of `pieceBytes`, one PDV in each. */
export function dataSetPdus(context: number, dataSet: Bytes, pieceBytes = 16_000): Bytes {
  const pieces: Bytes[] = [];
  for (let at = 0; at === 0 || at < dataSet.length; at += pieceBytes) {
    const isLast = at + pieceBytes >= dataSet.length;
    pieces.push(dataPdu([context, isLast ? 2 : 0, dataSet.subarray(at, at + pieceBytes)]));
  }
  return concatBytes(pieces);
}

/** Pixel Data in implicit VR that claims this many bytes, after a SOP class and instance: its beginning only. */
export function openPixelData(bytes: number, sopInstanceUid = "2.25.666"): Bytes {
  const element = (group: number, number: number, value: Bytes, length = value.length): Bytes =>
    concatBytes([
      Uint8Array.of(group & 255, group >>> 8, number & 255, number >>> 8),
      Uint8Array.of(length & 255, (length >>> 8) & 255, (length >>> 16) & 255, length >>> 24),
      value,
    ]);
  const uid = (text: string): Bytes => fromLatin1(text.length % 2 === 0 ? text : `${text}\0`);
  return concatBytes([
    element(0x0008, 0x0016, uid(ctStorage)),
    element(0x0008, 0x0018, uid(sopInstanceUid)),
    element(0x7fe0, 0x0010, new Uint8Array(0), bytes),
  ]);
}
