/** A running gateway: everything it works with, opened in order and closed in reverse. */
import { join } from "node:path";
import { v7 as newId } from "uuid";
import { fromUtf8, utf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { EventSink } from "../../operations/event.ts";
import { fanOut } from "../../operations/fan-out.ts";
import { GatewayMetrics } from "../../operations/gateway-metrics.ts";
import { systemClock as clock, nodeCrypto } from "../../platform/node/crypto.ts";
import {
  createFileDurably,
  ensurePrivateFolder,
  type FileLock,
  fileExists,
  holdFileLock,
  readPrivateFile,
} from "../../platform/node/private-files.ts";
import type { IndexedJournal } from "../../store/index/indexed-journal.ts";
import type { ObjectStore } from "../../store/objects/object-store.ts";
import { openSegmentSpool } from "../../store/spool/segment-spool.ts";
import type { Spool } from "../../store/spool/spool.ts";
import { startStatusServer } from "../../web-api/status-server.ts";
import { createGateway, type Gateway } from "../../zero-trust/gateway/gateway.ts";
import type { Intake } from "../../zero-trust/gateway/intake.ts";
import type { DimseReading } from "../../zero-trust/gateway/reading/dimse-reading.ts";
import type { Holding } from "../../zero-trust/gateway/reading/instance-reading.ts";
import type { GatewaySettings } from "../../zero-trust/gateway/settings.ts";
import { rememberedEnds } from "../commissioning/certificate-ends.ts";
import { openHome, type SiteHome } from "../home.ts";
import { OpenedProvenance } from "../provenance/opened-provenance.ts";
import { OfficeOfAdmissions } from "../receipts/admission-receipts.ts";
import { GateAlerts } from "./alerts.ts";
import { type ArchiveChecksParts, openArchiveChecks } from "./archive-checks.ts";
import { GateAudit } from "./audit.ts";
import { openCommitments } from "./commitment.ts";
import type { GatewayConfig } from "./config.ts";
import { watchConfig } from "./config-watch.ts";
import { WorkerExaminer } from "./examiner.ts";
import { FirstSights } from "./first-sights.ts";
import { IndexFiller } from "./index-filler.ts";
import { IntakeFile } from "./intake-file.ts";
import { LogFeeder } from "./log-feeder.ts";
import { openReading, type ReadingParts } from "./reading.ts";
import { RecentObjects } from "./recent-objects.ts";
import { RevokedPeers } from "./revoked-peers.ts";
import { openSealing } from "./sealer/sealing-role.ts";
import { SeriesCloser } from "./sealer/series-closer.ts";
import { sharedAnswer } from "./shared-answer.ts";
import { SourceChanges } from "./source-changes.ts";
import { type ObservedGateway, readinessView, readingsOf, statusView } from "./status-views.ts";
import { dataPaths, lockJournal, openIndexedJournal, openKept, openObjects } from "./stores.ts";
import { TrustWatch } from "./trust-watch.ts";
import { UpkeepWatch } from "./upkeep-watch.ts";
import { WebListeners } from "./web/web-listener.ts";

export interface RunOptions {
  readonly version: string;
  readonly events: EventSink;
}

export interface RunningGateway {
  readonly listeners: readonly { readonly name: string; readonly address: string; readonly port: number }[];
  readonly httpPort: number;
  /** Looks at the configuration file now: sources, destinations and limits apply at once. */
  reload(): Promise<void>;
  /** Finishes what is under way, for at most `graceMs`; everything else is durable. Idempotent. */
  stop(graceMs: number): Promise<void>;
}

/** Closed in the reverse of the order they were opened in, each whatever became of the others. */
class Opened {
  readonly #closers: (() => Promise<void> | void)[] = [];

  add<T>(part: T, close: (part: T) => Promise<void> | void): T {
    this.#closers.push(() => close(part));
    return part;
  }

  async closeAll(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) {
      try {
        await close();
      } catch {
        // What is durable is durable; the process ends, or has told why it cannot start.
      }
    }
  }
}

/**
 * @throws ScansealError `usage` when another gateway has the data folder or the journal; `io`, `storage-full` of the stores; `network` when a port cannot
 *   be had; `key-unusable`, `certificate-invalid` of the site
 */
export async function runGateway(config: GatewayConfig, options: RunOptions): Promise<RunningGateway> {
  const opened = new Opened();
  try {
    return await open(config, options, opened);
  } catch (error) {
    await opened.closeAll();
    throw error;
  }
}

