/**
 * What dcmsign really hashes of nested sequences (DCMTK 3.6.7 to 3.7.0; found and confirmed by experiment, spec "Truncation by dcmsign").
 * Its MAC stream passes a buffer of 16 KiB. Each time the buffer is full, writing stops and resumes; on resuming, a sequence inside an
 * item is asked again whether it is signable, and that question moves the list positions of everything in it to the end. So whatever
 * remains of that nested sequence is left out of the hash, when signing and when verifying alike.
 *
 * The checker recomputes such signatures to name them instead of calling the object altered, and counts the sequence as not covered.
 * The signer leaves such sequences out of the list, because dcmsign would call an intact object altered.
 */
import type { DataElement } from "../dicom/model.ts";
import type { Tag } from "../dicom/tags.ts";
import { vrTraits } from "../dicom/vr.ts";
import type { Bytes } from "../foundation/bytes.ts";
import { normalisedText } from "./mac-stream.ts";
import { isSignable } from "./signable.ts";

/** Bytes [from, to) of the full stream that dcmsign does not hash. */
interface Cut {
  readonly from: number;
  readonly to: number;
}

const bufferBytes = 16_384;
const tagBytes = 4;
/** Tag, VR and reserved bytes; room is asked for a length that sequences then do not write. */
const sequenceHeader = { written: 8, asked: 12 } as const;
const shortLengthMax = 0xffff;

/** Follows dcmsign's buffer through one stream. Depth is bounded by the reader. */
export class DcmtkBuffer {
  /** Position in the full stream. */
  #at = 0;
  #filled = 0;
  /** Inside a sequence that stands in an item. */
  #nested = false;
  /** Where the loss in the nested sequence began. */
  #lostFrom: number | undefined;
  #cuts: Cut[] = [];

  /** Passes a top-level element of the stream. @returns false when part of it is lost */
  pass(element: DataElement): boolean {
    const before = this.#cuts.length;
    this.#element(element, 0);
    return this.#cuts.length === before;
  }

  /** Like `pass`, but an element that would lose something is taken back. */
  passWhole(element: DataElement): boolean {
    const at = this.#at;
    const filled = this.#filled;
    const cuts = [...this.#cuts];
    if (this.pass(element)) return true;
    this.#at = at;
    this.#filled = filled;
    this.#cuts = cuts;
    return false;
  }

  /** A sink that forwards what dcmsign hashes of the full stream. */
  filter(sink: (bytes: Bytes) => void): (bytes: Bytes) => void {
    const cuts = this.#cuts;
    let at = 0;
    let next = 0;
    return (bytes) => {
      let from = 0;
      while (from < bytes.length) {
        const cut = cuts[next];
        const position = at + from;
        if (cut && position >= cut.from) {
          from = Math.min(bytes.length, cut.to - at);
          if (at + from >= cut.to) next++;
        } else {
          const to = Math.min(bytes.length, cut ? cut.from - at : bytes.length);
          sink(bytes.subarray(from, to));
          from = to;
        }
      }
      at += bytes.length;
    };
  }

  #element(element: DataElement, depth: number): void {
    if (element.items) this.#sequence(element, depth);
    else if (element.fragments) {
      this.#write(sequenceHeader.written, sequenceHeader.asked);
      for (const fragment of element.fragments) {
        this.#write(tagBytes, tagBytes);
        this.#value(fragment.length);
      }
      this.#write(tagBytes, tagBytes);
    } else {
      const length = streamLength(element);
      const header = vrTraits[element.vr].longLength || length > shortLengthMax ? 12 : 8;
      this.#write(header, header);
      this.#value(length);
    }
  }

  #sequence(element: DataElement, depth: number): void {
    this.#write(sequenceHeader.written, sequenceHeader.asked);
    const outermost = depth === 1;
    if (outermost) this.#nested = true;
    for (const item of element.items!) {
      this.#write(tagBytes, tagBytes);
      for (const child of item.elements) if (isSignable(child)) this.#element(child, depth + 1);
    }
    if (outermost) {
      this.#nested = false;
      if (this.#lostFrom !== undefined) this.#cuts.push({ from: this.#lostFrom, to: this.#at });
      this.#lostFrom = undefined;
    }
    this.#write(tagBytes, tagBytes);
  }

  /** A header: it goes into the buffer whole or after flushing. */
  #write(written: number, asked: number): void {
    if (this.#lostFrom === undefined && bufferBytes - this.#filled < asked) this.#flush();
    if (this.#lostFrom === undefined) this.#filled += written;
    this.#at += written;
  }

  /** A value: it fills the buffer as often as it must. */
  #value(length: number): void {
    const room = bufferBytes - this.#filled;
    if (this.#lostFrom !== undefined || length <= room) {
      if (this.#lostFrom === undefined) this.#filled += length;
      this.#at += length;
      return;
    }
    this.#at += room;
    this.#flush();
    const rest = length - room;
    if (this.#lostFrom === undefined) this.#filled = ((rest - 1) % bufferBytes) + 1;
    this.#at += rest;
  }

  #flush(): void {
    this.#filled = 0;
    if (this.#nested) this.#lostFrom = this.#at;
  }
}

function streamLength(element: DataElement): number {
  const { value, vr } = element;
  const length = value && vrTraits[vr].text ? normalisedText(vr, value).length : element.length;
  return length + (length & 1);
}

export interface Truncation {
  /** Has passed the whole stream: filters it. */
  readonly buffer: DcmtkBuffer;
  /** Listed sequences that are hashed in part. */
  readonly partial: ReadonlySet<Tag>;
}

/** Undefined when dcmsign hashes every listed element whole. */
export function truncationOf(listed: readonly DataElement[]): Truncation | undefined {
  const buffer = new DcmtkBuffer();
  const partial = new Set<Tag>();
  for (const element of listed) if (!buffer.pass(element)) partial.add(element.tag);
  return partial.size === 0 ? undefined : { buffer, partial };
}
