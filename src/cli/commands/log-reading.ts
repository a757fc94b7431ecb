/** `scanseal log checkpoint`, `prove`, `verify`, `monitor`. */
import { toHex, tryUtf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto, systemClock } from "../../platform/node/crypto.ts";
import { readPublicFile, replaceFileDurably } from "../../platform/node/private-files.ts";
import { parseCheckpoint } from "../../provenance/transparency-log/proof/checkpoint.ts";
import { formatProof, proofBytesMax } from "../../provenance/transparency-log/proof/log-proof.ts";
import { TreeHasher } from "../../provenance/transparency-log/proof/tree-hasher.ts";
import { TreeReader } from "../../provenance/transparency-log/proof/tree-reader.ts";
import {
  type LogFailure,
  type TrustedCheckpoint,
  verifyLogProof,
} from "../../provenance/transparency-log/proof/verification.ts";
import { readPolicy } from "../../site/transparency-log/log-folder.ts";
import { monitorLog, trustedCheckpoint } from "../../site/transparency-log/log-monitor.ts";
import { openLogSource } from "../../site/transparency-log/log-source.ts";
import { openedEntry } from "../../site/transparency-log/opening-file.ts";
import { wholeNumber } from "../number-option.ts";
import { jsonLine } from "../terminal/json-line.ts";
import { visibleText } from "../terminal/visible-text.ts";

interface Judging {
  readonly policy: string;
  readonly json: boolean;
}

const openingBytesMax: number = 256 * 1024;

function report(json: boolean, facts: object, lines: readonly string[]): void {
  process.stdout.write(
    json ? `${jsonLine(facts)}\n` : lines.map((line) => `${visibleText(line)}\n`).join(""),
  );
}

function reportFailure({ step, message }: LogFailure, json: boolean): number {
  report(json, { ok: false, step, message }, [`NOT PROVEN at step ${step}: ${message}.`]);
  return 1;
}

function factsOf({ checkpoint, protection, time }: TrustedCheckpoint): Readonly<Record<string, unknown>> {
  const { origin, size, root } = checkpoint;
  const at = time === undefined ? undefined : new Date(time * 1000).toISOString();
  return { ok: true, origin, size, root: toHex(root), protection, ...(at === undefined ? {} : { time: at }) };
}

function linesOf(trusted: TrustedCheckpoint): string[] {
  const { origin, size, protection, time } = factsOf(trusted);
  const seen =
    time === undefined
      ? `It is ${protection}: no witness is asked for.`
      : `Cosigned by the quorum at ${time}.`;
  return [`Log ${origin}, ${size} entries.`, seen];
}

/** @returns 0, or 1 when the policy does not believe it */
export async function showCheckpoint(place: string, { policy, json }: Judging): Promise<number> {
  const trusted = await trustedCheckpoint(await openLogSource(place).checkpoint(), readPolicy(policy));
  if (!trusted.ok) return reportFailure(trusted, json);
  report(json, factsOf(trusted), linesOf(trusted));
  return 0;
}

/** @returns 0 */
export async function proveEntry(
  place: string,
  options: { readonly index: string; readonly out: string },
): Promise<number> {
  const index = wholeNumber(options.index, "--index", 0, Number.MAX_SAFE_INTEGER);
  const source = openLogSource(place);
  const checkpoint = await source.checkpoint();
  const { size } = parseCheckpoint(checkpoint);
  if (index >= size)
    throw new ScansealError("usage", `the log has published ${size} entries: there is no ${index} yet`);
  const path = await new TreeReader(size, source.readTile, new TreeHasher(nodeCrypto)).inclusionPath(index);
  const proof = formatProof({ index, path, checkpoint });
  replaceFileDurably(options.out, proof, { mode: 0o644 });
  process.stdout.write(`Proof of entry ${index} written to ${options.out}, ${proof.length} bytes.\n`);
  return 0;
}

/** @returns 0, or 1 with the step that failed */
export async function verifyProof(
  file: string,
  { opening, policy, json }: Judging & { readonly opening: string },
): Promise<number> {
  const entry = openedEntry(tryUtf8(readPublicFile(opening, openingBytesMax)) ?? "");
  const trust = { policy: readPolicy(policy), crypto: nodeCrypto, now: Math.floor(systemClock.now() / 1000) };
  // One byte more than a proof may have: then it is too large by the proof's own rule.
  const result = await verifyLogProof(readPublicFile(file, proofBytesMax + 1), entry, trust);
  if (!result.ok) return reportFailure(result, json);
  const { index } = result;
  report(json, { ...factsOf(result), index }, [`PROVEN: entry ${index} is in the log.`, ...linesOf(result)]);
  return 0;
}

/** @returns 0, or 1 when the log is not what it was or does not fit */
export async function monitor(
  place: string,
  { state, policy, json }: Judging & { readonly state: string },
): Promise<number> {
  const seen = await monitorLog(openLogSource(place), readPolicy(policy), state);
  if ("ok" in seen) return reportFailure(seen, json);
  const { trusted, olderSize, added } = seen;
  const news = Object.entries(added).flatMap(([kind, count]) => (count === 0 ? [] : [`${count} ${kind}`]));
  report(json, { ...factsOf(trusted), since: olderSize, added }, [
    ...linesOf(trusted),
    `Since ${olderSize === undefined ? "the beginning" : `entry ${olderSize}`}: ${news.join(", ") || "nothing new"}. Every entry and tile was read.`,
  ]);
  return 0;
}
