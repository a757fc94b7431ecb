/** What the journal says of admissions to those who read: the index and the archive are a moment behind it. */
import type { Journal } from "../../store/journal/journal.ts";
import type { Admissions } from "../../zero-trust/gateway/reading/ports.ts";
import type { ArchiveSettings, DestinationSettings } from "../../zero-trust/gateway/settings.ts";

export type AdmissionsJournal = Pick<Journal, "object" | "admittedInstance" | "deliveriesOf">;

/** @param destination that is the archive which is read from, as of now; undefined: nobody knows, and all that take objects still must have an object */
export function admissionsOf(
  journal: AdmissionsJournal,
  destination: () => string | undefined = () => undefined,
): Admissions {
  return {
    entryOf: async ({ studyInstanceUid, seriesInstanceUid, sopInstanceUid }) => {
      const admitted = await journal.admittedInstance(sopInstanceUid);
      const object = admitted && (await journal.object(admitted.objectId));
      const isIt =
        object?.studyInstanceUid === studyInstanceUid && object.seriesInstanceUid === seriesInstanceUid;
      if (!admitted || !isIt) return undefined;
      const { sopClassUid, verdict = "" } = object;
      return { ...admitted, studyInstanceUid, seriesInstanceUid, sopInstanceUid, sopClassUid, verdict };
    },
    wasDelivered: async (objectId, before) => {
      const all = (await journal.deliveriesOf(objectId)).filter(({ released }) => !released);
      const own = all.filter((one) => one.destination === destination());
      // One that was given up says nothing of where the archive is.
      const those = own.length > 0 ? own : all.filter(({ state }) => state !== "dead");
      if (those.length === 0) return all.length === 0;
      return those.every(({ deliveredAt = Number.POSITIVE_INFINITY }) => deliveredAt < before);
    },
  };
}

/** The destination that is this archive: another one that is away must not hide what this one lost. */
export function destinationOf(
  archive: ArchiveSettings | undefined,
  destinations: readonly DestinationSettings[],
): string | undefined {
  if (!archive) return undefined;
  const { destination, through } = archive;
  if (destination !== undefined) return destination;
  const archives = destinations.filter(({ takes }) => takes === "admitted");
  const isThere = ({ host, port }: DestinationSettings): boolean =>
    through.protocol === "dimse" && host === through.host && port === through.port;
  return (archives.find(isThere) ?? (archives.length === 1 ? archives[0] : undefined))?.name;
}
