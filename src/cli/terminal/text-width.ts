/** Columns that text takes in a terminal: East Asian wide characters and emoji take two, combining marks none. */
import { eastAsianWidth } from "get-east-asian-width";

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });
/** Half-width sound marks (ISO IR 13 names have them) join the letter's grapheme but take a column of their own. */
const soundMarks = /[\uff9e\uff9f]/g;
const zeroWidth = /^[\p{Mn}\p{Me}\p{Cf}]$/u;

export function textWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += graphemeWidth(segment);
  return width;
}

/**
 * At most `width` columns; what is cut is shown as an ellipsis, and no character is cut in two.
 * @param keep which end stays: of a path the last part tells most
 */
export function fitText(text: string, width: number, keep: "start" | "end" = "start"): string {
  if (textWidth(text) <= width) return text;
  if (width < 1) return "";
  const segments = [...graphemes.segment(text)].map(({ segment }) => segment);
  if (keep === "end") segments.reverse();
  const kept: string[] = [];
  let used = 1;
  for (const segment of segments) {
    used += graphemeWidth(segment);
    if (used > width) break;
    kept.push(segment);
  }
  return keep === "end" ? `…${kept.reverse().join("")}` : `${kept.join("")}…`;
}

/** Spaces up to `width` columns, after the text or (right-aligned) before it. */
export function padText(text: string, width: number, align: "left" | "right" = "left"): string {
  const space = " ".repeat(Math.max(0, width - textWidth(text)));
  return align === "left" ? text + space : space + text;
}

function graphemeWidth(grapheme: string): number {
  // U+FE0F asks for the emoji form of a character that is narrow otherwise.
  if (grapheme.includes("\ufe0f")) return 2;
  const marks = grapheme.length > 1 ? (grapheme.match(soundMarks)?.length ?? 0) : 0;
  let width = 0;
  for (const character of grapheme) {
    if (zeroWidth.test(character)) continue;
    width = Math.max(width, eastAsianWidth(character.codePointAt(0)!));
  }
  return width + marks;
}
