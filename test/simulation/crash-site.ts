/** A real gateway process with a journal, a data folder and perhaps an archive of its own, all of which can be killed. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Journal } from "../../src/store/journal/journal.ts";
import { openPostgresJournal } from "../../src/store/journal/postgres-journal.ts";
import { openSqliteJournal } from "../../src/store/journal/sqlite-journal.ts";
import { freePort } from "../evaluation/network-peers.ts";
import type { SealedSite } from "../gateway/sealed-site.ts";
import { peerPath, projectRoot } from "../peers.ts";
import { type ArchivedFile, type Audit, archivedIn, audit } from "./crash-audit.ts";
import { CrashProcess, until } from "./crash-process.ts";
import type { CrashSender } from "./crash-sender.ts";
import { orthancArguments, orthancHas } from "./orthanc-archive.ts";

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
  /** Readers too, over DIMSE and DICOMweb; the archive is Orthanc then, read over either. */
  readonly readers?: "dimse" | "dicomweb" | undefined;
  /** The gate keeps what the archive has; each start finds it switched the other way. */
  readonly copies?: "switched";
  /** In place of 256 MiB and 64 MiB of one object. */
  readonly limits?: Readonly<Record<string, string>>;
  /** Further sections of the configuration. */
  readonly sections?: object;
  /** In place of a folder in the temporary one. */
  readonly data?: string;
}

const portNames = ["dicom", "http", "web", "sink", "reports", "archive", "archiveHttp"] as const;
type CrashPorts = Readonly<Record<(typeof portNames)[number], number>>;

/** All at once: one after the other, the system may give the same again. */
async function freeCrashPorts(): Promise<CrashPorts> {
  const ports = new Set<number>();
  while (ports.size < portNames.length) ports.add(await freePort());
  return Object.fromEntries([...ports].map((port, i) => [portNames[i]!, port])) as CrashPorts;
}

export class CrashSite {
  readonly folder: string;
  readonly data: string;
  readonly gateway: CrashProcess;
  readonly archive: CrashProcess | undefined;
  readonly port: number;
  readonly ports: CrashPorts;
  readonly #choice: CrashChoice;
  #config: object = {};
  #keepsCopies = true;

