/**
 * Writes the glyphs of the notice's picture: DejaVu Sans as a browser draws it, in sixteen shades of grey.
 *
 *   node tools/notice-glyphs/generate.ts
 *
 * It needs Chromium and the fonts DejaVu Sans and DejaVu Sans Bold 2.37 (Debian: fonts-dejavu-core) on this machine. Output, in stable order:
 * src/site/notices/notice-glyphs.generated.json. Another version of the browser may draw a shade differently: look at the picture then.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const range = (from: number, to: number): string =>
  String.fromCodePoint(...Array.from({ length: to - from + 1 }, (_, i) => from + i));
const ascii = range(0x20, 0x7e);

/** A size each for heading, first line and text; pixels of the em square. */
const faces = {
  heading: { weight: 700, size: 60, characters: ` ${range(0x41, 0x5a)}` },
  lead: { weight: 700, size: 32, characters: ascii },
  text: { weight: 400, size: 26, characters: `${ascii}${range(0xa1, 0xac)}${range(0xae, 0xff)}` },
} as const;

/** Runs in the page: each glyph cropped to its ink. Two shades in a byte, the left one first; rows are not padded. */
const script = `
const canvas = document.createElement("canvas");
canvas.width = canvas.height = 160;
const context = canvas.getContext("2d", { willReadFrequently: true });
const out = {};
for (const [name, { weight, size, characters }] of Object.entries(faces)) {
  const glyphs = {};
  for (const character of [...new Set(characters)].sort()) {
    context.fillStyle = "#000";
    context.fillRect(0, 0, 160, 160);
    context.fillStyle = "#fff";
    context.font = weight + " " + size + "px 'DejaVu Sans'";
    context.fillText(character, 40, 100);
    const { data } = context.getImageData(0, 0, 160, 160);
    const shade = (x, y) => Math.round(data[4 * (160 * y + x)] / 17);
    let x0 = 160, y0 = 160, x1 = 0, y1 = 0;
    for (let y = 0; y < 160; y++) for (let x = 0; x < 160; x++) if (shade(x, y) > 0) {
      x0 = Math.min(x0, x); x1 = Math.max(x1, x + 1); y0 = Math.min(y0, y); y1 = Math.max(y1, y + 1);
    }
    const advance = Math.round(context.measureText(character).width);
    if (x1 === 0) { glyphs[character] = [advance, 0, 0, 0, 0, ""]; continue; }
    const shades = [];
    for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) shades.push(shade(x, y));
    if (shades.length % 2) shades.push(0);
    let bytes = "";
    for (let i = 0; i < shades.length; i += 2) bytes += String.fromCharCode(16 * shades[i] + shades[i + 1]);
    glyphs[character] = [advance, x0 - 40, y0 - 100, x1 - x0, y1 - y0, btoa(bytes)];
  }
  out[name] = { size, glyphs };
}
document.body.textContent = "<<" + btoa(unescape(encodeURIComponent(JSON.stringify(out)))) + ">>";
`;

const licence = [
  "Drawn from DejaVu Sans and DejaVu Sans Bold 2.37. Copyright (c) 2003 by Bitstream, Inc. All Rights Reserved. Bitstream Vera is a trademark of Bitstream, Inc. DejaVu changes are in public domain.",
  'Permission is hereby granted, free of charge, to any person obtaining a copy of the fonts accompanying this license ("Fonts") and associated documentation files (the "Font Software"), to reproduce and distribute the Font Software, including without limitation the rights to use, copy, merge, publish, distribute, and/or sell copies of the Font Software, and to permit persons to whom the Font Software is furnished to do so, subject to the following conditions:',
  "The above copyright and trademark notices and this permission notice shall be included in all copies of one or more of the Font Software typefaces.",
  'The Font Software may be modified, altered, or added to, and in particular the designs of glyphs or characters in the Fonts may be modified and additional glyphs or characters may be added to the Fonts, only if the fonts are renamed to names not containing either the words "Bitstream" or the word "Vera".',
  'This License becomes null and void to the extent applicable to Fonts or Font Software that has been modified and is distributed under the "Bitstream Vera" names.',
  "The Font Software may be sold as part of a larger software package but no copy of one or more of the Font Software typefaces may be sold by itself.",
  'THE FONT SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO ANY WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT OF COPYRIGHT, PATENT, TRADEMARK, OR OTHER RIGHT. IN NO EVENT SHALL BITSTREAM OR THE GNOME FOUNDATION BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, INCLUDING ANY GENERAL, SPECIAL, INDIRECT, INCIDENTAL, OR CONSEQUENTIAL DAMAGES, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF THE USE OR INABILITY TO USE THE FONT SOFTWARE OR FROM OTHER DEALINGS IN THE FONT SOFTWARE.',
  "Except as contained in this notice, the names of Gnome, the Gnome Foundation, and Bitstream Inc., shall not be used in advertising or otherwise to promote the sale, use or other dealings in this Font Software without prior written authorization from the Gnome Foundation or Bitstream Inc., respectively. For further information, contact: fonts at gnome dot org.",
];

type Faces = Readonly<
  Record<string, { readonly size: number; readonly glyphs: Readonly<Record<string, readonly unknown[]>> }>
>;

function drawn(): Faces {
  const folder = mkdtempSync(join(tmpdir(), "notice-glyphs-"));
  try {
    const page = join(folder, "page.html");
    writeFileSync(
      page,
      `<!doctype html><body><script>const faces = ${JSON.stringify(faces)};${script}</script>`,
    );
    const options = [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      `--user-data-dir=${folder}`,
      "--dump-dom",
    ];
    const { stdout } = spawnSync("chromium", [...options, pathToFileURL(page).href], { encoding: "utf8" });
    const found = /(?:&lt;&lt;|<<)([A-Za-z0-9+/=]+)(?:&gt;&gt;|>>)/.exec(stdout)?.[1];
    if (found === undefined) throw new Error("the browser drew nothing");
    return JSON.parse(Buffer.from(found, "base64").toString("utf8")) as Faces;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const lines = Object.entries(drawn()).map(([name, { size, glyphs }]) => {
  const rows = Object.entries(glyphs).map(
    ([key, glyph]) => `${JSON.stringify(key)}:${JSON.stringify(glyph)}`,
  );
  return `${JSON.stringify(name)}:{"size":${size},"glyphs":{\n${rows.join(",\n")}\n}}`;
});
const text = `{"licence":${JSON.stringify(licence, undefined, 1)},\n${lines.join(",\n")}}\n`;
JSON.parse(text);
const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
writeFileSync(join(root, "src/site/notices/notice-glyphs.generated.json"), text);
