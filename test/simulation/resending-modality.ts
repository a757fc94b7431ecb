/**
 * Sends each object until it is acknowledged, from a process that can be killed at any moment: what it was not told of it sends again, as modalities do.
 */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { StoredInstance } from "../../src/dicom-network/dimse/client.ts";
import { toBase64 } from "../../src/foundation/bytes.ts";
import type { CrashLoad, CrashObject } from "./crash-objects.ts";
import { pause } from "./crash-process.ts";

export interface SentInstance extends StoredInstance {
  readonly line: number;
  /** Which of the load. */
  readonly at: number;
  /** Base64. */
  readonly dataSet: string;
}

export interface ModalityOrder {
  readonly line: number;
  readonly way: "dimse" | "web";
  readonly instances: readonly SentInstance[];
}

export type ModalityAnswer =
  | { readonly line: number; readonly at: number; readonly code: number }
  | { readonly line: number; readonly isDone: true };

const script = fileURLToPath(new URL("./crash-sender-process.ts", import.meta.url));
/** Objects of one association, or of one request. */
const batch = 3;
/** Two minutes and more, on a slow machine, in which there is nobody. */
const triesMax = 1_000;
const againMs = 100;

interface Work {
  readonly at: number;
  readonly object: CrashObject;
  tries: number;
}

export class ResendingModality {
  /** Answered with success, that this process heard of. */
  readonly acknowledged: CrashObject[] = [];
  /** Its first byte may have left. */
  readonly attempted: CrashObject[] = [];
  /** Statuses of what was not taken, and is sent again. */
  readonly refusals: number[] = [];
  /** Sends of what had been sent before, unanswered or refused. */
  resent = 0;
  readonly #ports: readonly [dicom: number, web: number, title: string];
  readonly #waiting: Work[];
  readonly #underWay = new Map<number, Work[]>();
  readonly #watchers = new Set<() => void>();
  #child: ChildProcess | undefined;
  #isSending = false;

  constructor(load: CrashLoad, dicomPort: number, webPort: number, title: string) {
    this.#ports = [dicomPort, webPort, title];
    this.#waiting = load.map((object, at) => ({ at, object, tries: 0 }));
  }

  get left(): number {
    return this.#waiting.length;
  }

  /** Resolves when everything was acknowledged. @throws Error where something is refused again and again */
  async send(dimseLines: number, webLines: number): Promise<void> {
    this.#isSending = true;
    this.#start();
    const lines = [
      ...Array.from({ length: dimseLines }, () => "dimse" as const),
      ...Array.from({ length: webLines }, () => "web" as const),
    ];
    try {
      await Promise.all(lines.map((way, line) => this.#line(line, way)));
    } finally {
      this.#isSending = false;
      this.#tell();
      await this.#killed();
    }
  }

  /** kill -9, and another one in its place. */
  async kill(): Promise<void> {
    await this.#killed();
    if (this.#isSending) this.#start();
  }

  /** Resolves when so many were tried, or `sending` ended. */
  async tried(count: number, sending: Promise<unknown>): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.attempted.length < count) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
      void sending.catch(() => undefined).then(() => resolve());
    });
  }

  #tell(): void {
    for (const look of this.#watchers) look();
  }

  #start(): void {
    // Numbers over a pipe need no inspector; what it says on stderr is ours to see.
    const child = fork(script, this.#ports.map(String), {
      execArgv: [],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    child.on("message", (answer: ModalityAnswer) => this.#onAnswer(answer));
    child.on("error", () => undefined);
    this.#child = child;
  }

  async #killed(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    // What it has said is heard before.
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  #onAnswer(answer: ModalityAnswer): void {
    if ("isDone" in answer) return;
    const works = this.#underWay.get(answer.line) ?? [];
    const work = works.find(({ at }) => at === answer.at);
    if (!work) return;
    if (answer.code !== 0) {
      this.refusals.push(answer.code);
      return;
    }
    this.acknowledged.push(work.object);
    this.#underWay.set(
      answer.line,
      works.filter((one) => one !== work),
    );
  }

  async #line(line: number, way: ModalityOrder["way"]): Promise<void> {
    for (let works = this.#next(); works.length > 0; works = this.#next()) {
      this.#underWay.set(line, works);
      for (const work of works) {
        if (work.tries++ > 0) this.resent++;
        if (work.tries > triesMax) throw new Error(`never taken: ${this.refusals.slice(-5)}`);
        this.attempted.push(work.object);
      }
      this.#tell();
      await this.#ordered(line, way, works);
      const again = this.#underWay.get(line) ?? [];
      this.#underWay.delete(line);
      this.#waiting.unshift(...again);
      if (again.length > 0) await pause(againMs);
    }
  }

  /** Of different names: an answer over DICOMweb goes by them. */
  #next(): Work[] {
    const works: Work[] = [];
    const uids = new Set<string>();
    for (let i = 0; i < this.#waiting.length && works.length < batch; ) {
      const { sopInstanceUid } = this.#waiting[i]!.object;
      if (uids.has(sopInstanceUid)) i++;
      else works.push(...this.#waiting.splice(i, 1));
      uids.add(sopInstanceUid);
    }
    return works;
  }

  /** Resolves when the process is done with it, or gone. */
  #ordered(line: number, way: ModalityOrder["way"], works: readonly Work[]): Promise<void> {
    const child = this.#child!;
    const instances = works.map(({ at, object }): SentInstance => {
      const { sopClassUid, sopInstanceUid, transferSyntaxUid, dataSet } = object;
      return { line, at, sopClassUid, sopInstanceUid, transferSyntaxUid, dataSet: toBase64(dataSet) };
    });
    return new Promise((resolve) => {
      const over = (): void => {
        child.off("message", onAnswer);
        child.off("close", over);
        resolve();
      };
      const onAnswer = (answer: ModalityAnswer): void => {
        if (answer.line === line && "isDone" in answer) over();
      };
      child.on("message", onAnswer);
      child.once("close", over);
      if (child.exitCode !== null || child.signalCode !== null || !child.connected) over();
      else child.send({ line, way, instances } satisfies ModalityOrder, () => undefined);
    });
  }
}
