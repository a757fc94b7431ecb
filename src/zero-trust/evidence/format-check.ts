/** Facts about the file around the content: identifiers, the preamble, and bytes that no viewer shows. */
import { findElement, integerStringOf, nameTextOf } from "../../dicom/elements.ts";
import { sequenceItems } from "../../dicom/implicit-items.ts";
import type { DataElement, DicomObject } from "../../dicom/model.ts";
import { imageAttributesOf, nativeLength } from "../../dicom/pixel-data/image-attributes.ts";
import { elementOf, formatTag, groupOf, type Tag, tags } from "../../dicom/tags.ts";
import { signatureTags } from "../../digital-signatures/attributes.ts";
import { type ByteSource, readChunks } from "../../foundation/byte-source.ts";
import { type Bytes, latin1, viewOf } from "../../foundation/bytes.ts";
import type { FormatFacts, PreambleKind } from "./evidence.ts";

/** First bytes of files that other programs run or open (CVE-2019-11687). */
const executableMagics = [
  "MZ",
  "\x7fELF",
  "\xfe\xed\xfa",
  "\xce\xfa\xed\xfe",
  "\xcf\xfa\xed\xfe",
  "\xca\xfe\xba\xbe",
  "#!",
  "\0asm",
];
const documentMagics = [
  "%PDF",
  "PK\x03\x04",
  "<",
  "{",
  "\x89PNG",
  "\xff\xd8\xff",
  "GIF8",
  "\xd0\xcf\x11\xe0",
  "7z\xbc\xaf",
];
const tiffMagics = ["II*\0", "MM\0*", "II+\0", "MM\0+"];

function preambleKind(preamble: Bytes | undefined): PreambleKind {
  if (!preamble) return "absent";
  if (preamble.every((byte) => byte === 0)) return "none";
  const text = latin1(preamble);
  const begins = (magics: readonly string[]): boolean => magics.some((magic) => text.startsWith(magic));
  if (begins(tiffMagics)) return "tiff";
  if (begins(executableMagics)) return "executable";
  return begins(documentMagics) ? "document" : "other";
}

async function allZero(source: ByteSource, offset: number, length: number): Promise<boolean> {
  for await (const chunk of readChunks(source, offset, length)) {
    if (chunk.some((byte) => byte !== 0)) return false;
  }
  return true;
}

async function paddingCarriesData({ elements, dataSource }: DicomObject): Promise<boolean> {
  const padding = findElement(elements, tags.dataSetTrailingPadding);
  return padding !== undefined && !(await allZero(dataSource, padding.valueOffset, padding.length));
}

async function pixelTailCarriesData(object: DicomObject): Promise<boolean> {
  const pixels = findElement(object.elements, tags.pixelData);
  const attributes = imageAttributesOf(object);
  if (!pixels || pixels.fragments || !attributes) return false;
  const expected = nativeLength(attributes);
  if (expected >= pixels.length) return false;
  return !(await allZero(object.dataSource, pixels.valueOffset + expected, pixels.length - expected));
}

/** Private Information of the file meta information (PS3.10 section 7.1): any bytes. */
const metaPrivateInformation: Tag = 0x00020102;

/** Those of a former state of the object prove nothing and are checked by nobody. */
const signatureSequences: ReadonlySet<Tag> = new Set<Tag>([
  tags.macParametersSequence,
  tags.digitalSignaturesSequence,
]);

/** Group lengths that are wrong, signatures of a former state, padding inside items that is not zero, private bytes beside the data set. */
async function hiddenParts({
  elements,
  meta,
  dataSource,
}: DicomObject): Promise<Pick<FormatFacts, "hidden" | "groupLengthsWrong">> {
  const found = new Set<Tag>();
  const wrong = new Set<Tag>();
  if (findElement(meta, metaPrivateInformation)) found.add(metaPrivateInformation);
  const paddings: DataElement[] = [];
  const visit = (level: readonly DataElement[], depth: number, ofThePast: boolean): void => {
    for (const [i, element] of level.entries()) {
      const { tag } = element;
      if (elementOf(tag) === 0 && !isRightGroupLength(level, i)) wrong.add(tag);
      if (depth > 0 && tag === tags.dataSetTrailingPadding) paddings.push(element);
      if (ofThePast && signatureSequences.has(tag)) found.add(tag);
      const past = ofThePast || tag === signatureTags.originalAttributesSequence;
      // Sequences that came as UN too. The reader and the parser of items bound the depth.
      for (const item of sequenceItems(element) ?? []) visit(item.elements, depth + 1, past);
    }
  };
  visit(elements, 0, false);
  for (const { tag, valueOffset, length } of paddings) {
    if (!(await allZero(dataSource, valueOffset, length))) found.add(tag);
  }
  return { hidden: [...found].map(formatTag), groupLengthsWrong: [...wrong].map(formatTag) };
}

/** PS3.5 section 7.2: the bytes from its own end to the end of the group. What is no 32-bit number is content, with a commitment. */
function isRightGroupLength(level: readonly DataElement[], index: number): boolean {
  const { tag, value, encoding, end } = level[index]!;
  if (value?.length !== 4) return true;
  let last = index;
  while (last + 1 < level.length && groupOf(level[last + 1]!.tag) === groupOf(tag)) last++;
  return viewOf(value).getUint32(0, !encoding.bigEndian) === level[last]!.end - end;
}

export async function checkFormat(object: DicomObject): Promise<FormatFacts> {
  const { elements } = object;
  return {
    sopClassUid: nameTextOf(elements, tags.sopClassUid),
    sopInstanceUid: nameTextOf(elements, tags.sopInstanceUid),
    seriesInstanceUid: nameTextOf(elements, tags.seriesInstanceUid),
    studyInstanceUid: nameTextOf(elements, tags.studyInstanceUid),
    deviceSerialNumber: nameTextOf(elements, tags.deviceSerialNumber),
    instanceNumber: integerStringOf(elements, tags.instanceNumber),
    transferSyntaxUid: object.transferSyntax.uid,
    preamble: preambleKind(object.preamble),
    tolerated: object.tolerated.map(({ code, tag, offset }) => ({
      code,
      tag: tag === undefined ? undefined : formatTag(tag),
      offset,
    })),
    paddingCarriesData: await paddingCarriesData(object),
    pixelTailCarriesData: await pixelTailCarriesData(object),
    ...(await hiddenParts(object)),
  };
}
