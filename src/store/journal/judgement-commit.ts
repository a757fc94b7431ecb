/**
 * The one transaction in which judgements become facts. Several are written together, with as many statements as one: what one of them finds
 * depends on others of its SOP Instance UID alone, so that those of one UID are written one after the other.
 */
import { sql } from "kysely";
import { v7 as newId } from "uuid";
import type { Judgement, JudgementOutcome, ObjectState } from "./journal.ts";
import { listForDeletion } from "./kept-bytes.ts";
import { judgedColumns, keptText, type ObjectRow } from "./object-rows.ts";
import { listed, type RowColumns, rowSet } from "./row-set.ts";
import type { Database, Engine } from "./tables.ts";
import type { WriteJob } from "./writers.ts";

/** A judgement that can be kept. */
export interface PreparedJudgement {
  readonly id: string;
  readonly fence: number;
  readonly judgement: Judgement;
  readonly columns: ReturnType<typeof judgedColumns>;
  readonly destinations: readonly string[];
}

/** @throws ScansealError `usage` */
export function preparedJudgement(
  id: string,
  fence: number,
  judgement: Judgement,
  destinations: readonly string[],
): PreparedJudgement {
  for (const destination of destinations) keptText(destination, "destination");
  return {
    id,
    fence,
    judgement,
    columns: judgedColumns(judgement),
    destinations: [...new Set(destinations)],
  };
}

/** A judgement, and the object whose lease it has. */
interface Work {
  readonly at: number;
  readonly item: PreparedJudgement;
  readonly row: ObjectRow;
}

/** What becomes of an object, once it is known what else is here under its UID. */
interface Fate {
  readonly state: ObjectState;
  readonly relatedId?: string | undefined;
  /** Its bytes are in the object store already. */
  readonly stored: boolean;
}

/** `isGone`: the same bytes were admitted before, and are kept nowhere any more. */
type Decided = Work & { readonly fate: Fate; readonly isGone: boolean };

/**
 * The fence is the proof: a lease that is over but was not given to anybody else still commits, because nobody else can have judged.
 * Where the connection broke during the commit, the caller that tries again is told `lease-lost`: the judgement stands.
 * @returns an outcome for each, in their order
 */
export function commitJudgements(
  engine: Engine,
  items: readonly PreparedJudgement[],
): WriteJob<JudgementOutcome[]> {
  return async (transaction) => {
    const outcomes: JudgementOutcome[] = items.map(() => ({ result: "lease-lost" }));
    const rows = await lockedRows(transaction, engine, items);
    for (const round of roundsOf(items, rows)) await commitRound(transaction, engine, round, outcomes);
    return outcomes;
  };
}

async function lockedRows(
  transaction: Database,
  engine: Engine,
  items: readonly PreparedJudgement[],
): Promise<Map<string, ObjectRow>> {
  const ids = listed(
    engine,
    items.map(({ id }) => id),
  );
  const query = transaction.selectFrom("objects").selectAll().where("id", "in", ids);
  // One judgement at a time for a SOP Instance UID, whichever gateway makes it: what is read after this stays true until the commit. All
  // take their locks in the same order.
  const key = sql`hashtextextended(sop_instance_uid, 0)`;
  const rows = await (engine === "postgres"
    ? query.select(sql`pg_advisory_xact_lock(${key})`.as("lock")).orderBy(key).orderBy("id").forUpdate()
    : query
  ).execute();
  return new Map(rows.map((row) => [row.id, row]));
}

/** In each at most one judgement of a SOP Instance UID; in their order. */
function roundsOf(items: readonly PreparedJudgement[], rows: ReadonlyMap<string, ObjectRow>): Work[][] {
  const rounds: Work[][] = [];
  const seen = new Map<string, number>();
  const judged = new Set<string>();
  for (const [at, item] of items.entries()) {
    const row = rows.get(item.id);
    const isLeased = row?.state === "received" && row.fence === item.fence && row.lease_owner !== null;
    // A conflict gives nothing back, but nobody judges one object twice at once.
    if (!isLeased || judged.has(item.id)) continue;
    judged.add(item.id);
    const round = seen.get(row.sop_instance_uid) ?? 0;
    seen.set(row.sop_instance_uid, round + 1);
    rounds[round] ??= [];
    rounds[round].push({ at, item, row });
  }
  return rounds;
}

