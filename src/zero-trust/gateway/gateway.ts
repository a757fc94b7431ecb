/** The gate: receive, judge, deliver or hold (DESIGN 2). Composition of the parts; each has a file of its own. */
import type { Crypto } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { SpoolUsage } from "../../store/spool/spool.ts";
import { connectArchive } from "./archive-connection.ts";
import { Cleaner } from "./cleaner.ts";
import { CopyKeeper } from "./copy-keeper.ts";
import { Deliverer } from "./deliver.ts";
import { told } from "./fault-words.ts";
import { Intake } from "./intake.ts";
import { Judge, type Judged } from "./judge.ts";
import { JudgingLoop } from "./judging-loop.ts";
import { type OpenListener, startListener } from "./listener.ts";
import { InflatingSlots, type Reception } from "./object-receiver.ts";
import { ObjectUse } from "./object-use.ts";
import { Occupancy } from "./occupancy.ts";
import { PeerBook } from "./peer-recognition.ts";
import type { GatewayPorts } from "./ports.ts";
import type { Outage } from "./reachability.ts";
import type { ReturnedObject } from "./reading/instance-reading.ts";
import { GateProvider, type ReceptionState } from "./receive.ts";
import { recoverSpool } from "./recovery.ts";
import { RefusalRecords } from "./refusal-records.ts";
import { ReturnedObjects } from "./returned-objects.ts";
import { RowWriter } from "./row-writer.ts";
import { OriginalKeeper } from "./sealer/original-keeper.ts";
import type {
  DestinationSettings,
  GatewaySettings,
  ListenerSettings,
  PeerSettings,
  ReaderSettings,
} from "./settings.ts";
import { Settler } from "./settle.ts";
import { SourceBook } from "./source-recognition.ts";
import { Traffic } from "./traffic.ts";
import { WebReception } from "./web-reception.ts";

export interface GatewayDeps extends Omit<GatewayPorts, "random"> {
  readonly settings: GatewaySettings;
  /** 0 to 1; `Math.random` where none is given. */
  readonly random?: () => number;
}

export type GatewayPhase = "stopped" | "starting" | "running" | "draining";

export interface GatewayStatus {
  readonly phase: GatewayPhase;
  readonly associations: number;
  /** Acknowledged objects whose journal rows are not written yet. */
  readonly rowsWaiting: number;
  readonly judging: number;
  readonly sending: number;
  readonly spool: SpoolUsage;
  readonly destinations: readonly {
    readonly name: string;
    /** While it cannot be reached. */
    readonly outage: Outage | undefined;
  }[];
}

export interface Gateway {
  /**
   * Recovery, then the work, then the listeners.
   * @throws ScansealError `io`, `storage-full` of the stores; `network` when a port cannot be had; `key-unusable` for a listener's TLS
   */
  start(): Promise<void>;
  /** Open listeners: with port 0 in the settings, the port that was given. */
  readonly listeners: readonly OpenListener[];
  /**
   * Takes nothing new; what is arriving, being judged or being sent is finished if it takes no longer than `graceMs`; the rest is durable and
   * is taken up at the next start. The stores stay open.
   */
  drain(graceMs: number): Promise<void>;
  /**
   * Sources, destinations, limits and the certificates of listeners from now on; what else listeners are, and the AE title, only after a restart. Open
   * associations keep their source, by name.
   * @throws ScansealError `config-invalid`
   */
  applySettings(settings: GatewaySettings): Promise<void>;
  status(): GatewayStatus;
  /** An archive has committed to these: their bytes may go, where nobody else needs them. Never rejects. */
  committed(objects: readonly string[]): Promise<void>;
  /** What an archive returned to a reader, who does not get it: durable, and held by the judge. @returns its id @throws ScansealError `storage-full`, `io` */
  holdReturned(returned: ReturnedObject): Promise<string>;
  /** Why an object that came now would be refused for want of storage, or the last one was; undefined where it would be taken. */
  storageProblem(): Promise<string | undefined>;
}

