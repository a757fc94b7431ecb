/** Identifiers (PS3.4 C.4.1.1.3): data sets without File Meta Information, in the transfer syntax of their context. */
import { encodeElement, type NewElement } from "../../dicom/encode.ts";
import type { DicomObject } from "../../dicom/model.ts";
import { type ReadOptions, readDicom, tolerableCodes } from "../../dicom/read.ts";
import { transferSyntaxOf } from "../../dicom/transfer-syntax.ts";
import { MemorySource } from "../../foundation/byte-source.ts";
import { type Bytes, concatBytes } from "../../foundation/bytes.ts";
import { type MalformedCode, ScansealError } from "../../foundation/errors.ts";

/** UIDs of keys may be empty, or lists; each is checked where it is read. */
const keysTolerated: ReadonlySet<MalformedCode> = new Set(["uid-invalid"]);

/** @param bytes stay part of what is returned @throws ScansealError malformed and limit codes */
export function readIdentifier(bytes: Bytes, transferSyntaxUid: string): Promise<DicomObject> {
  return read(bytes, transferSyntaxUid, keysTolerated);
}

/** An answer of another's archive: whatever its devices wrote comes back in it. @throws ScansealError malformed and limit codes */
export function readAnswer(bytes: Bytes, transferSyntaxUid: string): Promise<DicomObject> {
  return read(bytes, transferSyntaxUid, tolerableCodes);
}

function read(
  bytes: Bytes,
  bareTransferSyntaxUid: string,
  tolerate: NonNullable<ReadOptions["tolerate"]>,
): Promise<DicomObject> {
  return readDicom(new MemorySource(bytes), { bareTransferSyntaxUid, tolerate });
}

/** @throws ScansealError `unsupported` for a transfer syntax that is not written */
export function encodeIdentifier(elements: readonly NewElement[], transferSyntaxUid: string): Bytes {
  const syntax = transferSyntaxOf(transferSyntaxUid);
  if (!syntax || syntax.deflated)
    throw new ScansealError("unsupported", `transfer syntax ${transferSyntaxUid} is not written`);
  const sorted = [...elements].sort((a, b) => a.tag - b.tag);
  return concatBytes(sorted.map((element) => encodeElement(element, syntax.encoding)));
}
