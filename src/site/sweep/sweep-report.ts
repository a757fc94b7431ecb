/** A sweep's report: a JSON line for each finding, and at the end the same in sentences, with the sums. */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { fromUtf8, utf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { ensurePrivateFolder, replaceFileDurably } from "../../platform/node/private-files.ts";
import { findingSentence, isSerious, type SweepFinding } from "./sweep-finding.ts";
import type { SweepState } from "./sweep-state.ts";

/** Two years of weekly sweeps; two files each. */
const keptMax = 208;
/** Put into sentences; the JSON lines have them all. */
const sentencesBytesMax: number = 2 * 2 ** 20;

export class SweepReport {
  readonly path: string;
  readonly #descriptor: number;
  readonly #textPath: string;
  #bytes: number;
  /** Somebody took away what was in it: the sums have it, the lines have not. */
  readonly isCut: boolean;

  /** @param startedAt names it @param bytes what stands behind is of a study that was cut off, and goes @throws ScansealError `io` */
  constructor(folder: string, startedAt: number, bytes: number) {
    ensurePrivateFolder(folder);
    const name = new Date(startedAt).toISOString().slice(0, 19).replaceAll(":", "");
    this.path = join(folder, `${name}Z.jsonl`);
    this.#textPath = join(folder, `${name}Z.txt`);
    this.#descriptor = io(() => openSync(this.path, "a+", 0o600));
    const { size } = io(() => fstatSync(this.#descriptor));
    this.isCut = size < bytes;
    this.#bytes = Math.min(size, bytes);
    io(() => ftruncateSync(this.#descriptor, this.#bytes));
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(finding: object): void {
    const line = utf8(`${JSON.stringify(finding)}\n`);
    io(() => writeSync(this.#descriptor, line));
    this.#bytes += line.length;
  }

  /** What was added is durable: the state may count it. */
  sync(): void {
    io(() => fsyncSync(this.#descriptor));
  }

  /** @param archive name of the configuration */
  end(state: SweepState, archive: string): void {
    const { counts, startedAt, endedAt } = state;
    const findings = this.#findings();
    this.add({ kind: "sweep", archive, ...counts, ...timesOf(startedAt, endedAt) });
    this.sync();
    const text = [`Sweep of ${archive}: ${sums(state)}`, ...findings.map(findingSentence)];
    if (this.#bytes > sentencesBytesMax) text.push("... more: the JSON lines have them all");
    replaceFileDurably(this.#textPath, utf8(`${text.join("\n")}\n`), { mode: 0o600 });
  }

  #findings(): readonly SweepFinding[] {
    const bytes = new Uint8Array(Math.min(this.#bytes, sentencesBytesMax));
    const read = io(() => readSync(this.#descriptor, bytes, 0, bytes.length, 0));
    const text = fromUtf8(bytes.subarray(0, read));
    const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
    return lines.flatMap(findingIn);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** A line that somebody else wrote into it is none. */
function findingIn(line: string): SweepFinding[] {
  try {
    const finding = JSON.parse(line) as SweepFinding;
    return typeof finding?.studyInstanceUid === "string" ? [finding] : [];
  } catch {
    return [];
  }
}

/** The oldest go. @throws ScansealError `io` */
export function pruneReports(folder: string): void {
  const names = io(() => readdirSync(folder)).filter((name) => /^[\dT-]+Z\.(jsonl|txt)$/.test(name));
  for (const name of names.sort().slice(0, -keptMax)) rmSync(join(folder, name), { force: true });
}

function timesOf(startedAt: number, endedAt = startedAt): object {
  return { startedAt: new Date(startedAt).toISOString(), endedAt: new Date(endedAt).toISOString() };
}

const words: Readonly<Record<string, string>> = {
  observed: "unproven",
  held: "not as admitted, or failing",
  unavailable: "could not be read",
};

/** "12 studies, 300 instances: 299 verified, 1 missing; 1 study that could not be listed". */
export function sums({ counts }: SweepState): string {
  const all = Object.values(counts.instances).reduce((sum, count) => sum + count, 0);
  const parts = Object.entries(counts.instances).map(([what, count]) => `${count} ${words[what] ?? what}`);
  const unlisted = (counts.findings.unavailable ?? 0) - (counts.instances.unavailable ?? 0);
  const more = unlisted > 0 ? `; ${unlisted} studies of which the archive does not say what they have` : "";
  return `${counts.studies} studies, ${all} instances: ${parts.join(", ") || "none"}${more}`;
}

/** Of the whole sweep, what earlier runs found included. */
export function isSound({ counts }: SweepState): boolean {
  return Object.entries(counts.findings).every(([kind, count]) => count === 0 || !isSerious(kind));
}

function io<T>(call: () => T): T {
  try {
    return call();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new ScansealError(
      code === "ENOSPC" ? "storage-full" : "io",
      "the sweep's report cannot be written",
      {
        cause,
      },
    );
  }
}
