/** The journal over SQL: one code path for both engines. What is done in a transaction is in the files beside this one. */
import { sql } from "kysely";
import { ScansealError } from "../../foundation/errors.ts";
import type { SpoolLocation } from "../spool/spool.ts";
import { recordsOf } from "./act-queries.ts";
import { type AddedDeliveries, addLaterDeliveries } from "./added-deliveries.ts";
import { Coalescer } from "./coalescer.ts";
import { reportDamage, restoreCopy } from "./damaged-copies.ts";
import { isOfOneRow, told } from "./database-error.ts";
import {
  type Completion,
  claimDeliveries,
  completeDeliveries,
  completion,
  deliveryOf,
  failDelivery,
  hastenDeliveries,
  returnDelivery,
  reviveDeliveries,
} from "./delivery-queue.ts";
import type {
  ActRecord,
  AdmittedInstance,
  Delivery,
  HeldStudy,
  Journal,
  JournalCounts,
  JudgedObject,
  Judgement,
  JudgementOutcome,
  Lease,
  LeaseScope,
  ObjectFilter,
  ReceivedObject,
  Redirected,
} from "./journal.ts";
import {
  counts,
  heldStudies,
  known,
  listLimit,
  listObjects,
  releasedHeld,
  unsettled,
} from "./journal-queries.ts";
import { commitJudgements, type PreparedJudgement, preparedJudgement } from "./judgement-commit.ts";
import { claimDeletions, confirmDeletions, markDelivered, markStored, renewPurge } from "./kept-bytes.ts";
import { objectOf } from "./object-rows.ts";
import { addReceived, claimReceived, recheck, releaseLeases, releaseLost } from "./object-work.ts";
import {
  addRecord,
  addRequest,
  approveRequest,
  releasesTo,
  requestNamed,
  requestsIn,
  requestsOf,
  withdrawRequest,
} from "./quarantine-requests.ts";
import { redirectDeliveries } from "./redirection.ts";
import type { QuarantineRequest } from "./requests.ts";
import { sourceRecord } from "./source-record.ts";
import type { Database, Engine } from "./tables.ts";
import type { WriteJob, Writer } from "./writers.ts";

/** Of one transaction. The embedded journal stops the event loop for it: 64 judgements take some 5 ms. */
const itemsPerTransaction = 64;
/** A server works on one while we make the next. */
const transactionsAtOnce = 2;

export class SqlJournal implements Journal {
  readonly #db: Database;
  readonly #engine: Engine;
  readonly #writer: Writer;
  readonly #judgements: Coalescer<PreparedJudgement, JudgementOutcome>;
  readonly #completions: Coalescer<Completion, boolean>;
  readonly #departures: Coalescer<string, SpoolLocation | undefined>;
  #closing: Promise<void> | undefined;

  constructor(db: Database, engine: Engine, writer: Writer) {
    this.#db = db;
    this.#engine = engine;
    this.#writer = writer;
    const together = <I, O>(job: (items: readonly I[]) => WriteJob<O[]>): Coalescer<I, O> =>
      new Coalescer({
        run: (items) => writer.run(job(items)),
        itemsMax: itemsPerTransaction,
        runsMax: transactionsAtOnce,
        isOfOneItem: isOfOneRow,
      });
    this.#judgements = together((items) => commitJudgements(engine, items));
    this.#completions = together((items) => completeDeliveries(engine, items));
    this.#departures = together((ids) => markDelivered(engine, ids));
  }

  async addReceived(objects: readonly ReceivedObject[]): Promise<void> {
    if (objects.length > 0) await this.#write(addReceived(objects));
  }

  known(ids: readonly string[]): Promise<ReadonlyMap<string, { readonly inSpool: boolean }>> {
    return this.#read((db) => known(db, ids));
  }

  async claimReceived(
    owner: string,
    limit: number,
    leaseMs: number,
    now: number,
  ): Promise<readonly Lease<JudgedObject>[]> {
    return await this.#writeStatement(claimReceived(this.#engine, owner, limit, leaseMs, now));
  }

