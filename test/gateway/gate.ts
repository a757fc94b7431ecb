/** A whole gateway in this process, with its real parts in a folder of its own, and an archive that receives: for tests of what they do together. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { v7 as newId } from "uuid";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { toHex } from "../../src/foundation/bytes.ts";
import { ScansealError } from "../../src/foundation/errors.ts";
import type { GatewayEvent } from "../../src/operations/event.ts";
import { nodeCrypto, systemClock } from "../../src/platform/node/crypto.ts";
import { openExtents } from "../../src/platform/node/extents-source.ts";
import { WebListeners } from "../../src/site/gateway/web/web-listener.ts";
import {
  openPostgresIndexedJournal,
  openSqliteIndexedJournal,
} from "../../src/store/index/indexed-journal.ts";
import type { Copies } from "../../src/store/journal/copies.ts";
import type { Journal, JudgedObject } from "../../src/store/journal/journal.ts";
import { openFolderObjectStore } from "../../src/store/objects/folder-object-store.ts";
import type { ObjectStore } from "../../src/store/objects/object-store.ts";
import type { Disk } from "../../src/store/spool/disk.ts";
import { openSegmentSpool } from "../../src/store/spool/segment-spool.ts";
import type { Spool, SpoolUsage } from "../../src/store/spool/spool.ts";
import { createGateway, type Gateway } from "../../src/zero-trust/gateway/gateway.ts";
import type { Examiner } from "../../src/zero-trust/gateway/ports.ts";
import type {
  DestinationSettings,
  GatewayLimits,
  GatewaySettings,
  ListenerSettings,
  SourceSettings,
} from "../../src/zero-trust/gateway/settings.ts";
import type { Site } from "../evaluation/fixture.ts";

export const gateTitle = "GATE";

export function sourceOf(other: Partial<SourceSettings> = {}): SourceSettings {
  return {
    name: "ct",
    listener: "plain",
    certificates: [],
    aeTitles: ["CT1"],
    networks: ["127.0.0.0/8"],
    mode: "enforce",
    tolerate: [],
    devices: [],
    associationsMax: 8,
    quotaBytes: 1 << 28,
    ...other,
  };
}

export function archiveAt(port: number, other: Partial<DestinationSettings> = {}): DestinationSettings {
  return {
    name: "archive",
    host: "127.0.0.1",
    port,
    aeTitle: "ARCHIVE",
    takes: "admitted",
    associationsMax: 2,
    ...other,
  };
}

export const gateLimits: GatewayLimits = {
  associationsMax: 16,
  objectBytesMax: 64 << 20,
  objectMs: 60_000,
  evidenceMs: 60_000,
  retryMs: 20,
  retryMsMax: 100,
  deliveryMsMax: 60_000,
};

/** In this thread, with the same checks as a worker's. */
export function examinerOf(site: Pick<Site, "judge">): Examiner {
  return {
    width: 2,
    examine: async ({ extents, bytes, digest, tolerate, readFrom }) => {
      const source = await openExtents(extents);
      try {
        const file = (await source.read(0, bytes)).slice();
        if (toHex(nodeCrypto.hash("SHA-256", file)) !== digest)
          throw new ScansealError("io", "the bytes that were kept are not those that were acknowledged");
        const options = { tolerate, from: readFrom };
        return (await site.judge(file, options)).evidence;
      } finally {
        await source.close();
      }
    },
    close: async () => undefined,
  };
}

export const plainListener: ListenerSettings = { name: "plain", host: "127.0.0.1", port: 0 };
/** For STOW-RS, from the sources of the other. */
export const webListener: ListenerSettings = { ...plainListener, protocol: "dicomweb" };

export interface GateChoice {
  readonly listeners?: readonly ListenerSettings[];
  readonly sources?: readonly SourceSettings[];
  readonly destinations?: readonly DestinationSettings[];
  readonly limits?: Partial<GatewayLimits>;
  /** Of an earlier gate, to go on with. */
  readonly folder?: string;
  readonly spoolBytesMax?: number;
  /** In place of the machine's. */
  readonly spoolDisk?: Disk;
  /** Of what every archive has; none where absent. */
  readonly copiesMax?: number;
  /** In place of SQLite's in the folder. */
  readonly postgresUrl?: string;
  /** With it, what is admitted waits for the index. */
  readonly onToIndex?: () => void;
}

interface Waiting {
  readonly isIt: () => boolean;
  readonly tell: () => void;
}

