import { describe, expect, it } from "vitest";
import { makeFrame } from "../../test/watermark/frames.ts";
import { keyOf, locatorKey, mark, recoveryKey } from "../../test/watermark/marking.ts";
import { nodeCrypto } from "../platform/node/crypto.ts";
import { checkStrippedFrame, type StrippedCheck, type StrippedFrame } from "./canonical-form.ts";
import type { WatermarkFacts } from "./check.ts";
import type { PlanarFrame } from "./frame.ts";
import { layoutOf, tileAt } from "./layout.ts";
import { locateChanges } from "./locate.ts";
import { recoverFrame } from "./recover.ts";

const size = { width: 160, height: 128 };

/** Stored values by `form`. */
function strip(frame: PlanarFrame, form: (stored: number) => number): StrippedFrame {
  const lowest = frame.signed ? -(2 ** (frame.bits - 1)) : 0;
  const planes = frame.planes.map((plane) => Int32Array.from(plane, (sample) => form(sample + lowest)));
  return { width: frame.width, height: frame.height, planes };
}

const check = (stripped: StrippedFrame): Promise<StrippedCheck> =>
  checkStrippedFrame(stripped, nodeCrypto, keyOf);

const ct = mark(makeFrame({ ...size, bits: 12, signed: true })).frame;
const xray = mark(makeFrame({ ...size, bits: 12 })).frame;
const mr = mark(makeFrame({ ...size, bits: 16, signed: true, kind: "gradient" })).frame;
const photo = mark(makeFrame({ ...size, bits: 8, colour: "rgb" })).frame;
const doppler = mark(makeFrame({ ...size, bits: 8, colour: "ybr" })).frame;

const forms: [string, PlanarFrame, (stored: number) => number, object][] = [
  ["stored values", xray, (v) => v, { shift: 0, offset: 0 }],
  ["signed stored values", ct, (v) => v, { shift: 0, offset: 0 }],
  ["offset by half the range", ct, (v) => v + 2048, { offset: 2048 }],
  ["offset by 32,768", ct, (v) => v + 32_768, { offset: 32_768 }],
  ["16 bits offset by 32,768", mr, (v) => v + 32_768, { offset: 32_768 }],
  ["offset by 1024", ct, (v) => v + 1024, { offset: 1024 }],
  ["Hounsfield units", xray, (v) => v - 1024, { offset: -1024 }],
  ["two's complement of 12 bits", ct, (v) => v & 4095, { twosComplementBits: 12 }],
  ["two's complement of 16 bits", ct, (v) => v & 65_535, { twosComplementBits: 16 }],
  ["16 bits as two's complement", mr, (v) => v & 65_535, { twosComplementBits: 16 }],
  ["in the highest bits", xray, (v) => v << 4, { shift: 4, droppedBits: "zeros" }],
  ["bits repeated", xray, (v) => (v << 4) | (v >> 8), { shift: 4, droppedBits: "replicated" }],
  ["scaled", xray, (v) => Math.round((v * 65_535) / 4095), { shift: 4, droppedBits: "scaled" }],
  ["offset, in the highest bits", ct, (v) => (v + 2048) << 4, { shift: 4, offset: 2048 }],
  ["8 bits as 16", photo, (v) => v * 257, { shift: 8, droppedBits: "replicated", colour: "rgb" }],
  ["RGB", photo, (v) => v, { colour: "rgb" }],
  ["YBR", doppler, (v) => v, { colour: "ybr" }],
];

describe("checkStrippedFrame", () => {
  it.each(forms)("%s", async (_, frame, form, transform) => {
    const stripped = strip(frame, form);
    const found = await check(stripped);
    expect(found.facts).toMatchObject({ found: true, intact: true });
    expect(found.transform).toMatchObject(transform);
    expect(found.mark!.frame).toEqual(frame);
  });

  it.each(forms)("%s, changed in one sample", async (_, frame, form) => {
    const stripped = strip(frame, form);
    const sample = 77 * size.width + 99;
    const step = stripped.planes[0]!.every((value) => (value & 15) === 0) ? 16 : 1;
    stripped.planes[0]![sample]! += stripped.planes[0]![sample]! < 2000 ? step : -step;
    const found = await check(stripped);
    expect(found.facts).toMatchObject({ found: true, intact: false, signature: "valid" });
    const layout = layoutOf(size.width, size.height, frame.colour)!;
    const { tiles } = locateChanges(found.mark!, nodeCrypto, { locatorKey });
    expect(tiles.map(({ index }) => index)).toEqual([tileAt(layout, sample)]);
  });

  it("takes no bit for granted: a change below the sample or beyond its range is seen", async () => {
    const aligned = strip(xray, (v) => v << 4);
    aligned.planes[0]![500]! |= 3;
    expect((await check(aligned)).facts).toMatchObject({ intact: false, outOfRange: 1, rootMatches: true });
    const burnedIn = strip(xray, (v) => v);
    burnedIn.planes[0]!.fill(65_535, 3010, 3020);
    const found = await check(burnedIn);
    expect(found.facts).toMatchObject({ intact: false, outOfRange: 10 });
    expect((found.facts as WatermarkFacts).damagedSuperblocks).toHaveLength(1);
    const wrapped = strip(mr, (v) => v + 32_768);
    wrapped.planes[0]![0]! += 65_536;
    expect((await check(wrapped)).facts).toMatchObject({ intact: false, outOfRange: 1 });
  });

  it("gives the original back", async () => {
    const original = makeFrame({ ...size, bits: 12, signed: true });
    const marked = mark(original);
    const found = await check(strip(marked.frame, (v) => v + 1024));
    const recovered = recoverFrame(found.mark!, nodeCrypto, { recoveryKey, sidecar: marked.sidecar });
    expect(recovered.frame).toEqual(original);
  });

  it("finds nothing where nothing is", async () => {
    const plain = strip(makeFrame({ ...size, bits: 12 }), (v) => v);
    expect(await check(plain)).toEqual({ facts: { found: false, reason: "unreadable" } });
    const lossy = strip(xray, (v) => Math.floor(v / 16));
    expect(await check(lossy)).toEqual({ facts: { found: false, reason: "unreadable" } });
    const tiny = strip(makeFrame({ width: 16, height: 16, bits: 8 }), (v) => v);
    expect(await check(tiny)).toEqual({ facts: { found: false, reason: "geometry" } });
    const { planes } = plain;
    await expect(check({ width: 10, height: 10, planes })).rejects.toMatchObject({ code: "usage" });
  });
});
