/** The name of a piece of late evidence: the same piece is kept once. */
import { createHash } from "node:crypto";
import type { Bytes } from "../../foundation/bytes.ts";

export function evidenceId(payloadDigest: string, type: string, bytes: Bytes): string {
  return createHash("sha256").update(`${payloadDigest} ${type} `).update(bytes).digest("hex");
}
