/**
 * Reads every well-formed file of the corpus with our reader, dcmdump and pydicom, and prints what differs:
 * `node bench/differential-reading.ts`. A kind that is not in `explained` ends with status 1.
 */
import { join } from "node:path";
import { ScansealError } from "../src/foundation/errors.ts";
import { explanationOf } from "../test/interop/explained-differences.ts";
import {
  type Difference,
  dcmdumpReading,
  differences,
  isIdentity,
  pydicomReadings,
  readTolerantly,
  refusedFiles,
  wellFormedFiles,
} from "../test/interop/peer-readings.ts";
import { peerPath } from "../test/peers.ts";

interface Row {
  readonly file: string;
  readonly peer: string;
  readonly difference: Difference;
}

const files = wellFormedFiles();
const paths = files.map(({ file }) => join(peerPath("corpus"), file));
const pydicom = pydicomReadings(paths);
const rows: Row[] = [];
const tolerated = new Map<string, string[]>();
const refused: string[] = [];
let identical = 0;
let elements = 0;
let wrong = 0;

for (const [i, corpusFile] of files.entries()) {
  const { file } = corpusFile;
  const reading = await readTolerantly(corpusFile);
  if (reading instanceof ScansealError) {
    const known = refusedFiles.get(file);
    refused.push(
      `${file}: ${reading.code} (${known?.code === reading.code ? known.reason : "NOT EXPLAINED"})`,
    );
    if (known?.code !== reading.code) wrong++;
    continue;
  }
  for (const code of reading.tolerances) tolerated.set(code, [...(tolerated.get(code) ?? []), file]);
  if (await isIdentity(reading)) identical++;
  else console.log(`NOT IDENTICAL ${file}`);
  const { object } = reading;
  elements += object.elements.length;
  const data = await object.dataSource.read(0, object.dataSource.size);
  const add = (peer: string, found: readonly Difference[]): void =>
    void rows.push(...found.map((difference) => ({ file, peer, difference })));
  const theirs = pydicom[i]!;
  if (typeof theirs === "string") add("pydicom", [{ kind: `refused: ${theirs}`, where: "" }]);
  else add("pydicom", differences(object.elements, theirs, data));
  const dump = dcmdumpReading(paths[i]!);
  if (typeof dump === "string") add("dcmdump", [{ kind: `refused: ${dump.split("\n")[0]}`, where: "" }]);
  else {
    add(
      "dcmdump",
      differences(
        object.elements,
        dump.filter(({ tag }) => tag >>> 16 !== 2),
        data,
      ),
    );
    const head = await object.source.read(0, object.metaEnd);
    add(
      "dcmdump",
      differences(
        object.meta,
        dump.filter(({ tag }) => tag >>> 16 === 2),
        head,
      ),
    );
  }
}

console.log(
  `files ${files.length}, read ${files.length - refused.length}, top-level elements ${elements}, identity round trips ${identical}`,
);
console.log("\ntolerance | files");
for (const [code, names] of tolerated) console.log(`${code} | ${names.length}: ${names.join(", ")}`);
console.log("\nrefused whatever is tolerated");
for (const line of refused) console.log(line);

const groups = new Map<string, Row[]>();
for (const row of rows) {
  const reason = explanationOf(row.file, row.peer, row.difference) ?? "NOT EXPLAINED";
  const key = `${row.peer} | ${row.difference.kind.replace(/\d{2,}/g, "n")} | ${reason}`;
  groups.set(key, [...(groups.get(key) ?? []), row]);
}
console.log("\npeer | difference | explanation | elements | files");
for (const [key, found] of groups) {
  const names = new Set(found.map((row) => row.file));
  console.log(
    `${key} | ${found.length} | ${names.size}: ${[...names].slice(0, 4).join(", ")} e.g. ${found[0]!.difference.where}`,
  );
  if (key.endsWith("NOT EXPLAINED")) wrong += found.length;
}
process.exitCode = wrong + (files.length - refused.length - identical) > 0 ? 1 : 0;