  async admittedInstance(sopInstanceUid: string): Promise<AdmittedInstance | undefined> {
    if (sopInstanceUid.includes("\0")) return undefined;
    const row = await this.#read((db) =>
      db.selectFrom("admitted").selectAll().where("sop_instance_uid", "=", sopInstanceUid).executeTakeFirst(),
    );
    return (
      row && {
        objectId: row.object_id,
        digest: row.digest,
        payloadDigest: row.payload_digest ?? undefined,
      }
    );
  }

  async sealedStudySources(studyInstanceUid: string): Promise<readonly string[]> {
    if (studyInstanceUid.includes("\0")) return [];
    const rows = await this.#read((db) =>
      db
        .selectFrom("sealed_studies")
        .select("source")
        .where("study_instance_uid", "=", studyInstanceUid)
        .orderBy("source")
        .execute(),
    );
    return rows.map((row) => row.source);
  }

  async commitJudgement(
    id: string,
    fence: number,
    judgement: Judgement,
    destinations: readonly string[],
  ): Promise<JudgementOutcome> {
    return await this.#together(this.#judgements, preparedJudgement(id, fence, judgement, destinations));
  }

  async reportDamage(record: ActRecord): Promise<void> {
    await this.#write(reportDamage(record));
  }

  async restoreCopy(record: ActRecord): Promise<SpoolLocation | undefined> {
    return await this.#write(restoreCopy(this.#engine, record));
  }

  recheck(ids: readonly string[]): Promise<number> {
    return this.#write(recheck(ids));
  }

  markStored(id: string): Promise<SpoolLocation | undefined> {
    return this.#write(markStored(this.#engine, id));
  }

  markDelivered(id: string): Promise<SpoolLocation | undefined> {
    return this.#together(this.#departures, id);
  }

  async claimDeletions(limit: number, now: number): Promise<readonly string[]> {
    return await this.#write(claimDeletions(this.#engine, listLimit(limit), now));
  }

  confirmDeletions(digests: readonly string[], claimedAt: number): Promise<void> {
    return this.#write(confirmDeletions(this.#engine, digests, claimedAt));
  }

  async unsettled(before: number, limit: number): Promise<readonly JudgedObject[]> {
    const rows = await this.#read((db) => unsettled(db, before, listLimit(limit)));
    return rows.map(objectOf);
  }

  async claimDeliveries(
    owner: string,
    destination: string,
    limit: number,
    leaseMs: number,
    now: number,
  ): Promise<readonly Lease<{ readonly delivery: Delivery; readonly object: JudgedObject }>[]> {
    return await this.#writeStatement(claimDeliveries(this.#engine, owner, destination, limit, leaseMs, now));
  }

  async completeDelivery(id: string, fence: number, at: number): Promise<boolean> {
    return await this.#together(this.#completions, completion(id, fence, at));
  }

  async failDelivery(
    id: string,
    fence: number,
    error: string,
    nextAttemptAt: number | undefined,
  ): Promise<boolean> {
    return await this.#writeStatement(failDelivery(id, fence, error, nextAttemptAt));
  }

  async returnDelivery(id: string, fence: number, error: string): Promise<boolean> {
    return await this.#writeStatement(returnDelivery(id, fence, error));
  }

  async hastenDeliveries(destination: string): Promise<void> {
    await this.#writeStatement(hastenDeliveries(destination));
  }

  addDeliveries(destination: string, ids: readonly string[], now: number): Promise<AddedDeliveries> {
    return this.#write(addLaterDeliveries(this.#engine, destination, ids, now));
  }

  async reviveDeliveries(destination: string | undefined, now: number): Promise<number> {
    return await this.#writeStatement(reviveDeliveries(destination, now));
  }

  async redirectDeliveries(
    from: string,
    to: string | undefined,
    now: number,
    record: ActRecord,
  ): Promise<Redirected> {
    return await this.#write(redirectDeliveries(this.#engine, from, to, now, record));
  }

  releaseLeases(owner: string, scope?: LeaseScope): Promise<void> {
    return this.#write(scope ? releaseLost(this.#engine, owner, scope) : releaseLeases(owner));
  }

  async deliveriesOf(objectId: string): Promise<readonly Delivery[]> {
    const rows = await this.#read((db) =>
      db.selectFrom("deliveries").selectAll().where("object_id", "=", objectId).orderBy("id").execute(),
    );
    return rows.map(deliveryOf);
  }

  async deadDeliveries(limit: number): Promise<readonly Delivery[]> {
    const rows = await this.#read((db) =>
      db
        .selectFrom("deliveries")
        .selectAll()
        .where("state", "=", "dead")
        .orderBy("id", "desc")
        .limit(listLimit(limit))
        .execute(),
    );
    return rows.map(deliveryOf);
  }

  async object(id: string): Promise<JudgedObject | undefined> {
    const row = await this.#read((db) =>
      db.selectFrom("objects").selectAll().where("id", "=", id).executeTakeFirst(),
    );
    return row && objectOf(row);
  }

  async objects(filter: ObjectFilter): Promise<readonly JudgedObject[]> {
    return (await this.#read((db) => listObjects(db, filter))).map(objectOf);
  }

  heldStudies(limit: number): Promise<readonly HeldStudy[]> {
    return this.#read((db) => heldStudies(db, limit));
  }

  bySource(): ReturnType<Journal["bySource"]> {
    return sourceRecord((query) => this.#read(query));
  }

  counts(): Promise<JournalCounts> {
    return this.#read(counts);
  }

  releasedHeld(): Promise<number> {
    return this.#read(releasedHeld);
  }

  async addRequest(request: QuarantineRequest, record: ActRecord): Promise<void> {
    await this.#write(addRequest(request, record));
  }

  request(id: string): Promise<QuarantineRequest | undefined> {
    return this.#read((db) => requestNamed(db, id));
  }

  requests(state: QuarantineRequest["state"], limit: number): Promise<readonly QuarantineRequest[]> {
    return this.#read((db) => requestsIn(db, state, limit));
  }

  releasesTo(reader: string, now: number): Promise<readonly QuarantineRequest[]> {
    return this.#read((db) => releasesTo(db, reader, now));
  }

  requestsOf(objectId: string): Promise<readonly QuarantineRequest[]> {
    return this.#read((db) => requestsOf(db, objectId));
  }

  async approveRequest(
    id: string,
    by: string,
    at: number,
    record: ActRecord,
  ): Promise<readonly JudgedObject[] | undefined> {
    return await this.#write(approveRequest(this.#engine, id, by, at, record));
  }

  async withdrawRequest(id: string, record: ActRecord): Promise<boolean> {
    return await this.#write(withdrawRequest(id, record));
  }

  async renewPurge(digests: readonly string[], at: number): Promise<readonly string[]> {
    return await this.#write(renewPurge(digests, at));
  }

  async addRecord(record: ActRecord): Promise<void> {
    await this.#writeStatement(addRecord(record));
  }

  async records(filter: Parameters<Journal["records"]>[0]): Promise<readonly ActRecord[]> {
    return await this.#read((db) => recordsOf(db, filter));
  }

  async ping(): Promise<void> {
    await this.#read((db) => sql`select 1`.execute(db));
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    for (const part of [this.#judgements, this.#completions, this.#departures]) await part.drain();
    await this.#writer.drain();
    await this.#db.destroy();
  }

  async #together<I, O>(calls: Coalescer<I, O>, item: I): Promise<O> {
    this.#assertOpen();
    return await told(calls.call(item));
  }

  async #read<T>(query: (db: Database) => Promise<T>): Promise<T> {
    this.#assertOpen();
    return await told(query(this.#db));
  }

  async #write<T>(job: WriteJob<T>): Promise<T> {
    this.#assertOpen();
    return await told(this.#writer.run(job));
  }

  async #writeStatement<T>(job: WriteJob<T>): Promise<T> {
    this.#assertOpen();
    return await told(this.#writer.runStatement(job));
  }

  #assertOpen(): void {
    if (this.#closing) throw new ScansealError("io", "the journal is closed");
  }
}
