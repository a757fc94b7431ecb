/** Text from a file or a peer, made harmless for a terminal. */

/** Controls (escape sequences!), bidi and zero-width controls, line separators, lone surrogates. */
const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** More marks than any script puts on one letter; beyond it they only paint over other lines. */
const marksMax = 4;
const markFlood = new RegExp(`(\\p{M}{${marksMax}})(\\p{M}+)`, "gu");

/** Scripts written from right to left: Hebrew to N'Ko, and their presentation forms. */
const rightToLeft = /[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFC\u{10800}-\u{10FFF}\u{1E800}-\u{1EFFF}]/u;

/** First Strong Isolate and Pop Directional Isolate (UAX #9): what is inside cannot reorder what is outside. */
const isolateStart = "\u2068";
const isolateEnd = "\u2069";

/** Every character that a terminal would obey instead of show is written as `<U+202E>`. */
export function visibleText(text: string): string {
  return text
    .replace(hidden, codePointName)
    .replace(markFlood, (_, kept: string, rest: string) => kept + [...rest].map(codePointName).join(""));
}

/** `visibleText`, and right-to-left text is kept from reordering its neighbours in the line. */
export function isolatedText(text: string): string {
  const shown = visibleText(text);
  return rightToLeft.test(shown) ? isolateStart + shown + isolateEnd : shown;
}

function codePointName(character: string): string {
  return `<U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}>`;
}
