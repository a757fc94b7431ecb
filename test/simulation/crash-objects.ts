/** What a crash run sends: objects of which it is known what a gate that enforces must make of them. */
import { swapPatient } from "../../src/attack-lab/forgeries.ts";
import { plainTextOf } from "../../src/dicom/elements.ts";
import { numberElement, textElement } from "../../src/dicom/encode.ts";
import { writeToBytes } from "../../src/dicom/splice.ts";
import { tags } from "../../src/dicom/tags.ts";
import type { StoredInstance } from "../../src/dicom-network/dimse/client.ts";
import { type Bytes, concatBytes, toHex } from "../../src/foundation/bytes.ts";
import { CodecPool } from "../../src/platform/node/codecs/codec-pool.ts";
import { nodeCrypto, nodeRandom, systemClock } from "../../src/platform/node/crypto.ts";
import { sealObject } from "../../src/sealing/seal.ts";
import { slice } from "../attacks/objects.ts";
import { edited, parse } from "../evaluation/fixture.ts";
import type { SeededRandom } from "../evaluation/seeded-random.ts";
import type { SealedSite } from "../gateway/sealed-site.ts";

export interface CrashObject extends StoredInstance {
  readonly dataSet: Bytes;
  /** SHA-256 of the data set: no two objects have the same. */
  readonly key: string;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  /** The verdict it must get; only what is `verified` may be admitted. */
  readonly truth: "verified" | "altered" | "unsealed" | "malformed";
}

/** In the order they are sent; an object that is sent again is there twice. */
export type CrashLoad = readonly CrashObject[];

/** Objects of one study, and of its only series. */
const studyObjects = 20;
/** Rows and columns: 20 to 500 KB. */
const sides = [100, 140, 200, 300, 500] as const;

type Seal = (file: Bytes) => Promise<Bytes>;

export async function makeLoad(site: SealedSite, count: number, random: SeededRandom): Promise<CrashLoad> {
  const { device, counter } = await site.home.openDevice("CT1");
  let next = counter.reserve(2 * count).first;
  const decoder = new CodecPool();
  const ports = {
    crypto: nodeCrypto,
    random: nodeRandom,
    clock: systemClock,
    decoder,
    softwareVersion: "test",
  };
  const seal: Seal = async (file) => {
    const sealed = await sealObject(await parse(file), device, ports, { nextCounter: () => next++ });
    return writeToBytes(sealed.object, sealed.edits);
  };
  const load: CrashObject[] = [];
  while (load.length < count) load.push(await objectFor(load, seal, random));
  await decoder.close();
  return shuffled(load, random);
}

/** Of twenty: twelve sound, two altered, two unsealed, one malformed, two sent again, one that another object has the UID of. */
async function objectFor(
  load: readonly CrashObject[],
  seal: Seal,
  random: SeededRandom,
): Promise<CrashObject> {
  const number = load.length;
  const kind = number % studyObjects;
  const study = Math.floor(number / studyObjects);
  const plain = image(`2.25.${1_000_000 + number}`, study, random);
  if (kind < 12) return sent(await seal(plain), "verified");
  if (kind < 14)
    return sent(await edited(await seal(plain), swapPatient("Other^Patient", `${number}`)), "altered");
  if (kind < 16) return sent(plain, "unsealed");
  const since = load.slice(number - kind);
  if (kind === 16) return malformed(await sent(await seal(plain), "malformed"), random);
  if (kind === 17) return since[random.below(12)]!;
  if (kind === 18) return since[12 + random.below(2)]!;
  return sent(await seal(image(since[random.below(12)]!.sopInstanceUid, study, random)), "verified");
}

function image(sopInstanceUid: string, study: number, random: SeededRandom): Bytes {
  const side = sides[Math.floor(sides.length * random.next() ** 2)]!;
  const words = new Uint16Array(side * side);
  // Twelve bits are stored.
  for (let i = 0, word = random.below(4096); i < words.length; i++) {
    word = (word * 1103 + 1013) & 0xfff;
    words[i] = word;
  }
  return slice(
    [
      textElement(tags.sopInstanceUid, "UI", sopInstanceUid),
      textElement(tags.studyInstanceUid, "UI", `2.25.${20_000 + study}`),
      textElement(tags.seriesInstanceUid, "UI", `2.25.${30_000 + study}`),
      numberElement(0x00280010, "US", side),
      numberElement(0x00280011, "US", side),
    ],
    new Uint8Array(words.buffer),
  );
}

async function sent(file: Bytes, truth: CrashObject["truth"]): Promise<CrashObject> {
  const { elements, transferSyntax, metaEnd } = await parse(file);
  return named({
    sopClassUid: plainTextOf(elements, tags.sopClassUid)!,
    sopInstanceUid: plainTextOf(elements, tags.sopInstanceUid)!,
    transferSyntaxUid: transferSyntax.uid,
    studyInstanceUid: plainTextOf(elements, tags.studyInstanceUid)!,
    seriesInstanceUid: plainTextOf(elements, tags.seriesInstanceUid)!,
    dataSet: file.slice(metaEnd),
    truth,
  });
}

function malformed(object: CrashObject, random: SeededRandom): CrashObject {
  const { dataSet } = object;
  const cut = dataSet.subarray(0, dataSet.length - 1 - random.below(1000));
  return named({
    ...object,
    dataSet: random.next() < 0.5 ? cut : concatBytes([dataSet, dataSet.subarray(-40)]),
  });
}

function named(object: Omit<CrashObject, "key">): CrashObject {
  return { ...object, key: keyOf(object.dataSet) };
}

export function keyOf(dataSet: Bytes): string {
  return toHex(nodeCrypto.hash("SHA-256", dataSet));
}

function shuffled<T>(all: readonly T[], random: SeededRandom): T[] {
  const out = [...all];
  for (let i = out.length - 1; i > 0; i--) {
    const k = random.below(i + 1);
    [out[i], out[k]] = [out[k]!, out[i]!];
  }
  return out;
}
