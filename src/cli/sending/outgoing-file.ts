/** A Part 10 file that is to be sent: what its command needs, and where its data set lies. */
import { nameTextOf } from "../../dicom/elements.ts";
import { readDicom, tolerableCodes } from "../../dicom/read.ts";
import { tags } from "../../dicom/tags.ts";
import type { PresentationContext } from "../../dicom-network/dimse/association.ts";
import type { DimseClient, StoredInstance } from "../../dicom-network/dimse/client.ts";
import type { DimseStatus } from "../../dicom-network/dimse/service.ts";
import { readChunks } from "../../foundation/byte-source.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { openFileSource } from "../../platform/node/file-source.ts";

export interface OutgoingFile extends StoredInstance {
  readonly path: string;
  readonly dataSetOffset: number;
  readonly bytes: number;
}

/** @throws ScansealError malformed and limit codes for the file, `io` */
export async function inspectFile(path: string): Promise<OutgoingFile> {
  const source = await openFileSource(path);
  try {
    // To judge is the receiver's part: what can be told apart at all is sent.
    const object = await readDicom(source, { tolerate: tolerableCodes });
    const { elements, metaEnd, transferSyntax } = object;
    const sopClassUid = nameTextOf(elements, tags.sopClassUid);
    const sopInstanceUid = nameTextOf(elements, tags.sopInstanceUid);
    if (sopClassUid === undefined || sopInstanceUid === undefined)
      throw new ScansealError(
        "value-invalid",
        "it has no SOP Class and SOP Instance UID: not an object to be stored",
      );
    return {
      path,
      sopClassUid,
      sopInstanceUid,
      transferSyntaxUid: transferSyntax.uid,
      dataSetOffset: metaEnd,
      bytes: source.size,
    };
  } finally {
    await source.close();
  }
}

/** Byte for byte from the file. @throws ScansealError as `DimseClient.store`, and `io` */
export async function sendFile(client: DimseClient, file: OutgoingFile): Promise<DimseStatus> {
  const source = await openFileSource(file.path);
  try {
    if (source.size !== file.bytes) throw new ScansealError("io", "the file was changed meanwhile");
    const { dataSetOffset, bytes } = file;
    return await client.store(file, readChunks(source, dataSetOffset, bytes - dataSetOffset));
  } finally {
    await source.close();
  }
}

/** PS3.8 9.3.2.2: ids are odd numbers in a byte. */
const contextsMax = 128;

/** Files that fit one association. */
export interface Batch {
  readonly contexts: readonly PresentationContext[];
  readonly files: readonly OutgoingFile[];
}

/**
 * One context for each SOP class in each transfer syntax that is there, so that the peer answers for each; as many batches as that takes. Inside a
 * batch files keep their order.
 */
export function batchesOf(files: readonly OutgoingFile[]): Batch[] {
  const keyOf = (file: OutgoingFile): string => `${file.sopClassUid} ${file.transferSyntaxUid}`;
  const keys = [...new Set(files.map(keyOf))].sort();
  const batches: Batch[] = [];
  for (let at = 0; at < keys.length; at += contextsMax) {
    const ours = new Set(keys.slice(at, at + contextsMax));
    const contexts = [...ours].map((key, i) => {
      const [abstractSyntax, transferSyntax] = key.split(" ");
      return { id: 2 * i + 1, abstractSyntax: abstractSyntax!, transferSyntaxes: [transferSyntax!] };
    });
    batches.push({ contexts, files: files.filter((file) => ours.has(keyOf(file))) });
  }
  return batches;
}
