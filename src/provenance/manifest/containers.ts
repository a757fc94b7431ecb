/** Where the seal lives in an object: spec/seal-containers.md. */
import { type NewElement, textElement } from "../../dicom/encode.ts";
import type { DataElement, DicomObject } from "../../dicom/model.ts";
import { elementOf, groupOf, isPrivateCreator, type Tag } from "../../dicom/tags.ts";
import { type Bytes, concatBytes, u32le, viewOf } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { seedBytes } from "../disclosure/commitment.ts";
import { tableBytesMax } from "../disclosure/leaf-table.ts";
import { decodeLateEvidence, encodeLateEvidence, type LateEntry } from "./late-evidence.ts";
import { creatorTagOf, creatorText, sealCreator, sealGroup } from "./leaf-path.ts";
import { watermarkTableBytesMax } from "./watermark-table.ts";

/** 64 KiB hold a statement, certificates and a post-quantum signature with room to spare. */
export const envelopeBytesMax = 65_536;

/** Low byte of the element -> what it holds, and how long its content may be. */
const kinds = {
  envelope: { low: 0x00, bytesMax: envelopeBytesMax },
  lateEvidence: { low: 0x01, bytesMax: 65_536 },
  seed: { low: 0x02, bytesMax: seedBytes },
  watermarkTable: { low: 0x03, bytesMax: watermarkTableBytesMax },
  table: { low: 0x04, bytesMax: tableBytesMax },
} as const;
type ContainerKind = keyof typeof kinds;
const kindNames = Object.keys(kinds) as ContainerKind[];

/** The contents, without length prefix and pad. */
export interface SealContents {
  readonly envelope: Bytes;
  /** Absent until there is any. */
  readonly lateEvidence?: Bytes;
  /** 32 bytes. In no de-identified copy. */
  readonly seed?: Bytes;
  /** Of marked objects. */
  readonly watermarkTable?: Bytes;
  readonly table?: Bytes;
}

export interface SealContainers extends Omit<SealContents, "envelope" | "lateEvidence"> {
  /** Of the creator element, (0071,0010) to (0071,00FF). */
  readonly creatorTag: Tag;
  readonly envelope?: Bytes;
  readonly lateEvidence?: readonly LateEntry[];
}

/**
 * The seal's elements, or undefined where no block of group 0071 has our creator. Whether the VR is OB or UN does not matter.
 * @throws ScansealError `seal-structure` for two blocks, unknown elements, or a content that does not fit its length
 */
export async function containersOf(object: DicomObject): Promise<SealContainers | undefined> {
  const group = object.elements.filter(({ tag }) => groupOf(tag) === sealGroup);
  const creators = group.filter(
    ({ tag, value }) => isPrivateCreator(tag) && creatorText(tag, value) === sealCreator,
  );
  const creator = creators[0];
  if (!creator) return undefined;
  if (creators.length > 1) throw structure("two blocks of the seal", creators[1]!);
  const contents: Partial<Record<ContainerKind, Bytes>> = {};
  for (const element of group) {
    if (isPrivateCreator(element.tag) || creatorTagOf(element.tag) !== creator.tag) continue;
    const kind = kindNames.find((name) => kinds[name].low === (element.tag & 0xff));
    if (kind === undefined) throw structure("an unknown element in the seal's block", element);
    contents[kind] = await contentOf(object, element, kinds[kind].bytesMax);
  }
  if (contents.seed && contents.seed.length !== seedBytes)
    throw structure("a seed that is not 32 bytes", creator);
  const { lateEvidence, ...others } = contents;
  return {
    creatorTag: creator.tag,
    ...others,
    ...(lateEvidence ? { lateEvidence: decodeLateEvidence(lateEvidence) } : {}),
  };
}

/** The envelope among the elements of a new seal. */
export function envelopeIn(elements: readonly NewElement[]): Bytes | undefined {
  const found = elements.find(
    ({ tag }) => groupOf(tag) === sealGroup && !isPrivateCreator(tag) && (tag & 0xff) === kinds.envelope.low,
  );
  return found?.value?.subarray(4, 4 + viewOf(found.value).getUint32(0, true));
}

