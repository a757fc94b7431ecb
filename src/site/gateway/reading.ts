/** The readers' side of a running gateway: index, archive, staging and desk put together. */
import { join } from "node:path";
import { withUnverifiedLabel } from "../../dicom/json/unverified-label.ts";
import type { Query } from "../../dicom-network/query/query.ts";
import type { EventSink } from "../../operations/event.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import { ensurePrivateFolder } from "../../platform/node/private-files.ts";
import type { InstanceIndex } from "../../store/index/instance-index.ts";
import type { Copies } from "../../store/journal/copies.ts";
import type { Journal } from "../../store/journal/journal.ts";
import type { ObjectStore } from "../../store/objects/object-store.ts";
import type { Spool } from "../../store/spool/spool.ts";
import type { Examiner } from "../../zero-trust/gateway/ports.ts";
import { DimseReading, type ReaderSearching } from "../../zero-trust/gateway/reading/dimse-reading.ts";
import type { Holding } from "../../zero-trust/gateway/reading/instance-reading.ts";
import { MergedSearch } from "../../zero-trust/gateway/reading/merged-search.ts";
import type { AdmittedInstances } from "../../zero-trust/gateway/reading/ports.ts";
import { ReadingDesk } from "../../zero-trust/gateway/reading/reading-desk.ts";
import type { GatewaySettings } from "../../zero-trust/gateway/settings.ts";
import { openHome } from "../home.ts";
import { NoticeOffice } from "../notices/notice-office.ts";
import { OpenedProvenance } from "../provenance/opened-provenance.ts";
import { onItsWayMs, sealedHere } from "../provenance/sealed-here.ts";
import { admissionsOf, destinationOf } from "./admissions.ts";
import type { GatewayConfig } from "./config.ts";
import { KeptCopies } from "./kept-copies.ts";
import { ArchiveInForce } from "./read-archive.ts";
import { ReadingQuarantine } from "./reading-quarantine.ts";
import { StagingFolder } from "./staging.ts";

export interface ReadingParts {
  readonly index: InstanceIndex;
  readonly copies: Copies;
  readonly journal: Pick<
    Journal,
    "object" | "objects" | "records" | "releasesTo" | "admittedInstance" | "deliveriesOf"
  >;
  readonly objects: ObjectStore;
  readonly spool: Spool;
  readonly examiner: Pick<Examiner, "examine">;
  readonly hold: Holding;
  readonly events: EventSink;
  readonly version: string;
  /** For the audit. */
  readonly searched: (reader: string, query: Query) => void;
}

export interface OpenReading {
  readonly desk: ReadingDesk;
  /** Verified matches, then the archive's own. */
  readonly search: ReaderSearching;
  readonly dimse: DimseReading;
  /** Another archive, or another way to it. */
  apply(settings: GatewaySettings): Promise<void>;
  close(): Promise<void>;
}

/** What nobody uses at the moment: a CT study and its prior; or the largest object that is taken, whose frames are looked at one by one. */
const cacheBytesMin: number = 2 ** 30;
/** As soon as a revocation must count that is known elsewhere. */
const cacheMsMax = 60_000;
/** All that is fetched and not sent yet, in objects of the largest size. */
const stagedObjectsMax = 4;
/** As many as fetch and are examined at once on a small machine; the rest waits for the reader. */
const aheadMax = 4;

/** Undefined where nobody reads through this gate. @throws ScansealError `io`, `usage` */
export async function openReading(
  config: GatewayConfig,
  parts: ReadingParts,
): Promise<OpenReading | undefined> {
  const { settings, data } = config;
  const { reading, limits, aeTitle } = settings;
  if (!reading) return undefined;
  const folder = join(data, "reading");
  ensurePrivateFolder(folder);
  const staging = await StagingFolder.open(join(folder, "staged"), {
    objectBytesMax: limits.objectBytesMax,
    bytesMax: stagedObjectsMax * Math.max(limits.objectBytesMax, cacheBytesMin),
  });
  const archive = reading.archive && new ArchiveInForce(reading.archive, { aeTitle, staging: folder });
  const { index, examiner, hold, events, version } = parts;
  const home = openHome(config.home);
  const office = { index, staging, version, home, clock: systemClock };
  const notices = new NoticeOffice({ ...office, folder: join(folder, "notices") });
  const admitted: AdmittedInstances = { entriesOf: (scope) => index.instancesOf(scope) };
  let destination = destinationOf(reading.archive, settings.destinations);
  const admissions = admissionsOf(parts.journal, () => destination);
  const provenance = new OpenedProvenance(home.provenancePath);
  const desk = new ReadingDesk({
    ...{ archive, staging, examiner, hold, events, aheadMax, notices },
    ...{ admitted, admissions },
    replicas: new KeptCopies(parts),
    wasSealed: sealedHere(provenance, () => systemClock.now() - onItsWayMs).has,
    quarantine: new ReadingQuarantine(parts.journal, systemClock),
    clock: systemClock,
    cache: { bytesMax: Math.max(limits.objectBytesMax, cacheBytesMin), ageMsMax: cacheMsMax },
  });
  const clock = systemClock;
  const merged = new MergedSearch({
    ...{ admitted, admissions, archive, events, clock },
    search: (query) => index.search(query, withUnverifiedLabel),
  });
  const search: ReaderSearching = (query, reader) => {
    if (reader !== undefined) parts.searched(reader, query);
    return merged.search(query);
  };
  return {
    desk,
    search,
    dimse: new DimseReading({ desk, search }),
    apply: async ({ reading: now, destinations }) => {
      if (now?.archive) await archive?.apply(now.archive);
      destination = destinationOf(now?.archive, destinations);
    },
    close: async () => {
      desk.close();
      await Promise.all([archive?.close(), notices.close(), provenance.close()]);
    },
  };
}
