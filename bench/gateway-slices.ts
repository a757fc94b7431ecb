/** Sealed CT slices, each with a SOP Instance UID of its own: no receiver has seen one of them before. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { plainTextOf } from "../src/dicom/elements.ts";
import { readDicom } from "../src/dicom/read.ts";
import { writeToBytes } from "../src/dicom/splice.ts";
import { tags } from "../src/dicom/tags.ts";
import { MemorySource } from "../src/foundation/byte-source.ts";
import { sealObject } from "../src/sealing/seal.ts";
import { benchSite, bytesOf, originalSlices } from "./bench-site.ts";

export interface SliceSet {
  readonly paths: readonly string[];
  readonly bytes: number;
}

/** Digits at the end of a UID that are replaced. */
const numberDigits = 6;

let made = 0;

/** In memory: what sealing costs is another benchmark's. */
export async function makeSlices(count: number): Promise<SliceSet> {
  const { device, ports, subfolder } = await benchSite();
  const folder = subfolder(`slices-${made}`);
  const originals = originalSlices().map(bytesOf);
  let counter = device.counter.reserve(count).first;
  const paths: string[] = [];
  let bytes = 0;
  for (let i = 0; i < count; i++) {
    const object = await readDicom(new MemorySource(await renamed(originals[i % originals.length]!, made++)));
    const sealed = await sealObject(object, device.device, ports, { nextCounter: () => counter++ });
    const file = await writeToBytes(sealed.object, sealed.edits);
    const path = join(folder, `${i}.dcm`);
    writeFileSync(path, file);
    paths.push(path);
    bytes += file.length;
  }
  return { paths, bytes };
}

/** Its UID, wherever it stands, ends in this number: no length changes. */
export async function renamed(file: Uint8Array, number: number): Promise<Uint8Array> {
  const { elements } = await readDicom(new MemorySource(file));
  const uid = plainTextOf(elements, tags.sopInstanceUid)!;
  const copy = Buffer.from(file);
  const end = Buffer.from(String(number).padStart(numberDigits, "0"), "latin1");
  for (let at = copy.indexOf(uid, 0, "latin1"); at >= 0; at = copy.indexOf(uid, at + 1, "latin1")) {
    copy.set(end, at + uid.length - numberDigits);
  }
  return new Uint8Array(copy);
}
