/** What is said of image files without metadata. */
import type { ImageOutcome, ImageResult } from "../site/image-verification.ts";
import { jsonLine } from "./terminal/json-line.ts";
import type { Palette } from "./terminal/palette.ts";
import { type Cell, type Column, formatTable } from "./terminal/table.ts";

const marks: Readonly<Record<ImageResult, string>> = {
  "pixels-intact": "✓",
  "pixels-altered": "✗",
  "no-watermark": "–",
};

const columns: readonly Column[] = [
  { title: "File", shrinks: true, keeps: "end" },
  { title: "Pixels" },
  { title: "Where", shrinks: true },
  { title: "What it means", shrinks: true },
];

/** More are counted. */
const rectanglesShown = 3;

function whereText({ located }: ImageOutcome): string {
  if (!located) return "";
  const shown = located.rectangles
    .slice(0, rectanglesShown)
    .map(({ x0, y0, x1, y1 }) => `${x1 - x0}x${y1 - y0} at ${x0},${y0}`);
  const more = located.rectangles.length - shown.length;
  return shown.join("; ") + (more > 0 ? `; ${more} more` : "");
}

function meaning({ reason, mark, result }: ImageOutcome): string {
  const signer = mark?.signer?.signer;
  if (result === "no-watermark" || mark === undefined || signer === undefined) return reason;
  return `${reason} Marked by ${signer}, frame ${mark.frame + 1} of ${mark.contentId}.`;
}

/** One row an image; `width` is the terminal's, undefined where there is none. */
export function imageTable(
  outcomes: readonly ImageOutcome[],
  palette: Palette,
  width: number | undefined,
): string[] {
  const rows = outcomes.map((outcome): Cell[] => {
    const { path, result } = outcome;
    const paint =
      result === "pixels-intact" ? palette.good : result === "pixels-altered" ? palette.bad : palette.notice;
    return [path, { text: `${marks[result]} ${result}`, paint }, whereText(outcome), meaning(outcome)];
  });
  return formatTable(columns, rows, width);
}

/** "3 images: 1 pixels-intact, 2 no-watermark" */
export function imageSummary(outcomes: readonly ImageOutcome[]): string {
  const counts = new Map<ImageResult, number>();
  for (const { result } of outcomes) counts.set(result, (counts.get(result) ?? 0) + 1);
  const parts = [...counts].map(([result, n]) => `${n} ${result}`);
  return `${outcomes.length} ${outcomes.length === 1 ? "image" : "images"}: ${parts.join(", ")}`;
}

/** The contract of `verify --json` for an image file: `result` in place of `verdict`. */
export function imageJson(outcome: ImageOutcome): string {
  const { path, result, reason, mark, located } = outcome;
  return jsonLine({ path, result, reason, mark: mark ?? null, located: located ?? null });
}
