/** Whether a series is complete. Pure. It says nothing of the instances themselves: no verdict and no disposition depends on it. */
import type {
  ListedInstance,
  NamedVersion,
  PresentInstance,
  SeriesEvidence,
  SeriesManifestFact,
} from "../evidence/series-evidence.ts";

/** open: nothing says that it is over, or something came after it was. */
export type SeriesState = "complete" | "open" | "incomplete";

export type SeriesFaultCode =
  /** It does not hold, or its signer is not trusted: it counts for nothing. */
  | "series-manifest-invalid"
  | "series-manifest-untrusted"
  /** Another series'. */
  | "series-manifest-misplaced"
  /** A newer version exists: this one counts for nothing. */
  | "series-manifest-superseded"
  /** A newer version exists, and is not at hand. */
  | "series-manifest-missing"
  /** Two versions of one number, or one that follows another than the one there is. */
  | "series-manifest-fork"
  /** Two devices have signed manifests of it. */
  | "series-manifest-signers";

export interface SeriesFault {
  readonly code: SeriesFaultCode;
  /** Payload digest of the manifest, where there is one. */
  readonly manifest: string | undefined;
  readonly detail: string;
}

export interface SeriesJudgement {
  readonly seriesInstanceUid: string;
  readonly state: SeriesState;
  /** What it was compared with; undefined: nothing that holds. */
  readonly basis: SeriesManifestFact["basis"] | undefined;
  readonly version: number | undefined;
  readonly manifest: string | undefined;
  /** Who signed it. */
  readonly signer: string | undefined;
  /** Instances that the list names, and that are there as sealed. */
  readonly expected: number | undefined;
  readonly present: number;
  /** SOP Instance UIDs. Listed, and not there. */
  readonly missing: readonly string[];
  /** There more than once. */
  readonly duplicated: readonly string[];
  /** Their Instance Number is not the one, or not in the order, that was sealed. */
  readonly reordered: readonly string[];
  /** There, and not of this series as it was sealed: of another one, of another device, or left out. */
  readonly foreign: readonly string[];
  /** Listed and there, but their own verdict does not let them count. */
  readonly unproven: readonly string[];
  /** Sealed by the same device after all that the list names. */
  readonly late: readonly string[];
  readonly faults: readonly SeriesFault[];
}

/** These leave unknown what the series consists of. */
const grave: ReadonlySet<SeriesFaultCode> = new Set<SeriesFaultCode>([
  "series-manifest-missing",
  "series-manifest-fork",
  "series-manifest-signers",
]);

export function judgeSeries(evidence: SeriesEvidence): SeriesJudgement {
  const { seriesInstanceUid, instances } = evidence;
  const { head, faults } = headOf(evidence);
  const compared = compare(head, evidence);
  const { missing, duplicated, reordered, foreign, unproven, late } = compared;
  const isAmiss = [missing, duplicated, reordered, foreign, unproven].some((list) => list.length > 0);
  const isUnknown = faults.some(({ code }) => grave.has(code));
  const isOver = head?.state === "closed" && late.length === 0;
  return {
    seriesInstanceUid,
    // Without any list nothing can be said to be missing.
    state: isUnknown || (head && isAmiss) ? "incomplete" : isOver ? "complete" : "open",
    basis: head?.basis,
    version: head?.version,
    manifest: head?.manifest,
    signer: head?.trust?.signer,
    expected: head?.instances.length,
    ...compared,
    present: head ? compared.present : instances.length,
    faults,
  };
}

interface Head {
  readonly head: SeriesManifestFact | undefined;
  readonly faults: readonly SeriesFault[];
}

