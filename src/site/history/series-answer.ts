/** Whether anything of the object's series is missing, as far as signed lists say. */
import type { Journal } from "../../store/journal/journal.ts";
import type { ProvenanceJournal } from "../../store/provenance/provenance-journal.ts";
import type { TrustJudge } from "../../zero-trust/evidence/trust-check.ts";
import type { HistoryObject, SeriesAnswer } from "./history.ts";

export interface SeriesSources {
  readonly provenance: ProvenanceJournal | undefined;
  readonly gateway: Journal | undefined;
  readonly judge: TrustJudge;
}

/** @throws ScansealError `io` */
export async function seriesAnswer(
  { seriesInstanceUid }: HistoryObject,
  { provenance }: SeriesSources,
): Promise<SeriesAnswer> {
  if (seriesInstanceUid === undefined)
    return { state: "unknown", text: "Nobody can say: its series is not known.", missing: [] };
  const seals = (await provenance?.sealsOfSeries(seriesInstanceUid)) ?? [];
  const known = seals.length === 0 ? "" : ` ${seals.length} of its instances were sealed here.`;
  return {
    state: "unknown",
    text: `Nobody can say: no signed list of its series is kept here.${known}`,
    missing: [],
  };
}