async function open(config: GatewayConfig, options: RunOptions, opened: Opened): Promise<RunningGateway> {
  const [{ version }, home] = [options, openHome(config.home)];
  ensurePrivateFolder(config.data);
  const alerts = new GateAlerts(config, options.events);
  const told = fanOut(options.events, alerts.sink);
  const stores = await openStores(config, told, opened);
  const { journal, spool, commitments } = stores;
  const recent = new RecentObjects();
  const metrics = new GatewayMetrics({
    version,
    clock,
    collect: async () => ({ ...(await readingsOf(observed, await counts())), auditQueue: audit.length }),
  });
  const audit = opened.add(new GateAudit(config, { journal, events: told }), (one) => one.stop());
  const events = fanOut(told, metrics.sink, recent.sink, audit.sink);
  await warnOfDisk(spool, events);
  const trust = new TrustWatch(home, clock, events);
  const examiner = await openExaminer(config, { home, trust, events }, opened);
  const parts = { ...stores, trust, events, version, searched: audit.searched };
  const sealing = opened.add(await openSealing(config, parts), (one) => one.close());
  const receipts = opened.add(new OfficeOfAdmissions(home, version), (one) => one.close());
  const revoked = new RevokedPeers(trust);
  const filler = fillerOf(stores, events);
  const hold: Holding = (returned) => gateway.holdReturned(returned);
  const { dimse, web, applyReading } = await openReaders(config, { ...parts, examiner, hold }, opened);
  const { commitment, asking } = await openCommitments(config, { ...parts, gateway: () => gateway });
  const gateway: Gateway = createGateway({
    settings: config.settings,
    ...{ ...stores, examiner, receipts, crypto: nodeCrypto, clock, newId, events },
    ...{ reading: dimse, sealing, commitment, asking, webListener: (...listener) => web.open(...listener) },
    onToIndex: config.index ? () => filler.wake() : undefined,
    isRevoked: (certificate) => revoked.has(certificate),
    owner: ownerOf(config),
  });
  const sources = new SourceChanges(config.data, { journal, events, clock, newId });
  const watch = watchConfig(config, events, async ({ settings, ...beside }) => {
    await asking.apply(settings);
    await Promise.all([gateway.applySettings(settings), applyReading(settings), alerts.apply(beside.alerts)]);
    await sources.note(settings.sources);
    await audit.apply(beside.audit); // Last: who may no longer come in waits for no disk of its.
  });
  const settings = (): GatewayConfig["settings"] => watch.settings;
  const watched = { settings, recent, commitments, certificates: rememberedEnds(home, settings, clock) };
  const observed: ObservedGateway = { version, startedAt: clock.now(), clock, journal, gateway, ...watched };
  const counts = sharedAnswer(clock, () => journal.counts());
  const status = opened.add(await serveStatus(config, observed, metrics), (one) => one.close());
  await recent.prime(journal, observed.startedAt);
  // Whatever becomes of its start: listeners that are open are closed.
  let graceMs = 0;
  const rounds = await roundsOf(config, { ...parts, ...watched, home, examiner, hold, counts });
  const startRounds = addBeside(rounds, opened);
  addBeside([alerts, commitment, asking, ...(config.index ? [filler] : [])], opened)();
  opened.add(gateway, (one) => one.drain(graceMs));
  await gateway.start();
  startRounds();
  await sources.note(config.settings.sources);
  watch.start();
  let stopping: Promise<void> | undefined;
  return {
    listeners: gateway.listeners,
    httpPort: status.port,
    reload: () => watch.look(),
    stop: (grace) => {
      graceMs = grace;
      watch.stop();
      stopping ??= opened.closeAll();
      return stopping;
    },
  };
}

/** Works beside the gate, which waits for none of it. */
interface Beside {
  start(): void;
  stop(): Promise<void>;
}

/** @returns what starts them: those that hold objects after the gate has recovered its spool */
function addBeside(parts: readonly Beside[], opened: Opened): () => void {
  for (const part of parts) opened.add(part, (one) => one.stop());
  return () => {
    for (const part of parts) part.start();
  };
}

/** What is looked at again and again. */
async function roundsOf(
  config: GatewayConfig,
  parts: Pick<Stores, "spool"> &
    ArchiveChecksParts & {
      readonly journal: Stores["journal"];
      readonly certificates: ObservedGateway["certificates"];
      readonly version: string;
    },
): Promise<Beside[]> {
  const { home, journal, spool, events, certificates: ends, settings, version } = parts;
  const sealed = new OpenedProvenance(home.provenancePath);
  const provenance = new OpenedProvenance(home.provenancePath);
  return [
    new LogFeeder({ home, provenance, journal, events }),
    new SeriesCloser({ home, provenance: sealed, settings, version, events }),
    new UpkeepWatch({ ends, disk: () => spool.disk(), journal, clock, events }),
    ...(await openArchiveChecks(config, parts)),
  ];
}

