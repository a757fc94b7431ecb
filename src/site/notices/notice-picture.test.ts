import { expect, it } from "vitest";
import { noticePicture, type Picture } from "./notice-picture.ts";
import type { NoticeText } from "./notice-text.ts";

const text: NoticeText = {
  heading: "IMAGES WITHHELD",
  lead: "1 of 300 images of this study is withheld.",
  listed: ["Series 2: image 17"],
  reasons: ["1 image: The image was changed after capture; do not rely on it."],
  advice: ["Do not rely on this study until it is complete."],
  origin: ["Made for ward."],
};

const inkOf = ({ samples }: Picture): number => samples.reduce((sum, sample) => sum + sample, 0);

it("is as wide as 1024, as tall as its text, and the same for the same text", () => {
  const picture = noticePicture(text);
  expect([picture.width, picture.height]).toEqual([1024, 768]);
  expect(picture.samples).toHaveLength(1024 * 768);
  expect(noticePicture({ ...text })).toEqual(picture);
  const longer = noticePicture({ ...text, reasons: Array(12).fill(text.reasons[0]!) });
  expect(longer.height).toBeGreaterThan(1024);
});

it("shows every character that a notice may have, and says that it cannot show others", () => {
  const blank = inkOf(noticePicture({ ...text, listed: [""] }));
  const codes = [...Array(0xff + 1).keys()].filter(
    (code) => (code > 0x20 && code < 0x7f) || (code > 0xa0 && code !== 0xad),
  );
  for (const code of codes)
    expect(inkOf(noticePicture({ ...text, listed: [String.fromCharCode(code)] }))).toBeGreaterThan(blank);
  expect(noticePicture({ ...text, listed: ["\u6f22"] })).toEqual(noticePicture({ ...text, listed: ["?"] }));
});

it("breaks lines between words, and words where they are longer than a line; nothing leaves the frame", () => {
  const { width, height, samples } = noticePicture({ ...text, listed: ["W".repeat(64), "a ".repeat(200)] });
  for (let y = 240; y < height - 6; y++)
    for (let x = 6; x < width; x++)
      if ((x < 50 || x > width - 50) && x < width - 6) expect(samples[y * width + x]).toBe(0);
});

it("is bounded whatever it is given", () => {
  const { height } = noticePicture({ ...text, reasons: Array(5_000).fill("x ".repeat(300)) });
  expect(height).toBe(4_096);
});

it("every heading fits its band, and each of its letters is drawn", () => {
  const dark = ({ width, samples }: Picture, x0: number): number => {
    let sum = 0;
    for (let y = 100; y < 232; y++)
      for (let x = x0; x < width - 6; x++) if (samples[y * width + x]! < 128) sum++;
    return sum;
  };
  const headings: Record<NoticeText["heading"], true> = {
    "IMAGES WITHHELD": true,
    "UNPROVEN IMAGES": true,
    "MAYBE INCOMPLETE": true,
  };
  for (const heading of Object.keys(headings) as NoticeText["heading"][]) {
    const picture = noticePicture({ ...text, heading });
    expect(dark(picture, 960)).toBe(0);
    for (const letter of new Set(heading.replaceAll(" ", "")))
      expect(dark(noticePicture({ ...text, heading: letter as NoticeText["heading"] }), 160)).toBeGreaterThan(
        0,
      );
  }
});
