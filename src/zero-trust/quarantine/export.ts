/** Takes a held object's bytes out, exactly as they were received, for somebody who examines them elsewhere. */
import { type ByteSource, readChunks } from "../../foundation/byte-source.ts";
import { type Bytes, toHex } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { ActRecord, JudgedObject } from "../../store/journal/journal.ts";
import type { OpenObject } from "../../store/objects/object-store.ts";
import type { Asked } from "./decisions.ts";
import type { ObjectStory } from "./object-story.ts";
import type { QuarantinePorts } from "./ports.ts";
import { requireReason } from "./two-people.ts";

export const unverifiedWarning: string =
  "UNVERIFIED. This object was held in quarantine: it has not been proven to be what it says. Do not use it for diagnosis, do not send it to an archive.";

/** Made by us: nothing in it comes from the object. */
export function exportName({ id }: Pick<JudgedObject, "id">): string {
  return `unverified-${id.replace(/[^0-9A-Za-z-]/g, "-")}.dcm`;
}

/** @throws ScansealError `io`, also when no copy is kept */
export function openHeld(
  { objects, openSpooled }: Pick<QuarantinePorts, "objects" | "openSpooled">,
  object: JudgedObject,
): Promise<OpenObject> {
  if (object.stored) return objects.open(object.digest);
  if (object.location) return openSpooled(object.location);
  throw new ScansealError("io", "no copy of the object is kept here");
}

/**
 * Recorded, then read: bytes that leave without a record would be worse than a record without bytes.
 * @param write makes a new, durable file of the pieces, or none when they end with an error
 * @throws ScansealError `usage`, `io`; what `write` throws; `internal` when the kept bytes are not those that were received
 */
export async function exportHeld(
  ports: QuarantinePorts,
  object: JudgedObject,
  { by, reason }: Asked,
  write: (pieces: AsyncIterable<Bytes>) => Promise<void>,
): Promise<void> {
  const kept = requireReason(reason);
  if (object.state !== "held")
    throw new ScansealError("usage", `${object.id} is not held: it is ${object.state}`);
  const record = (act: string, detail: ActRecord["detail"]): Promise<void> =>
    ports.journal.addRecord({
      id: ports.newId(),
      at: ports.clock.now(),
      actor: by,
      act,
      subject: object.id,
      detail,
    });
  await record("quarantine.exported", {
    reason: kept,
    digest: object.digest,
    bytes: object.bytes,
    verdict: object.verdict ?? "unchecked",
  });
  try {
    const source = await openHeld(ports, object);
    try {
      await write(checked(ports, object, source));
    } finally {
      await source.close();
    }
  } catch (error) {
    const why = error instanceof ScansealError ? error.code : "io";
    await record("quarantine.export.failed", { why });
    throw error;
  }
}

async function* checked(
  { crypto }: QuarantinePorts,
  object: JudgedObject,
  source: ByteSource,
): AsyncGenerator<Bytes> {
  const hash = crypto.createHash("SHA-256");
  for await (const piece of readChunks(source, 0, source.size)) {
    hash.update(piece);
    yield piece;
  }
  if (source.size !== object.bytes || toHex(hash.digest()) !== object.digest)
    throw new ScansealError(
      "internal",
      "the kept bytes are not those that were received; nothing was exported",
    );
}

/** What lies beside the exported file. No patient data; the finding's places are tags, not values. */
export function exportReport(
  { object, deliveries, requests, history, conflictsWith }: ObjectStory,
  exported: Asked & { readonly at: number },
): Record<string, unknown> {
  const { location: _, stored: _stored, ...kept } = object;
  return {
    format: "scanseal-quarantine-export-1",
    warning: unverifiedWarning,
    exportedBy: exported.by,
    exportedAt: new Date(exported.at).toISOString(),
    reason: requireReason(exported.reason),
    object: { ...kept, receivedAt: new Date(object.receivedAt).toISOString() },
    ...(conflictsWith === undefined ? {} : { conflictsWith: conflictsWith.id }),
    deliveries,
    requests: requests.map(({ objectIds, ...request }) => ({ ...request, objects: objectIds.length })),
    history,
  };
}
