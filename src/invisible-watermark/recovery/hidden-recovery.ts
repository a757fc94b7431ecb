/** The recovery layer (spec/invisible-watermark.md, Recovery): what the carriers held before, hidden in the other samples. */

/** How one superblock hides recovery bits: 15 bytes of the payload with its digest. */
export interface SuperblockRecovery {
  /** Index of the threshold T << 4 | index of the activity limit V << 1 | predictor; 0: hides nothing. */
  readonly parameters: number;
  /** Recovery bits hidden here. */
  readonly hostBits: number;
  /** Bits that the superblock's own carriers were coded into. */
  readonly sourceBits: number;
  /** 1 for the superblock whose samples hold the first bits, 2 for the next; 0: none. */
  readonly order: number;
}

/** Bits that found no place in the samples. */
export interface Sidecar {
  readonly bits: number;
  readonly bytes: Uint8Array;
}

/** Encrypts and decrypts: gives so many bytes of the frame's key stream; undefined: bits stay in clear. */
export type KeyStream = (bytes: number) => Uint8Array;
