/** How the page says a verdict, a mode, a state. "Unsealed" is no failure: almost every image in the world is unsealed. */

/** What colour and mark say beside the word. */
export type Tone = "good" | "bad" | "warn" | "plain";

export interface VerdictWords {
  readonly tone: Tone;
  readonly mark: string;
  readonly word: string;
  readonly sentence: string;
}

const marks: Readonly<Record<Tone, string>> = { good: "✓", bad: "✗", warn: "!", plain: "○" };

function words(tone: Tone, word: string, sentence: string): VerdictWords {
  return { tone, mark: marks[tone], word, sentence };
}

/** The gravest first. */
const verdicts: ReadonlyMap<string, VerdictWords> = new Map([
  ["altered", words("bad", "altered", "Changed since it was sealed or received; do not rely on it.")],
  ["malformed", words("bad", "malformed", "Not a well-formed DICOM object; it was not opened.")],
  ["untrusted", words("warn", "untrusted", "Sealed, but its signer cannot be relied on here.")],
  ["none", words("warn", "not checked", "The check could not be completed.")],
  // The journal's name for the same.
  ["undetermined", words("warn", "not checked", "The check could not be completed.")],
  [
    "unsealed",
    words("plain", "unsealed", "Not sealed at capture: nothing can be proven about it, either way."),
  ],
  ["notice", words("plain", "notice", "Made by a gate for a reader; no image of a patient.")],
  ["superseded", words("plain", "superseded", "A corrected version of it exists.")],
  ["received", words("good", "received", "Unchanged since it was received here.")],
  [
    "verified-with-changes",
    words("good", "verified with changes", "Only administrative details changed since it was sealed."),
  ],
  ["verified", words("good", "verified", "Unchanged since it was sealed.")],
]);

const gravity: readonly string[] = [...verdicts.keys()];

/** @param verdict undefined where the check could not be completed */
export function verdictWords(verdict: string | undefined): VerdictWords {
  const key = verdict ?? "none";
  return verdicts.get(key) ?? words("plain", key, "");
}

/** Verdicts that occur, the gravest first; unknown ones last. */
export function byGravity(counts: Readonly<Record<string, number>>): (readonly [string, number])[] {
  const rank = (verdict: string): number => {
    const at = gravity.indexOf(verdict);
    return at < 0 ? gravity.length : at;
  };
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .sort(([a], [b]) => rank(a) - rank(b));
}

export const modeSentences: ReadonlyMap<string, string> = new Map([
  ["observe", "delivers and reports; holds only what is malformed or carries a seal that fails."],
  ["warn", "as observe, but what is not proven is delivered with a notice."],
  ["enforce", "delivers what is proven; holds everything else."],
]);

const objectStates: ReadonlyMap<string, string> = new Map([
  ["received", "being checked"],
  ["admitted", "passed"],
  ["held", "held"],
  ["resent", "sent again"],
  ["resolved", "held, then passed"],
  ["purged", "deleted by two people"],
  ["sealed", "sealed here; the original is kept"],
]);

export function stateWord(state: string): string {
  return objectStates.get(state) ?? state;
}
