/** Headers of CT slices: ours, dcmdump and pydicom, in turns. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readDicom } from "../src/dicom/read.ts";
import { MemorySource } from "../src/foundation/byte-source.ts";
import { openFileSource } from "../src/platform/node/file-source.ts";
import { wellFormedFiles } from "../test/interop/peer-readings.ts";
import { peerPath } from "../test/peers.ts";
import { type Benchmark, type Candidate, compare } from "./compare.ts";

const slices = 400;

/** One process for all files; it leaves pixel data out, as ours does. */
const pydicomScript = `
import sys, pydicom
for path in sys.stdin.read().split("\\n"):
    pydicom.dcmread(path, stop_before_pixels=True)
`;

function candidates(): Candidate[] {
  const series = wellFormedFiles().filter(({ file }) => file.startsWith("ct-series/"));
  const paths = Array.from({ length: slices }, (_, i) =>
    join(peerPath("corpus"), series[i % series.length]!.file),
  );
  const loaded = new Map(paths.map((path) => [path, new Uint8Array(readFileSync(path))]));
  return [
    {
      name: "ours, from files",
      run: async () => {
        for (const path of paths) {
          const source = await openFileSource(path);
          await readDicom(source);
          await source.close();
        }
      },
    },
    {
      name: "ours, from memory",
      run: async () => {
        for (const path of paths) await readDicom(new MemorySource(loaded.get(path)!));
      },
    },
    {
      name: "dcmdump -M, one process (prints what it reads)",
      run: () => spawnSync(peerPath("dcmdump"), ["-q", "-M", ...paths], { stdio: "ignore" }),
    },
    {
      name: "pydicom, one process (0.1 to 0.2 s of it to start)",
      run: () => spawnSync(peerPath("pydicom"), ["-c", pydicomScript], { input: paths.join("\n") }),
    },
  ];
}

export const reading: Benchmark = {
  name: "reading",
  about: `Headers of ${slices} CT slices of 0.53 MB (56 files of the corpus in turn, page cache warm), strictly checked; pixel data is left out. Ratios are speeds relative to ours from files.`,
  measure: () => compare(candidates(), 9),
};
