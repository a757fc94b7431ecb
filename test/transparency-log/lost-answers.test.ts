/** A journal and a disk that fail now and then, before or after they did what they were asked: the log goes on by itself. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex } from "../../src/foundation/bytes.ts";
import { ScansealError } from "../../src/foundation/errors.ts";
import type { LogFiles } from "../../src/provenance/transparency-log/sequencer/log-files.ts";
import { Sequencer } from "../../src/provenance/transparency-log/sequencer/sequencer.ts";
import type { LogJournal } from "../../src/store/log-journal/log-journal.ts";
import { randomOf } from "../simulation/simulated-disk.ts";
import { hasher, origin, sampleEntry } from "./memory-log.ts";
import { auditLog, partsOf } from "./sequencer-fixture.ts";
import { Power, SimulatedLogFiles, SimulatedLogJournal } from "./simulated-log.ts";

/** Every method of it, failing with that likelihood, half of the times after it had its effect. */
function failing<T extends object>(real: T, random: () => number, likelihood: () => number): T {
  return new Proxy(real, {
    get: (target, name) => {
      const method = Reflect.get(target, name) as (...args: unknown[]) => Promise<unknown>;
      return async (...args: unknown[]) => {
        const isFailing = random() < likelihood();
        const isLate = random() < 0.5;
        if (isFailing && !isLate) throw new ScansealError("io", "failed before");
        const result = await method.apply(target, args);
        if (isFailing) throw new ScansealError("io", "failed afterwards");
        return result;
      };
    },
  });
}

describe("a log whose journal and disk fail now and then", () => {
  it("loses nothing it acknowledged, forks nothing, and is never read-only for it", {
    timeout: 300_000,
  }, async () => {
    let failures = 0;
    const property = fc.asyncProperty(fc.nat(), async (seed) => {
      const random = randomOf(seed);
      let likelihood = 0;
      const realFiles = new SimulatedLogFiles(new Power());
      const realJournal = new SimulatedLogJournal(new Power());
      await realJournal.create(origin, hasher.empty());
      const files: LogFiles = failing<LogFiles>(realFiles, random, () => likelihood / 8);
      const journal: LogJournal = failing<LogJournal>(realJournal, random, () => likelihood);
      const sequencer = await Sequencer.open(partsOf(journal, files));
      const acknowledged = new Map<string, number>();
      const seen: Uint8Array[] = [];
      likelihood = 0.3;
      for (let n = 0; n < 60; n++) {
        const entries = Array.from({ length: 1 + Math.floor(random() * 20) }, (_, i) =>
          sampleEntry(n * 20 + i),
        );
        const first = await sequencer.append(entries).catch((error: unknown) => {
          expect(error).toMatchObject({ code: "io" });
          failures++;
          return undefined;
        });
        if (first !== undefined)
          entries.forEach((entry, i) => void acknowledged.set(toHex(entry), first + i));
        if (random() < 0.4) await sequencer.publish().catch(() => void failures++);
        if (sequencer.published) seen.push(sequencer.published);
      }
      expect(sequencer.problem).toBeUndefined();
      likelihood = 0;
      // The first one takes up what the journal had not answered for.
      await sequencer.append([sampleEntry(99_999)]);
      for (let tries = 0; tries < 3; tries++) await sequencer.publish().catch(() => undefined);
      expect(sequencer.problem).toBeUndefined();
      expect(await auditLog(realFiles, seen, acknowledged)).toBe(sequencer.size);
    });
    await fc.assert(property, { numRuns: 60, seed: 20_260_201 });
    expect(failures).toBeGreaterThan(300);
  });
});
