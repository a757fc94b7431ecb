/** What looks at the archive beside the gate: the sweep at its hour, and the sentinel every few minutes. Nothing waits for it. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { EventSink, GatewayEvent } from "../../operations/event.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import { ensurePrivateFolder } from "../../platform/node/private-files.ts";
import type { InstanceIndex } from "../../store/index/instance-index.ts";
import type { Journal, JournalCounts } from "../../store/journal/journal.ts";
import type { Examiner } from "../../zero-trust/gateway/ports.ts";
import type { Holding } from "../../zero-trust/gateway/reading/instance-reading.ts";
import type { ArchiveSettings, GatewaySettings } from "../../zero-trust/gateway/settings.ts";
import type { SiteHome } from "../home.ts";
import { OpenedProvenance } from "../provenance/opened-provenance.ts";
import { onItsWayMs, sealedHere } from "../provenance/sealed-here.ts";
import { studiesAdmittedSince } from "../sweep/admitted-instances.ts";
import { Pace } from "../sweep/pace.ts";
import { ScheduledSweep } from "../sweep/scheduled-sweep.ts";
import { sentinelRound } from "../sweep/sentinel.ts";
import { SentinelMemory } from "../sweep/sentinel-memory.ts";
import { type SealedHere, StudyCheck } from "../sweep/study-check.ts";
import { studiesOf, sweepDesk } from "../sweep/sweep-desk.ts";
import type { SweepFinding } from "../sweep/sweep-finding.ts";
import { destinationOf } from "./admissions.ts";
import type { GatewayConfig } from "./config.ts";
import { FaultsInARow } from "./faults-in-a-row.ts";
import { archivePlace, openReadArchive, type SearchableArchive } from "./read-archive.ts";
import { Rounds } from "./rounds.ts";
import { StagingFolder } from "./staging.ts";

export interface ArchiveChecksParts {
  readonly home: SiteHome;
  readonly index: Pick<InstanceIndex, "instancesOf" | "search">;
  readonly journal: Pick<Journal, "object" | "objects" | "admittedInstance" | "deliveriesOf">;
  readonly examiner: Pick<Examiner, "examine">;
  readonly hold: Holding;
  readonly events: EventSink;
  /** In force: the archive that is read from may change. */
  readonly settings: () => GatewaySettings;
  /** What arrives waits to be judged: it goes first. */
  readonly counts: () => Promise<Pick<JournalCounts, "objects">>;
}

/** Whether it is time for a sweep; and after an archive that did not answer, when it is asked again. */
const sweepLookMs = 30_000;
/** In memory as UIDs, some 150 bytes each; larger archives are swept by the command, in a process of its own. */
const studiesMax = 2_000_000;
/** What is under way when the gateway ends is left after so long. */
const stopMsMax = 5_000;

/** What works in rounds until it is stopped; each round opens the archive that is configured then. */
class ArchiveRounds {
  readonly #parts: ArchiveChecksParts;
  readonly #stop = new AbortController();
  readonly #rounds: Rounds;
  readonly #faults: FaultsInARow;

