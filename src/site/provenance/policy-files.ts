/**
 * Files of a site that say what it believes and does, whoever changes them and with what: each content that is found is an entry of kind `policy`,
 * by its digest. What stands in them stays at home.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { toHex } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { fileExists, readPublicFile } from "../../platform/node/private-files.ts";
import { type FeedParts, queueStatement } from "./log-feed.ts";

/** Configurations of thousands of sources. */
const bytesMax = 1 << 24;
/** The gate's configuration where `scanseal start` looks for it; whose authorities, time stamps and log are believed. */
const files = ["gateway.yaml", "trust.json", "time.json", "log-url.json", "log/policy"] as const;

/** @param folder the site's @returns new entries @throws ScansealError `io` of the journal */
export async function queuePolicyFiles(parts: FeedParts, folder: string): Promise<number> {
  let queued = 0;
  for (const file of [...files, ...markingFiles(folder)]) {
    const found = stateOf(join(folder, file));
    if (!found) continue;
    const { digest, changedAt } = found;
    const at = new Date(parts.clock.now()).toISOString();
    const statement = { kind: "policy", at, act: "file.changed", subject: file, digest } as const;
    // With its time: a content that comes back is told again.
    const id = `file ${file} ${digest} ${changedAt}`;
    if (await queueStatement(parts, id, statement, `${file} as it was found`)) queued++;
  }
  return queued;
}

/** Which images a device marks. */
function markingFiles(folder: string): string[] {
  const devices = join(folder, "devices");
  if (!fileExists(devices)) return [];
  return readdirSync(devices)
    .sort()
    .map((name) => `devices/${name}/marking.json`);
}

function stateOf(path: string): { readonly digest: string; readonly changedAt: number } | undefined {
  if (!fileExists(path)) return undefined;
  try {
    const digest = toHex(nodeCrypto.hash("SHA-256", readPublicFile(path, bytesMax)));
    return { digest, changedAt: Math.floor(statSync(path).mtimeMs) };
  } catch (error) {
    // Others are logged all the same, and that this one cannot be read is told once.
    if (error instanceof ScansealError) return { digest: "unreadable", changedAt: 0 };
    throw error;
  }
}
