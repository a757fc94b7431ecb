/** Two people's decisions, and the record of acts. */
import type { Selectable } from "kysely";
import { ScansealError } from "../../foundation/errors.ts";
import { dueDelivery } from "./delivery-queue.ts";
import type { ActRecord, JudgedObject } from "./journal.ts";
import { listLimit } from "./journal-queries.ts";
import { giveOut, neededDigests } from "./kept-bytes.ts";
import {
  jsonMax,
  keptJson,
  keptNumber,
  keptOptional,
  keptText,
  type ObjectRow,
  objectOf,
  sentenceMax,
} from "./object-rows.ts";
import type { QuarantineRequest, ReaderTerms } from "./requests.ts";
import { isSamePerson } from "./same-person.ts";
import { type Database, type Engine, idsPerStatement, pieces, type RequestTable } from "./tables.ts";
import type { WriteJob } from "./writers.ts";

/** Objects of one request: a large study, several times. One transaction carries it out. */
const objectsMax = 20_000;
const readersMax = 20;
/** A second opinion takes days, not months. */
const readableMsMax: number = 7 * 24 * 60 * 60_000;

function requestOf(row: Selectable<RequestTable>): QuarantineRequest {
  return {
    id: row.id,
    act: row.act,
    objectIds: JSON.parse(row.object_ids) as string[],
    reason: row.reason,
    requestedBy: row.requested_by,
    requestedAt: row.requested_at,
    destination: row.destination ?? undefined,
    forReaders: readerTermsOf(row),
    state: row.state,
    approvedBy: row.approved_by ?? undefined,
    approvedAt: row.approved_at ?? undefined,
  };
}

function readerTermsOf({
  readers,
  readable_ms: ms,
}: Pick<RequestTable, "readers" | "readable_ms">): ReaderTerms | undefined {
  return readers === null || ms === null ? undefined : { names: JSON.parse(readers) as string[], ms };
}

export async function requestNamed(db: Database, id: string): Promise<QuarantineRequest | undefined> {
  const row = await db.selectFrom("requests").selectAll().where("id", "=", id).executeTakeFirst();
  return row && requestOf(row);
}

export async function requestsIn(
  db: Database,
  state: QuarantineRequest["state"],
  limit: number,
): Promise<QuarantineRequest[]> {
  const rows = await db
    .selectFrom("requests")
    .selectAll()
    .where("state", "=", state)
    .orderBy("requested_at", "desc")
    .orderBy("id", "desc")
    .limit(listLimit(limit))
    .execute();
  return rows.map(requestOf);
}

export async function releasesTo(db: Database, reader: string, now: number): Promise<QuarantineRequest[]> {
  const rows = await db
    .selectFrom("requests")
    .selectAll()
    .where("state", "=", "approved")
    .where("readers", "is not", null)
    .where("approved_at", ">", now - readableMsMax)
    .orderBy("requested_at", "desc")
    .orderBy("id", "desc")
    .execute();
  return rows
    .map(requestOf)
    .filter(
      ({ forReaders, approvedAt = 0 }) =>
        forReaders?.names.includes(reader) && now < approvedAt + forReaders.ms,
    );
}

/** Requests are few, some a week: they are looked through. Ids hold nothing that LIKE takes for a sign of its own, once `_` and `%` are gone. */
export async function requestsOf(db: Database, objectId: string): Promise<QuarantineRequest[]> {
  if (!/^[A-Za-z0-9.-]+$/.test(objectId)) return [];
  const rows = await db
    .selectFrom("requests")
    .selectAll()
    .where("object_ids", "like", `%"${objectId}"%`)
    .orderBy("requested_at", "desc")
    .orderBy("id", "desc")
    .execute();
  // SQLite compares without case.
  return rows.map(requestOf).filter(({ objectIds }) => objectIds.includes(objectId));
}

/** @throws ScansealError `usage` */
export function addRecord(record: ActRecord): WriteJob<void> {
  const row = {
    id: keptText(record.id, "record id"),
    at: keptNumber(record.at, "time"),
    actor: keptText(record.actor, "actor"),
    act: keptText(record.act, "act"),
    subject: keptText(record.subject, "subject"),
    detail: keptJson(record.detail, "detail"),
  };
  return async (transaction) => {
    await transaction.insertInto("acts").values(row).execute();
  };
}

/** @throws ScansealError `usage` for a request that nobody could approve */
export function addRequest(request: QuarantineRequest, record: ActRecord): WriteJob<void> {
  const objectIds = [...new Set(request.objectIds)];
  if (objectIds.length === 0 || objectIds.length > objectsMax)
    throw new ScansealError("usage", `a request names 1 to ${objectsMax} objects`);
  for (const id of objectIds) keptText(id, "object id");
  if (request.state !== "pending") throw new ScansealError("usage", "a new request is pending");
  const { forReaders } = request;
  if (request.act === "release" && (request.destination === undefined) === (forReaders === undefined))
    throw new ScansealError("usage", "a release names a destination, or readers");
  if (forReaders) requireReaderTerms(forReaders);
  const row = {
    id: keptText(request.id, "request id"),
    act: request.act,
    object_ids: keptJson(objectIds, "object ids", 4 * jsonMax),
    reason: keptText(request.reason, "reason", sentenceMax),
    requested_by: keptText(request.requestedBy, "operator"),
    requested_at: keptNumber(request.requestedAt, "time"),
    destination: keptOptional(request.destination, "destination"),
    state: request.state,
    approved_by: null,
    approved_at: null,
    readers: forReaders ? keptJson(forReaders.names, "readers") : null,
    readable_ms: forReaders ? keptNumber(forReaders.ms, "time") : null,
  };
  const addAct = addRecord(record);
  return async (transaction) => {
    await transaction.insertInto("requests").values(row).execute();
    await addAct(transaction);
  };
}

