/** What is scheduled on a modality, as files in a folder: one worklist item each, as worklist servers keep them (PS3.4 K.6.1.2.2). */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { nameTextOf } from "../../../dicom/elements.ts";
import { readDicom } from "../../../dicom/read.ts";
import { tags } from "../../../dicom/tags.ts";
import { MemorySource } from "../../../foundation/byte-source.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import { readSmallFile } from "../../../platform/node/file-source.ts";

/** Patient ID and Accession Number: what an order is known by. */
export interface Order {
  readonly patientId: string;
  readonly accession: string;
}

const accessionNumber = 0x00080050;

/** A scanner's worklist has a day's patients. */
const filesMax = 10_000;
const fileBytesMax = 1 << 20;
const isWorklistFile = /\.(wl|dcm)$/i;

export class WorklistFolder {
  readonly #folder: string;
  /** By file: what it says, as long as it is the same file. */
  readonly #read = new Map<string, { readonly stamp: string; readonly order: Order | undefined }>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws ScansealError `io` where the folder cannot be read, `limit-elements` where it has too many files */
  async has({ patientId, accession }: Order): Promise<boolean> {
    const names = (await this.#list()).filter((name) => isWorklistFile.test(name));
    if (names.length > filesMax)
      throw new ScansealError("limit-elements", `the worklist folder has more than ${filesMax} files`);
    const there = new Set(names);
    for (const name of this.#read.keys()) if (!there.has(name)) this.#read.delete(name);
    for (const name of names) {
      const order = await this.#orderIn(name);
      if (order?.patientId === patientId && order.accession === accession) return true;
    }
    return false;
  }

  async #list(): Promise<readonly string[]> {
    try {
      return await readdir(this.#folder);
    } catch (cause) {
      const { code = "unknown" } = cause as NodeJS.ErrnoException;
      throw new ScansealError("io", `the worklist folder cannot be read (${code})`, { cause });
    }
  }

  /** A file that cannot be read schedules nothing: it may be being written. */
  async #orderIn(name: string): Promise<Order | undefined> {
    const path = join(this.#folder, name);
    try {
      const { ino, size, mtimeMs } = await stat(path);
      const stamp = `${ino} ${size} ${mtimeMs}`;
      const known = this.#read.get(name);
      if (known?.stamp === stamp) return known.order;
      const order = await orderOf(path);
      this.#read.set(name, { stamp, order });
      return order;
    } catch {
      return undefined;
    }
  }
}

async function orderOf(path: string): Promise<Order | undefined> {
  const bytes = readSmallFile(path, fileBytesMax, (size) => new Uint8Array(size));
  if (!bytes) return undefined;
  const { elements } = await readDicom(new MemorySource(bytes));
  return orderIn(elements);
}

/** Undefined where one of the two is missing. */
export function orderIn(elements: Parameters<typeof nameTextOf>[0]): Order | undefined {
  const patientId = nameTextOf(elements, tags.patientId)?.trim();
  const accession = nameTextOf(elements, accessionNumber)?.trim();
  return patientId && accession ? { patientId, accession } : undefined;
}
