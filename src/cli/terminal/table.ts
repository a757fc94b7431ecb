/** Tables of text that may come from anybody's file. */
import type { Paint } from "./palette.ts";
import { fitText, padText, textWidth } from "./text-width.ts";
import { isolatedText } from "./visible-text.ts";

export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
  /** May be cut, with an ellipsis, when the table is wider than the terminal. */
  readonly shrinks?: boolean;
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
        const cell = padText(fitCell(cells[i]!, widths[i]!), widths[i]!, column.align);
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
function fitCell(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  const isolated = text.startsWith("\u2068");
  return isolated ? `\u2068${fitText(text.slice(1, -1), width)}\u2069` : fitText(text, width);
}

/** Takes the excess from the widest column that may shrink, one after the other. */
function shrink(columns: readonly Column[], widths: number[], widthMax: number): void {
  const excess = (): number =>
    widths.reduce((sum, width) => sum + width + gap.length, -gap.length) - widthMax;
  const candidates = columns.map((_, i) => i).filter((i) => columns[i]!.shrinks === true);
  candidates.sort((a, b) => widths[b]! - widths[a]!);
  for (const i of candidates) {
    if (excess() <= 0) return;
    widths[i] = Math.min(widths[i]!, Math.max(shrunkWidthMin, widths[i]! - excess()));
  }
}
