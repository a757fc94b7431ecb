import { describe, expect, it } from "vitest";
import { BoundedSource } from "../../test/dicom/drivers.ts";
import { chunkBytes, MemorySource } from "../foundation/byte-source.ts";
import { type Bytes, concatBytes } from "../foundation/bytes.ts";
import { feedPlan, type PlanStep, planLength, swapped } from "./byte-plan.ts";

async function fed(plan: readonly PlanStep[], bytes: Bytes, memory: boolean): Promise<Bytes> {
  const parts: Bytes[] = [];
  const source = memory ? new MemorySource(bytes) : new BoundedSource(bytes, chunkBytes);
  await feedPlan(plan, source, (piece) => void parts.push(piece.slice()));
  return concatBytes(parts);
}

describe("byte plans", () => {
  it("reverse the order of numbers by width, and leave a remainder", () => {
    expect([...swapped(Uint8Array.of(1, 2, 3, 4, 5), 2)]).toEqual([2, 1, 4, 3, 5]);
    expect([...swapped(Uint8Array.of(1, 2, 3, 4), 4)]).toEqual([4, 3, 2, 1]);
    expect([...swapped(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), 8)]).toEqual([8, 7, 6, 5, 4, 3, 2, 1]);
  });

  it("give literals and ranges in turn, from memory or in pieces of bounded size", async () => {
    const bytes = Uint8Array.from({ length: 2 * chunkBytes + 6 }, (_, i) => i & 255);
    const plan: PlanStep[] = [
      Uint8Array.of(7, 7),
      { offset: 1, length: 2 * chunkBytes + 4, swap: 2 },
      { offset: 3, length: 0, swap: 1 },
      { offset: 0, length: 3, swap: 1 },
    ];
    const expected = concatBytes([
      Uint8Array.of(7, 7),
      swapped(bytes.subarray(1, 2 * chunkBytes + 5), 2),
      bytes.subarray(0, 3),
    ]);
    expect(planLength(plan)).toBe(expected.length);
    for (const memory of [true, false]) {
      expect(Buffer.compare(await fed(plan, bytes, memory), expected)).toBe(0);
    }
  });
});
