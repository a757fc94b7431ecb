/** What a reader is told about images that were withheld: facts in plain lines of printable Latin-1, bounded, without names of patients. */
import type { InstanceName } from "../../zero-trust/gateway/reading/ports.ts";
import type { Withholding } from "../../zero-trust/gateway/reading/read.ts";

export interface WithheldInstance {
  readonly instance: InstanceName;
  readonly withholding: Withholding;
  readonly seriesNumber?: number | undefined;
  readonly instanceNumber?: number | undefined;
}

export interface NoticeFacts {
  readonly withheld: readonly WithheldInstance[];
  /** Images of the study that were asked for, those withheld among them. */
  readonly total: number;
  /** The reader's name in the configuration. */
  readonly reader: string;
  readonly at: Date;
  /** A finding code's plain sentence; undefined for one that has none. */
  readonly sentenceOf: (code: string) => string | undefined;
}

/** What fits on one page; also keeps the text far below the 10240 characters of Image Comments (LT, PS3.5 table 6.2-1). */
const listedMax = 20;
const reasonsMax = 4;
const nameMax = 64;

/** Printable Latin-1 as it is, every other character as its code: nothing that turns, hides or ends a line. At most `most` of them. */
export function inertText(text: string, most: number = nameMax): string {
  let out = "";
  let taken = 0;
  for (const character of text) {
    if (taken++ === most) return `${out}...`;
    const code = character.codePointAt(0)!;
    const isPrintable = (code >= 0x20 && code < 0x7f) || (code >= 0xa1 && code <= 0xff && code !== 0xad);
    // A backslash separates values and starts no escape here.
    const isPlain = isPrintable && code !== 0x5c;
    out += isPlain ? character : `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
  }
  return out;
}

/** Lines of the notice, in the order in which they are read. The same facts give the same lines. */
export function noticeLines(facts: NoticeFacts): readonly string[] {
  const { withheld, total, reader, at } = facts;
  const reasons = reasonsOf(facts);
  const more = reasons.length - reasonsMax;
  return [
    `${withheld.length} of ${total} images of this study are withheld.`,
    ...listOf(withheld),
    ...reasons.slice(0, reasonsMax),
    ...(more > 0 ? [`and ${more} more reasons`] : []),
    `Asked for by ${inertText(reader)}, ${at.toISOString().slice(0, 19).replace("T", " ")} UTC.`,
    "Do not rely on this study until it is complete. Call those who run the image archive.",
    "This notice was made by the gate. It accuses nobody.",
  ];
}

function listOf(withheld: readonly WithheldInstance[]): string[] {
  const lines = withheld.slice(0, listedMax).map(({ seriesNumber, instanceNumber }) => {
    const series = seriesNumber === undefined ? "series without a number" : `series ${seriesNumber}`;
    return `${series}, ${instanceNumber === undefined ? "image without a number" : `image ${instanceNumber}`}`;
  });
  const more = withheld.length - lines.length;
  return more > 0 ? [...lines, `and ${more} more`] : lines;
}

/** Each reason once, with the number of images that it holds for, the most frequent first. */
function reasonsOf({ withheld, sentenceOf }: NoticeFacts): string[] {
  const counts = new Map<string, number>();
  for (const { withholding } of withheld) {
    const reason = reasonOf(withholding, sentenceOf);
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [...counts]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([reason, count]) => `${count === 1 ? "1 image" : `${count} images`}: ${reason}`);
}

function reasonOf(withholding: Withholding, sentenceOf: NoticeFacts["sentenceOf"]): string {
  switch (withholding.why) {
    case "missing":
      return "Admitted earlier; the archive no longer has it.";
    case "unavailable":
      return "The archive could not be asked, or the check could not be completed.";
    case "held":
    case "policy":
      for (const code of withholding.codes) {
        const sentence = sentenceOf(code);
        if (sentence !== undefined) return sentence;
      }
      return withholding.why === "held" ? "It does not pass the check." : "Nothing proves it.";
  }
}