/** The manifest that counts: the newest of those that hold. */
function headOf({ seriesInstanceUid, instances, manifests, ...evidence }: SeriesEvidence): Head {
  const named = evidence.named.filter((one) => one.seriesInstanceUid === seriesInstanceUid);
  const faults: SeriesFault[] = [];
  const tell = (code: SeriesFaultCode, fact: SeriesManifestFact | undefined, detail: string): void =>
    void faults.push({ code, manifest: fact?.manifest, detail });
  const sound = manifests.filter((fact) => {
    if (fact.faults.length > 0)
      tell("series-manifest-invalid", fact, [...fact.faults, fact.detail ?? ""].join(" ").trim());
    else if (fact.seriesInstanceUid !== seriesInstanceUid)
      tell("series-manifest-misplaced", fact, "it is about another series");
    else if (fact.trust?.result !== "trusted")
      tell("series-manifest-untrusted", fact, fact.trust?.result ?? "no signer");
    else return true;
    return false;
  });
  const signers = [...new Set(sound.map((fact) => fact.trust!.signer))];
  if (signers.length > 1) tell("series-manifest-signers", undefined, signers.join(", "));
  // A series is of one piece of equipment (PS3.3 A.1.2.3): where two claim it, the one whose instances are there.
  const own = (signer: string): number => instances.filter((one) => one.signer === signer).length;
  const [signer] = signers.sort((a, b) => own(b) - own(a));
  const chain = sound.filter((fact) => fact.trust!.signer === signer);
  for (const [one, other] of forksIn(chain, named))
    tell("series-manifest-fork", one, `version ${one.version}: ${other}`);
  const newest = Math.max(0, ...chain.map(({ version }) => version), ...named.map(({ version }) => version));
  const heads = chain.filter(({ version }) => version === newest);
  // Whatever passes a sealer beside the device is sealed, a document of an attacker's too: where manifests are, it does not stand in for one that nobody has.
  const known = chain.filter(({ basis }) => basis === "manifest");
  const isAlone = known.length > 0 && known.every(({ version }) => version < newest);
  if (newest > 0 && (heads.length === 0 || isAlone))
    tell("series-manifest-missing", undefined, `version ${newest} exists and is not at hand`);
  for (const fact of chain) {
    if (fact.version < newest && (fact.isPresented || heads.length === 0))
      tell("series-manifest-superseded", fact, `it is version ${fact.version}, and there is ${newest}`);
  }
  return { head: heads.sort(byWorth)[0], faults };
}

/** The longest list, so that nothing is hidden by a fork; a manifest says more than a Key Object that repeats it. */
function byWorth(a: SeriesManifestFact, b: SeriesManifestFact): number {
  const isFirst = (fact: SeriesManifestFact): number => (fact.basis === "manifest" ? 0 : 1);
  return b.instances.length - a.instances.length || isFirst(a) - isFirst(b);
}

/** Each version that contradicts another one, and how. */
function forksIn(
  chain: readonly SeriesManifestFact[],
  named: readonly NamedVersion[],
): [SeriesManifestFact, string][] {
  const forks: [SeriesManifestFact, string][] = [];
  const digests = new Map<number, string>();
  const lists = new Map<number, string>();
  for (const fact of chain) {
    const { version, manifest } = fact;
    const uids = fact.instances.map((one) => `${one.sopInstanceUid} ${one.digest.slice(0, 32)}`).join();
    if (manifest !== undefined && (digests.get(version) ?? manifest) !== manifest)
      forks.push([fact, "there is another manifest of that number"]);
    else if ((lists.get(version) ?? uids) !== uids)
      forks.push([fact, "there is another list of that number"]);
    if (manifest !== undefined) digests.set(version, manifest);
    lists.set(version, uids);
  }
  for (const fact of chain) {
    const before = digests.get(fact.version - 1);
    if (fact.previous !== undefined && before !== undefined && before !== fact.previous)
      forks.push([fact, "it follows another manifest than the one there is"]);
    const other = named.find((one) => one.version === fact.version && one.manifest !== fact.manifest);
    if (other && fact.manifest !== undefined) forks.push([fact, "the study manifest names another"]);
  }
  return forks;
}

type Comparison = Pick<
  SeriesJudgement,
  "present" | "missing" | "duplicated" | "reordered" | "foreign" | "unproven" | "late"
>;