  constructor(
    parts: ArchiveChecksParts,
    work: {
      readonly name: "sweep" | "sentinel";
      readonly everyMs: number;
      readonly round: () => Promise<void>;
    },
  ) {
    this.#parts = parts;
    this.#faults = new FaultsInARow(parts.events, work.name);
    this.#rounds = new Rounds(
      () => this.#round(work.round),
      () => work.everyMs,
    );
  }

  get isStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  start(): void {
    this.#rounds.start();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    const late = new AbortController();
    await Promise.race([
      this.#rounds.stop(),
      pause(stopMsMax, undefined, { signal: late.signal }).catch(() => undefined),
    ]);
    late.abort();
  }

  /** What goes wrong is an event, never a rejection. */
  async #round(round: () => Promise<void>): Promise<void> {
    try {
      await round();
      this.#faults.over();
    } catch (error) {
      if (!this.isStopped) this.#faults.tell(error, "the look at the archive failed");
    }
  }

  pace(rate: number): Pace {
    const { counts } = this.#parts;
    const isBusy = async (): Promise<boolean> => !signal.aborted && (await counts()).objects.received > 0;
    const { signal } = this.#stop;
    const sleep = (ms: number): Promise<void> => pause(ms, undefined, { signal }).catch(() => undefined);
    return new Pace({ clock: systemClock, rate, sleep, isBusy });
  }

  /** Nothing comes of it any more once the work is to end. */
  bounded(archive: SearchableArchive): SearchableArchive {
    const { signal } = this.#stop;
    const until = async function* <T>(all: AsyncIterable<T>): AsyncGenerator<T> {
      for await (const one of all) {
        if (signal.aborted) throw new ScansealError("network", "the look at the archive was ended");
        yield one;
      }
    };
    return {
      ...{ name: archive.name, tolerate: archive.tolerate },
      studies: (studiesMax) => stoppedBy(signal, archive.studies(studiesMax)),
      find: (query) => until(archive.find(query)),
      list: (scope) => until(archive.list(scope)),
      fetch: async (asked): Promise<AsyncIterable<Bytes> | undefined> => {
        const bytes = await archive.fetch(asked);
        return bytes && until(bytes);
      },
      close: () => archive.close(),
    };
  }

  /** The sweep and the sentinel tell of studies themselves; what was left is no finding. */
  get events(): EventSink {
    const ours: ReadonlySet<GatewayEvent["kind"]> = new Set(["read-unknown", "read-given"]);
    return (event) => {
      if (!this.isStopped && !ours.has(event.kind)) this.#parts.events(event);
    };
  }
}

/** What is under way is left. @throws ScansealError `network` */
async function stoppedBy<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onStop = (): void => reject(new ScansealError("network", "the look at the archive was ended"));
  if (signal.aborted) onStop();
  signal.addEventListener("abort", onStop);
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", onStop);
  }
}

/** Empty where neither is configured. @throws ScansealError `io`, `key-unusable` of the data folder */
export async function openArchiveChecks(
  config: GatewayConfig,
  parts: ArchiveChecksParts,
): Promise<readonly { start(): void; stop(): Promise<void> }[]> {
  const { sweep, sentinel } = config;
  if (!sweep && !sentinel) return [];
  ensurePrivateFolder(join(config.data, "sweep"));
  return [
    ...(sweep ? [await openSweep(config, sweep, parts)] : []),
    ...(sentinel ? [await openSentinel(config, sentinel, parts)] : []),
  ];
}

/** What a round has open. */
interface Opened {
  readonly archive: SearchableArchive;
  readonly place: string;
  readonly sealed: SealedHere;
  readonly check: (
    onFinding: (finding: SweepFinding) => void,
    more?: Pick<ConstructorParameters<typeof StudyCheck>[0], "sealed">,
  ) => StudyCheck;
}

/** Opens archive and desk for one round, and closes them. */
async function roundsOver(
  config: GatewayConfig,
  parts: ArchiveChecksParts,
  work: {
    readonly name: "sweep" | "sentinel";
    readonly archive: ArchiveSettings | undefined;
    readonly rate: number;
    readonly everyMs: number;
    readonly round: (
      open: <T>(body: (opened: Opened) => Promise<T>) => Promise<T>,
      rounds: ArchiveRounds,
    ) => Promise<void>;
  },
): Promise<ArchiveRounds> {
  const folder = join(config.data, "sweep");
  const { objectBytesMax } = config.settings.limits;
  const limits = { objectBytesMax, bytesMax: 2 * objectBytesMax };
  const staging = await StagingFolder.open(join(folder, `staged-${work.name}`), limits);
  const open = async <T>(body: (opened: Opened) => Promise<T>): Promise<T> => {
    const { aeTitle, destinations, reading } = parts.settings();
    const settings = work.archive ?? reading?.archive;
    if (!settings) throw new ScansealError("usage", "there is no archive to look at any more");
    const archive = rounds.bounded(openReadArchive(settings, { aeTitle, staging: folder }));
    const { index, journal, examiner, hold } = parts;
    const provenance = new OpenedProvenance(parts.home.provenancePath);
    const sealed = sealedHere(provenance, () => systemClock.now() - onItsWayMs);
    const desk = sweepDesk({
      ...{
        wasSealed: sealed.has,
        archive,
        staging,
        examiner,
        index,
        journal,
        hold,
        events: rounds.events,
        aheadMax: 1,
      },
      destination: destinationOf(settings, destinations),
    });
    const pace = rounds.pace(work.rate);
    const isStopped = (): boolean => rounds.isStopped;
    try {
      const check: Opened["check"] = (onFinding, more = {}) =>
        new StudyCheck({ desk, archive, pace, isStopped, onFinding, ...more });
      return await body({ archive, place: archivePlace(settings), sealed, check });
    } finally {
      desk.close();
      await provenance.close();
      await archive.close();
    }
  };
  const rounds: ArchiveRounds = new ArchiveRounds(parts, {
    ...{ name: work.name, everyMs: work.everyMs },
    round: () => work.round(open, rounds),
  });
  return rounds;
}

