/** Prose in lines that fit a terminal. */
import { fitText, textWidth } from "./text-width.ts";

/**
 * Lines of at most `width` columns, broken at spaces; a word that is longer is broken where the line ends, and nothing of it is lost.
 * @param text already harmless
 */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").flatMap((one) => pieces(one, width))) {
    const joined = line === "" ? word : `${line} ${word}`;
    if (line !== "" && textWidth(joined) > width) {
      lines.push(line);
      line = word;
    } else line = joined;
  }
  return [...lines, line];
}

function pieces(word: string, width: number): string[] {
  const found: string[] = [];
  let rest = word;
  while (textWidth(rest) > width) {
    // An ellipsis stands for the last column.
    const piece = fitText(rest, width).slice(0, -1);
    if (piece === "") break;
    found.push(piece);
    rest = rest.slice(piece.length);
  }
  return [...found, rest];
}
