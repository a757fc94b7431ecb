/** What a receipt commits to, kept beside it: spec/receipts.md. Private: it holds identifiers and opens the commitments. */
import { uidForm } from "../../dicom/uid.ts";
import { type Bytes, concatBytes, fromLatin1, latin1, tryUtf8, u16le, utf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { seedBytes } from "../disclosure/commitment.ts";
import { tableBytesMax } from "../disclosure/leaf-table.ts";

/** A part that no commitment covers and that was not as usual when it was received (spec/commitments.md, "What is not covered"). */
export interface IrregularPart {
  readonly path: string;
  readonly kind: "changed" | "added" | "removed";
}

export interface ReceiptOpening {
  readonly sopInstanceUid: string;
  /** Where it came from, in the operator's words; "" for nothing. */
  readonly origin: string;
  readonly irregular: readonly IrregularPart[];
  /** 32 bytes. */
  readonly seed: Bytes;
  readonly table: Bytes;
}

const version = 1;
const uidBytesMax = 64;
/** A few lines of text. */
const originBytesMax = 1024;
/** Of 562 files two had such parts, one each; what has more than these is no object that anybody wrote. */
const irregularMax = 64;
const pathBytesMax = 512;
const kinds = ["changed", "added", "removed"] as const;
/** With everything else at its largest. */
const openingBytesMax = 1 << 16;

/** @throws ScansealError `usage` for an origin that is too long or has control characters, `not-sealable` for an object that cannot be received */
export function encodeReceiptOpening(opening: ReceiptOpening): Bytes {
  const { sopInstanceUid, origin, irregular, seed, table } = opening;
  const text = utf8(origin);
  if (text.length > originBytesMax || /\p{Cc}/u.test(origin))
    throw new ScansealError("usage", "an origin is one line of at most 1,024 bytes");
  if (irregular.length > irregularMax || irregular.some(({ path }) => path.length > pathBytesMax))
    throw new ScansealError("not-sealable", "too much of it is neither committed to nor as usual");
  if (!uidForm.test(sopInstanceUid) || seed.length !== seedBytes)
    throw new ScansealError("not-sealable", "it has no SOP Instance UID");
  const parts = irregular.map(({ path, kind }) =>
    concatBytes([Uint8Array.of(kinds.indexOf(kind)), u16le(path.length), fromLatin1(path)]),
  );
  const head = [Uint8Array.of(version, sopInstanceUid.length), fromLatin1(sopInstanceUid)];
  return concatBytes([...head, u16le(text.length), text, u16le(irregular.length), ...parts, seed, table]);
}

/** @throws ScansealError `seal-structure` for anything that `encodeReceiptOpening` could not have written */
export function decodeReceiptOpening(bytes: Bytes): ReceiptOpening {
  if (bytes.length > tableBytesMax + openingBytesMax) bad();
  const reader = new OpeningReader(bytes);
  if (reader.u8() !== version) bad();
  const sopInstanceUid = latin1(reader.take(reader.u8(), uidBytesMax));
  if (!uidForm.test(sopInstanceUid)) bad();
  const origin = tryUtf8(reader.take(reader.u16(), originBytesMax));
  if (origin === undefined || /\p{Cc}/u.test(origin)) bad();
  const count = reader.u16();
  if (count > irregularMax) bad();
  const irregular: IrregularPart[] = [];
  for (let i = 0; i < count; i++) {
    const kind = kinds[reader.u8()] ?? bad();
    const path = latin1(reader.take(reader.u16(), pathBytesMax));
    if (!/^[ -~]+$/.test(path)) bad();
    irregular.push({ path, kind });
  }
  const seed = reader.take(seedBytes, seedBytes);
  return { sopInstanceUid, origin, irregular, seed, table: reader.rest() };
}

class OpeningReader {
  readonly #bytes: Bytes;
  #at = 0;

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  u8(): number {
    return this.take(1, 1)[0]!;
  }

  u16(): number {
    const [low = 0, high = 0] = this.take(2, 2);
    return low | (high << 8);
  }

  take(length: number, max: number): Bytes {
    if (length > max || length > this.#bytes.length - this.#at) bad();
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  rest(): Bytes {
    return this.#bytes.subarray(this.#at);
  }
}

function bad(): never {
  throw new ScansealError("seal-structure", "the receipt's opening is not as specified");
}
