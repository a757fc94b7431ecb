/**
 * Which superblocks hide how much: as little change as possible for the bits there are to hide (the encoder's choice, not part of the format: what was
 * chosen is in the payload, hence fractions are allowed here).
 */
import type { Block } from "./block.ts";
import { type Choice, choicesFor } from "./host-choices.ts";

/** A step of one superblock to a choice that hides more. */
interface Step {
  readonly superblock: number;
  readonly parameters: number;
  /** Bits hidden with these parameters, as estimated, and with those of the step before. */
  readonly capacity: number;
  readonly capacityBefore: number;
  readonly parametersBefore: number;
  /** Sum of squared changes, as estimated, beyond that of the step before. */
  readonly change: number;
  /** The same for each further bit: larger from step to step of a superblock. */
  readonly cost: number;
}

export interface Host {
  readonly superblock: number;
  readonly parameters: number;
}

/** How many bits must have been hidden until the estimates are corrected in earnest. */
const priorBits = 200;
/** How much more is expected of a frame's hosts, once they took too little: by so many times the share of the bits that found no place. */
const marginPerMissing = 12;
/** More than any change: what is loud comes last. */
const loudSurcharge = 2 ** 40;

/** Looks at all superblocks, one after the other; then names the hosts, one by one, and follows what these really hide. */
export class HostSelection {
  readonly #maximum: number;
  readonly #steps: Step[] = [];
  /** Of the steps taken. */
  readonly #parameters: Uint8Array;
  /** Of the last step of each superblock. */
  readonly #fullest: Uint8Array;
  readonly #expected: Float64Array;
  readonly #done: Uint8Array;
  #queue: number[] | undefined;
  #queued = 0;
  /** The steps below are taken. */
  #taken = 0;
  #expectedLeft = 0;
  /** What is expected must be as much more than what is wanted. */
  #margin = 1;
  #expectedDone: number = priorBits;
  #hiddenDone: number = priorBits;

  /** @param maximum 2^bits - 1 */
  constructor(superblocks: number, maximum: number) {
    this.#maximum = maximum;
    this.#parameters = new Uint8Array(superblocks);
    this.#fullest = new Uint8Array(superblocks);
    this.#expected = new Float64Array(superblocks);
    this.#done = new Uint8Array(superblocks);
  }

  /** @param block its border mirrored */
  look(superblock: number, block: Block): void {
    let before: Choice = { capacity: 0, change: 0, parameters: 0, isLoud: false };
    for (const choice of choicesFor(block, this.#maximum)) {
      const change = choice.change - before.change;
      this.#steps.push({
        superblock,
        parameters: choice.parameters,
        capacity: choice.capacity,
        capacityBefore: before.capacity,
        parametersBefore: before.parameters,
        change,
        cost: change / (choice.capacity - before.capacity) + (choice.isLoud ? loudSurcharge : 0),
      });
      this.#fullest[superblock] = choice.parameters;
      before = choice;
    }
  }

  /**
   * How many bits may be hidden for less change.
   * @param change sum of squared changes that is allowed
   * @param hidden bits, at the price of `changed`, when it was tried last
   */
  bitsWithin(change: number, hidden: number, changed: number): number {
    const hiddenPerExpected = this.#hiddenDone / this.#expectedDone;
    let bits = 0;
    let estimate = 0;
    let taken = 0;
    for (; taken < this.#steps.length && bits < hidden; taken++) {
      const step = this.#steps[taken]!;
      bits += (step.capacity - step.capacityBefore) * hiddenPerExpected;
      estimate += step.change;
    }
    // Estimates are wrong by a factor, but they tell which steps are dear.
    const wanted = (change * estimate) / changed;
    while (taken > 0 && estimate > wanted) {
      const step = this.#steps[--taken]!;
      bits -= (step.capacity - step.capacityBefore) * hiddenPerExpected;
      estimate -= step.change;
    }
    return Math.floor(Math.max(0, bits));
  }

  /**
   * Begins anew, with what was learned of the estimates: for small frames, whose few hosts may be filled before it is known how little they take.
   * @param missing share of the bits that found no place
   * @returns false: there was no more to be had
   */
  restart(missing = 0): boolean {
    this.#margin *= 1 + marginPerMissing * missing;
    const isFull = this.#parameters.every((parameters, i) => parameters === this.#fullest[i]);
    this.#parameters.fill(0);
    this.#expected.fill(0);
    this.#done.fill(0);
    this.#queue = undefined;
    this.#queued = 0;
    this.#taken = 0;
    this.#expectedLeft = 0;
    return !isFull;
  }

  /**
   * The next superblock to hide in. What it really hid is said with `hid`, before the next is asked for.
   * @returns undefined: there is none left
   */
  next(bitsLeft: number): Host | undefined {
    if (this.#queue === undefined) this.#steps.sort((a, b) => a.cost - b.cost);
    this.#adapt(bitsLeft);
    // The fullest first: the last ones are for small corrections.
    this.#queue ??= [...this.#expected.keys()]
      .filter((superblock) => this.#expected[superblock]! > 0)
      .sort((a, b) => this.#expected[b]! - this.#expected[a]!);
    while (this.#queued < this.#queue.length) {
      const superblock = this.#queue[this.#queued++]!;
      if (this.#done[superblock] === 0 && this.#expected[superblock]! > 0) {
        return { superblock, parameters: this.#parameters[superblock]! };
      }
    }
    return undefined;
  }

  hid(superblock: number, bits: number): void {
    const expected = this.#expected[superblock]!;
    this.#done[superblock] = 1;
    this.#expectedLeft -= expected;
    this.#expectedDone += expected;
    this.#hiddenDone += bits;
  }

  /** Takes steps, the cheapest first, until what is expected of the hosts to come suffices; gives back what is too much. */
  #adapt(bitsLeft: number): void {
    const wanted = (this.#margin * bitsLeft * this.#expectedDone) / this.#hiddenDone;
    while (this.#expectedLeft < wanted && this.#taken < this.#steps.length) {
      const { superblock, parameters, capacity, capacityBefore } = this.#steps[this.#taken++]!;
      if (this.#done[superblock] === 1) continue;
      if (capacityBefore === 0) this.#queue?.push(superblock);
      this.#choose(superblock, parameters, capacity);
    }
    while (this.#taken > 0) {
      const step = this.#steps[this.#taken - 1]!;
      const { superblock, parametersBefore, capacityBefore, capacity } = step;
      if (this.#done[superblock] === 0) {
        if (this.#expectedLeft - capacity + capacityBefore < wanted) break;
        this.#choose(superblock, parametersBefore, capacityBefore);
      }
      this.#taken--;
    }
  }

  #choose(superblock: number, parameters: number, capacity: number): void {
    this.#expectedLeft += capacity - this.#expected[superblock]!;
    this.#expected[superblock] = capacity;
    this.#parameters[superblock] = parameters;
  }
}