async function commitRound(
  transaction: Database,
  engine: Engine,
  round: readonly Work[],
  outcomes: JudgementOutcome[],
): Promise<void> {
  const decided: Decided[] = [];
  const there = await admittedOf(transaction, engine, round);
  const twins = await heldTwinsOf(transaction, engine, round);
  for (const work of round) {
    const admittedHere = there.get(work.row.sop_instance_uid);
    const same = admittedHere?.digest === work.row.digest ? admittedHere : undefined;
    const damaged = damagedAmong(work.row, [...(same ? [same] : []), ...(twins.get(work.row.id) ?? [])]);
    if (damaged) {
      outcomes[work.at] = { result: "damaged", objectId: damaged.id };
      continue;
    }
    const fate = fateOf(work, admittedHere, twins.get(work.row.id) ?? []);
    if ("conflictWith" in fate) outcomes[work.at] = { result: "conflict", conflictWith: fate.conflictWith };
    else decided.push({ ...work, fate, isGone: same?.stored === 0 && same.location === null });
  }
  const admitted = decided.filter(({ fate }) => fate.state === "admitted");
  await addAdmitted(transaction, engine, admitted);
  for (const { row } of admitted) await resolve(transaction, row.id, twins.get(row.id) ?? []);
  await writeFates(transaction, engine, decided);
  await addDeliveries(transaction, engine, admitted);
  await addToIndex(transaction, admitted);
  await noteSealedStudies(transaction, decided);
  await dropCopies(transaction, decided);
  for (const { at, row, fate } of decided) {
    outcomes[at] = {
      result: "committed",
      state: fate.state,
      spoolFreed: row.location !== null && !keepsSpool(fate),
      ...(fate.relatedId === undefined ? {} : { relatedId: fate.relatedId }),
    };
  }
}

const keepsSpool = (fate: Fate): boolean => !fate.stored && fate.state !== "resent";

/** Of others with the same bytes. */
type Kept = Pick<ObjectRow, "id" | "stored" | "location" | "damaged">;

/** What the fresh copy of an object that came again is needed for. */
function damagedAmong(fresh: ObjectRow, others: readonly Kept[]): Kept | undefined {
  if (fresh.location === null || fresh.damaged === 1) return undefined;
  return others.find((other) => other.damaged === 1 && (other.stored === 1 || other.location !== null));
}

type Admitted = Pick<ObjectRow, "digest" | "payload_digest"> & Kept;

async function admittedOf(
  transaction: Database,
  engine: Engine,
  round: readonly Work[],
): Promise<Map<string, Admitted>> {
  const uids = round.map(({ row }) => row.sop_instance_uid);
  const rows = await transaction
    .selectFrom("admitted as a")
    .innerJoin("objects as o", "o.id", "a.object_id")
    .select([
      "a.sop_instance_uid",
      "a.digest",
      "a.payload_digest",
      "o.id",
      "o.stored",
      "o.location",
      "o.damaged",
    ])
    .where("a.sop_instance_uid", "in", listed(engine, uids))
    .execute();
  return new Map(rows.map((row) => [row.sop_instance_uid, row]));
}

/** By object: the same digest and SOP Instance UID in quarantine, oldest first. */
async function heldTwinsOf(
  transaction: Database,
  engine: Engine,
  round: readonly Work[],
): Promise<Map<string, Kept[]>> {
  const digests = round.map(({ row }) => row.digest);
  const held = await transaction
    .selectFrom("objects")
    .select(["id", "stored", "location", "damaged", "digest", "sop_instance_uid"])
    .where("digest", "in", listed(engine, digests))
    .where("state", "=", "held")
    .orderBy("id")
    .execute();
  const out = new Map<string, Kept[]>();
  if (held.length === 0) return out;
  for (const { row } of round) {
    const isTwin = (one: (typeof held)[number]): boolean =>
      one.digest === row.digest && one.sop_instance_uid === row.sop_instance_uid;
    out.set(row.id, held.filter(isTwin));
  }
  return out;
}

function fateOf(
  { row, item: { judgement } }: Work,
  there: Admitted | undefined,
  twins: readonly Kept[],
): Fate | { readonly conflictWith: string } {
  const resent = (relatedId: string): Fate => ({ state: "resent", relatedId, stored: row.stored === 1 });
  if (there?.digest === row.digest) return resent(there.id);
  const stored = judgement.stored || row.stored === 1;
  if (judgement.disposition === "held") {
    // Another encoding of an admitted seal that did not pass is evidence, and is kept: only the same bytes are a re-send.
    const held = twins[0];
    return held ? resent(held.id) : { state: "held", stored };
  }
  if (there) {
    const samePayload =
      judgement.payloadDigest !== undefined && there.payload_digest === judgement.payloadDigest;
    return samePayload ? resent(there.id) : { conflictWith: there.id };
  }
  // Quarantine had put the same bytes into the object store: they are this object's now.
  return { state: "admitted", stored: stored || twins.some((twin) => twin.stored === 1) };
}

async function addAdmitted(
  transaction: Database,
  engine: Engine,
  admitted: readonly Decided[],
): Promise<void> {
  if (admitted.length === 0) return;
  const rows = rowSet(
    engine,
    { uid: "text", object_id: "text", digest: "text", payload: "text" },
    admitted.map(({ row, item }) => ({
      uid: row.sop_instance_uid,
      object_id: row.id,
      digest: row.digest,
      payload: item.judgement.payloadDigest ?? null,
    })),
  );
  await sql`insert into admitted (sop_instance_uid, object_id, digest, payload_digest)
    select v.uid, v.object_id, v.digest, v.payload from ${rows} as v`.execute(transaction);
}

