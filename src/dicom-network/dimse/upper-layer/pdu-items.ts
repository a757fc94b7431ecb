/** Items and sub-items of the A-ASSOCIATE PDUs (PS3.8 9.3.2): type, reserved, length (2), value. And the fields inside them. */
import { uidForm } from "../../../dicom/uid.ts";
import { type Bytes, concatBytes, fromLatin1, latin1 } from "../../../foundation/bytes.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import { protocolError } from "./pdu.ts";

export interface PduItem {
  readonly type: number;
  /** Second byte: reserved everywhere but in one sub-item, where it is a version (PS3.7 table D.3-12). */
  readonly version: number;
  readonly value: Bytes;
}

const itemHeaderBytes = 4;

/** All items of a field, which they must fill exactly. @throws ScansealError `peer-protocol` */
export function readItems(field: Bytes): PduItem[] {
  const items: PduItem[] = [];
  const fields = new FieldReader(field);
  while (fields.remaining > 0) {
    if (fields.remaining < itemHeaderBytes) throw protocolError("an item is cut short", fields.offset);
    const type = fields.u8();
    const version = fields.u8();
    items.push({ type, version, value: fields.counted() });
  }
  return items;
}

export function encodeItem(type: number, ...parts: readonly Bytes[]): Bytes {
  const value = concatBytes(parts);
  return concatBytes([Uint8Array.of(type, 0), counted(value)]);
}

/** A value after its length in two bytes. @throws ScansealError `usage` when that is not enough */
export function counted(value: Bytes): Bytes {
  return concatBytes([u16be(value.length), value]);
}

/** @throws ScansealError `usage` */
export function u16be(n: number): Bytes {
  if (!Number.isInteger(n) || n < 0 || n > 0xffff)
    throw new ScansealError("usage", `${n} does not fit 16 bits`);
  return Uint8Array.of(n >>> 8, n & 255);
}

/** PS3.8 annex F: ASCII, not padded. @throws ScansealError `usage` for what is no UID */
export function encodeUid(uid: string): Bytes {
  if (!isUid(uid)) throw new ScansealError("usage", "not a UID");
  return fromLatin1(uid);
}

/** @throws ScansealError `peer-protocol` */
export function decodeUid(bytes: Bytes, what: string): string {
  const unpadded = withoutPad(bytes);
  const uid = unpadded.length > 64 ? "" : latin1(unpadded);
  if (!isUid(uid)) throw protocolError(`${what} is not a UID`);
  return uid;
}

/**
 * PS3.8 annex F does not pad UIDs, but old devices pad them as data elements are padded, with one NUL; DCMTK and pynetdicom take that too. Blanks,
 * which they do not take, stay an error.
 */
export function withoutPad(bytes: Bytes): Bytes {
  return bytes.at(-1) === 0 ? bytes.subarray(0, -1) : bytes;
}

function isUid(text: string): boolean {
  return uidForm.test(text);
}

/** Reads the fields of one item; every read is checked against the item's end. */
export class FieldReader {
  readonly #bytes: Bytes;
  #at = 0;

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  get offset(): number {
    return this.#at;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.take(1)[0]!;
  }

  u16(): number {
    const two = this.take(2);
    return (two[0]! << 8) | two[1]!;
  }

  u32(): number {
    return this.u16() * 0x10000 + this.u16();
  }

  /** 0 or 1. */
  flag(what: string): boolean {
    const value = this.u8();
    if (value > 1) throw protocolError(`${what} is ${value}`, this.#at - 1);
    return value === 1;
  }

  take(length: number): Bytes {
    if (length > this.remaining) throw protocolError("a length exceeds its item", this.#at);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** A value after its length in two bytes. */
  counted(): Bytes {
    return this.take(this.u16());
  }

  rest(): Bytes {
    return this.take(this.remaining);
  }

  /** @throws ScansealError `peer-protocol` when something follows */
  end(what: string): void {
    if (this.remaining !== 0) throw protocolError(`${what} is longer than its fields`, this.#at);
  }
}
