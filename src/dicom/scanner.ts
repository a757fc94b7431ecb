/**
 * The resumable scanner: the grammar of PS3.5 sections 7.1 to 7.8 and annex A.4 as one iterative machine.
 * It does no I/O and holds no bytes. A driver presents windows; the scanner says how many bytes it took,
 * how many it must see at once (`need`), and how many it does not want to see (`skip`).
 *
 * Whatever a header says by itself is judged before the end of the object, so that an object that is still
 * arriving is refused with the same code as one whose size is known.
 */
import { type Bytes, latin1 } from "../foundation/bytes.ts";
import type { LimitCode, MalformedCode } from "../foundation/errors.ts";
import { resolveImplicitVr } from "./dictionary/implicit-vr.ts";
import { checkFragmentsAllowed, checkLength, checkTag, refused } from "./element-rules.ts";
import { elementsMax, inlineBytesMax, inlineTotalBytesMax, offsetTableBytesMax } from "./limits.ts";
import type { DataElement, Encoding } from "./model.ts";
import { OpenLevels, sortWhereDisordered } from "./open-levels.ts";
import { type Level, type OpenElement, type ScannerOptions, Siblings } from "./scan-level.ts";
import { type Tag, tags } from "./tags.ts";
import { type Vr, vrOfBytes, vrTraits } from "./vr.ts";

const undefinedLength = 0xffffffff;
const unknownEnd = Number.POSITIVE_INFINITY;
const implicitLittle: Encoding = { explicit: false, bigEndian: false };
const noBytes = new Uint8Array(0);

