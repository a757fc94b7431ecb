/**
 * Reed-Solomon code over GF(256), polynomial 0x11d, generator roots alpha^0 .. alpha^(parity - 1) (spec/invisible-watermark.md, Error correction).
 * A code word is payload bytes, then parity bytes, highest power first; at most 255 of them.
 */

/** alpha^i, twice over, so that the sum of two logarithms needs no reduction. */
const power = new Uint8Array(510);
const logarithm = new Uint8Array(256);
for (let i = 0, x = 1; i < 255; i++) {
  power[i] = power[i + 255] = x;
  logarithm[x] = i;
  x = x & 0x80 ? (x << 1) ^ 0x11d : x << 1;
}

function multiply(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : power[logarithm[a]! + logarithm[b]!]!;
}

function divide(a: number, b: number): number {
  return a === 0 ? 0 : power[logarithm[a]! + 255 - logarithm[b]!]!;
}

/** Generator multiples by parity length, 64 KB each at most: a frame has three lengths at most. */
const generatorTablesKept = 16;
const generatorTables = new Map<number, Uint8Array>();

/** Row f: f times the generator polynomial without its leading 1, highest power first. */
function generatorTable(parity: number): Uint8Array {
  const known = generatorTables.get(parity);
  if (known) return known;
  const generator = new Uint8Array(parity + 1);
  generator[0] = 1;
  for (let root = 0; root < parity; root++) {
    for (let i = root + 1; i > 0; i--) generator[i]! ^= multiply(generator[i - 1]!, power[root]!);
  }
  const table = new Uint8Array(256 * parity);
  for (let f = 1; f < 256; f++) {
    for (let i = 0; i < parity; i++) table[f * parity + i] = multiply(f, generator[i + 1]!);
  }
  if (generatorTables.size >= generatorTablesKept) generatorTables.clear();
  generatorTables.set(parity, table);
  return table;
}

/** The remainder of `word` by the generator: its last `parity` bytes, the rest is used up. */
function reduce(word: Uint8Array, length: number, parity: number): void {
  const table = generatorTable(parity);
  for (let i = 0; i < length - parity; i++) {
    const factor = word[i]!;
    if (factor === 0) continue;
    const row = factor * parity;
    for (let k = 0; k < parity; k++) word[i + 1 + k]! ^= table[row + k]!;
  }
}

const scratch = new Uint8Array(255);

/** Writes the parity bytes: word[length - parity .. length). */
export function encodeWord(word: Uint8Array, length: number, parity: number): void {
  scratch.set(word.subarray(0, length - parity));
  scratch.fill(0, length - parity, length);
  reduce(scratch, length, parity);
  for (let i = length - parity; i < length; i++) word[i] = scratch[i]!;
}

/**
 * Corrects a word in place: errors + half the erasures up to half the parity.
 * @param erasures positions whose bytes are not to be trusted
 * @returns number of bytes that were wrong, or -1 when there are too many; the word is then unchanged
 */
export function decodeWord(
  word: Uint8Array,
  length: number,
  parity: number,
  erasures: readonly number[] = [],
): number {
  if (erasures.length > parity) return -1;
  scratch.set(word.subarray(0, length));
  reduce(scratch, length, parity);
  const syndromes = syndromesOf(scratch.subarray(length - parity, length));
  if (syndromes === undefined) return 0;
  const locator = findLocator(syndromes, length, erasures);
  const degree = degreeOf(locator);
  if (degree === 0 || 2 * (degree - erasures.length) > parity - erasures.length) return -1;
  const errors = findErrors(locator, degree, syndromes, length);
  if (errors === undefined) return -1;
  return applyErrors(word, length, parity, errors);
}

/** The word's values at the roots, taken from its remainder, where they are the same; undefined: all are 0. */
function syndromesOf(remainder: Uint8Array): Uint8Array | undefined {
  if (remainder.every((byte) => byte === 0)) return undefined;
  return remainder.map((_, root) => {
    let value = 0;
    for (const byte of remainder) value = (value === 0 ? 0 : power[logarithm[value]! + root]!) ^ byte;
    return value;
  });
}

/** Berlekamp and Massey's algorithm, begun with the erasures' locator; lowest power first. */
function findLocator(syndromes: Uint8Array, length: number, erasures: readonly number[]): Uint8Array {
  const parity = syndromes.length;
  let locator = new Uint8Array(parity + 1);
  locator[0] = 1;
  for (const [count, place] of erasures.entries()) {
    const x = power[length - 1 - place]!;
    for (let i = count + 1; i > 0; i--) locator[i]! ^= multiply(locator[i - 1]!, x);
  }
  let order = erasures.length;
  const previous: Uint8Array = locator.slice();
  let next = new Uint8Array(parity + 1);
  for (let step = erasures.length; step < parity; step++) {
    let discrepancy = 0;
    for (let i = 0; i <= order && i <= step; i++) {
      discrepancy ^= multiply(locator[i]!, syndromes[step - i]!);
    }
    previous.copyWithin(1, 0);
    previous[0] = 0;
    if (discrepancy === 0) continue;
    for (let i = 0; i <= parity; i++) next[i] = locator[i]! ^ multiply(discrepancy, previous[i]!);
    if (2 * order <= step + erasures.length) {
      for (let i = 0; i <= parity; i++) previous[i] = divide(locator[i]!, discrepancy);
      order = step + 1 + erasures.length - order;
    }
    [locator, next] = [next, locator];
  }
  return locator;
}

function degreeOf(polynomial: Uint8Array): number {
  let degree = polynomial.length - 1;
  while (degree > 0 && polynomial[degree] === 0) degree--;
  return degree;
}

interface WordError {
  readonly place: number;
  readonly value: number;
}

/** Chien's search and Forney's formula; undefined unless every root of the locator is a place of the word. */
function findErrors(
  locator: Uint8Array,
  degree: number,
  syndromes: Uint8Array,
  length: number,
): WordError[] | undefined {
  const evaluator = syndromes.map((_, i) => {
    let sum = 0;
    for (let k = 0; k <= Math.min(i, degree); k++) sum ^= multiply(locator[k]!, syndromes[i - k]!);
    return sum;
  });
  // The formal derivative: odd powers, one lower.
  const derivative = locator.map((_, i) => (i % 2 === 0 && i < degree ? locator[i + 1]! : 0));
  const errors: WordError[] = [];
  for (let place = 0; place < length; place++) {
    const x = length - 1 - place;
    const inverse = (255 - x) % 255;
    if (evaluate(locator, inverse) !== 0) continue;
    const slope = evaluate(derivative, inverse);
    if (slope === 0) return undefined;
    const value = multiply(power[x]!, divide(evaluate(evaluator, inverse), slope));
    errors.push({ place, value });
  }
  return errors.length === degree ? errors : undefined;
}

/** A polynomial, lowest power first, at alpha^exponent. */
function evaluate(polynomial: Uint8Array, exponent: number): number {
  let sum = 0;
  for (let i = polynomial.length - 1; i >= 0; i--) {
    sum = (sum === 0 ? 0 : power[logarithm[sum]! + exponent]!) ^ polynomial[i]!;
  }
  return sum;
}

function applyErrors(word: Uint8Array, length: number, parity: number, errors: readonly WordError[]): number {
  const flip = (): void => {
    for (const { place, value } of errors) word[place]! ^= value;
  };
  flip();
  scratch.set(word.subarray(0, length));
  reduce(scratch, length, parity);
  for (let i = length - parity; i < length; i++) {
    if (scratch[i] === 0) continue;
    flip();
    return -1;
  }
  return errors.filter(({ value }) => value !== 0).length;
}
