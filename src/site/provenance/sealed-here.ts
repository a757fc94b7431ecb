/** What was sealed at this site, by its own records: the log's leaves name neither studies nor instances, these do (docs/sweep.md). */
import type { InstanceName } from "../../zero-trust/gateway/reading/ports.ts";
import type { SealedHere } from "../sweep/study-check.ts";
import type { OpenedProvenance } from "./opened-provenance.ts";

/** What was sealed so short a time ago may be on its way, and the archive has what was sealed of it. */
export const onItsWayMs = 86_400_000;

/** Series of one question. */
const pageSize = 1_000;

/** @param before what was sealed later may be on its way; milliseconds since 1970 */
export function sealedHere(
  provenance: OpenedProvenance,
  before: () => number = () => Number.POSITIVE_INFINITY,
): SealedHere & { readonly has: (instance: InstanceName) => Promise<boolean> } {
  return {
    studies: async () => {
      const journal = await provenance.journal();
      const studies = new Set<string>();
      const sealedBefore = before();
      for (let after = ""; journal; ) {
        const page = await journal.sealedSeries({ after, limit: pageSize });
        for (const { studyInstanceUid, lastSealedAt } of page)
          if (lastSealedAt < sealedBefore) studies.add(studyInstanceUid);
        if (page.length < pageSize) break;
        after = page.at(-1)!.seriesInstanceUid;
      }
      return [...studies];
    },
    instancesOf: async (studyInstanceUid) => {
      const journal = await provenance.journal();
      const names = new Map<string, InstanceName>();
      const sealedBefore = before();
      for (const series of (await journal?.seriesOfStudy(studyInstanceUid)) ?? [])
        for (const { sopInstanceUid, seriesInstanceUid, sealedAt } of await journal!.sealsOfSeries(series))
          if (sealedAt < sealedBefore)
            names.set(sopInstanceUid, { studyInstanceUid, seriesInstanceUid, sopInstanceUid });
      return [...names.values()];
    },
    has: async ({ sopInstanceUid }) => {
      const journal = await provenance.journal();
      const seals = (await journal?.sealsOfInstance(sopInstanceUid)) ?? [];
      const sealedBefore = before();
      return seals.some(({ sealedAt }) => sealedAt < sealedBefore);
    },
  };
}
