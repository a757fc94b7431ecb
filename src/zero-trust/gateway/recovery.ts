/** At start: what the spool holds durably becomes journal rows, and what the journal needs no more leaves the spool. */
import type { ReceivedObject } from "../../store/journal/journal.ts";
import type { RecoveredRecord, SpoolLocation } from "../../store/spool/spool.ts";
import type { GatewayPorts } from "./ports.ts";
import { decodeHeader, receivedFrom } from "./spool-header.ts";

const batchRecords = 500;

type RecoveryPorts = Pick<GatewayPorts, "journal" | "spool" | "events" | "copies">;

/**
 * @param onKept for each record that a row from before refers to
 * @throws ScansealError `io`, `storage-full` of the journal or the spool: then nothing may be received
 */
export async function recoverSpool(
  ports: RecoveryPorts,
  onKept: (id: string, location: SpoolLocation) => void = () => undefined,
): Promise<void> {
  let objects = 0;
  let bytes = 0;
  let batch: ReceivedObject[] = [];
  const flush = async (): Promise<void> => {
    const added = await settleBatch(batch, ports, onKept);
    objects += added.length;
    for (const object of added) bytes += object.bytes;
    batch = [];
  };
  for await (const record of ports.spool.recover()) {
    const object = await objectOf(record, ports);
    if (object) batch.push(object);
    if (batch.length >= batchRecords) await flush();
  }
  await flush();
  ports.events({ kind: "recovered", objects, bytes });
}

async function objectOf(record: RecoveredRecord, ports: RecoveryPorts): Promise<ReceivedObject | undefined> {
  const header = decodeHeader(record.header);
  if (header?.kind === "received" || header?.kind === "sealed")
    return receivedFrom(header.object, record.location);
  if (header?.kind === "copy") {
    await ports.spool.release(record.location);
    return undefined;
  }
  // Acknowledged by somebody: it stays, for a person to look at.
  const why = "a spool record without a header of ours is left where it is";
  ports.events({ kind: "fault", where: "recovery", code: "internal", why });
  return undefined;
}

/** The objects whose rows were missing. */
async function settleBatch(
  batch: readonly ReceivedObject[],
  { journal, spool, copies }: RecoveryPorts,
  onKept: (id: string, location: SpoolLocation) => void,
): Promise<readonly ReceivedObject[]> {
  if (batch.length === 0) return [];
  const known = await journal.known(batch.map(({ id }) => id));
  const unknown = batch.filter(({ id }) => !known.has(id));
  const missing = unknown.filter(({ arrival }) => arrival.sealedFrom === undefined);
  await journal.addReceived(missing);
  // Nobody was given it: its original is sealed again, with the same seal.
  for (const { arrival, location } of unknown)
    if (arrival.sealedFrom !== undefined) await spool.release(location);
  for (const { id, location } of batch) {
    const row = known.get(id);
    if (row?.inSpool === true) onKept(id, location);
    if (row?.inSpool === false) await spool.release(location);
  }
  await freeDelivered(
    batch.filter(({ id }) => known.get(id)?.inSpool),
    { journal, spool, copies },
  );
  return missing;
}

/**
 * A crash between the last delivery and the record's release: the archive has it. Asked together, so that it is one transaction. Its bytes may be in
 * the object store too, of a move that was cut off.
 */
async function freeDelivered(
  batch: readonly ReceivedObject[],
  { journal, spool, copies }: Pick<RecoveryPorts, "journal" | "spool" | "copies">,
): Promise<void> {
  const freed = await Promise.all(
    batch.map(({ id }) => (copies ? copies.leave(id, false) : journal.markDelivered(id))),
  );
  for (const location of freed) if (location) await spool.release(location);
}
