/** What the journal says of admissions to those who read: the index and the archive are a moment behind it. */
import type { Journal } from "../../store/journal/journal.ts";
import type { Admissions } from "../../zero-trust/gateway/reading/ports.ts";
import type { ArchiveSettings, DestinationSettings } from "../../zero-trust/gateway/settings.ts";

export type AdmissionsJournal = Pick<Journal, "object" | "admittedInstance" | "deliveriesOf">;

/** @param destination that is the archive which is read from; undefined: nobody knows, and all of them must have an object */
export function admissionsOf(journal: AdmissionsJournal, destination?: string): Admissions {
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
      const own = all.filter((one) => one.destination === destination);
      const those = own.length > 0 ? own : all;
      return those.every(({ deliveredAt = Number.POSITIVE_INFINITY }) => deliveredAt < before);
    },
  };
}

/** The destination that is this archive: another one that is away must not hide what this one lost. */
export function destinationOf(
  archive: ArchiveSettings | undefined,
  destinations: readonly DestinationSettings[],
): string | undefined {
  const through = archive?.through;
  if (through?.protocol !== "dimse") return undefined;
  return destinations.find(({ host, port }) => host === through.host && port === through.port)?.name;
}
