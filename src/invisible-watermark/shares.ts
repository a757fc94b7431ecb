/** The payload's bytes with their error correction, spread over all tiles (spec/invisible-watermark.md, Error correction). */
import type { Layout } from "./layout.ts";
import { decodeWord, encodeWord } from "./reed-solomon.ts";

const wordBytesMax = 255;

/** What the tiles' shares say, once corrected. */
export interface DecodedShares {
  readonly payload: Uint8Array;
  /** Share bytes as they must have been written, of tile t from t * shareBytes on. */
  readonly shares: Uint8Array;
  /** Share bytes that are otherwise in the frame. */
  readonly corrections: number;
}

/** Byte i of the payload is symbol i; symbol i belongs to word i mod words; the parity of all words follows, in the same rotation. */
interface Words {
  readonly count: number;
  readonly lengthOf: (word: number) => number;
  readonly parityOf: (word: number) => number;
}

function wordsOf({ codedBytes, payloadBytes }: Layout): Words {
  const count = Math.ceil(codedBytes / wordBytesMax);
  const lengthOf = (word: number): number => Math.ceil((codedBytes - word) / count);
  return {
    count,
    lengthOf,
    parityOf: (word) => lengthOf(word) - Math.ceil((payloadBytes - word) / count),
  };
}

/** E1 to E3. @param payload `layout.payloadBytes` bytes */
export function encodeShares(payload: Uint8Array, layout: Layout): Uint8Array {
  const symbols = new Uint8Array(layout.codedBytes);
  symbols.set(payload);
  const words = wordsOf(layout);
  const word = new Uint8Array(wordBytesMax);
  for (let w = 0; w < words.count; w++) {
    const length = words.lengthOf(w);
    for (let q = 0; q < length; q++) word[q] = symbols[q * words.count + w]!;
    encodeWord(word, length, words.parityOf(w));
    for (let q = 0; q < length; q++) symbols[q * words.count + w] = word[q]!;
  }
  const shares = new Uint8Array(layout.codedBytes);
  for (let i = 0, at = 0; i < symbols.length; i++) {
    shares[at] = symbols[i]!;
    at += layout.symbolStride;
    if (at >= symbols.length) at -= symbols.length;
  }
  return shares;
}

/**
 * @param shares as read, of tile t from t * shareBytes on
 * @param lostTiles 1 for each tile whose share is known to be damaged: twice as many of those can be borne
 * @returns undefined: too many are wrong
 */
export function decodeShares(
  shares: Uint8Array,
  layout: Layout,
  lostTiles?: Uint8Array,
): DecodedShares | undefined {
  const symbols = new Uint8Array(layout.codedBytes);
  const lost = new Uint8Array(layout.codedBytes);
  for (let i = 0, at = 0; i < symbols.length; i++) {
    symbols[i] = shares[at]!;
    if (lostTiles) lost[i] = lostTiles[Math.floor(at / layout.shareBytes)]!;
    at += layout.symbolStride;
    if (at >= symbols.length) at -= symbols.length;
  }
  const words = wordsOf(layout);
  const word = new Uint8Array(wordBytesMax);
  let corrections = 0;
  for (let w = 0; w < words.count; w++) {
    const length = words.lengthOf(w);
    const erasures: number[] = [];
    for (let q = 0; q < length; q++) {
      word[q] = symbols[q * words.count + w]!;
      if (lost[q * words.count + w]) erasures.push(q);
    }
    const corrected = decodeWord(word, length, words.parityOf(w), erasures);
    if (corrected < 0) return undefined;
    corrections += corrected;
    if (corrected > 0) for (let q = 0; q < length; q++) symbols[q * words.count + w] = word[q]!;
  }
  const payload = symbols.slice(0, layout.payloadBytes);
  return { payload, shares: corrections === 0 ? shares : encodeShares(payload, layout), corrections };
}
