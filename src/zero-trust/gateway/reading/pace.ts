/** What an archive's answer may take, where somebody waits for it: a hanging archive is the commonest failure of all. */
import type { Bytes } from "../../../foundation/bytes.ts";
import { ScansealError } from "../../../foundation/errors.ts";

/** Where a copy can be given instead. */
const beginMs = 10_000;
/** Between two pieces. */
const stallMs = 30_000;
/** After a while: 4 GiB in a working day, over the slowest line that is of any use. */
const graceMs = 60_000;
const bytesPerSecond: number = 128 << 10;

/** Runs `ask`; where it was asked and gives nothing in time, and `instead` says that there is something else, fails with `timeout`. @throws as `ask` */
export async function begunSoon<T extends AsyncIterable<Bytes>>(
  ask: (onAsked: () => void) => Promise<T | undefined>,
  instead: () => Promise<boolean>,
): Promise<T | undefined> {
  const late = Promise.withResolvers<"late">();
  let timer: NodeJS.Timeout | undefined;
  const asked = ask(() => {
    timer = setTimeout(() => late.resolve("late"), beginMs);
  });
  try {
    const first = await Promise.race([asked, late.promise]);
    if (first !== "late") return first;
    if (!(await instead())) return await asked;
  } finally {
    clearTimeout(timer);
  }
  asked.then(discard, () => undefined);
  throw tooSlow();
}

/** The same pieces; how long the caller takes for them does not count. @throws ScansealError `timeout` where they come too slowly */
export async function* paced(pieces: AsyncIterable<Bytes>): AsyncGenerator<Bytes, void, undefined> {
  const iterator = pieces[Symbol.asyncIterator]();
  let waitedMs = 0;
  let bytes = 0;
  try {
    for (;;) {
      const since = performance.now();
      const next = await within(iterator.next(), stallMs);
      if (next.done === true) return;
      bytes += next.value.length;
      waitedMs += performance.now() - since;
      const ms = waitedMs - graceMs;
      if (ms > 0 && (bytes * 1000) / ms < bytesPerSecond) throw tooSlow();
      yield next.value;
    }
  } finally {
    // It may still wait for what never comes.
    void iterator.return?.().catch(() => undefined);
  }
}

async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(tooSlow()), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Begun, so that its end frees what it has. */
async function discard(pieces: AsyncIterable<Bytes> | undefined): Promise<void> {
  const iterator = pieces?.[Symbol.asyncIterator]();
  await iterator?.next().catch(() => undefined);
  await iterator?.return?.().catch(() => undefined);
}

function tooSlow(): ScansealError {
  return new ScansealError("timeout", "the archive's answer does not come in time");
}
