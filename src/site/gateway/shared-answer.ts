/** One question for all who ask within a moment: the status service has no log-in, and must not keep the journal busy. */
import type { Clock } from "../../foundation/crypto.ts";

const sharedMs = 1_000;

/** What fails is shared by those who wait for it, and asked again by the next one. */
export function sharedAnswer<T>(clock: Clock, ask: () => Promise<T>): () => Promise<T> {
  let answer: { readonly at: number; readonly value: Promise<T> } | undefined;
  return () => {
    const now = clock.now();
    // A clock set back must not keep an answer for ever.
    if (answer && Math.abs(now - answer.at) < sharedMs) return answer.value;
    const asked = { at: now, value: ask() };
    answer = asked;
    asked.value.catch(() => {
      if (answer === asked) answer = undefined;
    });
    return asked.value;
  };
}