function serveStatus(
  { http }: GatewayConfig,
  observed: ObservedGateway,
  metrics: GatewayMetrics,
): ReturnType<typeof startStatusServer> {
  const { clock, journal, gateway, settings } = observed;
  const ping = sharedAnswer(clock, () => journal.ping());
  return startStatusServer({
    ...http,
    status: sharedAnswer(clock, async () => ({
      ...(await statusView(observed)),
      verdicts: metrics.verdicts(),
    })),
    readiness: () => readinessView({ gateway, settings, journal: { ping } }),
    metrics: () => metrics.text(),
  });
}

function fillerOf(
  stores: Pick<Stores, "index" | "queue" | "objects" | "spool">,
  events: EventSink,
): IndexFiller {
  const { index, queue } = stores;
  return new IndexFiller({ index, queue, openKept: (object) => openKept(object, stores) }, events);
}

/** Whoever reads, over DIMSE and DICOMweb. */
async function openReaders(
  config: GatewayConfig,
  parts: ReadingParts,
  opened: Opened,
): Promise<{
  readonly dimse: DimseReading | undefined;
  readonly web: WebListeners;
  readonly applyReading: (settings: GatewaySettings) => Promise<void>;
}> {
  const reading = await openReading(config, parts);
  if (reading) opened.add(reading, (one) => one.close());
  const { index, events } = parts;
  const { settings } = config;
  const web = new WebListeners({
    reading: reading && { desk: reading.desk, search: reading.search, index },
    events,
    settings,
  });
  opened.add(web, (one) => one.close());
  return { dimse: reading?.dimse, web, applyReading: async (now) => reading?.apply(now) };
}

/** What it sees for the first time is remembered. */
async function openExaminer(
  config: GatewayConfig,
  parts: { readonly home: SiteHome; readonly trust: TrustWatch; readonly events: EventSink },
  opened: Opened,
): Promise<FirstSights> {
  const { home, trust, events } = parts;
  const beside = home.beside();
  const { evidenceMs } = config.settings.limits;
  const examiner = opened.add(new WorkerExaminer({ trust, clock, events, ...beside, evidenceMs }), (one) =>
    one.close(),
  );
  await examiner.start();
  const provenance = new OpenedProvenance(beside.provenance, "made");
  return opened.add(new FirstSights(examiner, { provenance, clock, events }), (one) => one.close());
}

interface Stores extends IndexedJournal {
  readonly objects: ObjectStore;
  readonly spool: Spool;
  readonly intake: Intake;
}

/** Each is one process's: locked before it is opened. */
async function openStores(config: GatewayConfig, events: EventSink, opened: Opened): Promise<Stores> {
  opened.add(lockData(config), (lock) => lock.release());
  const onLost = ({ code, message }: ScansealError): void =>
    events({ kind: "fault", where: "journal lock", code, why: message });
  opened.add(await lockJournal(config, onLost), (lock) => lock?.release());
  const indexed = opened.add(await openIndexedJournal(config), ({ journal }) => journal.close());
  const objects = await openObjects(config);
  const { spool: spoolFolder } = dataPaths(config);
  const spool = opened.add(await openSegmentSpool(spoolFolder, { bytesMax: config.spoolBytesMax }), (one) =>
    one.close(),
  );
  const { intake } = opened.add(new IntakeFile(config.data, clock, events), (one) => one.close());
  return { ...indexed, objects, spool, intake };
}

/** What is there may last for a while; another segment cannot be made. */
async function warnOfDisk(spool: Spool, events: EventSink): Promise<void> {
  const { freeBytes, neededBytes } = await spool.disk();
  if (freeBytes < neededBytes) events({ kind: "disk-low", freeBytes, neededBytes });
}

/** A command that looks whether a gateway is running has the lock for a moment (in-force.ts). */
const lookedAtMs = 250;

function lockData(config: GatewayConfig): FileLock {
  try {
    return holdFileLock(dataPaths(config).lock, lookedAtMs);
  } catch (error) {
    const cause = error instanceof ScansealError ? error.cause : undefined;
    // https://www.sqlite.org/rescode.html: SQLITE_BUSY
    const isTaken = (((cause ?? {}) as { readonly errcode?: number }).errcode ?? 0) % 256 === 5;
    if (!isTaken) throw error;
    throw new ScansealError(
      "usage",
      "a gateway is running with this data folder already: stop it first, or give this one a data folder of its own",
      { cause: error },
    );
  }
}

/** Made once for a data folder: after a restart the gateway takes up its own work at once. */
function ownerOf({ data }: GatewayConfig): string {
  const path = join(data, "gateway.id");
  if (!fileExists(path)) createFileDurably(path, utf8(newId()), { mode: 0o600 });
  const id = fromUtf8(readPrivateFile(path, 64));
  if (!/^[0-9a-f-]{36}$/.test(id)) throw new ScansealError("io", "gateway.id is damaged: remove it");
  return id;
}
