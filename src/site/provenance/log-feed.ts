/**
 * Feeds the log: what is queued gets its place, and its proof. Sealing never waits for it. The journal is written before and after each step, so that
 * a crash anywhere loses nothing; an answer that was lost is looked for in the log before anything is appended again.
 */
import { v7 as newId } from "uuid";
import { type Bytes, equalBytes, fromHex, fromUtf8, toHex, utf8 } from "../../foundation/bytes.ts";
import type { Clock, Random } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { entriesOf } from "../../provenance/transparency-log/proof/entry-bundle.ts";
import {
  type EntryKind,
  entryKinds,
  entryOf,
  saltBytes,
  sealPlaces,
  sealsContent,
} from "../../provenance/transparency-log/proof/log-entry.ts";
import { formatProof } from "../../provenance/transparency-log/proof/log-proof.ts";
import { inclusionRoot, type TreeHead } from "../../provenance/transparency-log/proof/merkle-proof.ts";
import { encodeSealProof } from "../../provenance/transparency-log/proof/seal-proof.ts";
import { tileWidth } from "../../provenance/transparency-log/proof/tile.ts";
import { TreeHasher } from "../../provenance/transparency-log/proof/tree-hasher.ts";
import { type ReadTile, TreeReader } from "../../provenance/transparency-log/proof/tree-reader.ts";
import type { ProvenanceJournal, QueuedEntry } from "../../store/provenance/provenance-journal.ts";
import { trustedCheckpoint } from "../transparency-log/log-monitor.ts";
import type { LogTarget } from "./site-log.ts";

/** At a time: what a request takes, and what is in memory. */
const entriesAtOnce = 256;
/** A log elsewhere that did not answer may have taken an entry and not published it yet; after this it is appended again. */
const lostAnswerMs: number = 10 * 60_000;
/** A lost entry lies soon after where it was tried. A log that names any size is not read to its end: the entry gets a second place, which harms nobody. */
const lostWithin = 65_536;
/** What the journal takes. */
const summaryMax = 200;
/** Series named in one round. */
const seriesAtOnce = 1_000;

export interface FeedParts {
  readonly journal: ProvenanceJournal;
  readonly clock: Clock;
  readonly random: Random;
  /** Whoever runs the feeder wants it to end: it does after the request that is under way. */
  readonly isStopped?: (() => boolean) | undefined;
}

/** A slow log must not keep a gateway from stopping. What was reached stands. @throws ScansealError `network` */
function goOn({ isStopped }: FeedParts): void {
  if (isStopped?.() === true) throw new ScansealError("network", "feeding the log was stopped");
}

export interface FeedResult {
  /** Entries that got their place. */
  readonly logged: number;
  /** Entries that got their proof. */
  readonly proven: number;
}

/** @param id of what it tells: the same is queued once @param summary one line for people, never a patient's */
export async function queueStatement(
  { journal, clock, random }: FeedParts,
  id: string,
  statement: { readonly kind: Exclude<EntryKind, "seals">; readonly [field: string]: unknown },
  summary: string,
): Promise<boolean> {
  // One that is too long would hold up all others.
  const short = summary.slice(0, summaryMax);
  const entry = { id, kind: statement.kind, summary: short, queuedAt: clock.now() };
  const content = utf8(JSON.stringify(statement));
  return journal.queueEntry({ ...entry, salt: random.bytes(saltBytes), content });
}

/** One entry for the seals of a series that none names yet. @returns how many seals */
export async function queueSeries(parts: FeedParts, seriesInstanceUid: string): Promise<number> {
  const { journal, clock, random } = parts;
  const seals = await journal.unloggedSeals(seriesInstanceUid);
  if (seals.length === 0) return 0;
  const digests = seals.map(({ payloadDigest }) => payloadDigest);
  const content = sealsContent(digests.map(fromHex), new TreeHasher(nodeCrypto));
  const entry = { id: newId(), kind: "seals", salt: random.bytes(saltBytes), content };
  const summary = digests.length === 1 ? "1 seal" : `${digests.length} seals`;
  try {
    await journal.queueEntry({ ...entry, summary, queuedAt: clock.now() }, digests);
  } catch (error) {
    // Somebody else was as quick, and named them.
    if (error instanceof ScansealError && error.code === "usage") return 0;
    throw error;
  }
  return digests.length;
}

/** Series whose last seal is that old. @returns how many entries */
export async function queueQuietSeries(parts: FeedParts, quietMs: number): Promise<number> {
  const series = await parts.journal.unloggedSeries(parts.clock.now() - quietMs, seriesAtOnce);
  for (const one of series) await queueSeries(parts, one);
  return series.length;
}

/**
 * One round: everything that waits.
 * @throws ScansealError of the target and the journal; what was reached by then stands
 */
export async function feedLog(parts: FeedParts, target: LogTarget): Promise<FeedResult> {
  let logged = 0;
  for (;;) {
    goOn(parts);
    const waiting = await parts.journal.waitingEntries(entriesAtOnce);
    const placed = waiting.length === 0 ? 0 : await appendAll(waiting, parts, target);
    logged += placed;
    if (placed === 0 || waiting.length < entriesAtOnce) break;
  }
  await target.publish();
  return { logged, proven: await proveAll(parts, target) };
}

