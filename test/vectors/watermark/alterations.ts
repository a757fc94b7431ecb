/** What the altered vectors change in a marked frame. */
import type { PlanarFrame } from "../../../src/invisible-watermark/frame.ts";
import { type Layout, layoutOf } from "../../../src/invisible-watermark/layout.ts";

type Change = readonly [plane: number, sample: number, value: number];

const byAttack: Readonly<Record<string, (frame: PlanarFrame, layout: Layout) => Change[]>> = {
  "a sample that carries nothing, by 1": (frame, layout) => [
    step(frame, layout.carrierPlane, layout.isCarrier.lastIndexOf(0)),
  ],
  "a bit of a tag": (frame, layout) => [
    step(frame, layout.carrierPlane, layout.carriers[2 * layout.carriersPerTile + 31]!),
  ],
  "a bit of a share": (frame, layout) => [
    step(frame, layout.carrierPlane, layout.carriers[3 * layout.carriersPerTile + 32]!),
  ],
  "a sample of a plane that does not carry, or the last one": (frame) => [
    step(frame, 0, frame.width * frame.height - 1),
  ],
  // Beyond the range, unless it has 16 bits.
  "the highest of 16 bits": (frame, layout) => {
    const sample = layout.isCarrier.indexOf(0, 700);
    return [[layout.carrierPlane, sample, frame.planes[layout.carrierPlane]![sample]! ^ 0x8000]];
  },
  "four rows of two tiles exchanged": (frame, layout) => {
    const [a, b] = [layout.tiles[0]!, layout.tiles[2]!];
    const samples = frame.planes[layout.carrierPlane]!;
    const changes: Change[] = [];
    for (let y = 0; y < 4; y++) {
      for (let x = 0; x < 16; x++) {
        const here = (a.y0 + y) * frame.width + a.x0 + x;
        const there = (b.y0 + y) * frame.width + b.x0 + x;
        if (samples[here] === samples[there]) continue;
        changes.push([layout.carrierPlane, here, samples[there]!]);
        changes.push([layout.carrierPlane, there, samples[here]!]);
      }
    }
    return changes;
  },
};

export const alterations: readonly string[] = Object.keys(byAttack);

export function alter(frame: PlanarFrame, attack: string): Change[] {
  return byAttack[attack]!(frame, layoutOf(frame.width, frame.height, frame.colour)!);
}

/** Up by 1 if even, else down by 1. */
function step({ planes }: PlanarFrame, plane: number, sample: number): Change {
  return [plane, sample, planes[plane]![sample]! ^ 1];
}
