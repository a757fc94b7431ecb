/** The best Huffman code of at most 16 bits for given frequencies, as JPEG writes it (ITU-T T.81 annex C and K.2). */

/** Codes have at most 16 bits (T.81 B.2.4.2). */
const codeBitsMax = 16;

export interface HuffmanCode {
  /** Number of codes of 1 to 16 bits. */
  readonly counts: Uint8Array<ArrayBuffer>;
  /** Symbols in order of their codes. */
  readonly values: Uint8Array<ArrayBuffer>;
  /** By symbol; 0 where it has no code. */
  readonly lengths: Uint8Array<ArrayBuffer>;
  readonly codes: Uint16Array<ArrayBuffer>;
}

/** A set of symbols that package-merge treats as one: how many times each is in it. */
interface Package {
  readonly weight: number;
  readonly uses: Uint8Array;
}

/**
 * No code consists of ones only (T.81 annex C): a symbol rarer than all others takes that code and is left out.
 * @param frequencies by symbol, at least one above 0
 */
export function bestHuffmanCode(frequencies: readonly number[]): HuffmanCode {
  const symbolCount = frequencies.length;
  const lengths = codeLengths([...frequencies, 0], symbolCount).subarray(0, symbolCount);
  const counts = new Uint8Array(codeBitsMax);
  const codes = new Uint16Array(symbolCount);
  const values: number[] = [];
  let code = 0;
  for (let bits = 1; bits <= codeBitsMax; bits++) {
    for (let symbol = 0; symbol < symbolCount; symbol++) {
      if (lengths[symbol] !== bits) continue;
      codes[symbol] = code++;
      counts[bits - 1]!++;
      values.push(symbol);
    }
    code <<= 1;
  }
  return { counts, values: Uint8Array.from(values), lengths, codes };
}

/** Package-merge: the symbol's length is how often it is among the 2n - 2 lightest packages of the last round. */
function codeLengths(weights: readonly number[], reserved: number): Uint8Array<ArrayBuffer> {
  const singles: Package[] = [];
  weights.forEach((weight, symbol) => {
    if (weight === 0 && symbol !== reserved) return;
    const uses = new Uint8Array(weights.length);
    uses[symbol] = 1;
    singles.push({ weight, uses });
  });
  const byWeight = (a: Package, b: Package): number => a.weight - b.weight;
  singles.sort(byWeight);
  let round = singles;
  for (let bits = 1; bits < codeBitsMax; bits++) {
    const pairs: Package[] = [];
    for (let i = 0; i + 1 < round.length; i += 2) pairs.push(joined(round[i]!, round[i + 1]!));
    round = [...singles, ...pairs].sort(byWeight);
  }
  const lengths = new Uint8Array(weights.length);
  for (const { uses } of round.slice(0, 2 * singles.length - 2)) {
    for (let symbol = 0; symbol < lengths.length; symbol++) lengths[symbol]! += uses[symbol]!;
  }
  return lengths;
}

function joined(a: Package, b: Package): Package {
  return { weight: a.weight + b.weight, uses: a.uses.map((n, i) => n + b.uses[i]!) };
}