  private constructor(folder: string, choice: CrashChoice, ports: CrashPorts) {
    this.folder = folder;
    this.data = choice.data ?? join(folder, "data");
    this.port = ports.dicom;
    this.ports = ports;
    this.#choice = choice;
    if (choice.hasArchive) this.archive = archiveOf(folder, choice, ports);
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
      sources: [
        { name: "ct", listener: "plain", mode: "enforce", ...(choice.readers && { aeTitles: ["CT1"] }) },
      ],
      destinations: choice.hasArchive ? [archive] : [],
      ...(choice.postgresUrl === undefined ? {} : { journal: { postgres: choice.postgresUrl } }),
      ...(choice.readers && readersConfig(choice, ports)),
      limits: {
        spoolSize: "256 MiB",
        objectSize: "64 MiB",
        retryAfter: "100 ms",
        retryAtMost: "1 s",
        ...choice.limits,
      },
    };
    if (choice.readers) {
      const listeners = [...config.listeners, { name: "web", protocol: "dicomweb", host, port: ports.web }];
      const sources = [...config.sources, { name: "ct-web", listener: "web", mode: "enforce" }];
      Object.assign(config, { listeners, sources });
      addCommitment(config, ports);
    }
    Object.assign(config, choice.sections);
    site.#config = config;
    site.#writeConfig();
    mkdirSync(join(folder, "archive", "objects"), { recursive: true });
    return site;
  }

  #writeConfig(): void {
    const reading = { copies: this.#keepsCopies, readers: [] };
    const config = this.#choice.copies ? { ...this.#config, reading } : this.#config;
    // JSON is YAML.
    const path = join(this.folder, "gateway.yaml");
    writeFileSync(path, JSON.stringify(config, undefined, 2), { mode: 0o600 });
  }

  /** Before the next start: copies are kept, or no longer. */
  switchCopies(): void {
    if (!this.#choice.copies) return;
    this.#keepsCopies = !this.#keepsCopies;
    this.#writeConfig();
  }

  /** Resolves when both take objects. */
  async start(): Promise<void> {
    await this.startArchive();
    await this.startGateway();
  }

  async startArchive(): Promise<void> {
    this.archive?.start();
    await this.archive?.says(this.#choice.readers ? "Orthanc has started" : "listening");
  }

  async startGateway(): Promise<void> {
    this.gateway.start();
    await this.listening();
  }

  async listening(): Promise<void> {
    await this.gateway.says('"event":"listening"');
  }

  async metric(name: string): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.ports.http}/metrics`);
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
      if (this.#choice.copies)
        await until("copies as they are wanted, each counted", async () => {
          const rows = await journal.objects({ state: "admitted", limit: listedMax });
          const { objects } = (await journal.counts()).copies;
          const kept = rows.filter(({ stored }) => stored).length;
          return objects === kept && (this.#keepsCopies || kept === 0);
        });
    });
  }

  storedDigests(): readonly string[] {
    return readdirSync(join(this.data, "objects"), { recursive: true, encoding: "utf8" })
      .map((name) => name.slice(-64))
      .filter((name) => /^[0-9a-f]{64}$/.test(name));
  }

  /** The gateway is stopped. */
  async audit(sender: Pick<CrashSender, "acknowledged" | "attempted">): Promise<Audit> {
    const archived = await this.#archived();
    return this.withJournal((journal) =>
      audit(
        { data: this.data, journal, archived, spoolBytesMax, keepsCopies: this.#choice.copies !== undefined },
        sender,
      ),
    );
  }

  /** Orthanc is running, ours is stopped. */
  async #archived(): Promise<readonly ArchivedFile[] | undefined> {
    if (!this.#choice.hasArchive) return undefined;
    return this.#choice.readers ? orthancHas(this.ports) : archivedIn(join(this.folder, "archive"));
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

function archiveOf(folder: string, { readers }: CrashChoice, ports: CrashPorts): CrashProcess {
  const log = join(folder, "archive.log");
  if (readers) return new CrashProcess(orthancArguments(folder, ports, crashTitle), log, peerPath("Orthanc"));
  return new CrashProcess([ownFile("crash-archive.ts"), `${ports.archive}`, join(folder, "archive")], log);
}

/** Asked of Orthanc before anything is let go of, and answered for the modality. */
function addCommitment(
  { sources, destinations }: { readonly sources: object[]; readonly destinations: object[] },
  ports: CrashPorts,
): void {
  const [ct] = sources;
  Object.assign(ct!, { commitment: { host: "127.0.0.1", port: ports.reports } });
  const reports = { listener: "plain", networks: ["127.0.0.1"] };
  for (const archive of destinations)
    Object.assign(archive, { commitment: { reports, askAgain: "1 s", alarmAfter: 100, sendAgain: 10 } });
}

/** The gate's own store is the archive where there is none. */
function readersConfig({ hasArchive, readers }: CrashChoice, ports: CrashPorts): object {
  const host = "127.0.0.1";
  const through =
    readers === "dicomweb"
      ? { dicomweb: `http://${host}:${ports.archiveHttp}/dicom-web` }
      : { host, port: ports.archive, aeTitle: "ARCHIVE" };
  const moveTo = [{ aeTitle: "SINK", host, port: ports.sink }];
  return {
    reading: {
      ...(hasArchive && { archive: { name: "pacs", ...through } }),
      readers: [
        { name: "workstations", listener: "plain", mode: "enforce", aeTitles: ["WS"], moveTo },
        { name: "browsers", listener: "web", mode: "enforce" },
      ],
    },
  };
}
