/** The gate's own bytes, for readers: hashed as they are read. What is not what was acknowledged is told, given to nobody, and deleted where every archive has it. */
import { v7 as newId } from "uuid";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { EventSink } from "../../operations/event.ts";
import { nodeCrypto, systemClock } from "../../platform/node/crypto.ts";
import type { Copies } from "../../store/journal/copies.ts";
import type { Journal, JudgedObject } from "../../store/journal/journal.ts";
import type { ObjectStore, OpenObject } from "../../store/objects/object-store.ts";
import type { Spool } from "../../store/spool/spool.ts";
import { told } from "../../zero-trust/gateway/fault-words.ts";
import { LeavingBytes } from "../../zero-trust/gateway/leaving-bytes.ts";
import type { Replicas } from "../../zero-trust/gateway/reading/ports.ts";
import { openKept } from "./stores.ts";

export interface KeptCopiesParts {
  readonly journal: Pick<Journal, "object">;
  readonly copies: Pick<Copies, "damaged">;
  readonly objects: Pick<ObjectStore, "open">;
  readonly spool: Pick<Spool, "open">;
  readonly events: EventSink;
}

/** What the object store or the spool still has. */
export class KeptCopies implements Replicas {
  readonly #parts: KeptCopiesParts;

  constructor(parts: KeptCopiesParts) {
    this.#parts = parts;
  }

  async has({ objectId, digest }: Parameters<Replicas["has"]>[0]): Promise<boolean> {
    const object = await this.#parts.journal.object(objectId);
    return object?.digest === digest && (object.stored || object.location !== undefined);
  }

  async open({
    objectId,
    digest,
  }: Parameters<Replicas["open"]>[0]): Promise<AsyncIterable<Bytes> | undefined> {
    const object = await this.#parts.journal.object(objectId);
    // What took its place has another digest.
    if (object?.digest !== digest) return undefined;
    try {
      const source = await openKept(object, this.#parts);
      return source && this.#pieces(source, object);
    } catch (error) {
      if (!(error instanceof ScansealError && error.code === "io")) throw error;
      // It was let go, or moved, in this moment; or somebody took it away.
      const now = await this.#parts.journal.object(objectId);
      if (now?.stored === object.stored) this.#tell(error);
      return undefined;
    }
  }

  async *#pieces(source: OpenObject, object: JudgedObject): AsyncGenerator<Bytes> {
    const leaving = new LeavingBytes(source, object, nodeCrypto);
    try {
      yield* leaving.pieces(0);
    } catch (error) {
      if (leaving.isChanged) await this.#damaged(object);
      else this.#tell(error);
      throw error;
    } finally {
      await source.close();
    }
  }

  async #damaged({ id, stored }: JudgedObject): Promise<void> {
    const { copies, events } = this.#parts;
    const detail = { where: stored ? "objects" : "spool" };
    const record = { id: newId(), at: systemClock.now(), actor: "gateway", act: "object.bytes-changed" };
    try {
      const outcome = await copies.damaged({ ...record, subject: id, detail });
      if (outcome !== "known") events({ kind: "copy-damaged", object: id, isDropped: outcome === "dropped" });
    } catch (error) {
      this.#tell(error);
    }
  }

  #tell(error: unknown): void {
    this.#parts.events({ kind: "fault", where: "kept copies", ...told(error) });
  }
}
