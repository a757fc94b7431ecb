/** A throw-away PostgreSQL cluster: its own folder, reached through a socket in that folder, so that no port can clash. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { Client } from "pg";
import { peerPath } from "../peers.ts";

export interface PostgresCluster {
  /** The URL of a new, empty database. */
  createDatabase(): Promise<string>;
  /** kill -9 of the server; what was not durable is gone. */
  kill(): Promise<void>;
  /** After `kill`: starts it again, and resolves when it has recovered. */
  restart(): Promise<void>;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
}

/** PostgreSQL refuses to be root: then it runs as one of these. */
const otherUsers = ["postgres", "nobody"];
const superuser = "scanseal";

/** For tests that are declared with `describePeer("postgres", ...)`. */
export async function startPostgresCluster(): Promise<PostgresCluster> {
  const cluster = new Cluster();
  await cluster.restart();
  return cluster;
}

class Cluster implements PostgresCluster {
  readonly #programs: string = dirname(realpathSync(peerPath("postgres")));
  readonly #folder: string = mkdtempSync(join(tmpdir(), "scanseal-pg-"));
  readonly #user: { readonly uid?: number; readonly gid?: number } = otherUser();
  readonly #data: string = join(this.#folder, "data");
  #server: ChildProcess | undefined;
  #databases = 0;

  constructor() {
    mkdirSync(this.#data, { mode: 0o700 });
    if (this.#user.uid !== undefined) {
      for (const path of [this.#folder, this.#data]) chownSync(path, this.#user.uid, this.#user.gid!);
    }
    // Durability of an empty cluster is nobody's concern; that of its databases is what the tests are about.
    const options = ["--no-sync", "--auth=trust", "--encoding=UTF8", "--locale=C", `--username=${superuser}`];
    execFileSync(join(this.#programs, "initdb"), [...options, "-D", this.#data], {
      ...this.#user,
      cwd: this.#folder,
      stdio: ["ignore", "ignore", "inherit"],
    });
    process.once("exit", this.#end);
  }

  async createDatabase(): Promise<string> {
    const name = `journal${++this.#databases}`;
    const client = new Client({ connectionString: this.#url("postgres") });
    await client.connect();
    try {
      await client.query(`create database ${name}`);
    } finally {
      await client.end();
    }
    return this.#url(name);
  }

  async kill(): Promise<void> {
    await this.#signal("SIGKILL");
  }

  async restart(): Promise<void> {
    // The killed server's own processes notice after a moment, and it does not start beside them.
    for (let attempt = 1; !(await this.#start()); attempt++) {
      if (attempt === 50) throw new Error("the PostgreSQL server does not start");
      await pause(100);
    }
  }

  async stop(): Promise<void> {
    await this.#signal("SIGQUIT");
    process.off("exit", this.#end);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** False when it ended before it was ready. */
  async #start(): Promise<boolean> {
    const options = [
      "-D",
      this.#data,
      "-k",
      this.#folder,
      "-c",
      "listen_addresses=",
      "-c",
      "max_connections=40",
    ];
    const server = spawn(join(this.#programs, "postgres"), options, {
      ...this.#user,
      cwd: this.#folder,
      env: { PATH: process.env.PATH, LC_ALL: "C" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#server = server;
    const lines = createInterface({ input: server.stderr! });
    return await new Promise<boolean>((resolve, reject) => {
      lines.on("line", (line) => {
        if (line.includes("ready to accept connections")) resolve(true);
      });
      server.once("exit", () => resolve(false));
      server.once("error", reject);
    });
  }

  async #signal(signal: NodeJS.Signals): Promise<void> {
    const server = this.#server;
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, "exit");
    server.kill(signal);
    await ended;
  }

  readonly #end = (): void => {
    this.#server?.kill("SIGQUIT");
  };

  #url(database: string): string {
    return `postgresql:///${database}?host=${encodeURIComponent(this.#folder)}&user=${superuser}`;
  }
}

function otherUser(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  for (const name of otherUsers) {
    try {
      const id = (kind: string) =>
        Number(execFileSync("id", [kind, name], { encoding: "utf8", stdio: "pipe" }));
      return { uid: id("-u"), gid: id("-g") };
    } catch {
      // No such user: the next one.
    }
  }
  throw new Error(`PostgreSQL cannot run as root, and there is none of the users ${otherUsers.join(", ")}`);
}
