/** Differential reading on a sample of the corpus; `node bench/differential-reading.ts` does all of it. */
import { join } from "node:path";
import { expect, it } from "vitest";
import { ScansealError } from "../../src/foundation/errors.ts";
import { describePeer, peerPath } from "../peers.ts";
import { explanationOf } from "./explained-differences.ts";
import {
  type CorpusFile,
  type Difference,
  dcmdumpReading,
  differences,
  isIdentity,
  type PeerElement,
  pydicomReadings,
  type Reading,
  readTolerantly,
  refusedFiles,
  wellFormedFiles,
} from "./peer-readings.ts";

/** All that is odd, and of every series a slice. */
function sampled(files: readonly CorpusFile[]): CorpusFile[] {
  const series = /^(ct|mr|pet)-series|^tampered/;
  let turn = 0;
  return files.filter(({ file }) => !series.test(file) || turn++ % 24 === 0);
}

async function readOrFail(file: CorpusFile): Promise<Reading> {
  const reading = await readTolerantly(file);
  if (reading instanceof ScansealError) throw reading;
  return reading;
}

function unexplained(peer: string, { file }: CorpusFile, found: readonly Difference[]): string[] {
  return found
    .filter((difference) => explanationOf(file, peer, difference) === undefined)
    .map(({ kind, where }) => `${file} ${where} ${kind}`);
}

function compared(
  ours: Reading["object"]["elements"],
  theirs: readonly PeerElement[] | string,
  data: Uint8Array,
): Difference[] {
  return typeof theirs === "string"
    ? [{ kind: `refused: ${theirs}`, where: "" }]
    : differences(ours, theirs, data);
}

describePeer("corpus", "the corpus", () => {
  const all = wellFormedFiles();
  const files = sampled(all).filter(({ file }) => !refusedFiles.has(file));
  const paths = files.map(({ file }) => join(peerPath("corpus"), file));

  it("is read whole, and written without edits byte for byte", async () => {
    expect(files.length).toBeGreaterThan(100);
    for (const file of files) expect(await isIdentity(await readOrFail(file)), file.file).toBe(true);
  });

  it.each([...refusedFiles])("%s is refused for its reason", async (file, { code }) => {
    expect(await readTolerantly({ file, transferSyntaxUid: "" })).toMatchObject({ code });
  });

  describePeer("pydicom", "against pydicom", () => {
    it("has the same tags, VRs, lengths, values and items", async () => {
      const wrong: string[] = [];
      for (const [i, theirs] of pydicomReadings(paths).entries()) {
        const { object } = await readOrFail(files[i]!);
        const data = await object.dataSource.read(0, object.dataSource.size);
        wrong.push(...unexplained("pydicom", files[i]!, compared(object.elements, theirs, data)));
      }
      expect(wrong).toEqual([]);
    });
  });

  describePeer("dcmdump", "against dcmdump", () => {
    it("has the same tags, VRs, lengths, values, items and fragments, group 0002 included", async () => {
      const wrong: string[] = [];
      for (const [i, file] of files.entries()) {
        const { object } = await readOrFail(file);
        const data = await object.dataSource.read(0, object.dataSource.size);
        const head = await object.source.read(0, object.metaEnd);
        const theirs = dcmdumpReading(paths[i]!);
        const part = (meta: boolean): PeerElement[] | string =>
          typeof theirs === "string" ? theirs : theirs.filter(({ tag }) => (tag >>> 16 === 2) === meta);
        wrong.push(...unexplained("dcmdump", file, compared(object.elements, part(false), data)));
        wrong.push(...unexplained("dcmdump", file, compared(object.meta, part(true), head)));
      }
      expect(wrong).toEqual([]);
    });
  });
});
