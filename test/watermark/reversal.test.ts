/** The original comes back bit for bit: all depths, signs and kinds of image, shapes that end oddly, both sizes of tiles. */
import { expect, it } from "vitest";
import { checkFrame } from "../../src/invisible-watermark/check.ts";
import { layoutOf } from "../../src/invisible-watermark/layout.ts";
import { recoverFrame } from "../../src/invisible-watermark/recover.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import { type FrameRequest, frameKinds, makeFrame } from "./frames.ts";
import { keyOf, mark, recoveryKey } from "./marking.ts";

/** Marked, intact, in range, restored from the marked frame and its sidecar alone. */
async function goesAndComesBack(request: FrameRequest): Promise<void> {
  const name = JSON.stringify(request);
  const original = makeFrame(request);
  const { frame, sidecar } = mark(original);
  expect(
    Math.max(...frame.planes.map((plane) => plane.reduce((a, b) => Math.max(a, b), 0))),
    name,
  ).toBeLessThan(2 ** request.bits);
  const { facts, mark: read } = await checkFrame(frame, nodeCrypto, keyOf);
  expect(facts, name).toMatchObject({ found: true, intact: true });
  const recovered = recoverFrame(read!, nodeCrypto, { recoveryKey, sidecar });
  expect(recovered.status, name).toBe("exact");
  // Not the hash alone.
  for (const [c, plane] of original.planes.entries()) {
    expect(
      Buffer.compare(Buffer.from(recovered.frame!.planes[c]!.buffer), Buffer.from(plane.buffer)),
      name,
    ).toBe(0);
  }
}

it.each([8, 9, 10, 11, 12, 13, 14, 15, 16])(
  "at %i bits, signed or not, of every kind and colour",
  async (bits) => {
    for (const kind of frameKinds) {
      for (const signed of [false, true]) {
        await goesAndComesBack({ width: 117, height: 91, bits, signed, kind, seed: bits });
      }
      for (const colour of ["rgb", "ybr"] as const) {
        await goesAndComesBack({ width: 70, height: 93, bits, colour, kind, seed: bits });
      }
    }
  },
);

/** Widths and heights whose last tiles and superblocks are cut or stretched in every way; the smallest there are, and narrow ones. */
const shapes: readonly (readonly [number, number])[] = [
  ...Array.from({ length: 17 }, (_, i) => [128 + i, 160 + ((5 * i + 3) % 16)] as const),
  [64, 64],
  [63, 64],
  [64, 500],
  [611, 66],
  [65, 64],
  // Tiles that are cut rounding down.
  [72, 72],
  [120, 121],
  [136, 136],
  [168, 152],
  [216, 216],
];

it.each(shapes)("at %i x %i", async (width, height) => {
  expect(layoutOf(width, height, "mono")).toBeDefined();
  for (const kind of ["anatomy", "noise", "white"] as const) {
    await goesAndComesBack({ width, height, bits: 12, kind, signed: width % 2 === 0 });
  }
});

it("every square from 62 samples on, and none below", () => {
  const unmarkable: number[] = [];
  for (let side = 8; side <= 1024; side++)
    if (layoutOf(side, side, "mono") === undefined) unmarkable.push(side);
  expect(unmarkable).toEqual(Array.from({ length: 54 }, (_, i) => 8 + i));
});

it("with tiles of 32 samples", async () => {
  const size = { width: 1301, height: 1187 };
  expect(layoutOf(size.width, size.height, "mono")!.tileSize).toBe(32);
  await goesAndComesBack({ ...size, bits: 14 });
  await goesAndComesBack({ ...size, bits: 8, colour: "rgb" });
});