/** What replaced deliverers may take to finish the object they are sending. */
const replaceGraceMs = 60_000;

class RunningGateway implements Gateway {
  readonly #ports: GatewayPorts;
  readonly #reception: Reception;
  readonly #returned: ReturnedObjects;
  readonly #judging: JudgingLoop;
  readonly #settler: Settler;
  readonly #cleaner: Cleaner;
  /** Where something is sealed here. */
  readonly #keeper: OriginalKeeper | undefined;
  /** Where a journal lists copies. */
  readonly #copies: CopyKeeper | undefined;
  readonly #use: ObjectUse = new ObjectUse();
  readonly #deliverers = new Map<string, Deliverer>();
  readonly #listeners: OpenListener[] = [];
  #settings: GatewaySettings;
  #book: SourceBook;
  #readers: PeerBook<ReaderSettings>;
  #archives: PeerBook<PeerSettings>;
  #phase: GatewayPhase = "stopped";

  constructor(deps: GatewayDeps) {
    const { settings, random = Math.random, ...given } = deps;
    const ports: GatewayPorts = { ...given, random };
    this.#ports = ports;
    this.#settings = settings;
    this.#book = new SourceBook(settings, deps.crypto);
    this.#readers = readersOf(settings, deps.crypto);
    this.#archives = archivesOf(settings, deps.crypto);
    const state = (): ReceptionState => this.#state();
    this.#cleaner = new Cleaner(ports, { use: this.#use, store: (id) => this.#settler.store(id) });
    this.#keeper = ports.sealing && new OriginalKeeper(ports.sealing.originals, ports);
    const traffic = new Traffic();
    const rest = async (msMax: number): Promise<void> => {
      const until = performance.now() + msMax;
      await traffic.lull(msMax);
      await this.#judging.rest(until - performance.now());
    };
    const copiesMax = (): number => this.#settings.reading?.copiesMax ?? 0;
    this.#settler = new Settler(ports, this.#use, rest, () => copiesMax() > 0);
    const sweep = (): Promise<void> => this.#cleaner.sweep();
    this.#copies = ports.copies && new CopyKeeper(ports.copies, ports, { bytesMax: copiesMax, rest, sweep });
    this.#judging = new JudgingLoop(ports, {
      traffic,
      makeJudge: (gather) =>
        new Judge(ports, state, gather, (id, location) => this.#cleaner.watch(id, location)),
      evidenceMs: () => this.#settings.limits.evidenceMs,
      onJudged: (id, judged) => {
        this.#reception.occupancy.judged(id);
        if (judged) this.#onJudged(judged);
      },
    });
    this.#reception = {
      ports,
      occupancy: new Occupancy(),
      intake: ports.intake ?? new Intake(ports.clock),
      rows: new RowWriter(ports, traffic, () => this.#judging.wake()),
      refusals: new RefusalRecords(ports, () => this.#copies?.wake()),
      inflating: new InflatingSlots(),
      traffic,
    };
    this.#returned = new ReturnedObjects(this.#reception);
  }

  #state(): ReceptionState {
    const isDraining = this.#phase !== "running";
    const books = { book: this.#book, readers: this.#readers, archives: this.#archives };
    return { settings: this.#settings, ...books, isDraining };
  }

  get listeners(): readonly OpenListener[] {
    return this.#listeners;
  }

  async start(): Promise<void> {
    this.#phase = "starting";
    try {
      await this.#start();
    } catch (error) {
      await this.drain(0);
      throw error;
    }
  }

  async #start(): Promise<void> {
    await this.#copies?.apply();
    await recoverSpool(this.#ports, (id, location) => {
      this.#cleaner.watch(id, location);
      this.#settler.recovered(id);
    });
    await this.#ports.journal.releaseLeases(this.#ports.owner);
    this.#judging.start();
    this.#settler.start();
    this.#cleaner.start();
    this.#keeper?.start();
    this.#copies?.start();
    for (const destination of this.#settings.destinations) this.#startDeliverer(destination);
    await this.#tellKept(this.#settings.destinations);
    this.#phase = "running";
    for (const settings of this.#settings.listeners) {
      const listener = await this.#openListener(settings);
      this.#listeners.push(listener);
      const { name, address, port } = listener;
      this.#ports.events({ kind: "listening", listener: name, address, port });
    }
  }

