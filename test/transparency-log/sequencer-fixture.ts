/** Sequencers and witnesses over any journal and any disk, and what must be true of their log whatever happened. */
import { expect } from "vitest";
import { type Bytes, equalBytes, toHex } from "../../src/foundation/bytes.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import { parseCheckpoint } from "../../src/provenance/transparency-log/proof/checkpoint.ts";
import { TreeReader } from "../../src/provenance/transparency-log/proof/tree-reader.ts";
import { verifyCheckpoint } from "../../src/provenance/transparency-log/proof/verification.ts";
import { verifyWholeLog } from "../../src/provenance/transparency-log/proof/whole-log.ts";
import type { WitnessPolicy } from "../../src/provenance/transparency-log/proof/witness-policy.ts";
import { witnessAnswer } from "../../src/provenance/transparency-log/proof/witness-request.ts";
import type { LogFiles } from "../../src/provenance/transparency-log/sequencer/log-files.ts";
import type { SequencerParts } from "../../src/provenance/transparency-log/sequencer/sequencer-parts.ts";
import { TileFolder } from "../../src/provenance/transparency-log/sequencer/tile-folder.ts";
import type { Witness } from "../../src/provenance/transparency-log/sequencer/witness-client.ts";
import {
  answerWitnessRequest,
  type WitnessParts,
} from "../../src/provenance/transparency-log/sequencer/witness-service.ts";
import type { LogHead, LogJournal, WitnessMemory } from "../../src/store/log-journal/log-journal.ts";
import { hasher, logKey, policyOf, type TestKey, testTime, witnessA } from "./memory-log.ts";

const unwitnessedPolicy: WitnessPolicy = policyOf([`log ${logKey.vkey}`, "quorum none"]);
export const witnessedPolicy: WitnessPolicy = policyOf([
  `log ${logKey.vkey}`,
  `witness a ${witnessA.vkey}`,
  "quorum a",
]);
const clock = { now: () => testTime * 1000 };

export function partsOf(
  journal: LogJournal,
  files: LogFiles,
  witnesses: readonly Witness[] = [],
): SequencerParts {
  const policy = witnesses.length > 0 ? witnessedPolicy : unwitnessedPolicy;
  return {
    signer: logKey.signer,
    journal,
    tiles: new TileFolder(files),
    crypto: nodeCrypto,
    clock,
    witnesses,
    policy,
  };
}

export function memoryWitnessMemory(): WitnessMemory {
  const heads = new Map<string, LogHead>();
  return {
    witnessed: async (origin) => heads.get(origin),
    remember: async (origin, from, to) => {
      const known = heads.get(origin);
      if (known?.size !== from?.size || (known && from && !equalBytes(known.root, from.root))) return false;
      heads.set(origin, to);
      return true;
    },
    close: async () => undefined,
  };
}

export function witnessParts(memory: WitnessMemory, key: TestKey = witnessA): WitnessParts {
  return { signer: key.signer, logs: [logKey.key], memory, crypto: nodeCrypto, clock };
}

/** A witness without a network between. */
export function localWitness(memory: WitnessMemory, key: TestKey = witnessA): Witness {
  return {
    key: key.key,
    ask: async (request) => {
      const { status, body } = await answerWitnessRequest(request, witnessParts(memory, key));
      return witnessAnswer(status, body);
    },
  };
}

/** Places that somebody was told of: entry in hexadecimal -> index. */
export type Acknowledged = ReadonlyMap<string, number>;

/**
 * The whole log is there, signed, without a fork of anything that was published before, and every acknowledged entry is at its place.
 * @returns its size
 */
export async function auditLog(
  files: LogFiles,
  seen: readonly Bytes[],
  acknowledged: Acknowledged,
  policy: WitnessPolicy = unwitnessedPolicy,
): Promise<number> {
  const tiles = new TileFolder(files);
  const bytes = await tiles.readCheckpoint();
  expect(bytes).toBeDefined();
  const trusted = await verifyCheckpoint(bytes!, { policy, crypto: nodeCrypto, now: testTime });
  expect(trusted).toMatchObject({ ok: true });
  const head = parseCheckpoint(bytes!);
  const entries: string[] = [];
  await verifyWholeLog(
    head,
    (name) => tiles.require(name),
    hasher,
    (entry) => entries.push(toHex(entry)),
  );
  for (const [entry, index] of acknowledged) expect(entries[index]).toBe(entry);
  const reader = new TreeReader(head.size, (name) => tiles.require(name), hasher);
  for (const older of seen.map(parseCheckpoint)) {
    expect(older.size).toBeLessThanOrEqual(head.size);
    expect(toHex(await reader.root(older.size))).toBe(toHex(older.root));
  }
  return head.size;
}
