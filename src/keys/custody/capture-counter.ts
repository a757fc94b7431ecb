/**
 * The monotonic capture counter of one device key: a number is durable before it is handed out, so none is handed out twice,
 * whatever crashes. Two files hold the state and check each other (spec/keys-and-certificates.md, section 7).
 */
import { dirname } from "node:path";
import { toHex, tryUtf8, utf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import {
  fileExists,
  readPrivateFile,
  replaceFileDurably,
  syncFolder,
  withFileLock,
} from "../../platform/node/private-files.ts";

/** Whose numbers these are. */
export interface CounterOwner {
  /** SHA-256 of the device key's SubjectPublicKeyInfo, lower-case hexadecimal. */
  readonly keyFingerprint: string;
  readonly keyEpoch: number;
}

/** Numbers `first` to `first + count - 1`. */
export interface Reservation {
  readonly first: number;
  readonly count: number;
}

interface CounterState {
  /** `next` before the last reservation. */
  readonly previous: number;
  /** The first number never handed out. */
  readonly next: number;
}

/** A series has thousands of images; more in one step is a mistake that would waste the range. */
const reservationMax = 1_000_000;
const fileBytesMax = 1024;
const formatLine = "scanseal-counter-1";

export class CaptureCounter {
  readonly #path: string;
  readonly #owner: CounterOwner;
  /** What this handle knows to be used: a file that says less was rolled back. */
  #knownNext: number;

  private constructor(path: string, owner: CounterOwner, knownNext: number) {
    this.#path = path;
    this.#owner = owner;
    this.#knownNext = knownNext;
  }

  /**
   * A counter that starts at 1, for a new key.
   * @throws ScansealError `counter-conflict` when there is one already, `io`
   */
  static create(path: string, owner: CounterOwner): CaptureCounter {
    return withFileLock(`${path}.lock`, () => {
      if (fileExists(path) || fileExists(`${path}.mark`)) conflict("this key has a counter already");
      writeState(path, owner, { previous: 1, next: 1 });
      return new CaptureCounter(path, owner, 1);
    });
  }

  /**
   * @param atLeast the highest number known to be used, from a journal or log that is kept elsewhere
   * @throws ScansealError `counter-conflict` when the counter is missing, damaged, rolled back or another key's, `io`
   */
  static open(path: string, owner: CounterOwner, atLeast = 0): CaptureCounter {
    return withFileLock(`${path}.lock`, () => {
      const { next } = readState(path, owner);
      if (next <= atLeast) conflict("the capture counter is behind the numbers already used");
      return new CaptureCounter(path, owner, next);
    });
  }

  /**
   * Hands out `count` numbers, after they are durable. Unused ones leave a gap, which is fine.
   * @throws ScansealError `counter-conflict`, `usage` for a count below 1 or above 1,000,000, `io`
   */
  reserve(count = 1): Reservation {
    if (!Number.isSafeInteger(count) || count < 1 || count > reservationMax) {
      throw new ScansealError("usage", `1 to ${reservationMax} numbers are reserved at a time`);
    }
    return withFileLock(`${this.#path}.lock`, () => {
      const { next } = readState(this.#path, this.#owner);
      if (next < this.#knownNext) conflict("the capture counter was rolled back");
      const after = next + count;
      if (!Number.isSafeInteger(after)) conflict("the capture counter is used up");
      writeState(this.#path, this.#owner, { previous: next, next: after });
      this.#knownNext = after;
      return { first: next, count };
    });
  }
}

function conflict(message: string): never {
  throw new ScansealError("counter-conflict", `${message}; start a new key epoch`);
}

/** The mark first, then the counter, each durable before the next step; then both names. */
function writeState(path: string, owner: CounterOwner, state: CounterState): void {
  const bytes = utf8(textOf(owner, state));
  replaceFileDurably(`${path}.mark`, bytes, { mode: 0o600, isFolderSynced: false });
  replaceFileDurably(path, bytes, { mode: 0o600, isFolderSynced: false });
  syncFolder(dirname(path));
}

/**
 * A crash leaves the two files equal or one reservation apart; then the higher one counts and its numbers are a gap. Any other
 * distance means that one of them was put back.
 */
function readState(path: string, owner: CounterOwner): CounterState {
  const counter = readOne(path, owner);
  const mark = readOne(`${path}.mark`, owner);
  if (counter.next === mark.next && counter.previous === mark.previous) return counter;
  const [low, high] = counter.next < mark.next ? [counter, mark] : [mark, counter];
  if (high.previous !== low.next || high.next === low.next) conflict("the capture counter was rolled back");
  return high;
}

function readOne(path: string, owner: CounterOwner): CounterState {
  if (!fileExists(path)) conflict("the capture counter is missing");
  const text = tryUtf8(readPrivateFile(path, fileBytesMax)) ?? "";
  const [previous, next] = [/^previous (\d{1,16})$/m, /^next (\d{1,16})$/m].map((line) => {
    return Number(line.exec(text)?.[1] ?? Number.NaN);
  });
  const state = { previous: previous!, next: next! };
  const isSound = Number.isSafeInteger(state.next) && state.previous >= 1 && state.next >= state.previous;
  // The whole text must be the one these values give: no second grammar, and another key's file is refused.
  if (!isSound || text !== textOf(owner, state)) conflict("the capture counter is damaged or another key's");
  return state;
}

function textOf(owner: CounterOwner, { previous, next }: CounterState): string {
  const body = `${formatLine}\nkey ${owner.keyFingerprint}\nepoch ${owner.keyEpoch}\nprevious ${previous}\nnext ${next}\n`;
  return `${body}check ${toHex(nodeCrypto.hash("SHA-256", utf8(body)))}\n`;
}
