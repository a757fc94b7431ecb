/** A seeded sample of `node bench/mutations.ts`: sealed files changed in one place at a time. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { ScansealError } from "../../src/foundation/errors.ts";
import { describePeer } from "../peers.ts";
import { corpusBytes, corpusFiles, tolerancesFor, unsealable } from "./corpus-files.ts";
import { newSite, type Site } from "./fixture.ts";
import { runMutations, type Sampling } from "./mutation-run.ts";
import { SeededRandom } from "./seeded-random.ts";

const sampling: Sampling = { modify: 12, remove: 6, add: 4, frames: 3, sealBytes: 1, around: true };
const sampledFiles = 36;
/** Of a series one file is enough here. */
const seriesFile = /^(?:ct|mr|pet)-series\/[^/]+\/(?!(?:000000|inst117|I10|0001)\.dcm)/;

describePeer("corpus", "sealed corpus files", () => {
  let site: Site;
  beforeAll(() => {
    site = newSite();
  });
  afterAll(() => site.close());

  const files = corpusFiles().map(({ file }) => file);
  const sealable = files.filter((file) => !seriesFile.test(file) && !unsealable.has(file));
  const sample = new SeededRandom("mutations.test").sample(sealable, sampledFiles);

  it.each(sample)("%s: verified untouched, and each change is found and named", async (file) => {
    const result = await runMutations(site, file, corpusBytes(file), sampling, tolerancesFor(file));
    expect(result.untouched).toBeUndefined();
    expect(result.problems.map(({ text }) => text)).toEqual([]);
    expect([...result.counts.values()].reduce((a, b) => a + b, 0)).toBeGreaterThan(20);
  });

  it("says why the others are not sealed", async () => {
    const codes = new Map<string, string>();
    for (const file of unsealable.keys()) {
      const code = await site.seal(corpusBytes(file)).then(
        () => "sealed",
        (error: unknown) => (error instanceof ScansealError ? error.code : String(error)),
      );
      codes.set(file, code);
    }
    expect(codes).toEqual(unsealable);
  });
});
