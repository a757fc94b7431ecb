/** The bytes of an object, wherever they are. */
import { type ByteSource, readChunks } from "../../foundation/byte-source.ts";
import { fromHex } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { JudgedObject } from "../../store/journal/journal.ts";
import type { SpoolLocation } from "../../store/spool/spool.ts";
import type { GatewayPorts } from "./ports.ts";
import { encodeHeader } from "./spool-header.ts";

type Copies = Pick<GatewayPorts, "objects" | "spool">;

/** @throws ScansealError `io`, also where no copy is kept */
export async function openCopy(
  object: JudgedObject,
  { objects, spool }: Copies,
): Promise<ByteSource & { close(): Promise<void> }> {
  if (object.stored) return objects.open(object.digest);
  if (object.location) return spool.open(object.location);
  throw new ScansealError("io", "no copy of the object is kept here");
}

/**
 * Makes the spool's copy durable in the object store.
 * @throws ScansealError `io`, `storage-full`; `internal` when the bytes are not those that were acknowledged
 */
export async function storeCopy(object: JudgedObject, { objects, spool }: Copies): Promise<void> {
  if (object.stored || !object.location) return;
  const source = await spool.open(object.location);
  try {
    await objects.put(object.digest, readChunks(source, 0, source.size));
  } finally {
    await source.close();
  }
}

/**
 * An object that is judged again may live in the object store: workers read files, so it visits the spool.
 * @throws ScansealError `io`, `storage-full`
 */
export async function inFiles(
  object: JudgedObject,
  { objects, spool }: Copies,
): Promise<{ readonly location: SpoolLocation; readonly release: () => Promise<void> }> {
  if (object.location) return { location: object.location, release: async () => undefined };
  const source = await objects.open(object.digest);
  const writer = spool.begin();
  try {
    for await (const piece of readChunks(source, 0, source.size)) await writer.write(piece);
    const location = await writer.commit(encodeHeader({ kind: "copy" }), fromHex(object.digest));
    return { location, release: () => spool.release(location) };
  } catch (error) {
    writer.discard();
    throw error;
  } finally {
    await source.close();
  }
}
