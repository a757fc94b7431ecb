/** Feeding the site's log as one errand: by a command, at the end of sealing, or by the gateway from time to time. */
import { join } from "node:path";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeRandom, systemClock } from "../../platform/node/crypto.ts";
import { holdFileLock } from "../../platform/node/private-files.ts";
import type { Journal } from "../../store/journal/journal.ts";
import type { ProvenanceJournal } from "../../store/provenance/provenance-journal.ts";
import type { SiteHome } from "../home.ts";
import { type FeedParts, type FeedResult, feedLog, queueQuietSeries } from "./log-feed.ts";
import { queueActs, queueApprovals, queueLedger } from "./logged-acts.ts";
import { queuePolicyFiles } from "./policy-files.ts";

/** A feeder that works on the same queue is soon done. */
const lockWaitMs = 2_000;

export function feedParts(journal: ProvenanceJournal): FeedParts {
  return { journal, clock: systemClock, random: nodeRandom };
}

export interface FeedRound {
  /** Series whose last seal is that old are named, in milliseconds. Undefined: none is looked for. */
  readonly quietMs?: number;
  /** The gate's, where there is one. */
  readonly acts?: Pick<Journal, "records"> | undefined;
  /** As in `FeedParts`. */
  readonly isStopped?: (() => boolean) | undefined;
}

/** Queues what is to be logged, and feeds it. @throws ScansealError as `feedOnce`, and `key-unusable` */
export async function feedAll(
  home: SiteHome,
  journal: ProvenanceJournal,
  { quietMs, acts, isStopped }: FeedRound,
): Promise<FeedResult | undefined> {
  const parts = { ...feedParts(journal), isStopped };
  await queueLedger(parts, home);
  await queuePolicyFiles(parts, home.folder);
  await queueApprovals(parts);
  if (acts) await queueActs(parts, acts);
  if (quietMs !== undefined) await queueQuietSeries(parts, quietMs);
  return feedOnce(home, parts);
}

/**
 * Everything that waits, to the log and back with its proofs. One feeder at a time.
 * @returns undefined where the site has no log, or nothing waits
 * @throws ScansealError `usage` while another process has the log; `network`, `io`, `storage-full`, `log-conflict`
 */
async function feedOnce(home: SiteHome, parts: FeedParts): Promise<FeedResult | undefined> {
  const origin = home.log.origin();
  if (origin === undefined || !(await isWaiting(parts.journal, origin))) return undefined;
  const lock = lockFeeding(home);
  try {
    const target = await home.log.open();
    try {
      return await feedLog(parts, target);
    } finally {
      await target.close();
    }
  } finally {
    lock.release();
  }
}

/** What another log has, which the site had before, gets no proof of this one. */
async function isWaiting(journal: ProvenanceJournal, origin: string): Promise<boolean> {
  const [waiting, unproven] = await Promise.all([
    journal.waitingEntries(1),
    journal.unprovenEntries(origin, 1),
  ]);
  return waiting.length + unproven.length > 0;
}

function lockFeeding(home: SiteHome): { release(): void } {
  try {
    return holdFileLock(join(home.folder, "log-feed.lock"), lockWaitMs);
  } catch (cause) {
    throw new ScansealError("usage", "another process feeds the log", { cause });
  }
}