async function openSweep(
  config: GatewayConfig,
  settings: NonNullable<GatewayConfig["sweep"]>,
  parts: ArchiveChecksParts,
): Promise<ArchiveRounds> {
  const { archive, rate } = settings;
  const { index, journal, events } = parts;
  const place = (): string => {
    const swept = archive ?? parts.settings().reading?.archive;
    return swept ? archivePlace(swept) : "";
  };
  const name = (archive ?? config.settings.reading?.archive)?.name ?? "archive";
  let scheduled: ScheduledSweep | undefined;
  return roundsOver(config, parts, {
    ...{ name: "sweep", archive, rate, everyMs: sweepLookMs },
    round: async (open, rounds) => {
      scheduled ??= new ScheduledSweep({
        ...{ schedule: settings, name, place, clock: systemClock, events },
        statePath: join(config.data, "sweep", "scheduled.json"),
        reports: join(config.home, "sweep-reports"),
        isStopped: () => rounds.isStopped,
        open: (body) =>
          open(async ({ archive: opened, sealed, check }) => {
            const ofArchive = await opened.studies(studiesMax);
            const ofIndex = [...(await studiesOf(index)), ...(await studiesAdmittedSince(journal, 0))];
            const studies = { ofArchive, ofIndex, sealed: await sealed.studies() };
            return body({ studies, check: (onFinding) => check(onFinding, { sealed }) });
          }),
      });
      await scheduled.look();
    },
  });
}

async function openSentinel(
  config: GatewayConfig,
  { archive, rate, everyMs, windowMs }: NonNullable<GatewayConfig["sentinel"]>,
  parts: ArchiveChecksParts,
): Promise<ArchiveRounds> {
  const path = join(config.data, "sweep", "sentinel.sqlite");
  let since: number | undefined;
  return roundsOver(config, parts, {
    ...{ name: "sentinel", archive, rate, everyMs },
    round: (open, rounds) =>
      open(async ({ archive: opened, place, check }) => {
        const startedAt = systemClock.now();
        const memory = openMemory(path, place);
        const onFinding = ({ kind, sopInstanceUid, instances = 0 }: SweepFinding): void => {
          if (kind === "missing" && sopInstanceUid === undefined)
            parts.events({ kind: "study-missing", by: "sentinel", archive: opened.name, instances });
        };
        try {
          await sentinelRound(
            {
              ...{ archive: opened, check: check(onFinding), memory, windowMs },
              ...{ clock: systemClock, events: rounds.events, isStopped: () => rounds.isStopped },
              admittedSince: (at) => studiesAdmittedSince(parts.journal, at),
            },
            since,
          );
          since = startedAt;
        } finally {
          memory.close();
        }
      }),
  });
}

/** A damaged one is made anew: everything in the window is verified once more. @throws ScansealError `io` */
function openMemory(path: string, place: string): SentinelMemory {
  try {
    return new SentinelMemory(path, place);
  } catch {
    for (const end of ["", "-wal", "-shm"]) rmSync(`${path}${end}`, { force: true });
  }
  try {
    return new SentinelMemory(path, place);
  } catch (cause) {
    throw new ScansealError("io", "the sentinel's memory cannot be opened", { cause });
  }
}