/** Whether a top-level element is of the seal's block, its creator included. */
export function isOfSeal(elements: readonly DataElement[], tag: Tag): boolean {
  if (groupOf(tag) !== sealGroup) return false;
  const creatorTag = isPrivateCreator(tag) ? tag : creatorTagOf(tag);
  return elements.some(
    (element) => element.tag === creatorTag && creatorText(element.tag, element.value) === sealCreator,
  );
}

async function contentOf(object: DicomObject, element: DataElement, bytesMax: number): Promise<Bytes> {
  if (element.items || element.fragments || (element.vr !== "OB" && element.vr !== "UN"))
    throw structure("not one opaque value", element);
  // 1. Checked before anything is read: prefix, content, and a pad byte where the content is odd.
  if (element.length < 4 || element.length > 4 + bytesMax + 1)
    throw structure("length out of range", element);
  const value = element.value ?? (await object.dataSource.read(element.valueOffset, element.length));
  const length = viewOf(value).getUint32(0, true);
  if (length > bytesMax || value.length !== 4 + length + (length % 2))
    throw structure("lengths disagree", element);
  if (length % 2 === 1 && value.at(-1) !== 0) throw structure("a pad byte that is not zero", element);
  return value.subarray(4, 4 + length);
}

/**
 * The creator's tag for a new seal: the first block of group 0071 in which nothing is.
 * @throws ScansealError `already-sealed` where there is a block of ours, `not-sealable` when every block is taken
 */
export function freeSealBlock(elements: readonly DataElement[]): Tag {
  const taken = new Set<Tag>();
  for (const { tag, value } of elements) {
    if (groupOf(tag) !== sealGroup) continue;
    if (isPrivateCreator(tag) && creatorText(tag, value) === sealCreator)
      throw new ScansealError("already-sealed", "the object has a seal", { tag });
    taken.add(isPrivateCreator(tag) ? tag : creatorTagOf(tag));
  }
  for (let block = 0x10; block <= 0xff; block++) {
    const tag = ((sealGroup << 16) | block) >>> 0;
    if (!taken.has(tag)) return tag;
  }
  throw new ScansealError("not-sealable", "no free private block in group 0071");
}

/**
 * The elements to insert, ascending: the creator and one OB value for each content.
 * @throws ScansealError `limit-length` when a content is too long
 */
export function newContainers(creatorTag: Tag, contents: SealContents): NewElement[] {
  const base = ((sealGroup << 16) | (elementOf(creatorTag) << 8)) >>> 0;
  const elements: NewElement[] = [textElement(creatorTag, "LO", sealCreator)];
  for (const name of kindNames) {
    const content = contents[name];
    if (content === undefined) continue;
    const { low, bytesMax } = kinds[name];
    elements.push(containerElement(base + low, content, bytesMax));
  }
  return elements;
}

/** Container xx01 of the seal's block, in place of the one that is there. @throws ScansealError `limit-length` */
export function lateEvidenceElement(creatorTag: Tag, entries: readonly LateEntry[]): NewElement {
  const base = ((sealGroup << 16) | (elementOf(creatorTag) << 8)) >>> 0;
  const { low, bytesMax } = kinds.lateEvidence;
  return containerElement(base + low, encodeLateEvidence(entries), bytesMax);
}

function containerElement(tag: Tag, content: Bytes, bytesMax: number): NewElement {
  if (content.length > bytesMax)
    throw new ScansealError("limit-length", "a container of the seal is too long");
  const pad = new Uint8Array(content.length % 2);
  return { tag, vr: "OB", value: concatBytes([u32le(content.length), content, pad]) };
}

function structure(what: string, { tag, offset }: DataElement): ScansealError {
  return new ScansealError("seal-structure", what, { tag, offset });
}
