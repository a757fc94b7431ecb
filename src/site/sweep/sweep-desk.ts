/** A reading desk that nobody reads at: each object is fetched, examined and compared, and let go. */
import type { EventSink } from "../../operations/event.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import type { InstanceIndex } from "../../store/index/instance-index.ts";
import type { Journal } from "../../store/journal/journal.ts";
import type { Examiner } from "../../zero-trust/gateway/ports.ts";
import type { Holding } from "../../zero-trust/gateway/reading/instance-reading.ts";
import type { InstanceName, ReadableArchive, Staging } from "../../zero-trust/gateway/reading/ports.ts";
import { ReadingDesk } from "../../zero-trust/gateway/reading/reading-desk.ts";
import { type AdmissionsJournal, admissionsOf } from "../gateway/admissions.ts";
import { admittedInstances } from "./admitted-instances.ts";

export interface SweepDeskParts {
  readonly archive: ReadableArchive;
  readonly staging: Staging;
  readonly examiner: Pick<Examiner, "examine">;
  readonly index: Pick<InstanceIndex, "instancesOf">;
  readonly journal: AdmissionsJournal & Pick<Journal, "objects">;
  /** Name of the destination that is this archive; undefined: nobody knows, any has to have it. */
  readonly destination: string | undefined;
  readonly hold: Holding;
  /** By the site's own records. */
  readonly wasSealed: (instance: InstanceName) => Promise<boolean>;
  readonly events: EventSink;
  /** Fetched and examined at once. */
  readonly aheadMax: number;
}

/** Nothing of it is kept longer than it is looked at. */
const cache = { bytesMax: 0, ageMsMax: 0 };

export function sweepDesk({ index, journal, destination, ...parts }: SweepDeskParts): ReadingDesk {
  const admissions = admissionsOf(journal, () => destination);
  return new ReadingDesk({
    ...parts,
    ...{ cache, admissions, clock: systemClock, listAgainMs: 0 },
    admitted: admittedInstances(index, journal, admissions),
    // What the gate still has proves nothing of the archive.
    replicas: { has: async () => false, open: async () => undefined },
  });
}

/** UIDs. @throws ScansealError `io` */
export async function studiesOf(index: Pick<InstanceIndex, "search">): Promise<readonly string[]> {
  const uids: string[] = [];
  const keys = [{ path: [0x0020000d], match: { kind: "universal" } }] as const;
  const query = {
    root: "study",
    level: "STUDY",
    keys,
    isEverythingAsked: false,
    offset: 0,
    limit: undefined,
  } as const;
  for await (const match of index.search(query)) {
    const uid = match["0020000D"]?.Value?.[0];
    if (typeof uid === "string") uids.push(uid);
  }
  return uids;
}
