/** Whether anything of the object's series is missing, as far as signed lists say. */
import { nodeCrypto } from "../../platform/node/crypto.ts";
import type { Journal } from "../../store/journal/journal.ts";
import type { ProvenanceJournal } from "../../store/provenance/provenance-journal.ts";
import { seriesManifests } from "../../zero-trust/evidence/series-check.ts";
import type { SeriesManifestFact } from "../../zero-trust/evidence/series-evidence.ts";
import type { TrustJudge } from "../../zero-trust/evidence/trust-check.ts";
import { recordLookup } from "../provenance/record-lookup.ts";
import type { HistoryObject, SeriesAnswer } from "./history.ts";

export interface SeriesSources {
  readonly provenance: ProvenanceJournal | undefined;
  readonly gateway: Journal | undefined;
  readonly judge: TrustJudge;
}

/** One page of the gate's rows. */
const pageSize = 1_000;
/** As long as a series can be, each instance sent a few times. */
const pagesMax = 200;

/** @throws ScansealError `io` */
export async function seriesAnswer(object: HistoryObject, sources: SeriesSources): Promise<SeriesAnswer> {
  const { seriesInstanceUid: uid, sopInstanceUid } = object;
  const { provenance, gateway, judge } = sources;
  if (uid === undefined) return unknown("Nobody can say: its series is not known.");
  const records = provenance && recordLookup(provenance);
  const facts = records ? await seriesManifests(uid, { crypto: nodeCrypto, trust: judge, records }) : [];
  const sound = facts.filter(
    ({ faults, trust, seriesInstanceUid }) =>
      faults.length === 0 && trust?.result === "trusted" && seriesInstanceUid === uid,
  );
  const sealed = new Set((await provenance?.sealsOfSeries(uid))?.map((seal) => seal.sopInstanceUid));
  const version = Math.max(...sound.map((fact) => fact.version));
  const newest = sound.filter((fact) => fact.version === version);
  const [list] = newest;
  if (!list) {
    const known = sealed.size === 0 ? "" : ` ${counted(sealed.size)} of it ${verb(sealed.size)} sealed here.`;
    const refused =
      facts.length === 0 ? "no signed list of its series is kept here" : "no list of it can be believed";
    return unknown(`Nobody can say: ${refused}.${known}`);
  }
  if (newest.length > 1)
    return { ...unknown(`Nobody can say: there are two lists of version ${version}.`), version };
  const passed = gateway ? await instancesAtGate(gateway, uid) : new Set<string>();
  return answerOf(list, { uid: sopInstanceUid, sealed, passed });
}

interface Known {
  readonly uid: string | undefined;
  /** SOP Instance UIDs that were sealed here, and that came to the gate. */
  readonly sealed: ReadonlySet<string>;
  readonly passed: ReadonlySet<string>;
}

function answerOf(list: SeriesManifestFact, { uid, sealed, passed }: Known): SeriesAnswer {
  const { instances, version, state, trust } = list;
  const listed = instances.map(({ sopInstanceUid }) => sopInstanceUid);
  const at = passed.size > 0 ? passed : sealed;
  const missing = listed.filter((one) => one !== uid && !at.has(one));
  const place =
    passed.size > 0 ? "came to the gate" : sealed.size > 0 ? "were sealed here" : "are known here";
  const common = { version, count: listed.length, missing };
  const by = `${trust?.signer ?? "its device"} ${state === "closed" ? "closed" : "listed"} it as version ${version}`;
  const whole = `${by} with ${counted(listed.length)}`;
  if (uid !== undefined && !listed.includes(uid))
    return { ...common, state: "incomplete", text: `${whole}, and this one is not among them.` };
  if (missing.length > 0) {
    const had = listed.length - missing.length;
    return {
      ...common,
      state: "incomplete",
      text: `${whole}; ${had} of them ${place}, ${missing.length} missing.`,
    };
  }
  if (state === "open") return { ...common, state, text: `${whole} so far; it is not closed.` };
  return { ...common, state: "complete", text: `Complete: ${whole}; all of them ${place}.` };
}

/** SOP Instance UIDs of a series that the gate ever took, whatever became of them. */
async function instancesAtGate(gateway: Journal, seriesInstanceUid: string): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  let after: string | undefined;
  for (let page = 0; page < pagesMax; page++) {
    const objects = await gateway.objects({ seriesInstanceUid, after, limit: pageSize });
    for (const { sopInstanceUid } of objects) found.add(sopInstanceUid);
    if (objects.length < pageSize) break;
    after = objects.at(-1)!.id;
  }
  return found;
}

function unknown(text: string): SeriesAnswer {
  return { state: "unknown", text, missing: [] };
}

function counted(count: number): string {
  return count === 1 ? "1 instance" : `${count} instances`;
}

function verb(count: number): string {
  return count === 1 ? "was" : "were";
}
