/**
 * Closing a series of 300 CT slices (512 x 512, 12 bits in 16), checking a folder of it, and writing and checking its Key Object.
 * Checking verifies every slice; what completeness itself costs is told apart. Medians of seven runs.
 *
 *   node bench/series-closing.ts [SLICES]
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { textElement } from "../src/dicom/encode.ts";
import { readDicom } from "../src/dicom/read.ts";
import { writeToBytes } from "../src/dicom/splice.ts";
import { tags } from "../src/dicom/tags.ts";
import { MemorySource } from "../src/foundation/byte-source.ts";
import { enrolLocally } from "../src/keys/custody/local-enrolment.ts";
import { generateChestSeries } from "../src/phantom/chest-ct.ts";
import { nodeRandom } from "../src/platform/node/crypto.ts";
import { openDeviceSealing } from "../src/site/device-sealing.ts";
import { createHome } from "../src/site/home.ts";
import { OutputFolder } from "../src/site/output-folder.ts";
import { writeKeyObject } from "../src/site/provenance/key-object-run.ts";
import { recordLookup } from "../src/site/provenance/record-lookup.ts";
import { closeSeries } from "../src/site/provenance/series-run.ts";
import { checkSeriesOf } from "../src/site/provenance/series-verification.ts";
import { sealFile } from "../src/site/sealing-run.ts";
import { type FileOutcome, FileVerifier } from "../src/site/verification.ts";
import type { ProvenanceJournal } from "../src/store/provenance/provenance-journal.ts";

const slices = Number(process.argv[2] ?? 300);
const runs = 7;
const folder = mkdtempSync(join(tmpdir(), "scanseal-closing-"));
const rows: string[] = [];

async function median<T>(name: string, body: () => Promise<T>): Promise<T> {
  const times: number[] = [];
  let last: T | undefined;
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    last = await body();
    times.push(performance.now() - start);
  }
  const [middle = 0] = times.sort((a, b) => a - b).slice(runs >> 1);
  rows.push(`| ${name} | ${middle.toFixed(1)} |`);
  return last!;
}

try {
  const home = await createHome(join(folder, "home"), { name: "Benchmark" });
  await enrolLocally(await home.openAuthority(), home.deviceFolder("ct1"), {
    device: { name: "ct1", aeTitle: "CT1", serialNumber: "1" },
    roles: ["capture"],
    passphrase: home.passphrase(),
    random: nodeRandom,
  });
  const sealing = await openDeviceSealing(home, "ct1", { softwareVersion: "bench", watermark: false });
  const output = await OutputFolder.open(join(folder, "sealed"));
  let counter = sealing.counter.reserve(slices).first;
  const paths: string[] = [];
  for (let chest = 1; paths.length < slices; chest++) {
    for (const { sopInstanceUid, file } of generateChestSeries({
      seed: chest,
      slices: 30,
      studyDate: "20260101",
    })) {
      const path = join(folder, `${sopInstanceUid}.dcm`);
      const elements = [
        textElement(tags.studyInstanceUid, "UI", "2.25.1"),
        textElement(tags.seriesInstanceUid, "UI", "2.25.2"),
        textElement(tags.instanceNumber, "IS", `${paths.length + 1}`),
      ];
      const edits = elements.map((element) => ({ kind: "put" as const, element }));
      writeFileSync(path, await writeToBytes(await readDicom(new MemorySource(file)), edits));
      paths.push((await sealFile(path, { ...sealing, nextCounter: () => counter++, output })).path);
    }
  }
  const journal = sealing.provenance;
  const context = { home, journal, softwareVersion: "bench" };
  // Each run is the first: what it writes, durably, is filed elsewhere.
  const forgetful = { ...context, journal: filingElsewhere(journal) };
  await median("close: sign the list, durable", () => closeSeries("2.25.2", forgetful));
  const closed = await closeSeries("2.25.2", context);
  await median("close again, nothing new", () => closeSeries("2.25.2", context));
  const verify = async (): Promise<FileOutcome[]> => {
    const verifier = new FileVerifier(home.trust(), { deep: false, provenance: home.provenancePath });
    const outcomes: FileOutcome[] = [];
    for (const path of paths) outcomes.push(await verifier.outcomeOf(path));
    await verifier.close();
    return outcomes;
  };
  const parts = (await median("verify every slice, one thread", verify)).filter((one) => "decision" in one);
  const records = recordLookup(journal);
  const check = () => checkSeriesOf(parts, home.trust(), records);
  const [complete] = await median("completeness of what was verified", check);
  if (complete?.judgement.state !== "complete") throw new Error("the series is not complete");
  const start = performance.now();
  const request = { objects: paths, folder: join(folder, "ko") };
  const document = await writeKeyObject(closed, request, context);
  rows.push(
    `| write the Key Object: verify, read, seal, durable (once) | ${(performance.now() - start).toFixed(1)} |`,
  );
  const verifier = new FileVerifier(home.trust(), { deep: false });
  const keyObject = await median("verify the Key Object", () => verifier.outcomeOf(document.path));
  await verifier.close();
  if (!("decision" in keyObject) || keyObject.lists?.[0]?.instances.length !== slices)
    throw new Error("no list");
  const record = (await journal.record(closed.manifest))!;
  process.stdout.write(
    `${slices} slices; envelope ${record.envelope.length} bytes, opening ${record.opening.length} bytes\n\n`,
  );
  process.stdout.write(`| what | ms |\n| --- | ---: |\n${rows.join("\n")}\n`);
  await sealing.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function filingElsewhere(journal: ProvenanceJournal): ProvenanceJournal {
  const addRecord: ProvenanceJournal["addRecord"] = (record, _, at) =>
    journal.addRecord(record, [{ kind: "archive", name: "elsewhere" }], at);
  return new Proxy(journal, {
    get: (target, name) => {
      if (name === "addRecord") return addRecord;
      const value = Reflect.get(target, name) as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
