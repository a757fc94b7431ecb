/** What a modality waits for: sealing one slice, with and without making it durable. */
import { readDicom } from "../src/dicom/read.ts";
import { writeToBytes } from "../src/dicom/splice.ts";
import { MemorySource } from "../src/foundation/byte-source.ts";
import { sealObject } from "../src/sealing/seal.ts";
import { OutputFolder } from "../src/site/output-folder.ts";
import { benchSite, bytesOf, originalSlices } from "./bench-site.ts";
import { type Benchmark, compare } from "./compare.ts";

export const sealing: Benchmark = {
  name: "sealing",
  about:
    "One CT slice of 0.53 MB: read, committed, signed twice (P-256) and spliced, in memory; and written durably (counter, seal and file: what `scanseal seal` does for each of many files, the counter reserved once for all).",
  async measure() {
    const { device, ports, subfolder } = await benchSite();
    const slices = originalSlices().map(bytesOf);
    const output = await OutputFolder.open(subfolder("sealing"));
    let counter = device.counter.reserve(1_000_000).first;
    let turn = 0;
    const sealNext = async (): Promise<Awaited<ReturnType<typeof sealObject>>> => {
      const original = await readDicom(new MemorySource(slices[turn++ % slices.length]!));
      return sealObject(original, device.device, ports, { nextCounter: () => counter++ });
    };
    return compare(
      [
        {
          name: "in memory",
          async run() {
            const { object, edits } = await sealNext();
            await writeToBytes(object, edits);
          },
        },
        {
          name: "durable",
          async run() {
            const seal = await sealNext();
            device.seals.keep({ sopInstanceUid: "1.2", digest: Uint8Array.of(turn & 255, turn >> 8) }, seal);
            await output.write(`1.2.${turn}`, seal.object, seal.edits);
          },
        },
      ],
      200,
    );
  },
};