export class Gate {
  readonly folder: string;
  readonly events: GatewayEvent[] = [];
  readonly journal: Journal;
  readonly copies: Copies;
  readonly objects: ObjectStore;
  readonly spool: Spool;
  readonly gateway: Gateway;
  readonly settings: GatewaySettings;
  readonly #web: WebListeners;
  readonly #waiting = new Set<Waiting>();
  #usage: SpoolUsage | undefined;

  private constructor(
    folder: string,
    stores: Pick<Gate, "journal" | "copies" | "objects" | "spool">,
    settings: GatewaySettings,
    examiner: Examiner,
    onToIndex: (() => void) | undefined,
  ) {
    this.folder = folder;
    this.journal = stores.journal;
    this.copies = stores.copies;
    this.objects = stores.objects;
    this.spool = stores.spool;
    this.settings = settings;
    const events = (event: GatewayEvent): void => this.#onEvent(event);
    this.#web = new WebListeners({ reading: undefined, events, settings });
    this.gateway = createGateway({
      ...stores,
      webListener: (...listener) => this.#web.open(...listener),
      settings,
      examiner,
      crypto: nodeCrypto,
      clock: systemClock,
      newId,
      owner: "test",
      onToIndex,
      events,
    });
  }

  static async open(examiner: Examiner, choice: GateChoice = {}): Promise<Gate> {
    const folder = choice.folder ?? mkdtempSync(join(tmpdir(), "scanseal-gate-"));
    const { postgresUrl, copiesMax } = choice;
    const { journal, copies } = await (postgresUrl === undefined
      ? openSqliteIndexedJournal(join(folder, "journal.sqlite"))
      : openPostgresIndexedJournal(postgresUrl));
    const stores = {
      journal,
      copies,
      objects: await openFolderObjectStore(join(folder, "objects")),
      spool: await openSegmentSpool(join(folder, "spool"), {
        bytesMax: choice.spoolBytesMax ?? 64 << 20,
        disk: choice.spoolDisk,
      }),
    };
    const settings: GatewaySettings = {
      aeTitle: gateTitle,
      listeners: choice.listeners ?? [plainListener],
      sources: choice.sources ?? [sourceOf()],
      destinations: choice.destinations ?? [],
      ...(copiesMax !== undefined && { reading: { readers: [], archive: undefined, copiesMax } }),
      limits: { ...gateLimits, ...choice.limits },
    };
    const gate = new Gate(folder, stores, settings, examiner, choice.onToIndex);
    await gate.gateway.start();
    return gate;
  }

  get port(): number {
    return this.gateway.listeners[0]!.port;
  }

  #onEvent(event: GatewayEvent): void {
    this.events.push(event);
    for (const waiting of this.#waiting) if (waiting.isIt()) waiting.tell();
  }

  /** Waits for the `count`th event of a kind. */
  async seen<K extends GatewayEvent["kind"]>(
    kind: K,
    count = 1,
  ): Promise<readonly Extract<GatewayEvent, { kind: K }>[]> {
    const found = (): Extract<GatewayEvent, { kind: K }>[] =>
      this.events.filter((event): event is Extract<GatewayEvent, { kind: K }> => event.kind === kind);
    if (found().length < count) {
      await new Promise<void>((resolve) => {
        const waiting: Waiting = {
          isIt: () => found().length >= count,
          tell: () => {
            this.#waiting.delete(waiting);
            resolve();
          },
        };
        this.#waiting.add(waiting);
      });
    }
    return found();
  }

  /** All rows, oldest first. */
  async rows(): Promise<readonly JudgedObject[]> {
    return this.journal.objects({ limit: 1000 });
  }

  /** The file that is kept, wherever. */
  async kept({ location, stored, digest }: JudgedObject): Promise<Bytes | undefined> {
    if (!stored && !location) return undefined;
    const source = stored ? await this.objects.open(digest) : await this.spool.open(location!);
    try {
      return (await source.read(0, source.size)).slice();
    } finally {
      await source.close();
    }
  }

  /** Of the spool when it was last looked at. */
  get usage(): SpoolUsage {
    return this.#usage ?? this.spool.usage();
  }

  /** Nothing happens any more, and the journal can still be asked. */
  async stopped(): Promise<void> {
    await this.gateway.drain(10_000);
    this.#usage = this.spool.usage();
  }

  /** Drains and closes what it opened; the folder stays. */
  async stop(): Promise<void> {
    await this.stopped();
    await this.#web.close();
    await this.journal.close();
    await this.spool.close();
  }

  async end(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