/** @throws ScansealError `usage` */
function requireReaderTerms({ names, ms }: ReaderTerms): void {
  if (names.length === 0 || names.length > readersMax || new Set(names).size !== names.length)
    throw new ScansealError("usage", `a release names 1 to ${readersMax} readers, each once`);
  for (const name of names) keptText(name, "reader");
  if (!(ms > 0 && ms <= readableMsMax))
    throw new ScansealError("usage", `a release to readers lasts up to ${readableMsMax / 3_600_000} hours`);
}

export function withdrawRequest(id: string, record: ActRecord): WriteJob<boolean> {
  const addAct = addRecord(record);
  return async (transaction) => {
    const result = await transaction
      .updateTable("requests")
      .set({ state: "withdrawn" })
      .where("id", "=", id)
      .where((where) =>
        where.or([
          where("state", "=", "pending"),
          where.and([where("state", "=", "approved"), where("readers", "is not", null)]),
        ]),
      )
      .executeTakeFirst();
    if (result.numUpdatedRows === 0n) return false;
    await addAct(transaction);
    return true;
  };
}

export function approveRequest(
  engine: Engine,
  id: string,
  by: string,
  at: number,
  record: ActRecord,
): WriteJob<JudgedObject[] | undefined> {
  keptText(by, "operator");
  keptNumber(at, "time");
  const addAct = addRecord(record);
  return async (transaction) => {
    // The change of state decides between two that approve at once: the second finds nothing pending.
    const row = await transaction
      .updateTable("requests")
      .set({ state: "approved", approved_by: by, approved_at: at })
      .where("id", "=", id)
      .where("state", "=", "pending")
      .returningAll()
      .executeTakeFirst();
    if (!row) return undefined;
    if (isSamePerson(row.requested_by, by))
      throw new ScansealError("usage", "who asked cannot approve: it takes a second person");
    await addAct(transaction);
    const { objectIds, act, destination } = requestOf(row);
    const held = await heldRows(transaction, engine, objectIds);
    if (act === "purge") return await purge(transaction, held, at);
    if (destination !== undefined) await release(transaction, held, destination, at);
    return [];
  };
}

async function heldRows(transaction: Database, engine: Engine, ids: readonly string[]): Promise<ObjectRow[]> {
  const out: ObjectRow[] = [];
  // In the order of ids, so that two requests lock in the same order.
  for (const part of pieces([...ids].sort(), idsPerStatement)) {
    const query = transaction
      .selectFrom("objects")
      .selectAll()
      .where("id", "in", part)
      .where("state", "=", "held")
      .orderBy("id");
    out.push(...(await (engine === "postgres" ? query.forUpdate() : query).execute()));
  }
  return out;
}

/** One delivery for an object and a destination, ever: a later release of the same makes it due again, unless it is already. */
async function release(
  transaction: Database,
  held: readonly ObjectRow[],
  destination: string,
  at: number,
): Promise<void> {
  for (const part of pieces(held, 100)) {
    await transaction
      .insertInto("deliveries")
      .values(part.map((row) => dueDelivery(row.id, destination, at, true)))
      .onConflict((conflict) =>
        conflict
          .columns(["object_id", "destination", "released"])
          .doUpdateSet({ state: "due", next_attempt_at: at, delivered_at: null, attempts: 0 })
          .where("deliveries.state", "!=", "due"),
      )
      .execute();
  }
}

/**
 * The objects as they were, but `purged`: `stored` and `location` say where the bytes to be deleted are. An object whose bytes another one
 * needs is purged too, and not among them. What was still to be delivered of them is dead.
 */
async function purge(transaction: Database, held: readonly ObjectRow[], at: number): Promise<JudgedObject[]> {
  for (const part of pieces(held, idsPerStatement)) {
    const ids = part.map((row) => row.id);
    await transaction
      .updateTable("objects")
      .set({ state: "purged", stored: 0, location: null })
      .where("id", "in", ids)
      .execute();
    await transaction
      .updateTable("deliveries")
      .set((column) => ({
        state: "dead",
        last_error: "the object was purged",
        fence: column("fence", "+", 1),
        lease_owner: null,
        lease_until: null,
      }))
      .where("object_id", "in", ids)
      .where("state", "=", "due")
      .execute();
  }
  const needed = await neededDigests(transaction, [...new Set(held.map((row) => row.digest))]);
  const unneeded = held.filter((row) => !needed.has(row.digest));
  await giveOut(transaction, new Set(unneeded.map((row) => row.digest)), at);
  return unneeded.map((row) => objectOf({ ...row, state: "purged" }));
}
