/** What the index keeps of an object: read where it is examined, or later of its kept bytes. */
import { toJsonDataSet } from "../../dicom/json/to-json.ts";
import type { DicomObject } from "../../dicom/model.ts";
import { readDicom, tolerableCodes } from "../../dicom/read.ts";
import { type ByteSource, readChunks } from "../../foundation/byte-source.ts";
import { type Bytes, toHex } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { nodeTextDecoding } from "../../platform/node/text-decoding.ts";
import type { WaitingObject } from "../../store/index/index-queue.ts";
import type { IndexEntry } from "../../store/index/instance-index.ts";
import { textsOf } from "../../store/index/normal-values.ts";
import { packedJson, unpackedAttributes } from "../../store/index/packed-attributes.ts";

/** Signatures, certificates, tile digests: nobody asks for them, and they cannot be compressed. What is larger is named by its path. */
const inlineBytesMax = 64;

export function packedAttributesOf({ elements }: DicomObject): Bytes {
  const attributes = toJsonDataSet(elements, {
    decoding: nodeTextDecoding,
    inlineBytesMax,
    bulkUri: (path) => path,
  });
  return packedJson(JSON.stringify(attributes));
}

/**
 * Of bytes that were admitted under a digest: they were judged, and are only read here.
 * @throws ScansealError `io` where they are not these bytes; `malformed` codes and limits never, or they had not been admitted
 */
export async function packedAttributesIn(source: ByteSource, digest: string): Promise<Bytes> {
  const hash = nodeCrypto.createHash("SHA-256");
  for await (const chunk of readChunks(source, 0, source.size)) hash.update(chunk);
  if (toHex(hash.digest()) !== digest)
    throw new ScansealError("io", "the kept bytes are not those that were admitted");
  return packedAttributesOf(await readDicom(source, { tolerate: tolerableCodes }));
}

/** Undefined where the data set does not name the instance that was admitted: it cannot be found under a UID that is not its own. */
export function entryOf({ object, payloadDigest }: WaitingObject, packed: Bytes): IndexEntry | undefined {
  const attributes = unpackedAttributes(packed);
  const uid = (tag: string): string => textsOf(attributes[tag])[0] ?? "";
  const studyInstanceUid = uid("0020000D");
  const seriesInstanceUid = uid("0020000E");
  if (uid("00080018") !== object.sopInstanceUid || studyInstanceUid === "" || seriesInstanceUid === "")
    return undefined;
  return {
    sopInstanceUid: object.sopInstanceUid,
    sopClassUid: object.sopClassUid,
    seriesInstanceUid,
    studyInstanceUid,
    transferSyntaxUid: object.transferSyntaxUid,
    objectId: object.id,
    digest: object.digest,
    payloadDigest,
    verdict: object.verdict ?? "none",
    basis: object.basis ?? "none",
    assurance: object.assurance,
    admittedAt: object.judgedAt ?? object.receivedAt,
    attributes,
  };
}
