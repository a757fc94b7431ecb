/** Command sets (PS3.7 section 6.3 and annex E): group 0000 in Implicit VR Little Endian, whatever the context's transfer syntax is. */

import { trimmedLatin1 } from "../../dicom/elements.ts";
import { type Bytes, concatBytes, fromLatin1, u16le, u32le, viewOf } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";

/** PS3.7 table E.1-1, the ones this software speaks. A response is its request with the highest bit. */
export const commandField = {
  storeRequest: 0x0001,
  getRequest: 0x0010,
  findRequest: 0x0020,
  moveRequest: 0x0021,
  echoRequest: 0x0030,
  eventReportRequest: 0x0100,
  actionRequest: 0x0130,
  cancelRequest: 0x0fff,
} as const;

export const responseBit = 0x8000;

/** The largest command of the standard, with every optional element, has 400 bytes; a C-FIND of other services no more. */
export const commandBytesMax: number = 16_384;

/** The fields of the services this software speaks; others are passed over. UIDs and AE titles are text as it came, without padding. */
export interface CommandSet {
  readonly field: number;
  readonly hasDataSet: boolean;
  readonly messageId?: number | undefined;
  readonly respondedTo?: number | undefined;
  readonly priority?: number | undefined;
  readonly status?: number | undefined;
  readonly errorComment?: string | undefined;
  /** Affected: C services, events, responses. */
  readonly sopClassUid?: string | undefined;
  readonly sopInstanceUid?: string | undefined;
  /** Requested: N-ACTION. */
  readonly requestedSopClassUid?: string | undefined;
  readonly requestedSopInstanceUid?: string | undefined;
  readonly moveDestination?: string | undefined;
  readonly eventTypeId?: number | undefined;
  readonly actionTypeId?: number | undefined;
  /** Of C-MOVE and C-GET (PS3.7 9.1.4.1.7 to 9.1.4.1.10). */
  readonly remaining?: number | undefined;
  readonly completed?: number | undefined;
  readonly failed?: number | undefined;
  readonly warning?: number | undefined;
  readonly moveOriginatorAeTitle?: string | undefined;
  readonly moveOriginatorMessageId?: number | undefined;
}

type Kind = "uid" | "title" | "short" | "comment";
type TextField = { [K in keyof CommandSet]-?: string extends CommandSet[K] ? K : never }[keyof CommandSet];
type ShortField = Exclude<keyof CommandSet, TextField | "hasDataSet">;
type FieldRow = readonly [number, TextField, Exclude<Kind, "short">] | readonly [number, ShortField, "short"];

/** Of group 0000 (PS3.7 table E.1-1), in their order; all below 0001,0000, so that an element number names them. */
const fields: readonly FieldRow[] = [
  [0x0002, "sopClassUid", "uid"],
  [0x0003, "requestedSopClassUid", "uid"],
  [0x0100, "field", "short"],
  [0x0110, "messageId", "short"],
  [0x0120, "respondedTo", "short"],
  [0x0600, "moveDestination", "title"],
  [0x0700, "priority", "short"],
  [0x0900, "status", "short"],
  [0x0902, "errorComment", "comment"],
  [0x1000, "sopInstanceUid", "uid"],
  [0x1001, "requestedSopInstanceUid", "uid"],
  [0x1002, "eventTypeId", "short"],
  [0x1008, "actionTypeId", "short"],
  [0x1020, "remaining", "short"],
  [0x1021, "completed", "short"],
  [0x1022, "failed", "short"],
  [0x1023, "warning", "short"],
  [0x1030, "moveOriginatorAeTitle", "title"],
  [0x1031, "moveOriginatorMessageId", "short"],
];
const fieldsByNumber: ReadonlyMap<number, FieldRow> = new Map(fields.map((row) => [row[0], row]));
const groupLengthNumber = 0x0000;
const dataSetTypeNumber = 0x0800;

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
    if (last < 0 && number !== groupLengthNumber) throw malformed("no group length", at);
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
    const row = fieldsByNumber.get(number);
    if (number === groupLengthNumber) {
      if (length !== 4 || view.getUint32(start, true) !== bytes.length - at)
        throw malformed("a wrong group length", start);
    } else if (number === dataSetTypeNumber) found.hasDataSet = short() !== noDataSet;
    else if (row?.[2] === "short") found[row[1]] = short();
    else if (row?.[2] === "title") found[row[1]] = text().trim();
    else if (row) found[row[1]] = text();
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
  let isTypeWritten = false;
  for (const row of fields) {
    if (!isTypeWritten && row[0] > dataSetTypeNumber) {
      add(dataSetTypeNumber, u16le(command.hasDataSet ? someDataSet : noDataSet));
      isTypeWritten = true;
    }
    const value = command[row[1]];
    if (typeof value === "number") add(row[0], u16le(value));
    else if (value !== undefined) add(row[0], textBytes(value, row[2]));
  }
  const rest = concatBytes(parts);
  return concatBytes([new Uint8Array(4), u32le(4), u32le(rest.length), rest]);
}

/** PS3.5 section 6.2: UIDs are padded with NUL, other text with a space. */
function textBytes(text: string, kind: Kind): Bytes {
  if (kind === "comment") return commentBytes(text);
  return fromLatin1(text.length % 2 === 0 ? text : text + (kind === "uid" ? "\0" : " "));
}

/** VR LO: no backslash, no control character. */
function commentBytes(comment: string): Bytes {
  const text = comment.replace(/[^\x20-\x5b\x5d-\x7e]/g, "?").slice(0, commentCharactersMax);
  return fromLatin1(text.length % 2 === 0 ? text : `${text} `);
}