function compare(head: SeriesManifestFact | undefined, evidence: SeriesEvidence): Comparison {
  const { instances, seriesInstanceUid } = evidence;
  const listed = new Map(head?.instances.map((one) => [one.sopInstanceUid, one]));
  const counted = new Map<string, number>();
  const found: Record<"foreign" | "unproven" | "late" | "seen", Set<string>> = {
    foreign: new Set(),
    unproven: new Set(),
    late: new Set(),
    seen: new Set(),
  };
  const lastListed = lastSealedOf(instances, listed);
  for (const one of instances) {
    const { sopInstanceUid } = one;
    counted.set(sopInstanceUid, (counted.get(sopInstanceUid) ?? 0) + 1);
    if (one.seriesInstanceUid !== seriesInstanceUid) found.foreign.add(sopInstanceUid);
    else if (head) found[placeOf(one, listed.get(sopInstanceUid), head, lastListed)].add(sopInstanceUid);
  }
  const uids = [...listed.keys()];
  return {
    present: found.seen.size,
    missing: uids.filter((uid) => !found.seen.has(uid) && !found.unproven.has(uid)),
    duplicated: [...counted].filter(([, count]) => count > 1).map(([uid]) => uid),
    reordered: head ? reorderedIn(head, evidence) : [],
    foreign: [...found.foreign],
    unproven: [...found.unproven].filter((uid) => !found.seen.has(uid)),
    late: [...found.late],
  };
}

/** Seals that were being made while the list was signed are after its last one, though not after the list. */
function lastSealedOf(
  instances: readonly PresentInstance[],
  listed: ReadonlyMap<string, ListedInstance>,
): number | undefined {
  const times = instances.flatMap(({ sopInstanceUid, sealedAt, isProven }) =>
    isProven && sealedAt !== undefined && listed.has(sopInstanceUid) ? [sealedAt] : [],
  );
  return times.length === 0 ? undefined : times.reduce((a, b) => Math.max(a, b));
}

function placeOf(
  one: PresentInstance,
  entry: ListedInstance | undefined,
  head: SeriesManifestFact,
  lastListed: number | undefined,
): "seen" | "unproven" | "foreign" | "late" {
  const isOwn = one.signer !== undefined && one.signer === head.trust?.signer;
  if (!entry) {
    const isAfter = one.sealedAt !== undefined && one.sealedAt > (lastListed ?? head.madeAt);
    return one.isProven && isOwn && isAfter ? "late" : "foreign";
  }
  if (!one.isProven) return "unproven";
  if (one.payloadDigest?.startsWith(entry.digest) === true && isOwn) return "seen";
  // Derived from what the list names, by somebody who may: a restored original, say.
  return one.parents.some((parent) => parent.startsWith(entry.digest)) ? "seen" : "foreign";
}

function reorderedIn(head: SeriesManifestFact, { instances }: SeriesEvidence): string[] {
  const numbers = new Map<string, (number | null)[]>();
  for (const { sopInstanceUid: uid, instanceNumber = null } of instances)
    numbers.set(uid, [...(numbers.get(uid) ?? []), instanceNumber]);
  const here = head.instances.filter(({ sopInstanceUid }) => numbers.has(sopInstanceUid));
  const isSaid = here.every((entry) => entry.instanceNumber !== undefined);
  if (isSaid) {
    const differs = ({ sopInstanceUid, instanceNumber }: ListedInstance): boolean =>
      numbers.get(sopInstanceUid)!.some((number) => number !== instanceNumber);
    return here.filter(differs).map(({ sopInstanceUid }) => sopInstanceUid);
  }
  // A Key Object says the order only: what stands at another place than its number gives it.
  const place = (uid: string): number => numbers.get(uid)![0] ?? Number.POSITIVE_INFINITY;
  const uids = here.map(({ sopInstanceUid }) => sopInstanceUid);
  const sorted = uids.toSorted((a, b) => (place(a) < place(b) ? -1 : place(a) > place(b) ? 1 : 0));
  return uids.filter((uid, i) => sorted[i] !== uid);
}
