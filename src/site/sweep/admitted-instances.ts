/** What the gate admitted, from its index and its journal: what was admitted without an index, or a moment ago, is not forgotten. */
import type { InstanceIndex } from "../../store/index/instance-index.ts";
import type { Journal } from "../../store/journal/journal.ts";
import type { Admissions, AdmittedInstances } from "../../zero-trust/gateway/reading/ports.ts";

/** Objects of one question. */
const pageSize = 1_000;

export function admittedInstances(
  index: Pick<InstanceIndex, "instancesOf">,
  journal: Pick<Journal, "objects">,
  admissions: Pick<Admissions, "entryOf">,
): AdmittedInstances {
  return {
    async *entriesOf(scope) {
      const seen = new Set<string>();
      for await (const entry of index.instancesOf(scope)) {
        seen.add(entry.sopInstanceUid);
        yield entry;
      }
      const { studyInstanceUid } = scope;
      for (let after: string | undefined; ; ) {
        const page = await journal.objects({ ...scope, state: "admitted", after, limit: pageSize });
        for (const { sopInstanceUid, seriesInstanceUid } of page) {
          if (seriesInstanceUid === undefined || seen.has(sopInstanceUid)) continue;
          seen.add(sopInstanceUid);
          const entry = await admissions.entryOf({ studyInstanceUid, seriesInstanceUid, sopInstanceUid });
          if (entry) yield entry;
        }
        if (page.length < pageSize) return;
        after = page.at(-1)!.id;
      }
    },
  };
}

/** UIDs of studies of which something was admitted since then. @param judgedSince milliseconds since 1970 @throws ScansealError `io` */
export async function studiesAdmittedSince(
  journal: Pick<Journal, "objects">,
  judgedSince: number,
): Promise<readonly string[]> {
  const studies = new Set<string>();
  for (let after: string | undefined; ; ) {
    const page = await journal.objects({ state: "admitted", judgedSince, after, limit: pageSize });
    for (const { studyInstanceUid } of page)
      if (studyInstanceUid !== undefined) studies.add(studyInstanceUid);
    if (page.length < pageSize) return [...studies];
    after = page.at(-1)!.id;
  }
}
