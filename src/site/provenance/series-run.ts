/** Closes series: signs what the site knows to be sealed, as the device that sealed it; studies are signed by the site's office. */
import { dirname, join } from "node:path";
import { type Bytes, toHex } from "../../foundation/bytes.ts";
import type { Signer } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto, nodeRandom, systemClock } from "../../platform/node/crypto.ts";
import { holdFileLock } from "../../platform/node/private-files.ts";
import type { DetachedRecord } from "../../provenance/manifest/record.ts";
import { signSeriesManifest, signStudyManifest } from "../../provenance/manifest/series-check.ts";
import type { SeriesEntry, StudyEntry } from "../../provenance/manifest/series-opening.ts";
import {
  type SeriesManifestState,
  seriesEntriesMax,
  versionMax,
} from "../../provenance/manifest/series-statement.ts";
import type { CaptureType } from "../../provenance/manifest/statement.ts";
import type { ProvenanceJournal, SealRecord } from "../../store/provenance/provenance-journal.ts";
import type { TrustResult } from "../../zero-trust/evidence/evidence.ts";
import { type SeriesPorts, seriesManifests, studyManifests } from "../../zero-trust/evidence/series-check.ts";
import type { SeriesManifestFact } from "../../zero-trust/evidence/series-evidence.ts";
import { TrustJudge } from "../../zero-trust/evidence/trust-check.ts";
import type { SiteHome } from "../home.ts";
import { recordLookup } from "./record-lookup.ts";
import { openOffice } from "./record-signers.ts";

export interface ClosingContext {
  readonly home: SiteHome;
  readonly journal: ProvenanceJournal;
  readonly softwareVersion: string;
}

export interface ClosedSeries {
  readonly seriesInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly device: string;
  readonly version: number;
  /** Payload digest, hexadecimal. */
  readonly manifest: string;
  readonly madeAt: number;
  readonly entries: readonly SeriesEntry[];
  /** False: the newest manifest says this already. */
  readonly isNew: boolean;
  /** Instances that were sealed more than once: the newest seal is listed. */
  readonly resealed: readonly string[];
}

/** Another closing takes seconds at most, for 100,000 instances. */
const lockWaitMs = 30_000;
/** Series that are looked at together. */
const pageSize = 200;

/** One closing at a time on this machine: two would both sign the same version. @throws ScansealError `io` when another one hangs */
export async function whileClosing<T>(
  home: SiteHome,
  body: () => Promise<T>,
  waitMs: number = lockWaitMs,
): Promise<T> {
  const lock = holdFileLock(join(dirname(home.provenancePath), "series.lock"), waitMs);
  try {
    return await body();
  } finally {
    lock.release();
  }
}

/**
 * Signs the next version, unless the newest one says the same. Call it within `whileClosing`.
 * @throws ScansealError `usage` for a series that nobody sealed here, or that two devices did; `key-unusable`, `io`
 */
export async function closeSeries(
  seriesInstanceUid: string,
  { home, journal, softwareVersion }: ClosingContext,
  state: SeriesManifestState = "closed",
): Promise<ClosedSeries> {
  const seals = await journal.sealsOfSeries(seriesInstanceUid);
  const { device, studyInstanceUid } = ownerOf(seals);
  const { entries, resealed } = entriesOf(seals);
  const versions = versionsOf(await seriesManifests(seriesInstanceUid, portsOf(home, journal)));
  const head = versions.at(-1);
  const common = { seriesInstanceUid, studyInstanceUid, device, entries, resealed };
  if (head?.manifest !== undefined && saysTheSame(head, entries, state)) {
    const { version, manifest, madeAt } = head;
    return { ...common, version, manifest, madeAt, isNew: false };
  }
  const version = (head?.version ?? 0) + 1;
  if (version > versionMax)
    throw new ScansealError("usage", `the series has ${versionMax} manifests already`);
  const { signer, type } = await openSealer(home, device);
  const madeAt = systemClock.now();
  const record = await signSeriesManifest(
    { seed: nodeRandom.bytes(32), studyInstanceUid, seriesInstanceUid, entries },
    {
      type,
      state,
      version,
      ...(head?.manifest === undefined ? {} : { previous: head.manifest }),
      software: { name: "scanseal", version: softwareVersion },
      madeAt: new Date(madeAt).toISOString(),
    },
    { crypto: nodeCrypto, signer },
  );
  // What is sealed meanwhile is after this, so that the series is seen to be quiet and unlisted again.
  const lastSealedAt = seals.reduce((last, { sealedAt }) => Math.max(last, sealedAt), 0);
  await keep(journal, record, { kind: "series", name: seriesInstanceUid }, lastSealedAt);
  return { ...common, version, manifest: record.digest, madeAt, isNew: true };
}

