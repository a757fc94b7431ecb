/** A site's provenance over SQL: one code path for both engines. */
import { fromBase64, toBase64 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { told } from "../journal/database-error.ts";
import { keptText } from "../journal/object-rows.ts";
import { idsPerStatement, pieces } from "../journal/tables.ts";
import { evidenceId } from "./evidence-id.ts";
import { numberGaps } from "./number-gaps.ts";
import type {
  EvidenceQuestion,
  KeptEvidence,
  KeptRecord,
  KeyNumber,
  NumberGap,
  ProvenanceJournal,
  SealedSeries,
  SealRecord,
  SeriesQuestion,
  Subject,
} from "./provenance-journal.ts";
import { recordOf, rowOfSeal, rowOfSighting, sealOf } from "./provenance-rows.ts";
import { subjectsOf } from "./record-subjects.ts";
import { SqlLogQueue } from "./sql-log-queue.ts";

const recordsMax = 1_000;
const usesMax = 8;

export class SqlProvenanceJournal extends SqlLogQueue implements ProvenanceJournal {
  async addSeal(seal: SealRecord, seenAt?: number): Promise<void> {
    const row = rowOfSeal(seal);
    const sighting = seenAt === undefined ? undefined : rowOfSighting(seal.payloadDigest, seal, seenAt);
    return this.write(async (db) => {
      // First: of two at once, the one that waits sees what the other one wrote.
      await db
        .insertInto("seals")
        .values(row)
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      const kept = await db
        .selectFrom("seals")
        .select("payload_digest")
        .where("key_fingerprint", "=", row.key_fingerprint)
        .where("key_epoch", "=", row.key_epoch)
        .where("counter", "=", row.counter)
        .executeTakeFirst();
      if (kept?.payload_digest !== row.payload_digest)
        throw new ScansealError("counter-conflict", "another manifest has this number of the key");
      if (sighting)
        await db
          .insertInto("sightings")
          .values(sighting)
          .onConflict((conflict) => conflict.doNothing())
          .execute();
    });
  }

  async seal(payloadDigest: string): Promise<SealRecord | undefined> {
    const rows = await this.#seals("payload_digest", payloadDigest);
    return rows[0];
  }

  sealsOfInstance(sopInstanceUid: string): Promise<readonly SealRecord[]> {
    return this.#seals("sop_instance_uid", sopInstanceUid);
  }

  sealsOfSeries(seriesInstanceUid: string): Promise<readonly SealRecord[]> {
    return this.#seals("series_instance_uid", seriesInstanceUid);
  }

  async sealedSeries({ after, limit, lastSealedBefore }: SeriesQuestion): Promise<readonly SealedSeries[]> {
    const sealed = this.db
      .selectFrom("seals")
      .select((row) => [
        "series_instance_uid as series",
        row.fn.min("study_instance_uid").as("study"),
        row.fn.countAll().as("seals"),
        row.fn.max("sealed_at").as("last"),
      ])
      .where("series_instance_uid", ">", after)
      .groupBy("series_instance_uid")
      .as("sealed");
    const recorded = this.db
      .selectFrom("record_subjects")
      .innerJoin("records", "records.digest", "record_subjects.digest")
      .select((row) => ["record_subjects.name as series", row.fn.max("record_subjects.created_at").as("at")])
      .where("records.kind", "=", "series")
      .where("record_subjects.kind", "=", "series")
      .groupBy("record_subjects.name")
      .as("told");
    const all = this.db.selectFrom(sealed).leftJoin(recorded, "told.series", "sealed.series");
    const asked = all.where((row) =>
      lastSealedBefore === undefined
        ? row.lit(true)
        : row.and([
            row("sealed.last", "<", lastSealedBefore),
            row.or([row("told.at", "is", null), row("told.at", "<", row.ref("sealed.last"))]),
          ]),
    );
    const query = asked.selectAll("sealed").orderBy("sealed.series").limit(limit);
    return (await told(query.execute())).map(({ series, study, seals, last }) => ({
      seriesInstanceUid: series,
      studyInstanceUid: study,
      seals: Number(seals),
      lastSealedAt: Number(last),
    }));
  }

  async seriesOfStudy(studyInstanceUid: string): Promise<readonly string[]> {
    const query = this.db
      .selectFrom("seals")
      .select("series_instance_uid")
      .distinct()
      .where("study_instance_uid", "=", studyInstanceUid)
      .orderBy("series_instance_uid");
    return (await told(query.execute())).map((row) => row.series_instance_uid);
  }

  async unloggedSeries(sealedBefore: number, limit: number): Promise<readonly string[]> {
    const query = this.db
      .selectFrom("seals")
      .select("series_instance_uid")
      .where("queue_id", "is", null)
      .groupBy("series_instance_uid")
      .having((row) => row.fn.max("sealed_at"), "<", sealedBefore)
      .orderBy("series_instance_uid")
      .limit(limit);
    return (await told(query.execute())).map((row) => row.series_instance_uid);
  }

  async unloggedSeals(seriesInstanceUid: string): Promise<readonly SealRecord[]> {
    return this.#seals("series_instance_uid", seriesInstanceUid, "unlogged");
  }

  async addRecord(
    record: KeptRecord,
    subjects: readonly Subject[],
    at: number,
    toldUntil: number = at,
  ): Promise<void> {
    const { digest, kind } = record;
    const row = {
      digest,
      kind,
      created_at: at,
      envelope: toBase64(record.envelope),
      opening: toBase64(record.opening),
    };
    return this.write(async (db) => {
      await db
        .insertInto("records")
        .values(row)
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      const rows = subjects.map(({ kind: of, name }) => ({
        kind: of,
        name: keptText(name, "a record's subject"),
        digest,
        created_at: toldUntil,
      }));
      for (const piece of pieces(rows, idsPerStatement))
        await db
          .insertInto("record_subjects")
          .values(piece)
          .onConflict((conflict) => conflict.doNothing())
          .execute();
    });
  }

  async record(digest: string): Promise<KeptRecord | undefined> {
    const query = this.db.selectFrom("records").selectAll().where("digest", "=", digest);
    const row = await told(query.executeTakeFirst());
    return row && recordOf(row);
  }

  async recordKeptAt(digest: string): Promise<number | undefined> {
    const query = this.db.selectFrom("records").select("created_at").where("digest", "=", digest);
    return (await told(query.executeTakeFirst()))?.created_at;
  }

  subjectsOf(digest: string): Promise<readonly Subject[]> {
    return told(subjectsOf(this.db, digest));
  }

  async recordsAbout({ kind, name }: Subject): Promise<readonly KeptRecord[]> {
    const query = this.db
      .selectFrom("record_subjects")
      .innerJoin("records", "records.digest", "record_subjects.digest")
      .selectAll("records")
      .where("record_subjects.kind", "=", kind)
      .where("record_subjects.name", "=", name)
      .orderBy("record_subjects.created_at")
      .orderBy("records.digest")
      .limit(recordsMax);
    return (await told(query.execute())).map(recordOf);
  }

  async recordsOfKind(kind: string, limit: number): Promise<readonly KeptRecord[]> {
    const query = this.db
      .selectFrom("records")
      .selectAll()
      .where("kind", "=", kind)
      .orderBy("created_at", "desc")
      .orderBy("digest")
      .limit(limit);
    return (await told(query.execute())).map(recordOf);
  }

  async addLateEvidence(payloadDigest: string, { type, bytes }: KeptEvidence, at: number): Promise<void> {
    const id = evidenceId(payloadDigest, type, bytes);
    const row = { id, payload_digest: payloadDigest, type, bytes: toBase64(bytes), added_at: at };
    return this.write(async (db) => {
      await db
        .insertInto("late_evidence")
        .values(row)
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    });
  }

  async lateEvidence(payloadDigest: string): Promise<readonly KeptEvidence[]> {
    const query = this.db
      .selectFrom("late_evidence")
      .selectAll()
      .where("payload_digest", "=", payloadDigest)
      .orderBy("added_at")
      .orderBy("id");
    const rows = await told(query.execute());
    return rows.map(({ type, bytes }) => ({ type, bytes: fromBase64(bytes) }));
  }

  async sealsByEvidence({ type, has, after, limit }: EvidenceQuestion): Promise<readonly SealRecord[]> {
    const query = this.db
      .selectFrom("seals")
      .selectAll()
      .where("payload_digest", ">", after)
      .where((row) => {
        const known = row
          .selectFrom("late_evidence")
          .select("id")
          .whereRef("late_evidence.payload_digest", "=", "seals.payload_digest")
          .where("late_evidence.type", "=", type);
        return has ? row.exists(known) : row.not(row.exists(known));
      })
      .orderBy("payload_digest")
      .limit(limit);
    return (await told(query.execute())).map(sealOf);
  }

  async sight(payloadDigest: string, number: KeyNumber, at: number): Promise<number> {
    const row = rowOfSighting(payloadDigest, number, at);
    return this.write(async (db) => {
      await db
        .insertInto("sightings")
        .values(row)
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      const kept = db.selectFrom("sightings").select("first_seen_at");
      const first = await kept.where("payload_digest", "=", payloadDigest).executeTakeFirstOrThrow();
      return first.first_seen_at;
    });
  }

  async firstSeen(payloadDigest: string): Promise<number | undefined> {
    const query = this.db
      .selectFrom("sightings")
      .select("first_seen_at")
      .where("payload_digest", "=", payloadDigest);
    return (await told(query.executeTakeFirst()))?.first_seen_at;
  }

  async usesOf({ keyFingerprint, keyEpoch, counter }: KeyNumber): Promise<readonly string[]> {
    const of = (table: "seals" | "sightings") =>
      this.db
        .selectFrom(table)
        .select("payload_digest")
        .where("key_fingerprint", "=", keyFingerprint)
        .where("key_epoch", "=", keyEpoch)
        .where("counter", "=", counter)
        .orderBy("payload_digest")
        .limit(usesMax);
    const rows = await told(Promise.all([of("seals").execute(), of("sightings").execute()]));
    return [...new Set(rows.flat().map((row) => row.payload_digest))].sort().slice(0, usesMax);
  }

  async highestCounter(keyFingerprint: string, keyEpoch: string): Promise<number> {
    const of = (table: "seals" | "sightings") =>
      this.db
        .selectFrom(table)
        .select((row) => row.fn.max("counter").as("highest"))
        .where("key_fingerprint", "=", keyFingerprint)
        .where("key_epoch", "=", keyEpoch);
    const rows = await told(Promise.all([of("seals").execute(), of("sightings").execute()]));
    return Math.max(0, ...rows.flat().map((row) => Number(row.highest ?? 0)));
  }

  numberGaps(limit: number): Promise<readonly NumberGap[]> {
    return told(numberGaps(this.db, limit));
  }

  async close(): Promise<void> {
    await this.writer.drain();
    await this.db.destroy();
  }

  async #seals(
    column: "payload_digest" | "sop_instance_uid" | "series_instance_uid",
    value: string,
    which?: "unlogged",
  ): Promise<readonly SealRecord[]> {
    const all = this.db.selectFrom("seals").selectAll().where(column, "=", value);
    const wanted = which === undefined ? all : all.where("queue_id", "is", null);
    const query = wanted.orderBy("device").orderBy("key_epoch").orderBy("counter").orderBy("payload_digest");
    return (await told(query.execute())).map(sealOf);
  }
}
