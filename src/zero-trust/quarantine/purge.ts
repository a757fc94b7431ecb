/** Deletes the bytes of purged objects: after the journal says that nothing refers to them, and only for a short while. */
import type { JudgedObject } from "../../store/journal/journal.ts";
import type { QuarantineRequest } from "../../store/journal/requests.ts";
import type { QuarantinePorts } from "./ports.ts";

/**
 * For a minute the journal keeps back objects with the same bytes that arrive anew (judgement-commit.ts); nothing is deleted later than
 * this, so that a slow disk and clocks that differ by seconds do no harm.
 */
const deletionMs = 30_000;

export interface PurgeOutcome {
  /** Files deleted from the object store. */
  readonly deleted: number;
  /** Freed by the gateway, within a minute or at its next start. */
  readonly inSpool: number;
  /** Time ran out; `finishPurges` takes them up. */
  readonly left: number;
}

type PurgePorts = Pick<QuarantinePorts, "journal" | "objects" | "clock" | "newId">;

const finished = "quarantine.purge.finished";

/** @param unneeded what the journal gave out for deletion @throws ScansealError `io` */
export async function deletePurged(
  ports: PurgePorts,
  request: QuarantineRequest,
  unneeded: readonly JudgedObject[],
): Promise<PurgeOutcome> {
  const stored = new Set(unneeded.filter((object) => object.stored).map(({ digest }) => digest));
  const inSpool = unneeded.filter(({ stored, location }) => !stored && location !== undefined).length;
  const at = request.approvedAt ?? ports.clock.now();
  // Everybody sees now that they were given out; whoever came to need them at the same moment is seen here.
  const { deleted, left } = await deleteBytes(ports, await ports.journal.renewPurge([...stored], at), at);
  if (left === 0) await recordFinished(ports, request, { deleted, inSpool });
  return { deleted, inSpool, left };
}

async function deleteBytes(
  { objects, clock }: PurgePorts,
  digests: readonly string[],
  givenOutAt: number,
): Promise<{ deleted: number; left: number }> {
  let deleted = 0;
  for (const digest of digests) {
    const age = clock.now() - givenOutAt;
    if (age < 0 || age > deletionMs) break;
    await objects.delete(digest);
    deleted++;
  }
  return { deleted, left: digests.length - deleted };
}

async function recordFinished(
  { journal, clock, newId }: PurgePorts,
  { id, approvedBy = "gateway" }: QuarantineRequest,
  detail: { readonly deleted: number; readonly inSpool: number },
): Promise<void> {
  await journal.addRecord({
    id: newId(),
    at: clock.now(),
    actor: approvedBy,
    act: finished,
    subject: id,
    detail,
  });
}

/** Approved purges that are looked through, newest first. */
const requestsMax = 1_000;
const recordsMax = 1_000;

/** Takes up purges that were approved and then cut off. @returns files deleted @throws ScansealError `io` */
export async function finishPurges(ports: PurgePorts): Promise<number> {
  const { journal, clock } = ports;
  let total = 0;
  for (const request of await journal.requests("approved", requestsMax)) {
    if (request.act !== "purge") continue;
    const records = await journal.records({ subject: request.id, limit: recordsMax });
    if (records.some(({ act }) => act === finished)) continue;
    const digests: string[] = [];
    for (const id of request.objectIds) {
      const object = await journal.object(id);
      if (object?.state === "purged") digests.push(object.digest);
    }
    const at = clock.now();
    const { deleted, left } = await deleteBytes(ports, await journal.renewPurge(digests, at), at);
    total += deleted;
    if (left > 0) return total;
    await recordFinished(ports, request, { deleted, inSpool: 0 });
  }
  return total;
}
