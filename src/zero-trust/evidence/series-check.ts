/** The manifests of a series that the site keeps, each checked as if a stranger had brought it. Numbers are the steps of spec/series-manifests.md. */
import type { Crypto } from "../../foundation/crypto.ts";
import type { DetachedRecord, RecordLookup } from "../../provenance/manifest/record.ts";
import {
  type CheckPorts,
  checkSeriesManifest,
  checkStudyManifest,
} from "../../provenance/manifest/series-check.ts";
import { recordSigner } from "./record-signer.ts";
import type { NamedVersion, SeriesManifestFact } from "./series-evidence.ts";
import type { TrustJudge } from "./trust-check.ts";

export interface SeriesPorts {
  readonly crypto: Crypto;
  readonly trust: TrustJudge;
  readonly records: RecordLookup;
}

/** @throws ScansealError `io` */
export async function seriesManifests(
  seriesInstanceUid: string,
  ports: SeriesPorts,
): Promise<readonly SeriesManifestFact[]> {
  const records = await ports.records.about({ kind: "series", name: seriesInstanceUid });
  const facts: SeriesManifestFact[] = [];
  for (const record of records) {
    if (record.kind === "series") facts.push(await manifestFact(record, seriesInstanceUid, ports));
  }
  return facts;
}

async function manifestFact(
  record: DetachedRecord,
  seriesInstanceUid: string,
  ports: SeriesPorts,
): Promise<SeriesManifestFact> {
  const checked = await checkSeriesManifest(record, checkPorts(ports)); // 1 to 8
  if (checked.fault !== undefined) {
    const { fault, detail } = checked;
    return { ...unreadable, manifest: record.digest, seriesInstanceUid, faults: [fault], detail };
  }
  const { statement, opening, digest, certificate, hash } = checked;
  // 9. The signer seals, in the way the statement says, and with that hash.
  const trust = await recordSigner(certificate, statement.type, digest, ports);
  const isHashWrong = trust.result === "trusted" && !trust.hashes.includes(hash);
  return {
    basis: "manifest",
    manifest: digest,
    isPresented: false,
    state: statement.state,
    version: statement.version,
    previous: statement.previous,
    studyInstanceUid: opening.studyInstanceUid,
    seriesInstanceUid: opening.seriesInstanceUid,
    madeAt: Date.parse(statement.madeAt),
    trust,
    faults: isHashWrong ? ["record-signer"] : [],
    instances: opening.entries.map(({ sopInstanceUid, payloadDigest, instanceNumber }) => ({
      sopInstanceUid,
      digest: payloadDigest,
      instanceNumber,
    })),
  };
}

const unreadable: Omit<SeriesManifestFact, "manifest" | "seriesInstanceUid" | "faults"> = {
  basis: "manifest",
  isPresented: false,
  state: "open",
  version: 0,
  previous: undefined,
  studyInstanceUid: "",
  madeAt: 0,
  trust: undefined,
  instances: [],
};

/** What a study manifest says; the newest is the one of the highest version. */
export interface StudyManifestFact {
  readonly studyInstanceUid: string;
  readonly version: number;
  readonly manifest: string;
  readonly series: readonly NamedVersion[];
}

/** The study manifests that hold and that the site's office signed, by ascending version. @throws ScansealError `io` */
export async function studyManifests(
  studyInstanceUid: string,
  ports: SeriesPorts,
): Promise<readonly StudyManifestFact[]> {
  const facts: StudyManifestFact[] = [];
  for (const record of await ports.records.about({ kind: "study", name: studyInstanceUid })) {
    if (record.kind !== "study") continue;
    const checked = await checkStudyManifest(record, checkPorts(ports));
    if (checked.fault !== undefined || checked.opening.studyInstanceUid !== studyInstanceUid) continue;
    const trust = await recordSigner(checked.certificate, "derive", checked.digest, ports);
    if (trust.result !== "trusted" || !trust.hashes.includes(checked.hash)) continue;
    const { version } = checked.statement;
    facts.push({ studyInstanceUid, version, manifest: checked.digest, series: checked.opening.entries });
  }
  return facts.sort((a, b) => a.version - b.version);
}

function checkPorts({ crypto, trust }: SeriesPorts): CheckPorts {
  return { crypto, spkiOf: (certificate) => trust.spkiOf(certificate) };
}
