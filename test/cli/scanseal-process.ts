/** The command line as a process of its own, from its source, in a folder of its own. */
import { type ChildProcess, type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { afterAll } from "vitest";
import { encodePart10, textElement } from "../../src/dicom/encode.ts";
import { tags } from "../../src/dicom/tags.ts";
import { explicitLittleEndianUid } from "../../src/dicom/transfer-syntax.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { projectRoot } from "../peers.ts";
import { sampleElements } from "../vectors/manifest/sample-object.ts";

const bin = join(projectRoot, "src", "cli", "bin.ts");

/** Stripping types anew for each of some hundred processes would take longer than all they do. */
const compileCache = join(projectRoot, "node_modules", ".cache", "scanseal-tests");

export interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Workplace {
  readonly folder: string;
  /** Runs the program in the folder and waits. */
  run(...args: readonly string[]): Run;
  runWith(
    options: { readonly env?: Record<string, string>; readonly stdout?: number },
    ...args: string[]
  ): Run;
  /** Starts it and does not wait. */
  start(...args: readonly string[]): ChildProcess;
  /** The same with its output in pipes. */
  startPiped(...args: readonly string[]): ChildProcessByStdio<null, Readable, Readable>;
  path(...names: readonly string[]): string;
  write(name: string, content: string | Bytes): void;
}

/** Removed when the tests of the file are over. */
export function makeWorkplace(): Workplace {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "scanseal-cli-")));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const environment = (extra: Record<string, string> = {}): NodeJS.ProcessEnv => {
    const { SCANSEAL_PASSPHRASE: _, npm_lifecycle_event: _event, ...env } = process.env;
    return { ...env, NODE_COMPILE_CACHE: compileCache, ...extra };
  };
  const runWith: Workplace["runWith"] = ({ env, stdout }, ...args) => {
    const done = spawnSync(process.execPath, [bin, ...args], {
      cwd: folder,
      env: environment(env),
      encoding: "utf8",
      stdio: ["ignore", stdout ?? "pipe", "pipe"],
    });
    return { status: done.status, stdout: done.stdout ?? "", stderr: done.stderr };
  };
  return {
    folder,
    run: (...args) => runWith({}, ...args),
    runWith,
    start: (...args) =>
      spawn(process.execPath, [bin, ...args], { cwd: folder, env: environment(), stdio: "ignore" }),
    startPiped: (...args) =>
      spawn(process.execPath, [bin, ...args], {
        cwd: folder,
        env: environment(),
        stdio: ["ignore", "pipe", "pipe"],
      }),
    path: (...names) => join(folder, ...names),
    write: (name, content) => {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    },
  };
}

const privateGroup = 0x0009;

/** A small two-frame CT with this SOP Instance UID; nothing private, whose blanks compressors trim. */
export function sampleFile(sopInstanceUid: string, patientId = "4711"): Bytes {
  const standard = sampleElements().filter(({ tag }) => tag >>> 16 !== privateGroup);
  const elements = standard.map((element) => {
    if (element.tag === tags.sopInstanceUid) return textElement(element.tag, "UI", sopInstanceUid);
    return element.tag === tags.patientId ? textElement(element.tag, "LO", patientId) : element;
  });
  return encodePart10(elements, explicitLittleEndianUid);
}

/** A home with the device CT1, and `count` scans in a folder. */
export function makeSite(place: Workplace, count = 3): void {
  place.run("init");
  place.run("enroll", "CT1", "--ae", "CT1", "--serial", "1");
  for (let i = 1; i <= count; i++) place.write(`scans/${i}.dcm`, sampleFile(`2.25.${i}`));
}

/** What is random may hold any four digits: digests, keys and UUIDs say nothing of a patient. */
export function withoutDigests(text: string): string {
  return text.replace(/[0-9a-f-]{32,}/g, "");
}

/** One clear line that is no stack trace. */
export const oneLine: RegExp = /^(scanseal|error): [^\n]{8,}\n$/;
