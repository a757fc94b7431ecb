/** The three ways bytes reach the reader, and what came of it in a form that can be compared. */
import type { DataElement, DicomObject } from "../../src/dicom/model.ts";
import { PushReader, type ReadOptions, readDicom } from "../../src/dicom/read.ts";
import { type ByteSource, MemorySource } from "../../src/foundation/byte-source.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { ScansealError } from "../../src/foundation/errors.ts";

/** A source that is not memory, refuses to give more than `readMax` bytes at once, and remembers the most it was asked for. */
export class BoundedSource implements ByteSource {
  readonly #bytes: Bytes;
  readonly #readMax: number;
  asked = 0;

  constructor(bytes: Bytes, readMax: number = Number.POSITIVE_INFINITY) {
    this.#bytes = bytes;
    this.#readMax = readMax;
  }

  get size(): number {
    return this.#bytes.length;
  }

  async read(offset: number, length: number): Promise<Bytes> {
    this.asked = Math.max(this.asked, length);
    if (length > this.#readMax) throw new Error(`asked for ${length} bytes at once`);
    if (offset + length > this.#bytes.length) throw new ScansealError("io", "beyond the end", { offset });
    // A buffer of its own that is overwritten later would show values that were not copied.
    return this.#bytes.slice(offset, offset + length);
  }
}

export type Driver = (bytes: Bytes, options?: ReadOptions) => Promise<DicomObject>;

export const fromMemory: Driver = (bytes, options) => readDicom(new MemorySource(bytes), options);
export const fromWindows: Driver = (bytes, options) => readDicom(new BoundedSource(bytes), options);

/** Pushes chunks of the given sizes in turn, over and over, all in one buffer, as a connection does: what is not copied is overwritten. */
export function pushed(sizes: readonly number[]): Driver {
  return async (bytes, options) => {
    const reader = new PushReader(options);
    const buffer = new Uint8Array(Math.min(bytes.length, Math.max(1, ...sizes)));
    for (let at = 0, turn = 0; at < bytes.length; turn++) {
      const size = Math.max(1, sizes[turn % sizes.length]!);
      const chunk = bytes.subarray(at, at + size);
      buffer.set(chunk);
      reader.push(buffer.subarray(0, chunk.length));
      buffer.fill(0xa5);
      at += size;
    }
    return reader.finish(new MemorySource(bytes));
  };
}

/** The index without the sources, values as text: equal for every driver. */
export function indexOf(object: DicomObject): unknown {
  const { meta, metaEnd, transferSyntax, elements, tolerated } = object;
  return {
    meta: meta.map(plain),
    metaEnd,
    syntax: transferSyntax.uid,
    elements: elements.map(plain),
    tolerated,
    size: object.dataSource.size,
  };
}

function plain(element: DataElement): unknown {
  return {
    ...element,
    value: element.value?.toString(),
    items: element.items?.map((item) => ({ ...item, elements: item.elements.map(plain) })),
  };
}

/** The index, or the code of the refusal. Any other error is thrown on. */
export async function outcome(driver: Driver, bytes: Bytes, options?: ReadOptions): Promise<unknown> {
  try {
    return indexOf(await driver(bytes, options));
  } catch (error) {
    if (!(error instanceof ScansealError) || error.fault !== "input") throw error;
    return error.code;
  }
}

/** The code a strict reader refuses with, or "accepted". */
export async function codeOf(
  bytes: Bytes,
  options?: ReadOptions,
  driver: Driver = fromMemory,
): Promise<string> {
  const result = await outcome(driver, bytes, options);
  return typeof result === "string" ? result : "accepted";
}