async function keep(
  journal: ProvenanceJournal,
  { kind, digest, envelope, opening }: DetachedRecord,
  subject: { readonly kind: "series" | "study"; readonly name: string },
  toldUntil: number,
): Promise<void> {
  await journal.addRecord({ kind, digest, envelope, opening }, [subject], systemClock.now(), toldUntil);
}

async function openSealer(
  home: SiteHome,
  name: string,
): Promise<{ readonly signer: Signer; readonly type: CaptureType }> {
  const { device } = await home.openDevice(name);
  return { signer: device.signer, type: device.type };
}

function ownerOf(seals: readonly SealRecord[]): {
  readonly device: string;
  readonly studyInstanceUid: string;
} {
  const [first] = seals;
  if (!first) throw new ScansealError("usage", "this site has sealed nothing in that series");
  const { device, studyInstanceUid } = first;
  // A series is of one piece of equipment, and of one study (PS3.3 A.1.2.3).
  if (seals.some((seal) => seal.device !== device))
    throw new ScansealError("usage", "two devices have sealed in that series: nobody can close it for both");
  if (seals.some((seal) => seal.studyInstanceUid !== studyInstanceUid))
    throw new ScansealError("usage", "that series was sealed in two studies");
  if (seals.length > seriesEntriesMax)
    throw new ScansealError("limit-elements", `a series manifest has at most ${seriesEntriesMax} instances`);
  return { device, studyInstanceUid };
}

/** By Instance Number, then as sealed. Of an instance sealed again, under a new key say, the newest seal. */
function entriesOf(seals: readonly SealRecord[]): {
  readonly entries: readonly SeriesEntry[];
  readonly resealed: readonly string[];
} {
  const newest = new Map<string, SealRecord>();
  const resealed = new Set<string>();
  const inTime = seals.toSorted((a, b) => a.sealedAt - b.sealedAt || a.counter - b.counter);
  for (const seal of inTime) {
    if (newest.has(seal.sopInstanceUid)) resealed.add(seal.sopInstanceUid);
    newest.set(seal.sopInstanceUid, seal);
  }
  const numberOf = ({ instanceNumber }: SealRecord): number => instanceNumber ?? Number.POSITIVE_INFINITY;
  const compare = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0);
  const ordered = [...newest.values()].sort(
    (a, b) => compare(numberOf(a), numberOf(b)) || a.sealedAt - b.sealedAt || a.counter - b.counter,
  );
  const entries = ordered.map(({ sopInstanceUid, payloadDigest, instanceNumber }) => ({
    sopInstanceUid,
    payloadDigest,
    instanceNumber: instanceNumber ?? null,
  }));
  return { entries, resealed: [...resealed].sort() };
}

function saysTheSame(
  head: SeriesManifestFact,
  entries: readonly SeriesEntry[],
  state: SeriesManifestState,
): boolean {
  // What is closed is not opened again by saying less of it.
  const isState = head.state === state || head.state === "closed";
  return (
    head.trust?.result === "trusted" &&
    isState &&
    head.instances.length === entries.length &&
    head.instances.every((one, i) => one.digest === entries[i]!.payloadDigest)
  );
}

/** Its signer was one of ours, though its certificate may have ended since: the next version follows it all the same. */
const everOurs: ReadonlySet<TrustResult> = new Set<TrustResult>([
  "trusted",
  "certificate-expired",
  "certificate-revoked",
]);

/** By ascending version. */
export function versionsOf(facts: readonly SeriesManifestFact[]): SeriesManifestFact[] {
  const own = facts.filter(({ faults, trust }) => faults.length === 0 && trust && everOurs.has(trust.result));
  return own.sort((a, b) => a.version - b.version);
}

