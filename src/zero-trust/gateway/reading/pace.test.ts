import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Bytes } from "../../../foundation/bytes.ts";
import { begunSoon, paced } from "./pace.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => vi.useRealTimers());

const never = new Promise<never>(() => undefined);
const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** @param ended told when it is freed */
async function* dripping(
  pieces: number,
  {
    bytes,
    everyMs,
    ended,
  }: { readonly bytes: number; readonly everyMs: number; readonly ended?: () => void },
): AsyncGenerator<Bytes> {
  try {
    for (let i = 0; i < pieces; i++) {
      await after(everyMs);
      yield new Uint8Array(bytes);
    }
  } finally {
    ended?.();
  }
}

async function lengthOf(pieces: AsyncIterable<Bytes>, takeMs = 0): Promise<number> {
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    if (takeMs > 0) await after(takeMs);
  }
  return bytes;
}

/** What it came to within this time, or the code of its error. */
async function within<T>(ms: number, work: Promise<T>): Promise<T | string> {
  let outcome: T | string = "open";
  work.then(
    (value) => {
      outcome = value;
    },
    (error: { readonly code: string }) => {
      outcome = error.code;
    },
  );
  await vi.advanceTimersByTimeAsync(ms);
  return outcome;
}

it("what does not begin in ten seconds is given up where there is something else, not before it was asked", async () => {
  let waits = true;
  const asked = begunSoon(
    async (onAsked) => {
      await after(60_000);
      waits = false;
      onAsked();
      return never;
    },
    async () => true,
  );
  expect(await within(75_000, asked)).toBe("timeout");
  expect(waits).toBe(false);
});

it("is waited for where there is nothing else, and freed when it comes too late", async () => {
  const ask = (ended?: () => void) => async (onAsked: () => void) => {
    onAsked();
    await after(40_000);
    return dripping(2, { bytes: 5, everyMs: 1, ...(ended ? { ended } : {}) });
  };
  const waited = begunSoon(ask(), async () => false).then((pieces) => lengthOf(pieces!));
  expect(await within(41_000, waited)).toBe(10);
  let isFreed = false;
  const late = begunSoon(
    ask(() => {
      isFreed = true;
    }),
    async () => true,
  );
  expect(await within(50_000, late)).toBe("timeout");
  expect(isFreed).toBe(true);
});

it("a drip, and a stall, end, a slow caller does not", async () => {
  const slow = lengthOf(paced(dripping(100_000, { bytes: 16_384, everyMs: 1_000 })));
  expect(await within(90_000, slow)).toBe("timeout");
  const stalled = lengthOf(paced(dripping(2, { bytes: 1 << 20, everyMs: 31_000 })));
  expect(await within(35_000, stalled)).toBe("timeout");
  const honest = lengthOf(paced(dripping(20, { bytes: 1 << 20, everyMs: 5_000 })), 60_000);
  expect(await within(1_400_000, honest)).toBe(20 << 20);
});
