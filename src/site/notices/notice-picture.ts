/** A notice as a picture: grey on black as viewers show images, as tall as its text needs. */
import { type Bytes, fromBase64 } from "../../foundation/bytes.ts";
import glyphTables from "./notice-glyphs.generated.json" with { type: "json" };
import type { NoticeText } from "./notice-text.ts";

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** 8 bits a sample, row by row from the top left; 255 is white. */
  readonly samples: Bytes;
}

interface Glyph {
  readonly advance: number;
  /** From the pen and the baseline to the ink's top left. */
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** Four bits a pixel. */
  readonly shades: Bytes;
}

type Face = ReadonlyMap<string, Glyph>;
type GlyphRow = readonly [number, number, number, number, number, string];

function faceOf({ glyphs }: { readonly glyphs: Readonly<Record<string, readonly unknown[]>> }): Face {
  return new Map(
    Object.entries(glyphs).map(([character, row]) => {
      const [advance, left, top, width, height, shades] = row as GlyphRow;
      return [character, { advance, left, top, width, height, shades: fromBase64(shades) }];
    }),
  );
}

const heading = faceOf(glyphTables.heading);
const lead = faceOf(glyphTables.lead);
const text = faceOf(glyphTables.text);

const width = 1024;
const margin = 56;
/** Viewers write names and dates over the corners, mostly in white. */
const overlayHeight = 100;
const bandHeight = 132;
const bandShade = 232;
/** Text is bounded; whatever happens to it, so is the picture. */
const heightMax = 4096;
/** Some viewers show square images best: no less tall than this. */
const heightMin = 768;

/** A line to be drawn. */
interface Line {
  readonly face: Face;
  readonly words: string;
  readonly x: number;
  readonly baseline: number;
  readonly shade: number;
}

/** The same text gives the same pixels. */
export function noticePicture(notice: NoticeText): Picture {
  const { lead: first, listed, reasons, advice, origin } = notice;
  const lines: Line[] = [];
  let y = overlayHeight + bandHeight + 72;
  const paragraph = (
    words: string,
    { face = text, indent = 0, step = 38, shade = 255 }: Partial<Line> & { indent?: number; step?: number },
  ): void => {
    for (const line of wrapped(words, face, width - 2 * margin - indent)) {
      lines.push({ face, words: line, x: margin + indent, baseline: y, shade });
      y += step;
    }
  };
  paragraph(first, { face: lead, step: 46 });
  y += 10;
  for (const one of listed) paragraph(one, { indent: 28 });
  y += 26;
  for (const one of reasons) paragraph(one, {});
  y += 26;
  for (const one of advice) paragraph(one, {});
  y += 26;
  for (const one of origin) paragraph(one, { shade: 176 });
  const height = Math.min(heightMax, Math.max(heightMin, y + overlayHeight - 38));
  const samples = new Uint8Array(width * height);
  const picture = { width, height, samples };
  drawFrame(picture);
  drawBand(picture, notice.heading);
  for (const line of lines) drawLine(picture, line);
  return picture;
}

/** Broken between words; a word longer than a line anywhere. */
function wrapped(words: string, face: Face, room: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of words.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (widthOf(longer, face) <= room) {
      line = longer;
      continue;
    }
    if (line !== "") lines.push(line);
    line = "";
    for (const character of word) {
      if (line !== "" && widthOf(line + character, face) > room) {
        lines.push(line);
        line = "";
      }
      line += character;
    }
  }
  return [...lines, line];
}

function widthOf(words: string, face: Face): number {
  let sum = 0;
  for (const character of words) sum += glyphOf(character, face).advance;
  return sum;
}

const noGlyph: Glyph = { advance: 0, left: 0, top: 0, width: 0, height: 0, shades: new Uint8Array(0) };

/** What a face lacks is a question mark: nothing is left out unseen. */
function glyphOf(character: string, face: Face): Glyph {
  return face.get(character) ?? face.get("?") ?? noGlyph;
}

/** From what is there to `shade`, by how much of the pixel the ink covers. */
function drawLine({ width: columns, height, samples }: Picture, line: Line): void {
  const { face, words, baseline, shade } = line;
  let pen = line.x;
  for (const character of words) {
    const { advance, left, top, width: across, height: down, shades } = glyphOf(character, face);
    for (let row = 0; row < down; row++) {
      const y = baseline + top + row;
      if (y < 0 || y >= height) continue;
      for (let column = 0; column < across; column++) {
        const x = pen + left + column;
        if (x < 0 || x >= columns) continue;
        const i = row * across + column;
        const ink = (i % 2 === 0 ? shades[i >> 1]! >> 4 : shades[i >> 1]! & 15) / 15;
        const at = y * columns + x;
        samples[at] = Math.round(samples[at]! + (shade - samples[at]!) * ink);
      }
    }
    pen += advance;
  }
}

function drawFrame({ width: columns, height, samples }: Picture): void {
  for (let y = 0; y < height; y++)
    for (let x = 0; x < columns; x++)
      if (Math.min(x, y, columns - 1 - x, height - 1 - y) < 6) samples[y * columns + x] = bandShade;
}

function drawBand(picture: Picture, words: string): void {
  picture.samples.fill(bandShade, width * overlayHeight, width * (overlayHeight + bandHeight));
  const sign = 92;
  drawSign(picture, margin, overlayHeight + (bandHeight - sign) / 2, sign);
  drawLine(picture, {
    face: heading,
    words,
    x: margin + sign + 36,
    baseline: overlayHeight + 88,
    shade: 0,
  });
}

/** A triangle with an exclamation mark: that it is a warning is seen before it is read. Four samples a pixel and axis. */
function drawSign({ width: columns, samples }: Picture, left: number, top: number, size: number): void {
  const inTriangle = (x: number, y: number, inset: number): boolean => {
    const half = (size / 2) * (y / size);
    return y > 1.9 * inset && y < size - inset && Math.abs(x - size / 2) < half - inset * 1.1;
  };
  const inMark = (x: number, y: number): boolean => {
    const off = Math.abs(x - size / 2);
    const isDot = (x - size / 2) ** 2 + (y - size * 0.82) ** 2 < (size * 0.055) ** 2;
    return isDot || (y > size * 0.38 && y < size * 0.7 && off < size * 0.055);
  };
  const steps = [0.125, 0.375, 0.625, 0.875];
  for (let row = 0; row < size; row++)
    for (let column = 0; column < size; column++) {
      let ink = 0;
      for (const v of steps)
        for (const u of steps) {
          const [x, y] = [column + u, row + v];
          const isEdge = inTriangle(x, y, 0) && !inTriangle(x, y, 8);
          if (isEdge || inMark(x, y)) ink++;
        }
      const at = (Math.round(top) + row) * columns + left + column;
      samples[at] = Math.round(samples[at]! * (1 - ink / 16));
    }
}
