/** A real gateway process with a journal, a data folder and perhaps an archive of its own, all of which can be killed. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Journal } from "../../src/store/journal/journal.ts";
import { openPostgresJournal } from "../../src/store/journal/postgres-journal.ts";
import { openSqliteJournal } from "../../src/store/journal/sqlite-journal.ts";
import { freePorts } from "../cli/gateway-run.ts";
import { freePort } from "../evaluation/network-peers.ts";
import type { SealedSite } from "../gateway/sealed-site.ts";
import { projectRoot } from "../peers.ts";
import { type Audit, audit } from "./crash-audit.ts";
import { CrashProcess, until } from "./crash-process.ts";
import type { CrashSender } from "./crash-sender.ts";

export const crashTitle = "GATE";
const mebibyte: number = 1 << 20;
const spoolBytesMax: number = 256 * mebibyte;

const ownFile = (name: string): string => join(projectRoot, "test", "simulation", name);
/** As it is installed, or from its source. */
export const programs: { readonly source: string; readonly built: string } = {
  source: join(projectRoot, "src", "cli", "bin.ts"),
  built: join(projectRoot, "dist", "cli", "bin.js"),
};

export interface CrashChoice {
  readonly program: string;
  /** Of a PostgreSQL database; SQLite in the data folder when absent. */
  readonly postgresUrl?: string | undefined;
  readonly hasArchive: boolean;
  /** In place of 256 MiB and 64 MiB of one object. */
  readonly limits?: Readonly<Record<string, string>>;
  /** In place of a folder in the temporary one. */
  readonly data?: string;
}

/** Three at once: one after the other, the system may give the same again. */
async function freeCrashPorts(): Promise<CrashPorts> {
  const { dicom, http } = await freePorts();
  let archive = await freePort();
  while (archive === dicom || archive === http) archive = await freePort();
  return { dicom, http, archive };
}

interface CrashPorts {
  readonly dicom: number;
  readonly http: number;
  readonly archive: number;
}

export class CrashSite {
  readonly folder: string;
  readonly data: string;
  readonly gateway: CrashProcess;
  readonly archive: CrashProcess | undefined;
  readonly port: number;
  readonly #http: number;
  readonly #choice: CrashChoice;

  private constructor(folder: string, choice: CrashChoice, ports: CrashPorts) {
    this.folder = folder;
    this.data = choice.data ?? join(folder, "data");
    this.port = ports.dicom;
    this.#http = ports.http;
    this.#choice = choice;
    const args = [ownFile("crash-archive.ts"), `${ports.archive}`, join(folder, "archive")];
    if (choice.hasArchive) this.archive = new CrashProcess(args, join(folder, "archive.log"));
    const hook = ["--import", ownFile("crash-worker-hook.ts")];
    const config = join(folder, "gateway.yaml");
    this.gateway = new CrashProcess(
      [...hook, choice.program, "gateway", "--config", config],
      join(folder, "gateway.log"),
    );
  }

  static async open(sealed: SealedSite, choice: CrashChoice): Promise<CrashSite> {
    const folder = mkdtempSync(join(tmpdir(), "scanseal-crash-"));
    const ports = await freeCrashPorts();
    const site = new CrashSite(folder, choice, ports);
    const host = "127.0.0.1";
    const archive = { name: "archive", host, port: ports.archive, aeTitle: "ARCHIVE", takes: "admitted" };
    const config = {
      aeTitle: crashTitle,
      home: join(sealed.folder, "home"),
      data: site.data,
      http: { host, port: ports.http },
      listeners: [{ name: "plain", host, port: ports.dicom }],
      sources: [{ name: "ct", listener: "plain", mode: "enforce" }],
      destinations: choice.hasArchive ? [archive] : [],
      ...(choice.postgresUrl === undefined ? {} : { journal: { postgres: choice.postgresUrl } }),
      limits: {
        spoolSize: "256 MiB",
        objectSize: "64 MiB",
        retryAfter: "100 ms",
        retryAtMost: "1 s",
        ...choice.limits,
      },
    };
    // JSON is YAML.
    writeFileSync(join(folder, "gateway.yaml"), JSON.stringify(config, undefined, 2), { mode: 0o600 });
    mkdirSync(join(folder, "archive", "objects"), { recursive: true });
    return site;
  }

  /** Resolves when both take objects. */
  async start(): Promise<void> {
    await this.startArchive();
    await this.startGateway();
  }

  async startArchive(): Promise<void> {
    this.archive?.start();
    await this.archive?.says("listening");
  }

  async startGateway(): Promise<void> {
    this.gateway.start();
    await this.listening();
  }

  async listening(): Promise<void> {
    await this.gateway.says('"event":"listening"');
  }

  async metric(name: string): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.#http}/metrics`);
    const found = new RegExp(`^${name} (\\S+)$`, "m").exec(await response.text());
    return Number(found?.[1]);
  }

  async withJournal<T>(body: (journal: Journal) => Promise<T>): Promise<T> {
    const { postgresUrl } = this.#choice;
    const journal = await (postgresUrl === undefined
      ? openSqliteJournal(join(this.data, "journal.sqlite"))
      : openPostgresJournal(postgresUrl, { connectionsMax: 1 }));
    try {
      return await body(journal);
    } finally {
      await journal.close();
    }
  }

  /**
   * Resolves when everything is judged and delivered, and the spool has no record that no row refers to.
   * @param acknowledged objects: each has a row, which follows the answer
   */
  async settled(acknowledged: number): Promise<void> {
    await this.withJournal(async (journal) => {
      const listedMax = 1000;
      await until("everything judged and delivered", async () => {
        const rows = await journal.objects({ limit: listedMax });
        const { objects, deliveries } = await journal.counts();
        const isWritten = rows.length >= Math.min(acknowledged, listedMax);
        return isWritten && objects.received === 0 && deliveries.due === 0;
      });
      // A database that died between the last delivery and the letting go of the object: the settler comes by within a minute.
      await until("delivered objects let go of", async () => {
        const rows = await journal.objects({ state: "admitted", limit: listedMax });
        const deliveries = await Promise.all(
          rows.filter(({ location }) => location !== undefined).map(({ id }) => journal.deliveriesOf(id)),
        );
        return deliveries.every((all) => all.length === 0 || all.some(({ state }) => state !== "delivered"));
      });
      await until("a spool without leaked records", async () => {
        const rows = await journal.objects({ limit: listedMax });
        const referred = rows.filter(({ location }) => location !== undefined).length;
        return (await this.metric("scanseal_spool_records")) === referred;
      });
      await until("an object store without leaked files", async () => {
        const rows = await journal.objects({ limit: 1000 });
        const digests = new Set(rows.filter(({ stored }) => stored).map(({ digest }) => digest));
        return this.storedDigests().every((digest) => digests.has(digest));
      });
    });
  }

  storedDigests(): readonly string[] {
    return readdirSync(join(this.data, "objects"), { recursive: true, encoding: "utf8" })
      .map((name) => name.slice(-64))
      .filter((name) => /^[0-9a-f]{64}$/.test(name));
  }

  /** The gateway is stopped. */
  async audit(sender: CrashSender): Promise<Audit> {
    const archive = this.#choice.hasArchive ? join(this.folder, "archive") : undefined;
    return this.withJournal((journal) => audit({ data: this.data, journal, archive, spoolBytesMax }, sender));
  }

  /** Objects that the archive was given once more. */
  deliveredAgain(): number {
    return (this.archive?.log().match(/^again$/gm) ?? []).length;
  }

  async kill(): Promise<void> {
    await this.gateway.end("SIGKILL");
    await this.archive?.end("SIGKILL");
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
