/** Series among verified objects, compared with what the site and Key Objects know of them. */
import type { TrustStore } from "../../keys/trust/trust-store.ts";
import { nodeCrypto, systemClock } from "../../platform/node/crypto.ts";
import type { RecordLookup } from "../../provenance/manifest/record.ts";
import { type SeriesPorts, seriesManifests, studyManifests } from "../../zero-trust/evidence/series-check.ts";
import type { PresentInstance, SeriesManifestFact } from "../../zero-trust/evidence/series-evidence.ts";
import { TrustJudge } from "../../zero-trust/evidence/trust-check.ts";
import { judgeSeries, type SeriesJudgement } from "../../zero-trust/policy/series.ts";
import type { SeriesPart } from "./series-part.ts";

export interface SeriesCheckOptions {
  /** All objects were given out as this series: whatever else is among them is foreign. */
  readonly series?: string | undefined;
  /** What study manifests name has to be here. */
  readonly wholeStudies?: boolean;
}

export interface CheckedSeries {
  readonly judgement: SeriesJudgement;
  /** False: nothing says what it consists of. */
  readonly hasManifest: boolean;
  /** Something of it is there, not only its list. */
  readonly isHere: boolean;
}

/**
 * By ascending Series Instance UID.
 * @param parts of what could be verified @param records undefined where the site keeps nothing
 * @throws ScansealError `io`
 */
export async function checkSeriesOf(
  parts: readonly SeriesPart[],
  trust: TrustStore,
  records: RecordLookup = noRecords,
  options: SeriesCheckOptions = {},
): Promise<readonly CheckedSeries[]> {
  const ports = { crypto: nodeCrypto, trust: new TrustJudge(trust, nodeCrypto, systemClock.now()), records };
  const groups = new Map<string, PresentInstance[]>();
  const group = (uid: string): PresentInstance[] => {
    const known = groups.get(uid) ?? [];
    groups.set(uid, known);
    return known;
  };
  const lists = parts.flatMap((part) => part.lists ?? []);
  // A list is no part of what it lists; what it lists may be gone altogether.
  for (const { instance, lists: own } of parts)
    if (instance && !own) group(options.series ?? instance.seriesInstanceUid).push(instance);
  for (const { seriesInstanceUid } of lists) if (options.series === undefined) group(seriesInstanceUid);
  const studies = await studiesOf([...groups.values()].flat(), lists, ports);
  if (options.wholeStudies === true)
    for (const study of studies) for (const { seriesInstanceUid } of study) group(seriesInstanceUid);
  const checked: CheckedSeries[] = [];
  for (const uid of [...groups.keys()].sort()) {
    const kept = await seriesManifests(uid, ports);
    const manifests = [...kept, ...lists.filter(({ seriesInstanceUid }) => seriesInstanceUid === uid)];
    const named = studies.flatMap((study) => study.filter((one) => one.seriesInstanceUid === uid));
    const instances = groups.get(uid)!;
    const evidence = { seriesInstanceUid: uid, instances, manifests, named };
    checked.push({
      judgement: judgeSeries(evidence),
      hasManifest: manifests.length + named.length > 0,
      isHere: instances.length > 0,
    });
  }
  return checked;
}

/** The series that the newest study manifests name. */
async function studiesOf(
  instances: readonly PresentInstance[],
  lists: readonly SeriesManifestFact[],
  ports: SeriesPorts,
): Promise<Awaited<ReturnType<typeof studyManifests>>[number]["series"][]> {
  const uids = new Set([...instances, ...lists].map(({ studyInstanceUid }) => studyInstanceUid));
  const newest = [];
  for (const uid of uids) {
    const last = (await studyManifests(uid, ports)).at(-1);
    if (last) newest.push(last.series);
  }
  return newest;
}

const noRecords: RecordLookup = {
  about: async () => [],
  lateEvidence: async () => [],
  firstSeen: async () => undefined,
  counterUses: async () => [],
};
