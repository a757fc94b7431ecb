/** Scenarios that need a marked object. */
import { framesOf } from "../../src/dicom/pixel-data/frames.ts";
import { pixelDataElements } from "../../src/dicom/pixel-data/pixel-data-writer.ts";
import { edited } from "./fixture.ts";
import type { ScenarioCase } from "./scenario-cases.ts";

/** Native, 16 bits a sample, and large enough for a mark. */
export const markedCases: readonly ScenarioCase[] = [
  {
    scenario: 39,
    what: "edited, then the old watermark embedded again",
    async attack({ object }) {
      const frames = (await framesOf(object))!;
      const { columns } = frames.attributes;
      const { element } = frames;
      const samples = await object.dataSource.read(element.valueOffset, element.length);
      const changed = samples.slice();
      // Samples in odd rows and columns carry nothing: with them edited, every carrier still has the bit of the old mark.
      for (let y = 41; y < 61; y += 2)
        for (let x = 41; x < 61; x += 2) changed[2 * (y * columns + x)]! ^= 0x10;
      return edited(
        new Uint8Array(await object.source.read(0, object.source.size)),
        pixelDataElements(frames, [changed]).map((put) => ({ kind: "put", element: put }) as const),
      );
    },
  },
];