export interface ClosedStudy {
  readonly studyInstanceUid: string;
  readonly version: number;
  readonly manifest: string;
  readonly series: readonly ClosedSeries[];
  readonly isNew: boolean;
}

/** Closes every series of a study, and signs which they are. Call it within `whileClosing`. @throws ScansealError as `closeSeries` */
export async function closeStudy(studyInstanceUid: string, context: ClosingContext): Promise<ClosedStudy> {
  const { home, journal, softwareVersion } = context;
  const series: ClosedSeries[] = [];
  for (const uid of await journal.seriesOfStudy(studyInstanceUid))
    if (!(await isOfKeyObjects(uid, journal))) series.push(await closeSeries(uid, context));
  if (series.length === 0) throw new ScansealError("usage", "this site has sealed nothing in that study");
  const entries = series.map((one): StudyEntry => {
    const { seriesInstanceUid, manifest, version } = one;
    return { seriesInstanceUid, manifest, version, count: one.entries.length };
  });
  const head = (await studyManifests(studyInstanceUid, portsOf(home, journal))).at(-1);
  const names = (list: readonly StudyEntry[]): string => list.map(({ manifest }) => manifest).join();
  if (head && names(head.series as readonly StudyEntry[]) === names(entries))
    return { studyInstanceUid, version: head.version, manifest: head.manifest, series, isNew: false };
  const version = (head?.version ?? 0) + 1;
  if (version > versionMax) throw new ScansealError("usage", `the study has ${versionMax} manifests already`);
  const madeAt = systemClock.now();
  const seed: Bytes = nodeRandom.bytes(32);
  const record = await signStudyManifest(
    { seed, studyInstanceUid, entries },
    {
      version,
      ...(head ? { previous: head.manifest } : {}),
      software: { name: "scanseal", version: softwareVersion },
      madeAt: new Date(madeAt).toISOString(),
    },
    { crypto: nodeCrypto, signer: await openOffice(home, "derive") },
  );
  await keep(journal, record, { kind: "study", name: studyInstanceUid }, madeAt);
  return { studyInstanceUid, version, manifest: record.digest, series, isNew: true };
}

/** Series in which nothing was sealed for that long, and that no manifest since then is about. @throws ScansealError `io` */
export async function quietSeries(journal: ProvenanceJournal, quietMs: number): Promise<readonly string[]> {
  const lastSealedBefore = systemClock.now() - quietMs;
  const quiet: string[] = [];
  for (let after = ""; ; ) {
    const page = await journal.sealedSeries({ after, limit: pageSize, lastSealedBefore });
    for (const { seriesInstanceUid } of page)
      if (seriesInstanceUid !== "" && !(await isOfKeyObjects(seriesInstanceUid, journal)))
        quiet.push(seriesInstanceUid);
    if (page.length < pageSize) return quiet;
    after = page.at(-1)!.seriesInstanceUid;
  }
}

/** A Key Object stands in a series of its own; that one is not closed in turn. The record it repeats is about it. */
export async function isOfKeyObjects(
  seriesInstanceUid: string,
  journal: ProvenanceJournal,
): Promise<boolean> {
  const seals = await journal.sealsOfSeries(seriesInstanceUid);
  for (const { sopInstanceUid } of seals) {
    const records = await journal.recordsAbout({ kind: "instance", name: sopInstanceUid });
    if (!records.some(({ kind }) => kind === "series")) return false;
  }
  return seals.length > 0;
}

export function portsOf(home: SiteHome, journal: ProvenanceJournal): SeriesPorts {
  const trust = new TrustJudge(home.trust(), nodeCrypto, systemClock.now());
  return { crypto: nodeCrypto, trust, records: recordLookup(journal) };
}

/** "2.25." and 128 bits of a hash: a UID that is the same for the same text (PS3.5 annex B.2). */
export function uidFrom(text: string): string {
  const digest = nodeCrypto.hash("SHA-256", new TextEncoder().encode(text));
  return `2.25.${BigInt(`0x${toHex(digest.subarray(0, 16))}`)}`;
}
