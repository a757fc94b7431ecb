/** Tags as unsigned 32-bit numbers, (group << 16 | element), and the ones this project speaks of by name. */

export type Tag = number;

export function groupOf(tag: Tag): number {
  return tag >>> 16;
}

export function elementOf(tag: Tag): number {
  return tag & 0xffff;
}

export function isPrivate(tag: Tag): boolean {
  return (tag & 0x10000) !== 0;
}

/** A Private Creator element, (gggg,0010-00FF) with odd gggg: PS3.5 section 7.8.1. */
export function isPrivateCreator(tag: Tag): boolean {
  return isPrivate(tag) && elementOf(tag) >= 0x10 && elementOf(tag) <= 0xff;
}

/** "(0010,0020)" */
export function formatTag(tag: Tag): string {
  const hex = tagHex(tag);
  return `(${hex.slice(0, 4)},${hex.slice(4)})`;
}

const hexPairs: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).toUpperCase().padStart(2, "0"),
);

/** "00100020" */
export function tagHex(tag: Tag): string {
  return (
    hexPairs[tag >>> 24]! +
    hexPairs[(tag >>> 16) & 255]! +
    hexPairs[(tag >>> 8) & 255]! +
    hexPairs[tag & 255]!
  );
}

export const tags = {
  fileMetaGroupLength: 0x00020000,
  mediaStorageSopClassUid: 0x00020002,
  mediaStorageSopInstanceUid: 0x00020003,
  transferSyntaxUid: 0x00020010,
  specificCharacterSet: 0x00080005,
  sopClassUid: 0x00080016,
  sopInstanceUid: 0x00080018,
  modality: 0x00080060,
  presentationIntentType: 0x00080068,
  patientName: 0x00100010,
  patientId: 0x00100020,
  deviceSerialNumber: 0x00181000,
  studyInstanceUid: 0x0020000d,
  seriesInstanceUid: 0x0020000e,
  instanceNumber: 0x00200013,
  samplesPerPixel: 0x00280002,
  photometricInterpretation: 0x00280004,
  planarConfiguration: 0x00280006,
  numberOfFrames: 0x00280008,
  rows: 0x00280010,
  columns: 0x00280011,
  bitsAllocated: 0x00280100,
  bitsStored: 0x00280101,
  highBit: 0x00280102,
  pixelRepresentation: 0x00280103,
  smallestImagePixelValue: 0x00280106,
  largestImagePixelValue: 0x00280107,
  smallestPixelValueInSeries: 0x00280108,
  largestPixelValueInSeries: 0x00280109,
  pixelPaddingValue: 0x00280120,
  pixelPaddingRangeLimit: 0x00280121,
  macParametersSequence: 0x4ffe0001,
  extendedOffsetTable: 0x7fe00001,
  extendedOffsetTableLengths: 0x7fe00002,
  floatPixelData: 0x7fe00008,
  doubleFloatPixelData: 0x7fe00009,
  pixelData: 0x7fe00010,
  digitalSignaturesSequence: 0xfffafffa,
  dataSetTrailingPadding: 0xfffcfffc,
  item: 0xfffee000,
  itemDelimitation: 0xfffee00d,
  sequenceDelimitation: 0xfffee0dd,
} as const;
