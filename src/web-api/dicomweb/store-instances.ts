/** STOW-RS (PS3.18 10.5): parts stored as they stream in, each durable before it counts. */
import { setImmediate } from "node:timers/promises";
import { metaBytesMax } from "../../dicom/limits.ts";
import { metaEndOf, metaNamesOf } from "../../dicom/meta-end.ts";
import { parseMediaType } from "../../dicom-network/dicomweb/media-type.ts";
import { readMultipart } from "../../dicom-network/dicomweb/multipart-reader.ts";
import { failureReason, type StoredInstance } from "../../dicom-network/dicomweb/store-response.ts";
import { DimseRefusal } from "../../dicom-network/dimse/service.ts";
import { isStored } from "../../dicom-network/dimse/status.ts";
import { type Bytes, concatBytes } from "../../foundation/bytes.ts";
import type { StoredName, Storing } from "./ports.ts";

/** Preamble, prefix, group 0002, and the next element's header. */
const headBytesMax = 128 + 4 + metaBytesMax + 16;

/** Undefined: 415. */
export function storeForm(contentType: string): "multipart" | "single" | undefined {
  const { type, parameters } = parseMediaType(contentType);
  if (type === "application/dicom") return "single";
  if (type !== "multipart/related") return undefined;
  const of = parameters.get("type")?.toLowerCase() ?? "application/dicom";
  return of === "application/dicom" ? "multipart" : undefined;
}

/** @param study of the address @throws ScansealError `peer-protocol` for a body that is none; what `body` throws */
export async function storeInstances(
  storing: Storing,
  body: AsyncIterable<Bytes>,
  contentType: string,
  study: string | undefined,
): Promise<readonly StoredInstance[]> {
  if (storeForm(contentType) === "single") return [await storeOne(storing, body, study)];
  const stored: StoredInstance[] = [];
  let parts = 0;
  for await (const { mediaType, body: part } of readMultipart(contentType, body, partLimits)) {
    const isDicom = mediaType === undefined || mediaType.type === "application/dicom";
    // A megabyte has a hundred thousand empty parts: others have their turn.
    if (++parts % partsAtOnce === 0) await setImmediate();
    stored.push(isDicom ? await storeOne(storing, part, study) : failed(failureReason.cannotUnderstand));
  }
  return stored;
}

const partsAtOnce = 32;
/** A study of some thousand slices; each has an entry in the answer. */
const partLimits = { partsMax: 20_000, headerBytesMax: 8_192 };

function failed(reason: number, named: Partial<StoredName> = {}): StoredInstance {
  const { sopClassUid, sopInstanceUid } = named;
  return { sopClassUid, sopInstanceUid, outcome: { kind: "failed", reason } };
}

async function storeOne(
  storing: Storing,
  part: AsyncIterable<Bytes>,
  study: string | undefined,
): Promise<StoredInstance> {
  const pieces = part[Symbol.asyncIterator]();
  let head: Bytes = new Uint8Array(0);
  let end: number | undefined;
  while (end === undefined && head.length < headBytesMax) {
    const next = await pieces.next();
    if (next.done === true) break;
    head = concatBytes([head, next.value]);
    end = metaEndOf(head);
  }
  const names = metaNamesOf(head);
  const { sopClassUid, sopInstanceUid, transferSyntaxUid } = names;
  if (end === undefined || !sopClassUid || !sopInstanceUid || !transferSyntaxUid)
    return failed(failureReason.cannotUnderstand, names);
  const named: StoredName = { sopClassUid, sopInstanceUid, transferSyntaxUid };
  const receiver = storing.begin(named, study);
  if ("status" in receiver) return failed(receiver.status.code, named);
  let isOver = false;
  try {
    await receiver.write(head.subarray(end));
    for (let next = await pieces.next(); next.done !== true; next = await pieces.next())
      await receiver.write(next.value);
    isOver = true;
    const { code } = await receiver.end();
    return isStored(code)
      ? { sopClassUid, sopInstanceUid, outcome: { kind: "stored" } }
      : failed(code, named);
  } catch (error) {
    if (error instanceof DimseRefusal) return failed(error.status.code, named);
    if (!isOver) receiver.cancel();
    throw error;
  }
}
