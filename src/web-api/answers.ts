/** What the gate is asked for, with a limit on the time, and once for all who ask at the same time. */
import { ScansealError } from "../foundation/errors.ts";

/** A probe waits about ten seconds; a journal that takes this long is not well. */
const answerMsMax = 5_000;

/** @throws ScansealError `timeout`, and what `ask` throws */
export function sharedAnswer<T>(ask: () => Promise<T>): () => Promise<T> {
  let pending: Promise<T> | undefined;
  return () => {
    pending ??= timely(ask).finally(() => {
      pending = undefined;
    });
    return pending;
  };
}

async function timely<T>(ask: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new ScansealError("timeout", "the gateway did not answer in time");
    timer = setTimeout(() => reject(error), answerMsMax);
  });
  try {
    return await Promise.race([ask(), late]);
  } finally {
    clearTimeout(timer);
  }
}
