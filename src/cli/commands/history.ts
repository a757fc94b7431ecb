/** `scanseal history`: an object's chain of custody. */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { uidForm } from "../../dicom/uid.ts";
import type { ByteSource } from "../../foundation/byte-source.ts";
import { type Bytes, utf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import { fileExists } from "../../platform/node/private-files.ts";
import { withFile } from "../../site/file-input.ts";
import type { GatewayConfig } from "../../site/gateway/config.ts";
import { HistoryReader } from "../../site/history/collect.ts";
import { fhirBundle } from "../../site/history/fhir-bundle.ts";
import { type History, isoTime } from "../../site/history/history.ts";
import { statementFiles } from "../../site/history/statement-files.ts";
import { openHome } from "../../site/home.ts";
import { OpenedProvenance } from "../../site/provenance/opened-provenance.ts";
import { FileVerifier } from "../../site/verification.ts";
import type { JudgedObject } from "../../store/journal/journal.ts";
import { openHeld } from "../../zero-trust/quarantine/export.ts";
import type { QuarantinePorts } from "../../zero-trust/quarantine/ports.ts";
import { reportUnknownArchive } from "../archive-notice.ts";
import { type HistoryPage, historyLines } from "../history-report.ts";
import { identityOf } from "../identity.ts";
import { writeNewFile } from "../new-file.ts";
import { reportProblem } from "../problem.ts";
import { jsonLine } from "../terminal/json-line.ts";
import { paletteFor } from "../terminal/palette.ts";
import { isProven } from "../verdict-report.ts";
import { configOf, configPathOf, type DeskOptions, homeOf, withDesk } from "./gateway-desk.ts";

export interface HistoryOptions extends DeskOptions {
  readonly json: boolean;
  /** Also patient and study: not for a story that is mailed. */
  readonly identify: boolean;
  /** The enrolled archive that gave the object out. */
  readonly from?: string;
  /** Where the FHIR Bundle goes; a new file. */
  readonly fhir?: string;
  /** Where the statements go; a new folder. */
  readonly export?: string;
}

/** @returns 0 when the object is proven, or its UID is known and nothing speaks against it; else 1 */
export async function history(asked: string, options: HistoryOptions): Promise<number> {
  const isFile = fileExists(asked);
  if (!isFile && !uidForm.test(asked)) throw new ScansealError("io", `${asked}: no such file`);
  const page = await withGate(options, (gate, home) => readPage(asked, { isFile, gate, home, options }));
  if (options.json) process.stdout.write(`${jsonLine(page.history)}\n`);
  else {
    const lines = historyLines(page, paletteFor(process.stdout, process.env), process.stdout.columns);
    process.stdout.write(`${lines.join("\n")}\n`);
  }
  if (options.fhir !== undefined) await writeFhir(options.fhir, page.history);
  if (options.export !== undefined) await writeStatements(options.export, page.history);
  return isSound(page.history) ? 0 : 1;
}

async function writeFhir(path: string, told: History): Promise<void> {
  const bundle = fhirBundle(told, isoTime(systemClock.now()));
  await writeText(path, `${JSON.stringify(bundle, null, 2)}\n`);
  reportProblem(`${path} is written: FHIR R5, without the patient; it names the objects by UID`);
}

async function writeStatements(folder: string, told: History): Promise<void> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const files = statementFiles(told.statements);
  for (const { name, content } of files) {
    mkdirSync(dirname(join(folder, name)), { recursive: true, mode: 0o700 });
    await writeBytes(join(folder, name), content);
  }
  reportProblem(
    `${folder} has ${told.statements.length} signed statements; ${folder}/README.txt says how to check them`,
  );
}

function writeText(path: string, text: string): Promise<void> {
  return writeBytes(path, utf8(text));
}

function writeBytes(path: string, bytes: Bytes): Promise<void> {
  return writeNewFile(
    path,
    (async function* () {
      yield bytes;
    })(),
  );
}

function isSound({ verdict, events, contradictions }: History): boolean {
  if (verdict !== undefined) return isProven(verdict);
  return events.length > 0 && contradictions.length === 0 && events.every(({ fault }) => fault === undefined);
}

/** The gate's records, where the site has a gate. A configuration that was not named must not keep anybody from reading a file's history. */
async function withGate<T>(
  options: HistoryOptions,
  body: (gate: QuarantinePorts | undefined, home: string) => Promise<T>,
): Promise<T> {
  const config = gateConfig(options);
  const home = options.config === undefined ? homeOf(options) : (config?.home ?? homeOf(options));
  // A journal that is not there is not made.
  const { journal } = config ?? {};
  if (!journal || (journal.kind === "sqlite" && !fileExists(journal.path))) return body(undefined, home);
  return withDesk(options, ({ ports }) => body(ports, home));
}

function gateConfig(options: HistoryOptions): GatewayConfig | undefined {
  if (options.config === undefined && !fileExists(configPathOf(options))) return undefined;
  try {
    return configOf(options);
  } catch (error) {
    if (options.config !== undefined || !(error instanceof ScansealError)) throw error;
    reportProblem("the gate's records are left out: its configuration has errors");
    return undefined;
  }
}

interface Question {
  readonly isFile: boolean;
  readonly gate: QuarantinePorts | undefined;
  readonly home: string;
  readonly options: HistoryOptions;
}

async function readPage(asked: string, { isFile, gate, home, options }: Question): Promise<HistoryPage> {
  const site = openHome(home);
  await reportUnknownArchive(site, options.from);
  const provenance = new OpenedProvenance(site.provenancePath);
  const verifier = new FileVerifier(site.trust(), {
    deep: true,
    markSigners: site.deviceCertificates(),
    readFrom: options.from,
    ...site.beside(),
  });
  const reader = new HistoryReader({
    verifier,
    trust: site.trust(),
    provenance: await provenance.journal(),
    gateway: gate?.journal,
  });
  try {
    const read = async (source: ByteSource): Promise<Pick<HistoryPage, "history" | "identity">> => {
      const told = await reader.ofBytes(source);
      const isReadable = told.verdict !== "malformed";
      return { history: told, identity: options.identify && isReadable ? await identityOf(source) : [] };
    };
    if (isFile) return { asked, looked: undefined, ...(await withFile(asked, read)) };
    const kept = gate && (await keptCopy(gate, asked));
    if (!gate || !kept) return { asked, looked: undefined, identity: [], history: await reader.ofUid(asked) };
    const looked = `Looked at the copy that the gate keeps, object ${kept.id}.`;
    const source = await openHeld(gate, kept);
    try {
      return { asked, looked, ...(await read(source)) };
    } finally {
      await source.close();
    }
  } finally {
    await verifier.close();
    await provenance.close();
  }
}

/** Of one UID; the gate keeps one admitted object of it, and whatever else came is held. */
const copiesMax = 200;

/** What was admitted comes before what is held. */
async function keptCopy(
  { journal }: QuarantinePorts,
  sopInstanceUid: string,
): Promise<JudgedObject | undefined> {
  const objects = await journal.objects({ sopInstanceUid, limit: copiesMax });
  const kept = objects.filter(({ stored, location }) => stored || location !== undefined);
  return kept.find(({ state }) => state === "admitted") ?? kept.at(-1);
}
