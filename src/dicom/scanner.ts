/**
 * The resumable scanner: the grammar of PS3.5 sections 7.1 to 7.8 and annex A.4 as one iterative machine.
 * It does no I/O and holds no bytes. A driver presents windows; the scanner says how many bytes it took,
 * how many it must see at once (`need`), and how many it does not want to see (`skip`).
 */
import type { Bytes } from "../foundation/bytes.ts";
import { type LimitCode, type MalformedCode, ScansealError } from "../foundation/errors.ts";
import { resolveImplicitVr } from "./dictionary/implicit-vr.ts";
import {
  elementsMax,
  fragmentsMin,
  inlineBytesMax,
  inlineTotalBytesMax,
  itemsMax,
  nestingImageMax,
  nestingReportMax,
  offsetTableBytesMax,
  textBytesMax,
} from "./limits.ts";
import type { DataElement, Encoding, Fragment, Item } from "./model.ts";
import { type Level, type OpenElement, type OpenItem, type ScannerOptions, Siblings } from "./scan-level.ts";
import { isPrivateCreator, type Tag, tags } from "./tags.ts";
import { type Vr, vrOfBytes, vrTraits } from "./vr.ts";

const undefinedLength = 0xffffffff;
const implicitLittle: Encoding = { explicit: false, bigEndian: false };

export class Scanner {
  position: number;
  /** The least number of bytes the next window must hold, unless the input ends first. */
  need = 8;
  /** Bytes to leave out before the next window. */
  skip = 0;
  /** With `metaOnly`: the first element of another group was reached. */
  done = false;
  readonly elements: DataElement[] = [];
  readonly #options: ScannerOptions;
  readonly #stack: Level[];
  #elementCount = 0;
  #itemCount = 0;
  #inlineBytes = 0;
  #depth = 0;
  #depthMax = nestingImageMax;
  #fragmentsMax = fragmentsMin;
  #window: Bytes = new Uint8Array(0);
  #base = 0;
  readonly #siblings: Siblings = new Siblings();

  constructor(options: ScannerOptions) {
    this.#options = options;
    this.position = options.position;
    const root = {
      kind: "root",
      end: options.end,
      encoding: options.encoding,
      elements: this.elements,
    } as const;
    this.#stack = [{ ...root, lastTag: -1 }];
  }

  /** Number of frames allows more fragments (see limits). */
  allowFragments(count: number): void {
    this.#fragmentsMax = Math.max(this.#fragmentsMax, count);
  }

  /**
   * Takes what it can from `window`, whose first byte is at `position`. The caller removes the bytes taken, then leaves out `skip`.
   * @throws ScansealError with a malformed or limit code
   */
  scan(window: Bytes): number {
    this.#window = window;
    this.#base = this.position;
    this.skip = 0;
    while (!this.done && this.#step()) {
      const over = this.position - this.#base - window.length;
      if (over > 0) {
        this.skip = over;
        this.need = 8;
        return window.length;
      }
    }
    return this.position - this.#base;
  }

  /**
   * The input has ended at `end`.
   * @throws ScansealError `truncated` when something is still open
   */
  finish(end: number): void {
    while (this.#stack.length > 1 && this.#top.end === this.position) this.#close(this.position);
    if (this.#top.disordered) this.elements.sort((a, b) => a.tag - b.tag);
    const rest = end - this.position;
    if (this.#stack.length > 1 || rest < 0) this.#fail("truncated", "the object ends inside an element");
    if (rest > 0 && !this.done) {
      const code = rest < 8 && this.elements.length > 0 ? "trailing-bytes" : "truncated";
      this.#tolerateOrFail(code, `${rest} bytes after the last element`);
    }
  }

  get #top(): Level {
    return this.#stack[this.#stack.length - 1]!;
  }

  #fail(code: MalformedCode | LimitCode, message: string, tag?: Tag): never {
    throw new ScansealError(code, message, { offset: this.position, tag });
  }

  #tolerateOrFail(code: MalformedCode, message: string, tag?: Tag): void {
    if (!this.#options.tolerate.has(code)) this.#fail(code, message, tag);
    this.#options.tolerated.push({ code, tag, offset: this.position });
  }

  #u16(at: number, encoding: Encoding): number {
    const w = this.#window;
    return encoding.bigEndian ? (w[at]! << 8) | w[at + 1]! : w[at]! | (w[at + 1]! << 8);
  }

