/** A real gateway in this process, in a folder of the demonstration, with an archive behind it: what is sent to it comes by DICOM. */
import { createServer } from "node:net";
import { join } from "node:path";
import { utf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { GatewayEvent } from "../../operations/event.ts";
import { createFileDurably } from "../../platform/node/private-files.ts";
import { type GatewayConfig, loadConfig } from "../../site/gateway/config.ts";
import { type RunningGateway, runGateway } from "../../site/gateway/run.ts";
import { openJournal } from "../../site/gateway/stores.ts";
import type { Journal, JudgedObject } from "../../store/journal/journal.ts";
import { packageVersion } from "../package-version.ts";
import { inspectFile, type OutgoingFile } from "../sending/outgoing-file.ts";
import { transmit } from "../sending/transmission.ts";
import { ReceivingArchive } from "./receiving-archive.ts";

/** What the gate did with a file that was sent to it. */
export interface GateOutcome {
  readonly file: OutgoingFile;
  readonly object: JudgedObject;
}

const gateTitle = "SCANSEAL";
const host = "127.0.0.1";
/** Everything under way has ended when the demonstration closes its gate. */
const graceMs = 5_000;
const MiB = 1 << 20;
/** The smallest spool that a configuration can have. */
const spoolMiBMin = 64;

export class LiveGate {
  readonly archive: ReceivingArchive;
  readonly #gateway: RunningGateway;
  readonly #journal: Journal;
  readonly #events: GateEvents;
  readonly #device: string;

  private constructor(
    archive: ReceivingArchive,
    gateway: RunningGateway,
    journal: Journal,
    events: GateEvents,
    device: string,
  ) {
    this.archive = archive;
    this.#gateway = gateway;
    this.#journal = journal;
    this.#events = events;
    this.#device = device;
  }

  /**
   * Its configuration stays in the site's folder: quarantine can be looked at afterwards.
   * @param device whose source it is, in `enforce` @param bytes of all that will be sent
   * @throws ScansealError as `runGateway`
   */
  static async open(site: string, device: string, bytes: number): Promise<LiveGate> {
    const archive = await ReceivingArchive.open();
    const events = new GateEvents();
    let gateway: RunningGateway | undefined;
    try {
      const config = await configure(site, device, archive.port, bytes);
      gateway = await runGateway(config, { version: packageVersion(), events: events.sink });
      return new LiveGate(archive, gateway, await openJournal(config), events, device);
    } catch (error) {
      await gateway?.stop(0);
      await archive.close();
      throw error;
    }
  }

  get address(): string {
    return `${host}:${this.#gateway.listeners[0]?.port}`;
  }

  /**
   * Sends the files one after the other in one association; resolves when each was judged, and what passed has arrived at the archive.
   * @param onSent called after each answer
   * @throws ScansealError `network` when one was not taken; `internal` when a check could not be completed
   */
  async send(paths: readonly string[], onSent: () => void): Promise<readonly GateOutcome[]> {
    const files: OutgoingFile[] = [];
    for (const path of paths) files.push(await inspectFile(path));
    const before = this.#events.acknowledged.length;
    const port = this.#gateway.listeners[0]?.port ?? 0;
    const target = { host, port, callingAeTitle: this.#device.toUpperCase(), calledAeTitle: gateTitle };
    await transmit(files, target, 1, (sent) => {
      onSent();
      if (sent.result === "accepted") return;
      const why = "problem" in sent ? sent.problem : `status ${sent.status.code.toString(16)}`;
      throw new ScansealError("network", `the gate did not take ${sent.file.path}: ${why}`);
    });
    // One association: acknowledged in the order in which they were sent.
    const ids = this.#events.acknowledged.slice(before);
    await this.#events.until((events) => ids.every((id) => events.isOver(id)));
    return Promise.all(files.map(async (file, i) => ({ file, object: await this.#judged(ids[i]!) })));
  }

  async #judged(id: string): Promise<JudgedObject> {
    const object = await this.#journal.object(id);
    if (object?.verdict === undefined)
      throw new ScansealError("internal", "the gate could not complete the check of an object");
    return object;
  }

  async close(): Promise<void> {
    await this.#journal.close();
    await this.#gateway.stop(graceMs);
    await this.archive.close();
  }
}

/** What became of each object, as the gateway tells it. */
class GateEvents {
  readonly acknowledged: string[] = [];
  readonly #states = new Map<string, string>();
  readonly #delivered = new Set<string>();
  readonly #waiting = new Set<() => void>();

  readonly sink = (event: GatewayEvent): void => {
    if (event.kind === "object-acknowledged") this.acknowledged.push(event.object);
    else if (event.kind === "object-judged") this.#states.set(event.object, event.state);
    else if (event.kind === "delivered" || (event.kind === "delivery-failed" && event.isDead))
      this.#delivered.add(event.object);
    else return;
    for (const look of this.#waiting) look();
  };

  /** Judged, and where it passed: at the archive, or given up. */
  isOver(id: string): boolean {
    const state = this.#states.get(id);
    return state === "admitted" ? this.#delivered.has(id) : state !== undefined;
  }

  until(isSo: (events: this) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!isSo(this)) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }
}

async function configure(
  site: string,
  device: string,
  archivePort: number,
  bytes: number,
): Promise<GatewayConfig> {
  const [dicomPort, httpPort] = await freePorts();
  const path = join(site, "gateway.yaml");
  // No more than it takes: segments of the spool are as large as an eighth of it.
  const spoolMiB = spoolMiBMin + Math.ceil((2 * bytes) / MiB);
  createFileDurably(path, utf8(configText({ device, dicomPort, httpPort, archivePort, spoolMiB })), {
    mode: 0o644,
  });
  const { config, problems } = loadConfig(path);
  if (config) return config;
  throw new ScansealError("internal", `the demonstration's configuration: ${problems[0]?.message}`);
}

interface DemoSettings {
  readonly device: string;
  readonly dicomPort: number;
  readonly httpPort: number;
  readonly archivePort: number;
  readonly spoolMiB: number;
}

const configText = ({ device, dicomPort, httpPort, archivePort, spoolMiB }: DemoSettings): string =>
  `# The gateway of a demonstration. What it held: "scanseal quarantine list --home" and this folder.
aeTitle: ${gateTitle}
home: .
listeners:
  - name: local
    port: ${dicomPort}
sources:
  - name: ${device}
    listener: local
    networks: [127.0.0.0/8]
    mode: enforce
    devices: [${device}]
    quota: ${spoolMiB} MiB
destinations:
  - name: archive
    host: ${host}
    port: ${archivePort}
    aeTitle: ARCHIVE
    takes: admitted
http:
  port: ${httpPort}
limits:
  objectSize: ${spoolMiB} MiB
  spoolSize: ${spoolMiB} MiB
`;

/** Two of this machine's. Somebody else may take one before the gateway does: it says so then. */
async function freePorts(): Promise<readonly [number, number]> {
  const servers = [createServer(), createServer()] as const;
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once("error", reject);
          server.listen(0, host, () => {
            const address = server.address();
            resolve(typeof address === "object" && address !== null ? address.port : 0);
          });
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return [ports[0]!, ports[1]!];
}
