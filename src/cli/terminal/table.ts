/** Tables of text that may come from anybody's file. */
import type { Paint } from "./palette.ts";
import { fitText, padText, textWidth } from "./text-width.ts";
import { isolatedText } from "./visible-text.ts";

export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
  /** May be cut, with an ellipsis, when the table is wider than the terminal. */
  readonly shrinks?: boolean;
  /** Which end of a text that is cut stays; the start unless told. */
  readonly keeps?: "start" | "end";
}

/** A cell's text, and the colour it gets after it was measured and made harmless. */
export type Cell = string | { readonly text: string; readonly paint: Paint };

/** No column is cut below this. */
const shrunkWidthMin = 8;
const gap = "  ";

/**
 * One line per row, titles first. Hidden characters are made visible and nothing reorders across cells.
 * @param widthMax columns of the terminal; without it nothing is cut
 */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  widthMax?: number,
): string[] {
  const texts = rows.map((row) => columns.map((_, i) => isolatedText(textOf(row[i] ?? ""))));
  const widths = columns.map((column, i) =>
    Math.max(textWidth(column.title), ...texts.map((row) => textWidth(row[i]!))),
  );
  if (widthMax !== undefined) shrink(columns, widths, widthMax);
  const line = (cells: readonly string[], paints: readonly (Paint | undefined)[]): string =>
    columns
      .map((column, i) => {
        const cell = padText(fitCell(cells[i]!, widths[i]!, column.keeps), widths[i]!, column.align);
        return paints[i]?.(cell) ?? cell;
      })
      .join(gap)
      .trimEnd();
  const titles = columns.map((column) => column.title);
  const paintsOf = (row: readonly Cell[]): (Paint | undefined)[] =>
    columns.map((_, i) => {
      const cell = row[i];
      return typeof cell === "object" ? cell.paint : undefined;
    });
  return [line(titles, []), ...texts.map((cells, r) => line(cells, paintsOf(rows[r]!)))];
}

function textOf(cell: Cell): string {
  return typeof cell === "string" ? cell : cell.text;
}

/** The isolate around right-to-left text stays closed when the text is cut. */
function fitCell(text: string, width: number, keep: Column["keeps"]): string {
  if (textWidth(text) <= width) return text;
  const isolated = text.startsWith("\u2068");
  return isolated ? `\u2068${fitText(text.slice(1, -1), width, keep)}\u2069` : fitText(text, width, keep);
}

/** Column by column off the widest that may shrink, so that no column is lost for a long one beside it. */
function shrink(columns: readonly Column[], widths: number[], widthMax: number): void {
  let excess = widths.reduce((sum, width) => sum + width + gap.length, -gap.length) - widthMax;
  const candidates = columns.map((_, i) => i).filter((i) => columns[i]!.shrinks === true);
  for (; excess > 0; excess--) {
    const widest = candidates.reduce<number | undefined>(
      (best, i) => (best === undefined || widths[i]! > widths[best]! ? i : best),
      undefined,
    );
    if (widest === undefined || widths[widest]! <= shrunkWidthMin) return;
    widths[widest]!--;
  }
}
