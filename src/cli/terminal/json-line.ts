/** JSON for scripts that is harmless on a terminal too. */

/** The same text to a parser; a terminal obeys nothing in it, and no reader takes U+2028 for the end of the line. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    character
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}
