/** What the pool and its workers say to each other. */
import type { DecodeRequest } from "../../../dicom/pixel-data/decoder.ts";
import type { Bytes } from "../../../foundation/bytes.ts";
import type { ErrorCode } from "../../../foundation/errors.ts";

/** To a worker, one at a time; the codestream's buffer is transferred. */
export type CodecJob = DecodeRequest;

/** From a worker; the samples' buffer is transferred. */
export type CodecReply = { readonly samples: Bytes } | { readonly code: ErrorCode; readonly message: string };
