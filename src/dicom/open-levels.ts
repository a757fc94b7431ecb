/** The levels open at the scanner's position, innermost last, and the bounds that hold for all of them together. */
import { ScansealError } from "../foundation/errors.ts";
import { fragmentsMax, fragmentsMin, itemsMax, nestingImageMax, nestingReportMax } from "./limits.ts";
import type { DataElement, Encoding, Fragment, Item } from "./model.ts";
import type { Level, OpenElement, OpenItem } from "./scan-level.ts";
import type { Tag } from "./tags.ts";

const unknownEnd = Number.POSITIVE_INFINITY;

export class OpenLevels {
  readonly root: Level;
  top: Level;
  readonly #stack: Level[];
  #depth = 0;
  #depthMax = nestingImageMax;
  #itemCount = 0;
  #fragmentCount = 0;
  #fragmentsMax = fragmentsMin;

  constructor(encoding: Encoding, end: number, elements: DataElement[]) {
    this.root = {
      kind: "root",
      end,
      bound: unknownEnd,
      encoding,
      elements,
      lastTag: -1,
      byTag: undefined,
      element: undefined,
      item: undefined,
      items: undefined,
      fragments: undefined,
    };
    this.top = this.root;
    this.#stack = [this.root];
  }

  /** Structured reports nest deeper (see limits). */
  allowReportNesting(): void {
    this.#depthMax = nestingReportMax;
  }

  /** More fragments than without a number of frames (see limits). */
  allowFragments(count: number): void {
    this.#fragmentsMax = Math.max(this.#fragmentsMax, Math.min(count, fragmentsMax));
  }

  /** @throws ScansealError `limit-depth` */
  openSequence(element: OpenElement, encoding: Encoding): void {
    if (++this.#depth > this.#depthMax) throw over("limit-depth", "sequences nested too deeply", element);
    const items: Item[] = [];
    element.items = items;
    this.#push({ kind: "sequence", end: element.end, encoding, element, items });
  }

  /** @throws ScansealError `limit-items` */
  openItem(offset: number, end: number): void {
    const sequence = this.top;
    if (++this.#itemCount > itemsMax) {
      throw new ScansealError("limit-items", "too many items", { offset, tag: sequence.element?.tag });
    }
    const item: OpenItem = { offset, undefinedLength: end === unknownEnd, elements: [], end };
    this.#push({ kind: "item", end, encoding: sequence.encoding, item, elements: item.elements });
  }

  openFragments(element: OpenElement): void {
    const fragments: Fragment[] = [];
    element.fragments = fragments;
    this.#push({ kind: "fragments", end: unknownEnd, encoding: element.encoding, element, fragments });
  }

  /** @throws ScansealError `limit-fragments`: of all encapsulated data together, so that nesting it buys no memory */
  countFragment(offset: number): void {
    if (++this.#fragmentCount > this.#fragmentsMax) {
      throw new ScansealError("limit-fragments", "too many fragments", {
        offset,
        tag: this.top.element?.tag,
      });
    }
  }

  #push(level: Pick<Level, "kind" | "end" | "encoding"> & Partial<Level>): void {
    this.top = {
      kind: level.kind,
      end: level.end,
      bound: level.end === unknownEnd ? this.top.bound : level.end,
      encoding: level.encoding,
      elements: level.elements ?? [],
      lastTag: -1,
      byTag: undefined,
      element: level.element,
      item: level.item,
      items: level.items,
      fragments: level.fragments,
    };
    this.#stack.push(this.top);
  }

  /** Ends the top level; `valueEnd` is where its content ended, `position` where its delimiter did. */
  close(valueEnd: number, position: number): void {
    const level = this.#stack.pop()!;
    this.top = this.#stack[this.#stack.length - 1]!;
    sortWhereDisordered(level);
    if (level.item) {
      level.item.end = position;
      this.top.items!.push(level.item);
      return;
    }
    const element = level.element!;
    element.length = valueEnd - element.valueOffset;
    element.end = position;
    if (level.kind === "sequence") this.#depth--;
  }
}

export function sortWhereDisordered(level: Level): void {
  if (level.byTag) level.elements.sort((a: { tag: Tag }, b: { tag: Tag }) => a.tag - b.tag);
}

function over(code: "limit-depth", message: string, element: OpenElement): ScansealError {
  return new ScansealError(code, message, { offset: element.offset, tag: element.tag });
}
