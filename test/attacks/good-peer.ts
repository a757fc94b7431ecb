/** A peer that means well, in another process: what it sees while others attack. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface GoodPeerTask {
  readonly port: number;
  readonly localAddress: string;
  readonly callingTitle: string;
  readonly echoEveryMs: number;
  readonly storeEveryMs: number;
  /** PEM texts. */
  readonly tls?: { readonly authority: string; readonly certificate: string; readonly key: string };
  /** What is stored; `dataSet` in base64. */
  readonly object?: {
    readonly sopClassUid: string;
    readonly sopInstanceUid: string;
    readonly transferSyntaxUid: string;
    readonly dataSet: string;
  };
}

export type GoodPeerOrder =
  | { readonly kind: "task"; readonly task: GoodPeerTask }
  /** Until `end`. */
  | { readonly kind: "begin" }
  | { readonly kind: "end" }
  /** One C-ECHO, one C-STORE. */
  | { readonly kind: "once" };

export interface GoodPeerAnswer {
  /** Answered with success; the time is from the connection's beginning to the response. */
  readonly echoes: number;
  readonly slowestEchoMs: number;
  readonly stores: number;
  readonly slowestStoreMs: number;
  readonly failures: readonly string[];
}

const script = fileURLToPath(new URL("./good-peer-process.ts", import.meta.url));

export class GoodPeer {
  readonly #child: ChildProcess;

  constructor(task: GoodPeerTask) {
    this.#child = fork(script, { execArgv: [], stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.#tell({ kind: "task", task });
  }

  #tell(order: GoodPeerOrder): void {
    this.#child.send(order);
  }

  #answer(): Promise<GoodPeerAnswer> {
    return new Promise((resolve, reject) => {
      const onExit = (): void => reject(new Error("the good peer ended"));
      this.#child.once("exit", onExit);
      this.#child.once("message", (answer) => {
        this.#child.off("exit", onExit);
        resolve(answer as GoodPeerAnswer);
      });
    });
  }

  begin(): void {
    this.#tell({ kind: "begin" });
  }

  end(): Promise<GoodPeerAnswer> {
    this.#tell({ kind: "end" });
    return this.#answer();
  }

  once(): Promise<GoodPeerAnswer> {
    this.#tell({ kind: "once" });
    return this.#answer();
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.disconnect();
    await ended;
  }
}