  #u32(at: number, encoding: Encoding): number {
    const a = this.#u16(at, encoding);
    const b = this.#u16(at + 2, encoding);
    return encoding.bigEndian ? a * 0x10000 + b : b * 0x10000 + a;
  }

  /** False when more bytes are needed. */
  #has(bytes: number): boolean {
    if (this.#base + this.#window.length - this.position >= bytes) return true;
    this.need = bytes;
    return false;
  }

  #step(): boolean {
    const level = this.#top;
    if (level.end === this.position && this.#stack.length > 1) {
      this.#close(this.position);
      return true;
    }
    if (!this.#has(8)) {
      if (level.end - this.position < 8 && this.#stack.length > 1) {
        this.#fail(
          "length-invalid",
          "a length leaves less than one header to its parent",
          level.element?.tag,
        );
      }
      return false;
    }
    if (level.kind === "sequence") return this.#scanItem(level);
    if (level.kind === "fragments") return this.#scanFragment(level);
    return this.#scanElement(level);
  }

  /** PS3.5 section 7.5: an item, or the delimiter of a sequence of undefined length. */
  #scanItem(level: Level): boolean {
    const at = this.position - this.#base;
    const tag = this.#u16(at, level.encoding) * 0x10000 + this.#u16(at + 2, level.encoding);
    const length = this.#u32(at + 4, level.encoding);
    if (tag === tags.sequenceDelimitation) return this.#delimit(level, length);
    if (tag !== tags.item)
      this.#fail("item-expected", "a sequence holds something that is not an item", level.element!.tag);
    if (++this.#itemCount > itemsMax) this.#fail("limit-items", "too many items", level.element!.tag);
    const undefinedItem = length === undefinedLength;
    const end = undefinedItem ? Number.POSITIVE_INFINITY : this.position + 8 + length;
    this.#checkEnd(undefinedItem ? this.position + 8 : end, tag);
    const elements: DataElement[] = [];
    const item: OpenItem = { offset: this.position, undefinedLength: undefinedItem, elements, end };
    this.#stack.push({ kind: "item", end, encoding: level.encoding, elements, lastTag: -1, item });
    this.position += 8;
    return true;
  }

  /** PS3.5 annex A.4: a fragment, or the delimiter. */
  #scanFragment(level: Level): boolean {
    const at = this.position - this.#base;
    const tag = this.#u16(at, level.encoding) * 0x10000 + this.#u16(at + 2, level.encoding);
    const length = this.#u32(at + 4, level.encoding);
    const owner = level.element!.tag;
    if (tag === tags.sequenceDelimitation) return this.#delimit(level, length);
    if (tag !== tags.item)
      this.#fail("item-expected", "encapsulated data holds something that is not a fragment", owner);
    if (length === undefinedLength) this.#fail("length-invalid", "a fragment of undefined length", owner);
    if (level.fragments!.length >= this.#fragmentsMax)
      this.#fail("limit-fragments", "too many fragments", owner);
    this.#checkEnd(this.position + 8 + length, owner);
    if (level.fragments!.length === 0) {
      if (length > offsetTableBytesMax) this.#fail("limit-length", "an offset table over the limit", owner);
      if (!this.#has(8 + length)) return false;
      level.element!.value = this.#window.slice(at + 8, at + 8 + length);
    }
    if (length % 2 !== 0) this.#tolerateOrFail("length-odd", "a fragment of odd length", owner);
    level.fragments!.push({ valueOffset: this.position + 8, length });
    this.position += 8 + length;
    return true;
  }

  #delimit(level: Level, length: number): boolean {
    if (level.end !== Number.POSITIVE_INFINITY || length !== 0) {
      this.#fail(
        "delimiter-unexpected",
        "a sequence delimiter that does not belong here",
        level.element!.tag,
      );
    }
    this.#checkEnd(this.position + 8, level.element!.tag);
    this.position += 8;
    this.#close(this.position - 8);
    return true;
  }

  /** Ends the top level; `valueEnd` is where its content ended, `position` where its delimiter did. */
  #close(valueEnd: number): void {
    const level = this.#stack.pop()!;
    if (level.item) {
      if (level.disordered) level.elements.sort((a, b) => a.tag - b.tag);
      level.item.end = this.position;
      this.#top.items!.push(level.item);
      return;
    }
    const element = level.element!;
    element.length = valueEnd - element.valueOffset;
    element.end = this.position;
    if (level.kind === "sequence") this.#depth--;
  }

  /** Every length is held against its parents before anything is read by it. */
  #checkEnd(end: number, tag: Tag): void {
    if (end === Number.POSITIVE_INFINITY) return;
    for (let i = this.#stack.length - 1; i >= 0; i--) {
      const level = this.#stack[i]!;
      if (level.end === Number.POSITIVE_INFINITY) continue;
      if (end <= level.end) return;
      if (i === 0) this.#fail("truncated", "a length reaches beyond the end of the object", tag);
      this.#fail("length-exceeds-parent", "a length reaches beyond its sequence or item", tag);
    }
  }

  #scanElement(level: Level): boolean {
    const { encoding } = level;
    const at = this.position - this.#base;
    const tag = this.#u16(at, encoding) * 0x10000 + this.#u16(at + 2, encoding);
    if (this.#options.metaOnly && tag >>> 16 !== 2) {
      this.done = true;
      return false;
    }
    if (tag === tags.itemDelimitation && level.item?.undefinedLength) {
      if (this.#u32(at + 4, encoding) !== 0)
        this.#fail("delimiter-unexpected", "an item delimiter with a length");
      this.#checkEnd(this.position + 8, tag);
      this.position += 8;
      this.#close(this.position - 8);
      return true;
    }
    this.#checkTag(tag, level);
    let vr: Vr;
    let wire: Vr | undefined;
    let length: number;
    let header = 8;
    if (encoding.explicit) {
      vr = this.#explicitVr(at, tag);
      wire = vr;
      if (vrTraits[vr].longLength) {
        if (!this.#has(12)) return false;
        if (this.#window[at + 6] !== 0 || this.#window[at + 7] !== 0) {
          this.#fail("vr-invalid", "the reserved bytes after a VR are not zero", tag);
        }
        header = 12;
        length = this.#u32(at + 8, encoding);
      } else length = this.#u16(at + 6, encoding);
    } else {
      length = this.#u32(at + 4, encoding);
      if (this.#elementCount === 0) this.#detectExplicit(at, tag);
      this.#siblings.level = level;
      vr = resolveImplicitVr(tag, this.#siblings);
    }
    return this.#scanValue(level, { tag, vr, wire, header, length });
  }

  /** PS3.5 section 7.1: ascending, unique; PS3.10 section 7.1 and PS3.7 section 6.3 keep groups below 0008 out of data sets. */
  #checkTag(tag: Tag, level: Level): void {
    const group = tag >>> 16;
    const allowed = this.#options.metaOnly ? group === 2 : group === 4 && this.#options.directory === true;
    if (group < 8 && !allowed) {
      this.#fail("tag-forbidden", "a group below 0008 in the data set", tag);
    }
    if (group === 0xfffe) this.#fail("delimiter-unexpected", "an item or delimiter outside a sequence", tag);
    if (group === 0xffff || ((group & 1) === 1 && (tag & 0xffff) > 0 && (tag & 0xffff) < 0x10)) {
      this.#fail("tag-forbidden", "a tag the standard rules out", tag);
    }
    if (tag > level.lastTag) return;
    if (level.elements.some((other) => other.tag === tag))
      this.#fail("tag-duplicate", "the same tag twice", tag);
    if (!this.#options.tolerate.has("tag-order")) this.#fail("tag-order", "tags do not ascend", tag);
  }

  /** The element is whole, so that it is seen once: its place in the order counts now. */
  #acceptTag(tag: Tag, level: Level): void {
    if (tag > level.lastTag) {
      level.lastTag = tag;
      return;
    }
    this.#options.tolerated.push({ code: "tag-order", tag, offset: this.position });
    level.disordered = true;
  }

  #explicitVr(at: number, tag: Tag): Vr {
    const vr = vrOfBytes(this.#window[at + 4]!, this.#window[at + 5]!);
    if (vr) return vr;
    const code = this.#elementCount === 0 ? "transfer-syntax-mismatch" : "vr-invalid";
    return this.#fail(code, "explicit VR declared, but no VR stands here", tag);
  }

  /** Implicit VR is declared; two VR letters and a short plausible length say that the data set is explicit. */
  #detectExplicit(at: number, tag: Tag): void {
    const vr = vrOfBytes(this.#window[at + 4]!, this.#window[at + 5]!);
    if (vr && this.#u32(at + 4, implicitLittle) > this.#options.end - this.position) {
      this.#fail("transfer-syntax-mismatch", "implicit VR declared, but a VR stands here", tag);
    }
  }

  #scanValue(
    level: Level,
    head: { tag: Tag; vr: Vr; wire: Vr | undefined; header: number; length: number },
  ): boolean {
    const { tag, wire, header, length } = head;
    let { vr } = head;
    const open = length === undefinedLength;
    const valueOffset = this.position + header;
    const end = open ? Number.POSITIVE_INFINITY : valueOffset + length;
    this.#checkEnd(open ? valueOffset : end, tag);
    if (vr === "UN" && open) vr = "SQ"; // PS3.5 section 6.2.2 note 4
    const traits = vrTraits[vr];
    const inline = !open && vr !== "SQ" && (traits.text || length <= inlineBytesMax);
    if (inline) {
      if (length > textBytesMax) this.#fail("limit-length", "a text value over the limit", tag);
      if (!this.#has(header + length)) return false;
    }
    const element: OpenElement = {
      tag,
      vr,
      vrOnWire: wire,
      encoding: level.encoding,
      offset: this.position,
      valueOffset,
      length: open ? 0 : length,
      undefinedLength: open,
      end,
    };
    if (!open && vr !== "SQ") this.#checkLength(element);
    this.#acceptTag(tag, level);
    if (++this.#elementCount > elementsMax) this.#fail("limit-elements", "too many elements", tag);
    if (inline) this.#keepValue(element);
    level.elements.push(element);
    if (level.kind === "root") this.#noteTopLevel(element);
    this.position = valueOffset;
    if (vr === "SQ") this.#openSequence(element, wire === "UN" ? implicitLittle : level.encoding);
    else if (open) this.#openFragments(element);
    else this.position = end;
    return true;
  }

  #checkLength(element: OpenElement): void {
    const { tag, vr, length } = element;
    if (length % 2 !== 0) this.#tolerateOrFail("length-odd", "a value of odd length", tag);
    const width = vr === "AT" ? 4 : vrTraits[vr].width;
    // OW holds bytes of any 8-bit content; its even length is all that PS3.5 asks of it.
    if (width > 2 && length % width !== 0)
      this.#fail("length-invalid", "a length that does not fit the VR", tag);
    // PS3.5 section 6.2: 64 characters of LO; a creator is compared, so it is bounded.
    if (isPrivateCreator(tag) && length > 256)
      this.#fail("value-invalid", "a private creator over 64 characters", tag);
  }

  #keepValue(element: OpenElement): void {
    const from = element.valueOffset - this.#base;
    const view = this.#window.subarray(from, from + element.length);
    if (!this.#options.copyValues) {
      element.value = view;
      return;
    }
    this.#inlineBytes += element.length;
    if (this.#inlineBytes > inlineTotalBytesMax) {
      if (vrTraits[element.vr].text)
        this.#fail("limit-length", "text values over the limit together", element.tag);
      return;
    }
    element.value = view.slice();
  }

  #noteTopLevel(element: OpenElement): void {
    if (element.tag === tags.sopClassUid && element.value) {
      const text = String.fromCharCode(...element.value.subarray(0, 64));
      if (text.startsWith("1.2.840.10008.5.1.4.1.1.88.")) this.#depthMax = nestingReportMax;
    }
    const { tag } = element;
    if (tag === tags.pixelData || tag === tags.floatPixelData || tag === tags.doubleFloatPixelData) {
      this.#options.onPixelData?.(element, this.elements);
    }
  }

  #openSequence(element: OpenElement, encoding: Encoding): void {
    if (++this.#depth > this.#depthMax) this.#fail("limit-depth", "sequences nested too deeply", element.tag);
    const items: Item[] = [];
    element.items = items;
    this.#stack.push({
      kind: "sequence",
      end: element.end,
      encoding,
      elements: [],
      lastTag: -1,
      element,
      items,
    });
  }

  #openFragments(element: OpenElement): void {
    const allowed =
      (element.vr === "OB" || element.vr === "OW") &&
      element.encoding.explicit &&
      !element.encoding.bigEndian;
    if (!allowed) this.#fail("length-invalid", "undefined length where it is not allowed", element.tag);
    const fragments: Fragment[] = [];
    element.fragments = fragments;
    const { encoding } = element;
    this.#stack.push({
      kind: "fragments",
      end: Number.POSITIVE_INFINITY,
      encoding,
      elements: [],
      lastTag: -1,
      element,
      fragments,
    });
  }
}
