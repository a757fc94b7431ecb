/** What the verification of one file says about its series. Plain data. */
import { readDicom } from "../../dicom/read.ts";
import type { ByteSource } from "../../foundation/byte-source.ts";
import type {
  DerivationClaim,
  DerivationEvidence,
  Evidence,
  TrustFact,
} from "../../zero-trust/evidence/evidence.ts";
import { type KeyObjectList, keyObjectClass, keyObjectLists } from "../../zero-trust/evidence/key-object.ts";
import type { PresentInstance, SeriesManifestFact } from "../../zero-trust/evidence/series-evidence.ts";
import type { Decision, Verdict } from "../../zero-trust/policy/verdict.ts";

export interface SeriesPart {
  /** Undefined for what is not opened, or has no UID. */
  readonly instance?: PresentInstance | undefined;
  /** Of a Key Object "Signed Complete Acquisition Content": what it says of the series it lists. */
  readonly lists?: readonly SeriesManifestFact[] | undefined;
}

/** These stand for what was sealed or received; of a corrected object the older version does too. */
const countsAs: ReadonlySet<Verdict> = new Set<Verdict>([
  "verified",
  "verified-with-changes",
  "received",
  "superseded",
]);

/** What a Key Object lists; empty for other objects. @throws codes of the reader */
export async function listsIn(source: ByteSource): Promise<readonly KeyObjectList[]> {
  return keyObjectLists(await readDicom(source));
}

/** @param read gives the lists of a Key Object, which is read again */
export async function seriesPartOf(
  { evidence, decision }: { readonly evidence: Evidence; readonly decision: Decision },
  read: () => Promise<readonly KeyObjectList[]>,
): Promise<SeriesPart> {
  const { format, manifest, derivation } = evidence;
  const uid = format?.sopInstanceUid;
  if (!format || uid === undefined || format.seriesInstanceUid === undefined) return {};
  const isProven = countsAs.has(decision.verdict);
  const signer = trusted(manifest?.trust)?.signer;
  const instance: PresentInstance = {
    sopInstanceUid: uid,
    seriesInstanceUid: format.seriesInstanceUid,
    studyInstanceUid: format.studyInstanceUid ?? "",
    instanceNumber: format.instanceNumber,
    isProven,
    payloadDigest: manifest?.payloadDigest,
    parents: isProven && standsForParent(derivation) ? derivation.claim.parents : [],
    signer,
    sealedAt: manifest?.sealedAt === undefined ? undefined : Date.parse(manifest.sealedAt),
  };
  if (format.sopClassUid !== keyObjectClass) return { instance };
  const lists = (await read()).map((list) => factOf(list, evidence, decision));
  return lists.length === 0 ? { instance } : { instance, lists };
}

function trusted(trust: TrustFact | undefined): TrustFact | undefined {
  return trust?.result === "trusted" ? trust : undefined;
}

/** Made from what was sealed without any loss; everything else is an object of its own. */
const losslessActions: ReadonlySet<string> = new Set(["transcode-lossless", "restore-original"]);

function standsForParent(
  derivation: DerivationEvidence | undefined,
): derivation is DerivationEvidence & { readonly claim: DerivationClaim } {
  if (!derivation?.claim || derivation.faults.length > 0) return false;
  return trusted(derivation.trust) !== undefined && losslessActions.has(derivation.claim.action);
}

/** A Key Object counts as far as its own seal does. */
function factOf(
  { studyInstanceUid, seriesInstanceUid, instances, repeats, madeAt }: KeyObjectList,
  { manifest }: Evidence,
  { verdict }: Decision,
): SeriesManifestFact {
  return {
    basis: "key-object",
    manifest: repeats?.manifest,
    isPresented: true,
    state: "closed",
    version: repeats?.version ?? 1,
    previous: undefined,
    studyInstanceUid,
    seriesInstanceUid,
    madeAt: madeAt ?? Date.parse(manifest?.sealedAt ?? ""),
    trust: manifest?.trust,
    faults: verdict === "verified" && manifest ? [] : ["record-content"],
    ...(verdict === "verified" ? {} : { detail: `the Key Object is ${verdict}` }),
    instances,
  };
}
