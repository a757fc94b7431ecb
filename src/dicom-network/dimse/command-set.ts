/** Command sets (PS3.7 section 6.3 and annex E): group 0000 in Implicit VR Little Endian, whatever the context's transfer syntax is. */

import { trimmedLatin1 } from "../../dicom/elements.ts";
import { type Bytes, concatBytes, fromLatin1, u16le, u32le, viewOf } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";

/** PS3.7 table E.1-1, the ones this software speaks. A response is its request with the highest bit. */
export const commandField = {
  storeRequest: 0x0001,
  storeResponse: 0x8001,
  echoRequest: 0x0030,
  echoResponse: 0x8030,
  cancelRequest: 0x0fff,
} as const;

export const responseBit = 0x8000;

/** The largest command of the standard, with every optional element, has 400 bytes; a C-FIND of other services no more. */
export const commandBytesMax: number = 16_384;

/** The fields of C-ECHO and C-STORE; those of other services are passed over. UIDs are text as it came, without padding. */
export interface CommandSet {
  readonly field: number;
  readonly hasDataSet: boolean;
  readonly messageId?: number | undefined;
  readonly respondedTo?: number | undefined;
  readonly priority?: number | undefined;
  readonly status?: number | undefined;
  readonly errorComment?: string | undefined;
  readonly sopClassUid?: string | undefined;
  readonly sopInstanceUid?: string | undefined;
}

/** Elements of group 0000 (PS3.7 table E.1-1); all below 0001,0000, so that an element number names them. */
const element = {
  groupLength: 0x0000,
  affectedSopClassUid: 0x0002,
  commandField: 0x0100,
  messageId: 0x0110,
  respondedTo: 0x0120,
  priority: 0x0700,
  dataSetType: 0x0800,
  status: 0x0900,
  errorComment: 0x0902,
  affectedSopInstanceUid: 0x1000,
} as const;

/** PS3.7 table E.1-1: the one value that says that there is no data set. */
const noDataSet = 0x0101;
/** What DCMTK sends; any value but `noDataSet` says the same. */
const someDataSet = 0x0001;
const headerBytes = 8;
/** VR LO. */
const commentCharactersMax = 64;

function malformed(message: string, offset: number): ScansealError {
  return new ScansealError("peer-protocol", `command set: ${message}`, { offset });
}

/**
 * Strict: elements ascend, lengths are even, fit, and are those of their VR; the group length is right.
 * @throws ScansealError `peer-protocol`
 */
export function decodeCommandSet(bytes: Bytes): CommandSet {
  if (bytes.length > commandBytesMax) throw malformed(`${bytes.length} bytes`, 0);
  const view = viewOf(bytes);
  const found: { -readonly [K in keyof CommandSet]?: CommandSet[K] } = {};
  let last = -1;
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < headerBytes) throw malformed("an element is cut short", at);
    if (view.getUint16(at, true) !== 0) throw malformed("an element of another group", at);
    const number = view.getUint16(at + 2, true);
    const length = view.getUint32(at + 4, true);
    if (number <= last) throw malformed(number === last ? "an element twice" : "elements out of order", at);
    if (last < 0 && number !== element.groupLength) throw malformed("no group length", at);
    last = number;
    const start = at + headerBytes;
    if (length > bytes.length - start) throw malformed("an element exceeds the command", at);
    if (length % 2 !== 0) throw malformed("an odd length", at);
    at = start + length;
    const short = (): number => {
      if (length !== 2) throw malformed(`a number of ${length} bytes`, start);
      return view.getUint16(start, true);
    };
    const text = (): string => trimmedLatin1(bytes.subarray(start, at));
    switch (number) {
      case element.groupLength:
        if (length !== 4 || view.getUint32(start, true) !== bytes.length - at)
          throw malformed("a wrong group length", start);
        break;
      case element.affectedSopClassUid:
        found.sopClassUid = text();
        break;
      case element.commandField:
        found.field = short();
        break;
      case element.messageId:
        found.messageId = short();
        break;
      case element.respondedTo:
        found.respondedTo = short();
        break;
      case element.priority:
        found.priority = short();
        break;
      case element.dataSetType:
        found.hasDataSet = short() !== noDataSet;
        break;
      case element.status:
        found.status = short();
        break;
      case element.errorComment:
        found.errorComment = text();
        break;
      case element.affectedSopInstanceUid:
        found.sopInstanceUid = text();
    }
  }
  const { field, hasDataSet } = found;
  if (field === undefined) throw malformed("no command field", bytes.length);
  if (hasDataSet === undefined) throw malformed("no data set type", bytes.length);
  return { ...found, field, hasDataSet };
}

/** Text that does not fit its VR is shortened, and other characters than ISO 646 become "?". */
export function encodeCommandSet(command: CommandSet): Bytes {
  const parts: Bytes[] = [];
  const add = (number: number, value: Bytes): void => {
    parts.push(Uint8Array.of(0, 0, number & 255, number >>> 8), u32le(value.length), value);
  };
  const addShort = (number: number, value: number | undefined): void => {
    if (value !== undefined) add(number, u16le(value));
  };
  // PS3.5 section 6.2: UIDs are padded with NUL.
  const addUid = (number: number, uid: string | undefined): void => {
    if (uid !== undefined) add(number, fromLatin1(uid.length % 2 === 0 ? uid : `${uid}\0`));
  };
  addUid(element.affectedSopClassUid, command.sopClassUid);
  addShort(element.commandField, command.field);
  addShort(element.messageId, command.messageId);
  addShort(element.respondedTo, command.respondedTo);
  addShort(element.priority, command.priority);
  addShort(element.dataSetType, command.hasDataSet ? someDataSet : noDataSet);
  addShort(element.status, command.status);
  if (command.errorComment !== undefined) add(element.errorComment, commentBytes(command.errorComment));
  addUid(element.affectedSopInstanceUid, command.sopInstanceUid);
  const rest = concatBytes(parts);
  return concatBytes([new Uint8Array(4), u32le(4), u32le(rest.length), rest]);
}

/** VR LO: no backslash, no control character. */
function commentBytes(comment: string): Bytes {
  const text = comment.replace(/[^\x20-\x5b\x5d-\x7e]/g, "?").slice(0, commentCharactersMax);
  return fromLatin1(text.length % 2 === 0 ? text : `${text} `);
}

/**
 * PS3.5 section 9.1 but for leading zeros, which real devices make: 1 to 64 characters, components of digits. Not "..", nor anything else a path
 * could be made of.
 */
export function isWellFormedUid(uid: string): boolean {
  return uid.length <= 64 && /^\d+(\.\d+)*$/.test(uid);
}
