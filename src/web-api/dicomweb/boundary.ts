import { randomBytes } from "node:crypto";
import { newBoundary } from "../../dicom-network/dicomweb/multipart-writer.ts";

export function boundary(): string {
  return newBoundary({ bytes: (length) => new Uint8Array(randomBytes(length)) });
}