/** Structured reports: all SOP Classes of this root (PS3.4 annex B.5). */
const structuredReports = "1.2.840.10008.5.1.4.1.1.88.";

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
  readonly #levels: OpenLevels;
  readonly #endMax: number;
  readonly #siblings: Siblings = new Siblings();
  #elementCount = 0;
  #inlineBytes = 0;
  #window: Bytes = noBytes;
  #base = 0;
  /** Pixel data whose header has been announced; its value may take several windows to arrive. */
  #announced = -1;

  constructor(options: ScannerOptions) {
    this.#options = options;
    this.#endMax = options.endMax ?? unknownEnd;
    this.position = options.position;
    this.#levels = new OpenLevels(options.encoding, options.end, this.elements);
  }

  /** Number of frames allows more fragments (see limits). */
  allowFragments(count: number): void {
    this.#levels.allowFragments(count);
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
   * The input has ended at `end`, and the last window reached up to there.
   * @throws ScansealError `truncated` when something is still open
   */
  finish(end: number): void {
    const levels = this.#levels;
    while (levels.top !== levels.root && levels.top.end === this.position) {
      levels.close(this.position, this.position);
    }
    sortWhereDisordered(levels.root);
    const rest = end - this.position;
    if (levels.top !== levels.root || rest < 0)
      this.#fail("truncated", "the object ends inside an element", levels.top.element?.tag);
    if (rest > 0 && !this.done) {
      const code = rest < 8 && !this.#headerBegun(rest) ? "trailing-bytes" : "truncated";
      this.#tolerateOrFail(code, `${rest} bytes after the last element`);
    }
  }

  /** Whether the last bytes can be the start of an element that was cut off, rather than padding. */
  #headerBegun(rest: number): boolean {
    const { lastTag, encoding } = this.#levels.root;
    if (rest < 2) return this.elements.length === 0;
    const at = this.position - this.#base;
    if (rest < 4) return this.#u16(at, encoding) > lastTag >>> 16;
    return this.#tag(at, encoding) > lastTag;
  }

  #fail(code: MalformedCode | LimitCode, message: string, tag?: Tag): never {
    throw refused(code, message, this.position, tag);
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

  #tag(at: number, encoding: Encoding): Tag {
    return this.#u16(at, encoding) * 0x10000 + this.#u16(at + 2, encoding);
  }

  /** False when more bytes are needed. */
  #has(bytes: number): boolean {
    if (this.#base + this.#window.length - this.position >= bytes) return true;
    this.need = bytes;
    return false;
  }

  #step(): boolean {
    const level = this.#levels.top;
    if (level.end === this.position && level.kind !== "root") {
      this.#levels.close(this.position, this.position);
      return true;
    }
    if (level.bound - this.position < 8) {
      if (level.end === unknownEnd)
        this.#fail("length-exceeds-parent", "no delimiter before the end around it", level.element?.tag);
      this.#fail("length-invalid", "a length leaves less than one header to its parent", level.element?.tag);
    }
    if (!this.#has(8)) return false;
    if (level.kind === "sequence") return this.#scanItem(level);
    if (level.kind === "fragments") return this.#scanFragment(level);
    return this.#scanElement(level);
  }

  /** PS3.5 section 7.5: an item, or the delimiter of a sequence of undefined length. */
  #scanItem(level: Level): boolean {
    const at = this.position - this.#base;
    const tag = this.#tag(at, level.encoding);
    const length = this.#u32(at + 4, level.encoding);
    const owner = level.element!.tag;
    if (tag === tags.sequenceDelimitation) return this.#delimit(level, length, owner);
    if (tag !== tags.item)
      this.#fail("item-expected", "a sequence holds something that is not an item", owner);
    const end = length === undefinedLength ? unknownEnd : this.position + 8 + length;
    this.#checkBound(end, level, owner);
    this.#levels.openItem(this.position, end);
    this.position += 8;
    return true;
  }

  /** PS3.5 annex A.4: a fragment, or the delimiter. */
  #scanFragment(level: Level): boolean {
    const at = this.position - this.#base;
    const tag = this.#tag(at, level.encoding);
    const length = this.#u32(at + 4, level.encoding);
    const owner = level.element!;
    const fragments = level.fragments!;
    if (tag === tags.sequenceDelimitation) return this.#delimit(level, length, owner.tag);
    if (tag !== tags.item)
      this.#fail("item-expected", "encapsulated data holds something that is not a fragment", owner.tag);
    if (length === undefinedLength) this.#fail("length-invalid", "a fragment of undefined length", owner.tag);
    if (length % 2 !== 0 && !this.#options.tolerate.has("length-odd"))
      this.#fail("length-odd", "a fragment of odd length", owner.tag);
    const isOffsetTable = fragments.length === 0;
    if (isOffsetTable && length > offsetTableBytesMax)
      this.#fail("limit-length", "an offset table over the limit", owner.tag);
    this.#checkBound(this.position + 8 + length, level, owner.tag);
    this.#checkObjectEnd(this.position + 8 + length, owner.tag);
    if (isOffsetTable) {
      if (!this.#has(8 + length)) return false;
      this.#keepValue(owner, at + 8, length, false);
    }
    this.#levels.countFragment(this.position);
    if (length % 2 !== 0) this.#tolerateOrFail("length-odd", "a fragment of odd length", owner.tag);
    fragments.push({ valueOffset: this.position + 8, length });
    this.position += 8 + length;
    return true;
  }

  /** The delimiter of a sequence or of fragments: only where the length is undefined, and itself empty. */
  #delimit(level: Level, length: number, owner: Tag | undefined): boolean {
    if (level.end !== unknownEnd || length !== 0)
      this.#fail("delimiter-unexpected", "a delimiter that does not belong here", owner);
    const valueEnd = this.position;
    this.position += 8;
    this.#levels.close(valueEnd, this.position);
    return true;
  }

  /** Every length is held against what is around it before anything is read by it. */
  #checkBound(end: number, level: Level, tag: Tag): void {
    if (end !== unknownEnd && end > level.bound)
      this.#fail("length-exceeds-parent", "a length reaches beyond its sequence or item", tag);
  }

  /** Sequences and items take no memory by their length, so their content is held against the object's end instead. */
  #checkObjectEnd(end: number, tag: Tag): void {
    if (end > this.#levels.root.end)
      this.#fail("truncated", "a length reaches beyond the end of the object", tag);
  }

  #scanElement(level: Level): boolean {
    const { encoding } = level;
    const at = this.position - this.#base;
    const tag = this.#tag(at, encoding);
    if (this.#options.metaOnly && tag >>> 16 !== 2) {
      this.done = true;
      return false;
    }
    if (tag === tags.itemDelimitation && level.item?.undefinedLength)
      return this.#delimit(level, this.#u32(at + 4, encoding), undefined);
    checkTag(tag, level, this.position, this.#options);
    if (!encoding.explicit) {
      if (this.#elementCount === 0) this.#refuseExplicit(at, tag);
      this.#siblings.level = level;
      const vr = resolveImplicitVr(tag, this.#siblings);
      return this.#scanValue(level, tag, vr, undefined, 8, this.#u32(at + 4, encoding));
    }
    const vr = this.#explicitVr(at, tag);
    if (!vrTraits[vr].longLength) return this.#scanValue(level, tag, vr, vr, 8, this.#u16(at + 6, encoding));
    if (!this.#has(12)) return false;
    if (this.#window[at + 6] !== 0 || this.#window[at + 7] !== 0)
      this.#fail("vr-invalid", "the reserved bytes after a VR are not zero", tag);
    return this.#scanValue(level, tag, vr, vr, 12, this.#u32(at + 8, encoding));
  }

  #explicitVr(at: number, tag: Tag): Vr {
    const vr = vrOfBytes(this.#window[at + 4]!, this.#window[at + 5]!);
    if (vr) return vr;
    const first = this.#elementCount === 0 && !this.#options.metaOnly;
    const code = first ? "transfer-syntax-mismatch" : "vr-invalid";
    return this.#fail(code, "explicit VR declared, but no VR stands here", tag);
  }

  /** Two VR letters in place of a length say that the data set is explicit: no first element is 16 KiB long. */
  #refuseExplicit(at: number, tag: Tag): void {
    if (vrOfBytes(this.#window[at + 4]!, this.#window[at + 5]!))
      this.#fail("transfer-syntax-mismatch", "implicit VR declared, but a VR stands here", tag);
  }

  #scanValue(
    level: Level,
    tag: Tag,
    vrRead: Vr,
    vrOnWire: Vr | undefined,
    headerBytes: number,
    length: number,
  ): boolean {
    const open = length === undefinedLength;
    const vr = open && vrRead === "UN" ? "SQ" : vrRead; // PS3.5 section 6.2.2 note 4
    const valueOffset = this.position + headerBytes;
    const end = open ? unknownEnd : valueOffset + length;
    const element: OpenElement = {
      tag,
      vr,
      vrOnWire,
      encoding: level.encoding,
      offset: this.position,
      valueOffset,
      length: open ? 0 : length,
      undefinedLength: open,
      end,
    };
    if (this.#elementCount >= elementsMax) this.#fail("limit-elements", "too many elements", tag);
    if (vr !== "SQ") {
      if (open) checkFragmentsAllowed(element, level);
      else checkLength(element, this.#options.tolerate);
      if (level.kind === "root") this.#announcePixelData(element);
    }
    this.#checkBound(open ? valueOffset : end, level, tag);
    if ((open ? valueOffset : end) > this.#endMax)
      this.#fail("limit-length", "an element over the limit", tag);
    if (open || vr === "SQ") return this.#openContainer(element, level);
    this.#checkObjectEnd(end, tag);
    const { text } = vrTraits[vr];
    if (text || length <= inlineBytesMax) {
      if (!this.#has(headerBytes + length)) return false;
      this.#keepValue(element, valueOffset - this.#base, length, text);
    }
    this.#accept(element, level);
    if (length % 2 !== 0) this.#tolerateOrFail("length-odd", "a value of odd length", tag);
    if (tag === tags.sopClassUid && level.kind === "root") this.#noteSopClass(element);
    this.position = end;
    return true;
  }

  #openContainer(element: OpenElement, level: Level): boolean {
    this.#accept(element, level);
    this.position = element.valueOffset;
    if (element.vr !== "SQ") this.#levels.openFragments(element);
    else this.#levels.openSequence(element, element.vrOnWire === "UN" ? implicitLittle : level.encoding);
    return true;
  }

  /** The element is whole, or its content comes next: it is seen once, and its place in the order counts now. */
  #accept(element: OpenElement, level: Level): void {
    const { tag } = element;
    this.#elementCount++;
    level.elements.push(element);
    if (tag > level.lastTag) level.lastTag = tag;
    else {
      this.#options.tolerated.push({ code: "tag-order", tag, offset: this.position });
      level.byTag ??= new Map(level.elements.map((other) => [other.tag, other]));
    }
    level.byTag?.set(tag, element);
  }

  #keepValue(element: OpenElement, from: number, length: number, text: boolean): void {
    if (length === 0) {
      element.value = noBytes;
      return;
    }
    if (this.#inlineBytes + length > inlineTotalBytesMax) {
      if (text || element.undefinedLength)
        this.#fail("limit-length", "values in memory over the limit together", element.tag);
      return;
    }
    this.#inlineBytes += length;
    const view = this.#window.subarray(from, from + length);
    element.value = this.#options.copyValues ? new Uint8Array(view) : view;
  }

  #noteSopClass(element: DataElement): void {
    // Of any other VR it may be a bulk value, which is not here.
    const text = latin1(element.value?.subarray(0, structuredReports.length) ?? noBytes);
    if (text === structuredReports) this.#levels.allowReportNesting();
  }

  #announcePixelData(element: DataElement): void {
    const { tag, offset } = element;
    if (tag !== tags.pixelData && tag !== tags.floatPixelData && tag !== tags.doubleFloatPixelData) return;
    if (this.#announced === offset) return;
    this.#announced = offset;
    this.#options.onPixelData?.(element, this.elements);
  }
}
