/** Watching a log from outside: it only grew since the last look, and everything it says it holds is there. */
import { type Bytes, fromBase64, toBase64 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { readJson, writeJson } from "../../keys/custody/json-file.ts";
import { nodeCrypto, systemClock } from "../../platform/node/crypto.ts";
import { fileExists } from "../../platform/node/private-files.ts";
import { type Checkpoint, parseCheckpoint } from "../../provenance/transparency-log/proof/checkpoint.ts";
import { type EntryKind, entryKinds, kindOf } from "../../provenance/transparency-log/proof/log-entry.ts";
import { TreeHasher } from "../../provenance/transparency-log/proof/tree-hasher.ts";
import { TreeReader } from "../../provenance/transparency-log/proof/tree-reader.ts";
import {
  type LogFailure,
  type TrustedCheckpoint,
  verifyCheckpoint,
  verifyGrowth,
} from "../../provenance/transparency-log/proof/verification.ts";
import { verifyWholeLog } from "../../provenance/transparency-log/proof/whole-log.ts";
import type { WitnessPolicy } from "../../provenance/transparency-log/proof/witness-policy.ts";
import type { LogSource } from "./log-source.ts";

const format = "scanseal-log-monitor-1";

interface MonitorDocument {
  readonly format: typeof format;
  /** The last one that was verified, base64. */
  readonly checkpoint: string;
}

export interface MonitorReport {
  readonly trusted: TrustedCheckpoint;
  /** Undefined at the first look. */
  readonly olderSize: number | undefined;
  /** Entries since the last look. */
  readonly added: Readonly<Record<EntryKind | "unknown", number>>;
}

/**
 * Reads all of the log, and keeps what it saw in `statePath` when everything was as it should be.
 * @returns the failed check, or what is new
 * @throws ScansealError `io`, `network`; `log-structure` when tiles do not fit
 */
export async function monitorLog(
  source: LogSource,
  policy: WitnessPolicy,
  statePath: string,
): Promise<MonitorReport | LogFailure> {
  const bytes = await source.checkpoint();
  const trusted = await trustedCheckpoint(bytes, policy);
  if (!trusted.ok) return trusted;
  const { checkpoint } = trusted;
  const older = readState(statePath);
  const grown = older ? await growth(older, checkpoint, source) : undefined;
  if (grown && !grown.ok) return grown;
  const added = Object.fromEntries([...entryKinds, "unknown"].map((kind) => [kind, 0])) as Record<
    EntryKind | "unknown",
    number
  >;
  await verifyWholeLog(checkpoint, source.readTile, new TreeHasher(nodeCrypto), (entry, index) => {
    if (index >= (older?.size ?? 0)) added[kindOf(entry) ?? "unknown"]++;
  });
  writeJson<MonitorDocument>(statePath, { format, checkpoint: toBase64(bytes) });
  return { trusted, olderSize: older?.size, added };
}

/** By this machine's clock. */
export function trustedCheckpoint(
  bytes: Bytes,
  policy: WitnessPolicy,
): Promise<TrustedCheckpoint | LogFailure> {
  const now = Math.floor(systemClock.now() / 1000);
  return verifyCheckpoint(bytes, { policy, crypto: nodeCrypto, now });
}

async function growth(
  older: Checkpoint,
  newer: Checkpoint,
  source: LogSource,
): Promise<{ readonly ok: true } | LogFailure> {
  // Every log continues the empty one.
  if (older.size === 0 && older.origin === newer.origin) return { ok: true };
  if (older.size > newer.size)
    return { ok: false, step: "consistency", message: "the log has fewer entries than it had" };
  const reader = new TreeReader(newer.size, source.readTile, new TreeHasher(nodeCrypto));
  return verifyGrowth(older, newer, await reader.consistencyPath(older.size), nodeCrypto);
}

function readState(path: string): Checkpoint | undefined {
  if (!fileExists(path)) return undefined;
  const { checkpoint } = readJson<MonitorDocument>(path, format);
  try {
    return parseCheckpoint(fromBase64(checkpoint));
  } catch (cause) {
    throw new ScansealError("config-invalid", "the monitor's file is damaged", { cause });
  }
}
