/** Side-by-side measurement: candidates take turns in one process, so that load on the machine hits all of them alike. */

export interface Candidate {
  readonly name: string;
  /** Bytes one call works through, when a rate in MB/s says more than a time. */
  readonly bytes?: number;
  /** Before each call, not timed. */
  prepare?(): unknown;
  run(): unknown;
}

export interface Measured {
  readonly name: string;
  /** Of one call. */
  readonly medianMs: number;
  /** Slowest minus fastest, relative to the median: how far to trust it. */
  readonly spread: number;
  /** Decimal megabytes; undefined when the candidate has no bytes. */
  readonly megabytesPerSecond: number | undefined;
  /** Speed relative to the first candidate: 1 is equal, 0.5 is half as fast. */
  readonly ratio: number;
  /** The same of the calls that were disturbed least, the tenth part of all: what a quiet machine would show. */
  readonly quietRatio: number;
}

export interface Benchmark {
  readonly name: string;
  /** What it compares, and why. */
  readonly about: string;
  measure(): Promise<readonly Measured[]>;
}

/** One line of a terminal, written over; nothing where there is none. */
function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${text}`);
}

/** @param rounds calls of each candidate, after one call to warm up */
export async function compare(candidates: readonly Candidate[], rounds: number): Promise<Measured[]> {
  const times = candidates.map((): number[] => []);
  for (let round = -1; round < rounds; round++) {
    for (const [i, candidate] of candidates.entries()) {
      showProgress(`round ${round + 1} of ${rounds}: ${candidate.name}`);
      await candidate.prepare?.();
      const start = performance.now();
      await candidate.run();
      if (round >= 0) times[i]!.push(performance.now() - start);
    }
  }
  showProgress("");
  const medians = times.map((values) => quantile(values, 0.5));
  const quiet = times.map((values) => quantile(values, 0.1));
  return candidates.map(({ name, bytes }, i) => {
    const medianMs = medians[i]!;
    const rate = (size: number | undefined, ms: number): number => (size ?? 1) / ms;
    return {
      name,
      medianMs,
      spread: (Math.max(...times[i]!) - Math.min(...times[i]!)) / medianMs,
      megabytesPerSecond: bytes === undefined ? undefined : bytes / 1000 / medianMs,
      ratio: rate(bytes, medianMs) / rate(candidates[0]!.bytes, medians[0]!),
      quietRatio: rate(bytes, quiet[i]!) / rate(candidates[0]!.bytes, quiet[0]!),
    };
  });
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(part * (sorted.length - 1))]!;
}