/** @returns how many have their place now */
async function appendAll(
  waiting: readonly QueuedEntry[],
  parts: FeedParts,
  target: LogTarget,
): Promise<number> {
  const { journal, clock } = parts;
  const found = await lookForLost(waiting, parts, target);
  for (const [id, index] of found) await journal.setLogged(id, target.origin, index);
  const now = clock.now();
  const isOpen = ({ tried }: QueuedEntry): boolean =>
    tried === undefined || target.isOwn || now - tried.at >= lostAnswerMs;
  const fresh = waiting.filter((entry) => !found.has(entry.id) && isOpen(entry));
  if (fresh.length === 0) return found.size;
  const ids = fresh.map(({ id }) => id);
  await journal.setTried(ids, await target.size(), now);
  const first = await target.append(fresh.map(entryBytes));
  // Kept, it could never be read again.
  if (!Number.isSafeInteger(first + ids.length))
    throw new ScansealError("log-conflict", "the log acknowledged a place that no log has");
  for (const [n, id] of ids.entries()) await journal.setLogged(id, target.origin, first + n);
  return found.size + fresh.length;
}

/** Entries that were appended before, and whose answer did not reach the journal. */
async function lookForLost(
  waiting: readonly QueuedEntry[],
  parts: FeedParts,
  target: LogTarget,
): Promise<ReadonlyMap<string, number>> {
  const lost = waiting.filter(({ tried }) => tried !== undefined);
  if (lost.length === 0) return new Map();
  // Tiles have what is published; of the own log that is all.
  await target.publish();
  const ids = new Map(lost.map((entry) => [toHex(entryBytes(entry)), entry.id]));
  const from = Math.min(...lost.map(({ tried }) => tried!.from));
  // Whole tiles: of one that the log has whole, no part need be there.
  const size = Math.min(await target.size(), from - (from % tileWidth) + lostWithin);
  const found = new Map<string, number>();
  for await (const { entry, index } of entriesFrom(from, size, target.source.readTile)) {
    goOn(parts);
    const id = ids.get(toHex(entry));
    if (id !== undefined) found.set(id, index);
  }
  return found;
}

async function* entriesFrom(
  from: number,
  size: number,
  readTile: ReadTile,
): AsyncGenerator<{ readonly entry: Bytes; readonly index: number }> {
  for (let tile = Math.floor(from / tileWidth); tile * tileWidth < size; tile++) {
    const width = Math.min(tileWidth, size - tile * tileWidth);
    const bundle = await readTile({ level: "entries", index: tile, width });
    for (const [n, entry] of entriesOf(bundle, width).entries())
      if (tile * tileWidth + n >= from) yield { entry, index: tile * tileWidth + n };
  }
}

/** The bytes in the log; the salt makes them unique. */
function entryBytes({ kind, salt, content }: QueuedEntry): Bytes {
  const known = entryKinds.find((one) => one === kind);
  if (!known) throw new ScansealError("internal", "the log's queue has an entry of an unknown kind");
  return entryOf({ kind: known, salt, content }, nodeCrypto);
}

async function proveAll(parts: FeedParts, target: LogTarget): Promise<number> {
  const { journal, clock } = parts;
  const { origin } = target;
  if ((await journal.unprovenEntries(origin, 1)).length === 0) return 0;
  const checkpoint = await target.source.checkpoint();
  const trusted = await trustedCheckpoint(checkpoint, target.policy);
  if (!trusted.ok)
    throw new ScansealError("log-conflict", `the log's checkpoint is not believed: ${trusted.message}`);
  const { size, root } = trusted.checkpoint;
  const reader = new TreeReader(size, target.source.readTile, new TreeHasher(nodeCrypto));
  let proven = 0;
  for (;;) {
    const open = await journal.unprovenEntries(origin, entriesAtOnce);
    // The newest may not be published yet.
    const published = open.filter(({ index }) => index! < size);
    for (const entry of published) {
      goOn(parts);
      const proof = await proofOf(entry, reader, { size, root, bytes: checkpoint });
      if (entry.kind === "seals") await giveProofs(entry, proof, journal, clock.now());
      // Last: until then the round begins again.
      await journal.setProof(entry.id, fromUtf8(proof));
    }
    proven += published.length;
    if (published.length === 0 || open.length < entriesAtOnce) return proven;
  }
}

async function proofOf(
  entry: QueuedEntry,
  reader: TreeReader,
  { size, root, bytes: checkpoint }: TreeHead & { readonly bytes: Bytes },
): Promise<Bytes> {
  const index = entry.index!;
  const hasher = new TreeHasher(nodeCrypto);
  const leaf = hasher.leaf(entryBytes(entry));
  if (!equalBytes(await reader.leafAt(index), leaf))
    throw new ScansealError("log-conflict", `the log has another entry at ${index} than it acknowledged`);
  const path = await reader.inclusionPath(index);
  // Of tiles that do not fit the checkpoint it would prove nothing, and objects would carry it.
  const reached = inclusionRoot(index, size, leaf, path, hasher);
  if (!reached || !equalBytes(reached, root))
    throw new ScansealError("log-conflict", "the log's tiles do not fit its checkpoint");
  return formatProof({ index, path, checkpoint });
}

/** To each seal of the series its own. */
async function giveProofs(
  { id, salt, content }: QueuedEntry,
  proof: Bytes,
  journal: ProvenanceJournal,
  at: number,
): Promise<void> {
  const digests = await journal.sealsOfEntry(id);
  if (!equalBytes(sealsContent(digests.map(fromHex), new TreeHasher(nodeCrypto)), content))
    throw new ScansealError("internal", "a log entry does not name the seals that it was queued for");
  const places = sealPlaces(digests.map(fromHex), new TreeHasher(nodeCrypto));
  await Promise.all(
    places.map((place, n) => {
      const bytes = encodeSealProof({ salt, place, proof });
      return journal.addLateEvidence(digests[n]!, { type: "log-proof", bytes }, at);
    }),
  );
}
