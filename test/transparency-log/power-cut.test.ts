/** The log's promise: at whatever write the power is cut, no fork, no acknowledged entry lost, and the whole log is there again. */
import { describe, expect, it } from "vitest";
import { type Bytes, toHex } from "../../src/foundation/bytes.ts";
import { Sequencer } from "../../src/provenance/transparency-log/sequencer/sequencer.ts";
import { TileFolder } from "../../src/provenance/transparency-log/sequencer/tile-folder.ts";
import { hasher, origin, sampleEntry } from "./memory-log.ts";
import {
  auditLog,
  localWitness,
  memoryWitnessMemory,
  partsOf,
  witnessedPolicy,
} from "./sequencer-fixture.ts";
import { Power, SimulatedLogFiles, SimulatedLogJournal } from "./simulated-log.ts";

/** Entries of each of the rounds: below, at and above the width of a tile. */
const rounds = [3, 250, 3, 256, 60, 700];

interface World {
  files: SimulatedLogFiles;
  journal: SimulatedLogJournal;
  /** Everything that anybody could see. */
  readonly seen: Bytes[];
  readonly acknowledged: Map<string, number>;
  nextEntry: number;
}

async function newWorld(): Promise<World> {
  const power = new Power();
  const journal = new SimulatedLogJournal(power);
  await journal.create(origin, hasher.empty());
  return { files: new SimulatedLogFiles(power), journal, seen: [], acknowledged: new Map(), nextEntry: 0 };
}

/** Appends and publishes until the power goes, or all rounds are done. */
async function live(world: World, power: Power, witness = memoryWitnessMemory()): Promise<boolean> {
  const look = async (): Promise<void> => {
    const bytes = await new TileFolder(world.files).readCheckpoint();
    if (bytes) world.seen.push(bytes);
  };
  try {
    const sequencer = await Sequencer.open(partsOf(world.journal, world.files, [localWitness(witness)]));
    expect(sequencer.problem).toBeUndefined();
    for (const count of rounds) {
      const entries = Array.from({ length: count }, () => sampleEntry(world.nextEntry++));
      const halves = [entries.slice(0, count >> 1), entries.slice(count >> 1)].filter(
        (half) => half.length > 0,
      );
      const places = await Promise.all(halves.map((half) => sequencer.append(half)));
      halves.forEach((half, i) => {
        half.forEach((entry, n) => {
          world.acknowledged.set(toHex(entry), places[i]! + n);
        });
      });
      await sequencer.publish();
      await look();
    }
    await sequencer.close();
    return true;
  } catch (error) {
    if (!power.isOff) throw error;
    return false;
  }
}

function restart(world: World, power: Power, seed: number, loss: number): void {
  world.files = world.files.afterCut(power, seed, loss);
  world.journal = world.journal.copy(power);
}

async function stepsOfOneLife(): Promise<number> {
  const world = await newWorld();
  const power = new Power();
  restart(world, power, 0, 0);
  expect(await live(world, power)).toBe(true);
  return power.steps;
}

describe("a log whose power is cut", () => {
  it("at every write of one life, and again in the next", { timeout: 600_000 }, async () => {
    const steps = await stepsOfOneLife();
    expect(steps).toBeGreaterThan(200);
    let acknowledged = 0;
    for (let cut = 1; cut <= steps; cut++) {
      const world = await newWorld();
      const witness = memoryWitnessMemory();
      // Two lives that are cut, the second one somewhere in its start or its first rounds; then one that is not.
      for (const [life, at] of [cut, (cut * 7) % 60, Number.POSITIVE_INFINITY].entries()) {
        const power = new Power(at);
        restart(world, power, cut * 3 + life, [1, 0.5, 0][(cut + life) % 3]!);
        await live(world, power, witness);
      }
      const size = await auditLog(world.files, world.seen, world.acknowledged, witnessedPolicy);
      expect(size).toBeGreaterThanOrEqual(world.acknowledged.size);
      acknowledged += world.acknowledged.size;
    }
    expect(acknowledged).toBeGreaterThan(steps * 1000);
  });
});