  async #openListener(settings: ListenerSettings): Promise<OpenListener> {
    const { name, protocol } = settings;
    const state = (): ReceptionState => this.#state();
    if (protocol !== "dicomweb")
      return startListener(settings, new GateProvider(name, this.#reception, state), this.#settings);
    const { webListener } = this.#ports;
    if (!webListener) throw new ScansealError("usage", `listener ${name}: DICOMweb is not served here`);
    return webListener(settings, new WebReception(name, this.#reception, state));
  }

  /** @param added what was admitted before is not sent there by itself: a person says so, or not */
  async #tellKept(added: readonly DestinationSettings[]): Promise<void> {
    const archive = added.find(({ takes }) => takes === "admitted");
    if (!archive) return;
    const { journal, events } = this.#ports;
    try {
      const { keptOnly } = await journal.counts();
      if (keptOnly > 0) events({ kind: "kept-only", objects: keptOnly, destination: archive.name });
    } catch (error) {
      events({ kind: "fault", where: "journal", ...told(error) });
    }
  }

  #startDeliverer(destination: DestinationSettings): void {
    const deliverer = new Deliverer(destination, this.#ports, {
      use: this.#use,
      limits: () => this.#settings.limits,
      connect: (to, needs) => connectArchive(to, this.#settings.aeTitle, needs),
      onDelivered: ({ id }) => this.#onDelivered(id),
      onFailed: (object) => {
        if (!object.stored) this.#settler.store(object.id);
      },
    });
    this.#deliverers.set(destination.name, deliverer);
    deliverer.start();
  }

  /** The last thing that an object waited for may be done. */
  async #onDelivered(id: string): Promise<void> {
    this.#keeper?.delivered(id);
    const left = await this.#settler.delivered(id);
    if (left) this.#cleaner.watch(id, left);
  }

