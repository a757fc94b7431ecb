/** Text of strangers in HTML: escaped, and what would reorder or hide the text around it is shown by its code point. */

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Control, bidi and zero-width characters, line separators, lone surrogates. */
const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

export function escapeHtml(text: string): string {
  return text
    .replace(hidden, (c) => `<U+${c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}>`)
    .replace(/[&<>"']/g, (c) => entities[c]!);
}