/** Rare: what was held is admitted now, and its stored bytes are the admitted object's. */
async function resolve(transaction: Database, by: string, twins: readonly Kept[]): Promise<void> {
  for (const { id } of twins) {
    await transaction
      .updateTable("objects")
      .set({ state: "resolved", related_id: by, location: null, stored: 0 })
      .where("id", "=", id)
      .execute();
  }
}

/**
 * It was to be held and was stored for that, but the same bytes are here, or were delivered, already: the copy is looked at once more, and deleted
 * where nobody needs it. So are bytes that were to be deleted while this object was still waiting for its judgement, and kept them from it.
 */
async function dropCopies(transaction: Database, decided: readonly Decided[]): Promise<void> {
  const copies = decided.filter(
    ({ fate, item, isGone }) => fate.state === "resent" && !fate.stored && (item.judgement.stored || isGone),
  );
  if (copies.length > 0)
    await listForDeletion(
      transaction,
      copies.map(({ row }) => row.digest),
    );
}

/** The lease is given back with it. */
const fateColumns = {
  id: "text",
  state: "text",
  related_id: "text",
  stored: "whole",
  keeps_spool: "whole",
  kept_only: "whole",
  judged_at: "whole",
  verdict: "text",
  disposition: "text",
  assurance: "text",
  basis: "text",
  mode: "text",
  enforced: "text",
  findings: "text",
  cause: "text",
  payload_digest: "text",
  sealed_by: "text",
} as const satisfies RowColumns;

async function writeFates(transaction: Database, engine: Engine, decided: readonly Decided[]): Promise<void> {
  if (decided.length === 0) return;
  const rows = decided.map(({ row, fate, item: { columns, destinations } }) => {
    const { lease_owner: _, lease_until: _until, ...judged } = columns;
    return {
      ...judged,
      id: row.id,
      state: fate.state,
      related_id: fate.relatedId ?? null,
      stored: fate.stored ? 1 : 0,
      keeps_spool: keepsSpool(fate) ? 1 : 0,
      kept_only: fate.state === "admitted" && destinations.length === 0 ? 1 : 0,
    };
  });
  await sql`update objects set
      state = v.state, related_id = v.related_id, stored = v.stored,
      kept_only = v.kept_only, location = case v.keeps_spool when 1 then objects.location else null end,
      judged_at = v.judged_at, verdict = v.verdict, disposition = v.disposition, assurance = v.assurance,
      basis = v.basis, mode = v.mode, enforced = v.enforced, findings = v.findings, cause = v.cause,
      payload_digest = v.payload_digest, sealed_by = v.sealed_by, lease_owner = null, lease_until = null
    from ${rowSet(engine, fateColumns, rows)} as v where objects.id = v.id`.execute(transaction);
}

async function addDeliveries(
  transaction: Database,
  engine: Engine,
  admitted: readonly Decided[],
): Promise<void> {
  const rows = admitted.flatMap(({ row, item: { destinations, judgement } }) =>
    destinations.map((destination) => {
      return { id: newId(), object_id: row.id, destination, at: judgement.judgedAt };
    }),
  );
  if (rows.length === 0) return;
  const due = rowSet(engine, { id: "text", object_id: "text", destination: "text", at: "whole" }, rows);
  await sql`insert into deliveries (id, object_id, destination, state, next_attempt_at, created_at)
    select v.id, v.object_id, v.destination, 'due', v.at, v.at from ${due} as v`.execute(transaction);
}

/** Where it is put by whoever has time for it. */
async function addToIndex(transaction: Database, admitted: readonly Decided[]): Promise<void> {
  for (const { row, item } of admitted) {
    const { toIndex } = item.judgement;
    if (!toIndex) continue;
    const { attributes = null, payloadDigest = null } = toIndex;
    await transaction
      .insertInto("index_queue")
      .values({ object_id: row.id, attributes, payload_digest: payloadDigest, problem: null })
      .onConflict((conflict) => conflict.column("object_id").doNothing())
      .execute();
  }
}

/** Verdicts that prove a capture seal of this very object. */
const sealedVerdicts: ReadonlySet<string | undefined> = new Set(["verified", "verified-with-changes"]);

/** Held ones count too: a seal that was verified binds its study, wherever the object is. */
async function noteSealedStudies(transaction: Database, decided: readonly Decided[]): Promise<void> {
  const found = new Map<string, { study_instance_uid: string; source: string }>();
  for (const { row, item } of decided) {
    const { sealedBy, verdict } = item.judgement;
    const { source } = row;
    const study_instance_uid = row.study_instance_uid ?? item.judgement.studyInstanceUid;
    if (sealedBy === undefined || study_instance_uid === undefined || !sealedVerdicts.has(verdict)) continue;
    found.set(`${study_instance_uid} ${source}`, { study_instance_uid, source });
  }
  // In one order, so that two gateways do not wait for each other.
  for (const [, row] of [...found].sort(([a], [b]) => (a < b ? -1 : 1))) {
    await transaction
      .insertInto("sealed_studies")
      .values(row)
      .onConflict((conflict) => conflict.columns(["study_instance_uid", "source"]).doNothing())
      .execute();
  }
}
