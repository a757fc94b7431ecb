/** What was learned of an archive, until a person approves it: HOME/archives/NAME.json. And the signed record of what was approved. */
import { join } from "node:path";
import { tryUtf8, utf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto, systemClock } from "../../platform/node/crypto.ts";
import {
  ensurePrivateFolder,
  fileExists,
  holdFileLock,
  readPrivateFile,
  replaceFileDurably,
} from "../../platform/node/private-files.ts";
import {
  type ArchiveHabit,
  archiveNamePattern,
  encodeArchiveStatement,
  habitsDigest,
  habitsMax,
} from "../../provenance/manifest/archive-statement.ts";
import type { RecordSubject } from "../../provenance/manifest/record.ts";
import { signerOf, signRecord } from "../../provenance/manifest/record-envelope.ts";
import { openProvenanceJournal } from "../../store/provenance/open-provenance-journal.ts";
import { habitsOf } from "../../zero-trust/evidence/archive-check.ts";
import { neverHabit } from "../../zero-trust/evidence/archive-habits.ts";
import { TrustJudge } from "../../zero-trust/evidence/trust-check.ts";
import type { SiteHome } from "../home.ts";
import { recordLookup } from "../provenance/record-lookup.ts";
import { openOffice } from "../provenance/record-signers.ts";

const fileFormat = "scanseal-archive-1";
const fileBytesMax = 1 << 20;
/** Another approval takes milliseconds. */
const lockWaitMs = 5_000;

interface LearnedDocument {
  readonly format: typeof fileFormat;
  readonly archive: string;
  readonly habits: readonly ArchiveHabit[];
}

/** @throws ScansealError `usage` for a name that cannot be one */
export function requireArchiveName(name: string): void {
  if (!archiveNamePattern.test(name))
    throw new ScansealError(
      "usage",
      "an archive's name has up to 64 letters, digits, and . _ - after the first",
    );
}

/** In place of what was learned before. @throws ScansealError `usage`, `io` */
export function keepLearned(home: SiteHome, archive: string, habits: readonly ArchiveHabit[]): void {
  if (habits.length > habitsMax)
    throw new ScansealError(
      "usage",
      `it changes ${habits.length} attributes: a list has at most ${habitsMax}`,
    );
  ensurePrivateFolder(home.archivesFolder);
  const document: LearnedDocument = { format: fileFormat, archive, habits };
  const bytes = utf8(`${JSON.stringify(document, null, 1)}\n`);
  replaceFileDurably(pathOf(home, archive), bytes, { mode: 0o600 });
}

function pathOf(home: SiteHome, archive: string): string {
  return join(home.archivesFolder, `${archive}.json`);
}

/** @throws ScansealError `usage` where nothing was learned, or the file is another's */
export function learnedOf(home: SiteHome, archive: string): readonly ArchiveHabit[] {
  const path = pathOf(home, archive);
  if (!fileExists(path))
    throw new ScansealError("usage", `nothing was learned of ${archive} yet: scanseal archive learn`);
  const text = tryUtf8(readPrivateFile(path, fileBytesMax));
  try {
    const document = JSON.parse(text ?? "") as Partial<LearnedDocument> | null;
    const { habits } = document ?? {};
    // What stands in the entries is judged when they are encoded.
    const isList = Array.isArray(habits) && habits.every((one) => typeof one?.path === "string");
    if (document?.format === fileFormat && document.archive === archive && isList) return habits;
  } catch {
    // Told below.
  }
  throw new ScansealError("usage", `${path} is damaged: learn it again`);
}

export interface ApprovedArchive {
  readonly digest: string;
  readonly version: number;
}

/**
 * Signs what a person approved; it replaces what was approved before.
 * @param approvedBy an operator who has proved who it is
 * @throws ScansealError `usage` for a habit that can never be one, `key-unusable`, `io`
 */
export async function approveHabits(
  home: SiteHome,
  archive: string,
  habits: readonly ArchiveHabit[],
  approvedBy: string,
): Promise<ApprovedArchive> {
  for (const { path } of habits) {
    const never = neverHabit(path);
    if (never !== undefined) throw new ScansealError("usage", `${path} can never be approved: ${never}`);
  }
  const signer = await openOffice(home, "derive");
  // Two at once would both sign the same version, and neither would count.
  const lock = holdFileLock(join(home.officeFolder("derive"), "approvals.lock"), lockWaitMs);
  const journal = await openProvenanceJournal(home.provenancePath).catch((error: unknown) => {
    lock.release();
    throw error;
  });
  try {
    const now = systemClock.now();
    const trust = new TrustJudge(home.trust(), nodeCrypto, now);
    const records = recordLookup(journal);
    const { approved } = await habitsOf({ crypto: nodeCrypto, trust, records, readFrom: archive });
    const version = (approved?.version ?? 0) + 1;
    const payload = encodeArchiveStatement({
      signer: signerOf(nodeCrypto, signer),
      root: habitsDigest(nodeCrypto, habits),
      archive,
      version,
      ...(approved ? { previous: approved.digest } : {}),
      habits,
      approvedBy,
      approvedAt: new Date(now).toISOString(),
    });
    const ports = { crypto: nodeCrypto, signer };
    const record = await signRecord("archive-changes", payload, new Uint8Array(0), ports);
    const subjects: RecordSubject[] = [{ kind: "archive", name: archive }];
    await journal.addRecord(record, subjects, now);
    return { digest: record.digest, version };
  } finally {
    await journal.close();
    lock.release();
  }
}

/** Whether a person's approval of that archive's changes counts here. @throws ScansealError `io` */
export async function hasApproval(home: SiteHome, archive: string): Promise<boolean> {
  return (await approvedHabits(home, archive)) !== undefined;
}

/** What a person approved and counts here. @throws ScansealError `io` */
export async function approvedHabits(
  home: SiteHome,
  archive: string,
): Promise<readonly ArchiveHabit[] | undefined> {
  const journal = await openProvenanceJournal(home.provenancePath);
  try {
    const trust = new TrustJudge(home.trust(), nodeCrypto, systemClock.now());
    const ports = { crypto: nodeCrypto, trust, records: recordLookup(journal), readFrom: archive };
    return (await habitsOf(ports)).approved?.habits;
  } finally {
    await journal.close();
  }
}
