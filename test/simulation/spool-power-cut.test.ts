/** The spool's promise, by model and fault: what was acknowledged is there after any power cut, with exactly its bytes. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DiskCall, FaultPlan } from "./simulated-disk.ts";
import { type LifePlan, type RecordPlan, SpoolModel } from "./spool-model.ts";

/** Of each of the two properties; about 15 ms each on an idle machine. SCANSEAL_SPOOL_RUNS=20000 takes ten minutes. */
const runs = Number(process.env.SCANSEAL_SPOOL_RUNS ?? 400);

const sizes: fc.Arbitrary<number> = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 9000 }) },
  { weight: 2, arbitrary: fc.integer({ min: 100_000, max: 140_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 200_000, max: 500_000 }) },
);

const record: fc.Arbitrary<RecordPlan> = fc.record({
  bytes: sizes,
  pieceBytes: fc.constantFrom(1000, 4096, 16_384, 131_072, 600_000),
  headerBytes: fc.constantFrom(20, 500, 5000, 65_536),
  fate: fc.oneof(
    { weight: 3, arbitrary: fc.constant<RecordPlan["fate"]>("keep") },
    { weight: 6, arbitrary: fc.constant<RecordPlan["fate"]>("release") },
    { weight: 1, arbitrary: fc.constantFrom<RecordPlan["fate"][]>("discard", "abandon") },
  ),
});

const faults: fc.Arbitrary<FaultPlan> = fc.record({
  calls: fc.uniqueArray(
    fc.constantFrom<DiskCall[]>(
      "write",
      "writeThrough",
      "datasync",
      "create",
      "unlink",
      "syncFolder",
      "open",
    ),
    {
      minLength: 1,
      maxLength: 3,
    },
  ),
  first: fc.integer({ min: 1, max: 30 }),
  every: fc.constantFrom(1, 2, 7, 1000),
  code: fc.constantFrom("io", "storage-full"),
});

function livesWith(faultPlans: fc.Arbitrary<FaultPlan | undefined>): fc.Arbitrary<LifePlan[]> {
  const life = fc.record({
    writers: fc.array(fc.array(record, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 4 }),
    steps: fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 400 })),
    seed: fc.nat(),
    loss: fc.constantFrom(0, 0.02, 0.5, 1),
    faults: faultPlans,
  });
  return fc.array(life, { minLength: 1, maxLength: 3 });
}

async function check(lives: fc.Arbitrary<LifePlan[]>, seed: number): Promise<SpoolModel> {
  const all = new SpoolModel();
  const property = fc.asyncProperty(lives, async (plans) => {
    const model = new SpoolModel();
    for (const plan of plans) await model.live(plan);
    all.acknowledged += model.acknowledged;
    all.refused += model.refused;
    all.recovered += model.recovered;
  });
  await fc.assert(property, { numRuns: runs, seed });
  return all;
}

describe("spool on a disk that loses its power", () => {
  it("keeps every acknowledged record and invents none", { timeout: 3_600_000 }, async () => {
    const { acknowledged, recovered } = await check(livesWith(fc.constant(undefined)), 20_260_101);
    // The runs must have had something to lose.
    expect(acknowledged).toBeGreaterThan(runs);
    expect(recovered).toBeGreaterThan(runs);
  });

  it("also when the disk is full, fails, or cannot be synced", { timeout: 3_600_000 }, async () => {
    const { acknowledged, refused } = await check(livesWith(faults), 20_260_102);
    expect(acknowledged).toBeGreaterThan(runs / 2);
    expect(refused).toBeGreaterThan(runs / 2);
  });
});
