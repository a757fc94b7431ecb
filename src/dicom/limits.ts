/** Bounds of the reader, each checked before memory is taken. Reasons stand beside the numbers. */

/** Nested sequences in an image: real ones stay below 8; peers fail from 48 levels on. */
export const nestingImageMax: number = 16;
/** Structured reports nest by content item (PS3.3 C.17.3). */
export const nestingReportMax: number = 32;
/** Elements in one object: the largest enhanced multi-frame headers hold some 60,000. */
export const elementsMax: number = 100_000;
/** Items of all sequences together: two million empty items cost other readers minutes. */
export const itemsMax: number = 65_536;
/** Fragments: at least this many, or four a frame where more frames are declared, but never more than `framesMax` and the offset table: each takes 40 bytes. */
export const fragmentsMin: number = 4_096;
export const fragmentsPerFrameMax: number = 4;
export const fragmentsMax: number = 1_000_001;
/** Basic Offset Table: four bytes a frame, `framesMax` frames. */
export const offsetTableBytesMax: number = 4_000_000;
/** Binary values up to here are kept in memory; longer ones stay references into the source. */
export const inlineBytesMax: number = 65_536;
/** Text must be normalised to be compared, so it is kept whole; nothing legitimate is longer. */
export const textBytesMax: number = 16 << 20;
/** All values in memory together, so that 100,000 elements cannot take gigabytes. */
export const inlineTotalBytesMax: number = 32 << 20;
/** File Meta Information: real ones hold less than 1 KiB. */
export const metaBytesMax: number = 65_536;
/** Rows x Columns x samples of one frame in bytes; a whole-slide tile or a mammogram stays far below. */
export const frameBytesMax: number = 512 << 20;
/** NumberOfFrames: an hour of fluoroscopy at 60 frames a second is 216,000. */
export const framesMax: number = 1_000_000;
/** An inflated data set is held in memory, so it is bounded well below the 2 GiB a native one may have: 300 MB a process, Node included. */
export const inflatedBytesMax: number = 192 << 20;
/** Deflate reaches 1,032:1 on zeros; images stay below 100:1. Checked beyond the first `inflateFreeBytes`. */
export const inflateRatioMax: number = 100;
export const inflateFreeBytes: number = 1 << 20;
