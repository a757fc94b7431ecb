import { describe, expect, it } from "vitest";
import { fromBase64 } from "../../../foundation/bytes.ts";
import { readPng } from "../../../platform/node/png.ts";
import { cropAround, encodePng, renderWindowed, zoomed } from "../../rendering/grey-image.ts";
import { renderDemoPage } from "./demo-page.ts";
import type { DemoReport } from "./demo-report.ts";

const hostile = `<script>alert(1)</script> "quoted" 'single' & \u202Egnp.exe\u2066 \u200B\u0000`;
const grey = { rows: 2, columns: 3, grey: Uint8Array.of(0, 50, 100, 150, 200, 255) };
const picture = { caption: hostile, png: encodePng(grey) };

/** Every text of a report is somebody else's. */
const report: DemoReport = {
  title: hostile,
  subject: hostile,
  generatedAt: hostile,
  device: hostile,
  assurance: hostile,
  gate: { address: hostile, sent: 3, passed: 1, held: 1, hereAlready: 1, arrived: 1, asSealed: 1 },
  exhibits: [
    {
      title: hostile,
      attack: hostile,
      original: [picture],
      forged: [picture],
      where: [picture],
      answer: "held",
      verdict: "altered",
      findings: [{ code: hostile, message: hostile, where: hostile, detail: hostile }],
    },
  ],
  roundTrips: [{ operation: hostile, answer: "here already", verdict: "verified", note: hostile }],
};

describe("the demonstration's page", () => {
  const page = renderDemoPage(report);
  const elements = [...page.matchAll(/<([a-z][a-z0-9]*)([^>]*)>/gi)];

  it("shows the text of strangers as text", () => {
    expect(elements.map(([, name]) => name?.toLowerCase())).not.toContain("script");
    expect(page).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
    // A quotation mark would end the attribute it stands in.
    for (const [, , attributes] of elements) expect(attributes).not.toMatch(/\son\w+\s*=|quoted" /);
    expect(page).toContain("&quot;quoted&quot; &#39;single&#39; &amp; ");
  });

  it("lets no invisible character through, and says that there was one", () => {
    expect(page).not.toMatch(/[\u202A-\u202E\u2066-\u2069\u200B-\u200F\u0000]/);
    expect(page).toContain("&lt;U+202E&gt;");
  });

  it("refers to nothing outside itself", () => {
    const references = elements.flatMap(([, , attributes]) =>
      [...(attributes ?? "").matchAll(/\b(?:src|href|action|data|poster|srcset)="([^"]*)"/g)].map(
        ([, url]) => url,
      ),
    );
    expect(references).toHaveLength(3);
    for (const url of references) expect(url).toMatch(/^data:image\/png;base64,[A-Za-z0-9+/]+=*$/);
    expect(page).not.toMatch(/url\(|@import|https?:|<link|<base|<iframe/i);
    expect(page).toContain("default-src 'none'");
  });

  it("says each verdict in a word, not in a colour alone", () => {
    expect(page).toMatch(/class="badge bad">\S altered</);
    expect(page).toMatch(/class="badge good">\S verified</);
  });

  it("carries its pictures unchanged", () => {
    const [, first] = /src="data:image\/png;base64,([^"]*)"/.exec(page) ?? [];
    expect(fromBase64(first ?? "")).toEqual(picture.png);
  });
});

describe("grey pictures", () => {
  it("windows as PS3.3 C.11.2.1.2.1: below, within, above", () => {
    const samples = Int16Array.of(-1000, 0, 40, 80, 3000, 240);
    const image = renderWindowed(samples, 2, 3, 40, 400);
    // y = ((x - (c - 0.5)) / (w - 1) + 0.5) * 255
    const expected = [0, 102, 128, 153, 255, 255];
    expect([...image.grey]).toEqual(expected);
    // The half in the formula: a window of 128 around 64 begins at 0 and ends at 127.
    expect([...renderWindowed([0, 1, 126, 127], 2, 2, 64, 128).grey]).toEqual([0, 2, 253, 255]);
    expect([...renderWindowed(samples, 2, 3, 40, 400, { inverted: true }).grey]).toEqual(
      expected.map((v) => 255 - v),
    );
    const stored = samples.map((v) => v + 1024);
    expect(renderWindowed(stored, 2, 3, 40, 400, { intercept: -1024 }).grey).toEqual(image.grey);
  });

  it("refuses sizes that do not fit the samples", () => {
    const refused = expect.objectContaining({ code: "usage" });
    for (const [rows, columns] of [
      [0, 3],
      [2, 4],
      [-2, -3],
      [1.5, 4],
      [65535, 65535],
    ] as const) {
      expect(() => renderWindowed(new Int16Array(6), rows, columns, 40, 400)).toThrow(refused);
    }
    expect(() => renderWindowed(new Int16Array(6), 2, 3, 40, 0)).toThrow(refused);
  });

  it("keeps a crop within the image, and enlarges what it shows", () => {
    const image = renderWindowed(new Int16Array(64 * 48).fill(40), 64, 48, 40, 400);
    expect(cropAround(image, 0, 47, 16)).toEqual({ row: 0, column: 32, rows: 16, columns: 16 });
    expect(cropAround(image, 32, 24, 100)).toEqual({ row: 0, column: 0, rows: 64, columns: 48 });
    const large = zoomed(image, cropAround(image, 0, 47, 16), 3);
    expect([large.rows, large.columns]).toEqual([48, 48]);
    expect(new Set(large.grey)).toEqual(new Set([128]));
  });

  it("writes PNG that decodes to the same samples", () => {
    const image = { width: 3, height: 2, depth: 8, channels: 1, samples: grey.grey };
    expect(readPng(encodePng(grey))).toEqual(image);
  });
});
