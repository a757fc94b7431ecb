/** A data set as an index over a byte source: small values in memory, bulk values as references. */
import type { ByteSource } from "../foundation/byte-source.ts";
import type { Bytes } from "../foundation/bytes.ts";
import type { MalformedCode } from "../foundation/errors.ts";
import type { Tag } from "./tags.ts";
import type { TransferSyntax } from "./transfer-syntax.ts";
import type { Vr } from "./vr.ts";

/** How elements are written: byte order and explicit or implicit VR (PS3.5 section 7.1). */
export interface Encoding {
  readonly explicit: boolean;
  readonly bigEndian: boolean;
}

/** One fragment of encapsulated Pixel Data (PS3.5 annex A.4); the first is the Basic Offset Table. */
export interface Fragment {
  /** Of the fragment's bytes, after the item tag and length. */
  readonly valueOffset: number;
  readonly length: number;
}

/** An item of a sequence. Offsets are absolute, as everywhere. */
export interface Item {
  /** Of the item tag. */
  readonly offset: number;
  readonly undefinedLength: boolean;
  readonly elements: readonly DataElement[];
  /** After the item's last byte, its delimiter included. */
  readonly end: number;
}

export interface DataElement {
  readonly tag: Tag;
  /** The VR written; in implicit VR the dictionary's (as DCMTK chooses); SQ for UN of undefined length (PS3.5 section 6.2.2 note 4). */
  readonly vr: Vr;
  /** The two letters in the file; undefined in implicit VR. */
  readonly vrOnWire: Vr | undefined;
  /** Encoding of this element's header and of its items. UN of undefined length holds implicit VR little endian. */
  readonly encoding: Encoding;
  /** Of the tag. */
  readonly offset: number;
  readonly valueOffset: number;
  /** Bytes of the value field; for undefined length up to, without, the delimiter. */
  readonly length: number;
  readonly undefinedLength: boolean;
  /** After the element's last byte, its delimiter included. */
  readonly end: number;
  /** The value's bytes as in the source (byte order too). Absent for bulk values and sequences. Text is always here. For fragments: the Basic Offset Table. */
  readonly value?: Bytes;
  /** For SQ. */
  readonly items?: readonly Item[];
  /** For encapsulated Pixel Data, the Basic Offset Table first. */
  readonly fragments?: readonly Fragment[];
}

/** A non-conformance that the caller's tolerances let pass. */
export interface Tolerated {
  readonly code: MalformedCode;
  readonly tag?: Tag | undefined;
  readonly offset?: number | undefined;
}

/** A parsed DICOM object: Part 10 file or bare data set. */
export interface DicomObject {
  /** The file. */
  readonly source: ByteSource;
  /** The bytes that data set offsets refer to: the file, or the inflated data set for the deflated syntax. */
  readonly dataSource: ByteSource;
  /** 128 bytes, or undefined without a preamble. */
  readonly preamble: Bytes | undefined;
  /** File Meta Information, group 0002. */
  readonly meta: readonly DataElement[];
  /** File offset of the first byte of the (perhaps deflated) data set. */
  readonly metaEnd: number;
  readonly transferSyntax: TransferSyntax;
  /** Ascending by tag. */
  readonly elements: readonly DataElement[];
  readonly tolerated: readonly Tolerated[];
}
