/**
 * A gate that is the archive itself, filled object by object: how fast it takes and verifies them, and how long questions take, as it fills.
 *
 *   npx node bench/ingest-curve.ts [objects] [sqlite|postgres]      100000 and sqlite; needs `npm run build`
 */
import { loadavg } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import {
  encodeHeader,
  encodePart10,
  type NewElement,
  numberElement,
  textElement,
} from "../src/dicom/encode.ts";
import { readDicom } from "../src/dicom/read.ts";
import { writeToBytes } from "../src/dicom/splice.ts";
import { tags } from "../src/dicom/tags.ts";
import { explicitLittleEndianUid } from "../src/dicom/transfer-syntax.ts";
import { MemorySource } from "../src/foundation/byte-source.ts";
import { type Bytes, concatBytes } from "../src/foundation/bytes.ts";
import { sealObject } from "../src/sealing/seal.ts";
import { askWeb, jsonOf, multipartOf } from "../test/gateway/web-request.ts";
import { startPostgresCluster } from "../test/store/postgres-cluster.ts";
import { benchSite } from "./bench-site.ts";
import { asKept, connections, get, post, timed, WebGate } from "./web-gate.ts";

const objects = Number(process.argv[2] ?? 100_000);
const journal = process.argv[3] ?? "sqlite";
const steps = 10;
const perStep = Math.ceil(objects / steps);
const perSeries = 100;
const perStudy = 200;
/** Objects of one request. */
const together = 20;
const asked = 15;
const side = 64;
const ctImageStorage = "1.2.840.10008.5.1.4.1.1.2";

const uid = (...parts: readonly number[]): string => ["2.25.77", ...parts].join(".");
const studyOf = (n: number): string => uid(Math.floor(n / perStudy));
const seriesOf = (n: number): string => uid(Math.floor(n / perStudy), Math.floor(n / perSeries));
const instanceOf = (n: number): string => uid(Math.floor(n / perStudy), Math.floor(n / perSeries), n);
const patientOf = (n: number): string => `P${Math.floor(n / perStudy / 3)}`;

const site = await benchSite();
let counter = site.device.counter.reserve(objects).first;
const postgres = journal === "postgres" ? await startPostgresCluster() : undefined;
const gate = await WebGate.start({
  journal: postgres && { postgres: await postgres.createDatabase() },
  log: "warn",
});
print(`${objects} sealed slices of ${side} x ${side}, ${perStudy} a study, ${journal}; the gate keeps them`);
print(
  "\n| objects | taken/s | verified and indexed/s | studies of a patient, ms | latest 100 studies, ms | a series' instances, ms | an instance, WADO-RS, ms | resident, MiB | load |",
);
print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
for (let from = 0; from < objects; from += perStep) await step(from, Math.min(perStep, objects - from));
gate.close();
await postgres?.stop();

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function step(from: number, count: number): Promise<void> {
  const bodies: Bytes[] = [];
  for (let n = from; n < from + count; n += together) bodies.push(await bodyOf(n, from + count));
  bodies.reverse();
  const start = performance.now();
  const lane = async (): Promise<void> => {
    for (let body = bodies.pop(); body; body = bodies.pop()) await post(gate.port, body);
  };
  await Promise.all(Array.from({ length: connections }, lane));
  const takenMs = performance.now() - start;
  const last = Math.floor((from + count - 1) / perStudy) * perStudy;
  while ((await instancesKnown(last)) < from + count - last) await pause(20);
  const verifiedMs = performance.now() - start;
  const here = from + count;
  const times = [
    await asking(here, (n) => `/studies?PatientID=${patientOf(n)}`),
    await asking(here, () => "/studies?limit=100"),
    await asking(here, (n) => `/studies/${studyOf(n)}/series/${seriesOf(n)}/instances`),
    await asking(
      here,
      (n) => `/studies/${studyOf(n)}/series/${seriesOf(n)}/instances/${instanceOf(n)}`,
      asKept,
    ),
  ];
  const rates = [takenMs, verifiedMs].map((ms) => ((count * 1_000) / ms).toFixed(0));
  const cells = [...times.map((ms) => ms.toFixed(1)), gate.residentMiB().toFixed(0)];
  print(`| ${[here, ...rates, ...cells, loadavg()[0]!.toFixed(1)].join(" | ")} |`);
}

async function bodyOf(from: number, end: number): Promise<Bytes> {
  const files: Bytes[] = [];
  for (let n = from; n < Math.min(from + together, end); n++) files.push(await sealedSlice(n));
  return multipartOf(files);
}

/** How many of a study the index knows. */
async function instancesKnown(n: number): Promise<number> {
  const { status, body } = await askWeb({
    port: gate.port,
    path: `/dicom-web/studies/${studyOf(n)}/instances?limit=${perStudy}`,
    headers: { accept: "application/dicom+json" },
  });
  return status === 204 ? 0 : jsonOf(body).length;
}

/** Median, milliseconds. */
async function asking(
  here: number,
  path: (n: number) => string,
  headers: Readonly<Record<string, string>> = { accept: "application/dicom+json" },
): Promise<number> {
  const times: number[] = [];
  // Spread over all there is.
  for (let i = 0; i < asked; i++)
    times.push(await timed(() => get(gate.port, path(Math.floor(((i + 0.5) * here) / asked)), headers)));
  return times.sort((a, b) => a - b)[Math.floor(asked / 2)]!;
}

async function sealedSlice(n: number): Promise<Bytes> {
  const object = await readDicom(new MemorySource(slice(n)));
  const nextCounter = (): number => counter++;
  const sealed = await sealObject(object, site.device.device, site.ports, { nextCounter });
  return writeToBytes(sealed.object, sealed.edits);
}

function slice(n: number): Bytes {
  const day = new Date(Date.UTC(2015, 0, 1) + (Math.floor(n / perStudy) % 4_000) * 86_400_000);
  const elements: NewElement[] = [
    textElement(tags.sopClassUid, "UI", ctImageStorage),
    textElement(tags.sopInstanceUid, "UI", instanceOf(n)),
    textElement(0x00080020, "DA", day.toISOString().slice(0, 10).replaceAll("-", "")),
    textElement(tags.modality, "CS", "CT"),
    textElement(tags.patientName, "PN", `Doe^${Math.floor(n / perStudy / 3)}`),
    textElement(tags.patientId, "LO", patientOf(n)),
    textElement(tags.studyInstanceUid, "UI", studyOf(n)),
    textElement(tags.seriesInstanceUid, "UI", seriesOf(n)),
    textElement(tags.instanceNumber, "IS", String(n % perSeries)),
    numberElement(tags.samplesPerPixel, "US", 1),
    textElement(tags.photometricInterpretation, "CS", "MONOCHROME2"),
    numberElement(tags.rows, "US", side),
    numberElement(tags.columns, "US", side),
    numberElement(tags.bitsAllocated, "US", 16),
    numberElement(tags.bitsStored, "US", 12),
    numberElement(tags.highBit, "US", 11),
    numberElement(tags.pixelRepresentation, "US", 0),
  ];
  const pixels = new Uint8Array(side * side * 2);
  const words = new DataView(pixels.buffer);
  for (let i = 0; i < side * side; i++) words.setUint16(2 * i, (1_000 + n + (i % side) * 3) % 4_096, true);
  return concatBytes([
    encodePart10(elements, explicitLittleEndianUid),
    encodeHeader(tags.pixelData, "OW", pixels.length, { explicit: true, bigEndian: false }),
    pixels,
  ]);
}
