/** Processes that are killed and started again. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../peers.ts";

const compileCache: string = join(projectRoot, "node_modules", ".cache", "scanseal-tests");
/** Far above what any start takes on the slowest machine: only so that what hangs is told. */
const patienceMs = 120_000;

export class CrashProcess {
  readonly #program: string;
  readonly #args: readonly string[];
  readonly #log: string;
  #child: ChildProcess | undefined;
  #ended: Promise<number | null> = Promise.resolve(null);
  /** Of the log, before the last start. */
  #from = 0;

  /** @param log everything it prints, of all its lives */
  constructor(args: readonly string[], log: string, program: string = process.execPath) {
    this.#program = program;
    this.#args = args;
    this.#log = log;
  }

  start(): void {
    const log = openSync(this.#log, "a");
    this.#from = this.log().length;
    const child = spawn(this.#program, this.#args, {
      stdio: ["ignore", log, log],
      env: { ...process.env, NODE_COMPILE_CACHE: compileCache, TCP_NODELAY: "1" },
    });
    closeSync(log);
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once("exit", resolve));
  }

  log(): string {
    try {
      return readFileSync(this.#log, "utf8");
    } catch {
      return "";
    }
  }

  /** Waits for these words since the last start. */
  async says(words: string): Promise<void> {
    await until(words, () => {
      if (this.log().slice(this.#from).includes(words)) return true;
      if (!this.isRunning) throw new Error(`ended before "${words}": ${this.log().slice(-2000)}`);
      return false;
    });
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** @returns the exit status; null after SIGKILL */
  async end(name: NodeJS.Signals): Promise<number | null> {
    this.signal(name);
    return this.#ended;
  }
}

/** @throws Error when it does not become so */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + patienceMs;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
    await pause(25);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