  async committed(objects: readonly string[]): Promise<void> {
    try {
      await Promise.all(objects.map((id) => this.#onDelivered(id)));
    } catch (error) {
      // They are found by looking.
      this.#ports.events({ kind: "fault", where: "storage commitment", ...told(error) });
    }
  }

  #onJudged({ object, outcome, destinations }: Judged): void {
    const isInSpool = object.location !== undefined && !outcome.spoolFreed;
    if (outcome.state === "held" && isInSpool) this.#cleaner.watch(object.id, object.location);
    if (outcome.state !== "admitted") return;
    const deliverers = destinations.flatMap((name) => this.#deliverers.get(name) ?? []);
    for (const deliverer of deliverers) deliverer.wake();
    // Where nobody takes it now it does not wait in the spool.
    const waits = destinations.length === 0 || deliverers.some(({ outage }) => outage !== undefined);
    if (waits && !object.stored) this.#settler.store(object.id);
  }

  async drain(graceMs: number): Promise<void> {
    if (this.#phase === "stopped") return;
    const { events, journal, owner, clock } = this.#ports;
    const until = clock.now() + graceMs;
    const left = (): number => Math.max(0, until - clock.now());
    this.#phase = "draining";
    events({ kind: "draining", associations: this.#reception.occupancy.associations });
    await Promise.all(this.#listeners.map((listener) => listener.close(left())));
    this.#listeners.length = 0;
    await this.#reception.rows.stop();
    await this.#reception.refusals.stop();
    await this.#judging.stop(left());
    await Promise.all([...this.#deliverers.values()].map((deliverer) => deliverer.stop(left())));
    await this.#settler.stop(left());
    await this.#copies?.stop(left());
    await this.#cleaner.stop(left());
    await this.#keeper?.stop(left());
    try {
      await journal.releaseLeases(owner);
    } catch (error) {
      events({ kind: "fault", where: "drain", ...told(error) });
    }
    this.#phase = "stopped";
    events({ kind: "stopped" });
  }

  async applySettings(wantedSettings: GatewaySettings): Promise<void> {
    // Listeners stay as they were opened: who is asked for a certificate depends on what they are, not on what they will be.
    const { aeTitle } = this.#settings;
    const listeners = this.#settings.listeners.map((listener) => this.#renewed(listener, wantedSettings));
    const settings = { ...wantedSettings, aeTitle, listeners };
    const book = new SourceBook(settings, this.#ports.crypto);
    const readers = readersOf(settings, this.#ports.crypto);
    const archives = archivesOf(settings, this.#ports.crypto);
    const known = new Set(this.#settings.destinations.map(({ name }) => name));
    this.#settings = settings;
    this.#book = book;
    this.#readers = readers;
    this.#archives = archives;
    const wanted = new Map(settings.destinations.map((destination) => [destination.name, destination]));
    const replaced = [...this.#deliverers].filter(
      ([name, { destination }]) => JSON.stringify(wanted.get(name)) !== JSON.stringify(destination),
    );
    for (const [name] of replaced) this.#deliverers.delete(name);
    await Promise.all(replaced.map(([, deliverer]) => deliverer.stop(replaceGraceMs)));
    for (const [name, destination] of wanted) {
      if (!this.#deliverers.has(name) && this.#phase === "running") this.#startDeliverer(destination);
    }
    this.#judging.wake();
    this.#copies?.wake();
    await this.#tellKept(settings.destinations.filter(({ name }) => !known.has(name)));
  }

  /** With the certificate that is wanted, or as it is. */
  #renewed(listener: ListenerSettings, { listeners }: GatewaySettings): ListenerSettings {
    const { name } = listener;
    const tls = listeners.find((wanted) => wanted.name === name)?.tls;
    if (!listener.tls || !tls || JSON.stringify(tls) === JSON.stringify(listener.tls)) return listener;
    try {
      this.#listeners.find((open) => open.name === name)?.renewTls(tls);
      return { ...listener, tls };
    } catch (error) {
      this.#ports.events({ kind: "fault", where: "listener certificate", ...told(error) });
      return listener;
    }
  }

  status(): GatewayStatus {
    const { occupancy, rows } = this.#reception;
    return {
      phase: this.#phase,
      associations: occupancy.associations,
      rowsWaiting: rows.backlog,
      judging: this.#judging.judging,
      sending: [...this.#deliverers.values()].reduce((sum, { sending }) => sum + sending, 0),
      spool: this.#ports.spool.usage(),
      destinations: [...this.#deliverers].map(([name, { outage }]) => ({ name, outage })),
    };
  }

  holdReturned(returned: ReturnedObject): Promise<string> {
    return this.#returned.hold(returned);
  }

  async storageProblem(): Promise<string | undefined> {
    const refusal = await this.#ports.spool.refusal();
    if (refusal) return `the disk takes no object: ${refusal.message}`;
    const { ofStorage } = this.#reception.refusals;
    return ofStorage && `the disk did not take the last object that came: ${ofStorage}`;
  }
}

function readersOf({ reading, listeners }: GatewaySettings, crypto: Crypto): PeerBook<ReaderSettings> {
  return new PeerBook(reading?.readers ?? [], listeners, crypto);
}

/** Those that report what they commit to. */
function archivesOf({ destinations, listeners }: GatewaySettings, crypto: Crypto): PeerBook<PeerSettings> {
  const peers = destinations.flatMap(({ commitment }) => commitment?.reports ?? []);
  return new PeerBook(peers, listeners, crypto);
}

/** A gateway that is not started yet. It closes none of its ports. @throws ScansealError `config-invalid` */
export function createGateway(deps: GatewayDeps): Gateway {
  return new RunningGateway(deps);
}
