/** Witnesses that do not answer: the quorum publishes without them, and what they say later still counts. */
import { describe, expect, it } from "vitest";
import { parseCheckpoint } from "../../src/provenance/transparency-log/proof/checkpoint.ts";
import type { WitnessAnswer } from "../../src/provenance/transparency-log/proof/witness-request.ts";
import { Sequencer } from "../../src/provenance/transparency-log/sequencer/sequencer.ts";
import type { Witness } from "../../src/provenance/transparency-log/sequencer/witness-client.ts";
import { bothWitnesses, hasher, origin, policyOf, sampleEntry, witnessA, witnessB } from "./memory-log.ts";
import { localWitness, memoryWitnessMemory, partsOf } from "./sequencer-fixture.ts";
import { Power, SimulatedLogFiles, SimulatedLogJournal } from "./simulated-log.ts";

/** Answers until it falls silent; then each question waits for what it is told to say. */
class SilentWitness implements Witness {
  readonly key = witnessB.key;
  readonly waiting: ((answer: WitnessAnswer | undefined) => void)[] = [];
  isSilent = false;
  readonly #real = localWitness(memoryWitnessMemory(), witnessB);

  async ask(request: Uint8Array): Promise<WitnessAnswer> {
    if (!this.isSilent) return this.#real.ask(request);
    const said = await new Promise<WitnessAnswer | undefined>((resolve) => this.waiting.push(resolve));
    return said ?? this.#real.ask(request);
  }
}

async function logWith(quorum: string) {
  const power = new Power();
  const journal = new SimulatedLogJournal(power);
  await journal.create(origin, hasher.empty());
  const silent = new SilentWitness();
  const witnesses = [localWitness(memoryWitnessMemory(), witnessA), silent];
  const policy = policyOf([...bothWitnesses.slice(0, 3), `group some ${quorum} a b`, "quorum some"]);
  const parts = { ...partsOf(journal, new SimulatedLogFiles(power), witnesses), policy };
  const sequencer = await Sequencer.open(parts);
  const grow = async (n: number): Promise<void> => {
    await sequencer.append([sampleEntry(n)]);
    await sequencer.publish();
  };
  const published = () => {
    const { size, note } = parseCheckpoint(sequencer.published!);
    return { size, signers: note.signatures.map(({ name }) => name) };
  };
  return { sequencer, silent, grow, published };
}

describe("a witness that does not answer", () => {
  it("is not waited for when the quorum has cosigned, and asked one question at a time", async () => {
    const { silent, grow, published } = await logWith("any");
    await grow(0);
    expect(published()).toEqual({ size: 1, signers: [origin, "witness-a.example", "witness-b.example"] });
    silent.isSilent = true;
    for (const n of [1, 2, 3]) await grow(n);
    expect(published()).toEqual({ size: 4, signers: [origin, "witness-a.example"] });
    expect(silent.waiting).toHaveLength(1);
    // Back again, it is told of the newest alone, and cosigns what comes.
    silent.isSilent = false;
    silent.waiting[0]!(undefined);
    await grow(4);
    expect(published()).toEqual({ size: 5, signers: [origin, "witness-a.example", "witness-b.example"] });
  });

  it("is waited for when the quorum needs it", async () => {
    const { silent, sequencer, grow, published } = await logWith("all");
    await grow(0);
    silent.isSilent = true;
    await sequencer.append([sampleEntry(1)]);
    const publishing = sequencer.publish();
    while (silent.waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(published().size).toBe(1);
    silent.waiting[0]!(undefined);
    await publishing;
    expect(published().size).toBe(2);
  });

  it("and then knows a larger log: the log is read-only from the next publication on", async () => {
    const { silent, sequencer, grow, published } = await logWith("any");
    silent.isSilent = true;
    await grow(0);
    await grow(1);
    silent.waiting[0]!({ kind: "size", size: 700 });
    await new Promise((resolve) => setImmediate(resolve));
    await grow(2);
    expect(sequencer.problem?.message).toContain("a witness has cosigned a larger log");
    expect(published().size).toBe(2);
    await expect(sequencer.append([sampleEntry(3)])).rejects.toMatchObject({ code: "log-conflict" });
  });
});
