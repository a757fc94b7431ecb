/** Restored from an old copy, damaged, or taken by another: then the log is read-only, and says why. */
import { describe, expect, it } from "vitest";
import { Sequencer } from "../../src/provenance/transparency-log/sequencer/sequencer.ts";
import { hasher, origin, sampleEntry } from "./memory-log.ts";
import { auditLog, localWitness, memoryWitnessMemory, partsOf } from "./sequencer-fixture.ts";
import { Power, SimulatedLogFiles, SimulatedLogJournal } from "./simulated-log.ts";

const power = new Power();
const entries = (from: number, count: number) =>
  Array.from({ length: count }, (_, n) => sampleEntry(from + n));

async function grownLog(count: number, memory = memoryWitnessMemory()) {
  const journal = new SimulatedLogJournal(power);
  await journal.create(origin, hasher.empty());
  const files = new SimulatedLogFiles(power);
  const witnesses = [localWitness(memory)];
  const sequencer = await Sequencer.open(partsOf(journal, files, witnesses));
  await sequencer.append(entries(0, count));
  await sequencer.publish();
  return { journal, files, witnesses, sequencer };
}

async function problemOf(...parts: Parameters<typeof partsOf>): Promise<string> {
  const sequencer = await Sequencer.open(partsOf(...parts));
  if (sequencer.problem)
    await expect(sequencer.append(entries(0, 1))).rejects.toMatchObject({ code: "log-conflict" });
  const size = sequencer.size;
  await sequencer.publish();
  expect(sequencer.size).toBe(size);
  return sequencer.problem?.message ?? "";
}

describe("an old copy", () => {
  it("of the journal is found by what is published", async () => {
    const { journal, files, sequencer } = await grownLog(300);
    const old = journal.copy(power);
    await sequencer.append(entries(300, 300));
    await sequencer.publish();
    expect(await problemOf(old, files)).toContain("larger than the journal's");
  });

  it("of the tiles is found by the journal", async () => {
    const { journal, files, sequencer } = await grownLog(300);
    const old = files.copy(power);
    await sequencer.append(entries(300, 300));
    await sequencer.publish();
    expect(await problemOf(journal, old)).toContain("missing");
  });

  it("of everything is found by a witness, before anything is signed", async () => {
    const { journal, files, sequencer, witnesses } = await grownLog(300);
    const old = [journal.copy(power), files.copy(power)] as const;
    await sequencer.append(entries(300, 300));
    await sequencer.publish();
    expect(await problemOf(...old, witnesses)).toContain("a witness has cosigned a larger log");
    // Without one it cannot be known: that is what the policy says of zero witnesses.
    expect(await problemOf(...old)).toBe("");
  });

  it("of an empty log too", async () => {
    const { witnesses } = await grownLog(300);
    const journal = new SimulatedLogJournal(power);
    await journal.create(origin, hasher.empty());
    expect(await problemOf(journal, new SimulatedLogFiles(power), witnesses)).toContain("larger log");
  });

  it("that grew on its own is a split view, which a witness does not cosign", async () => {
    const { journal, files, sequencer, witnesses } = await grownLog(300);
    const other = [journal.copy(power), files.copy(power)] as const;
    const split = await Sequencer.open(partsOf(...other, witnesses));
    await sequencer.append(entries(300, 10));
    await sequencer.publish();
    await split.append(entries(5000, 10));
    await split.publish();
    expect(split.problem?.message).toContain("a witness has cosigned another log of this size");
    expect(await auditLog(other[1], [], new Map(), partsOf(...other, witnesses).policy)).toBe(300);
  });
});

describe("damage", () => {
  it("of any file of the right edge makes the log read-only, and of the published checkpoint too", async () => {
    const { journal, files } = await grownLog(600);
    const edge = ["tile/0/002.p/88", "tile/1/000.p/2", "tile/entries/002.p/88", "checkpoint"];
    for (const path of edge) {
      const copy = files.copy(power);
      copy.damage(path, (bytes) => bytes.map((byte, at) => (at === 60 ? byte ^ 1 : byte)));
      expect(await problemOf(journal.copy(power), copy), path).not.toBe("");
      const shorter = files.copy(power);
      shorter.damage(path, (bytes) => bytes.slice(0, -1));
      expect(await problemOf(journal.copy(power), shorter), path).not.toBe("");
    }
  });

  it("a tile that is there with other bytes is never written over", async () => {
    const { journal, files, sequencer } = await grownLog(10);
    // Somebody runs a copy of the journal on the same tiles.
    const twin = await Sequencer.open(partsOf(journal.copy(power), files));
    await twin.append(entries(900, 1));
    await twin.publish();
    await sequencer.append(entries(800, 1));
    await sequencer.publish();
    expect(sequencer.problem?.message).toContain("tiles never change");
    expect(await auditLog(files, [], new Map())).toBe(11);
  });
});

describe("two sequencers on one journal", () => {
  it("the one that started last has the log; the other neither appends nor publishes", async () => {
    const { journal, files, sequencer } = await grownLog(10);
    await sequencer.append(entries(10, 5));
    const second = await Sequencer.open(partsOf(journal, files));
    await expect(sequencer.append(entries(15, 1))).rejects.toMatchObject({ code: "log-conflict" });
    await sequencer.publish();
    expect(sequencer.problem).toBeDefined();
    expect(await second.append(entries(15, 5))).toBe(15);
    await second.publish();
    expect(await auditLog(files, [], new Map())).toBe(20);
  });
});
