/** What the pool and its workers say to each other. */
import type { DecodeRequest } from "../../../dicom/pixel-data/decoder.ts";
import type { EncodeRequest } from "../../../dicom/pixel-data/encoder.ts";
import type { Bytes } from "../../../foundation/bytes.ts";
import type { ErrorCode } from "../../../foundation/errors.ts";

/** To a worker, one at a time; the buffer of the codestream or of the samples is transferred. */
export type CodecJob =
  | ({ readonly task: "decode" } & DecodeRequest)
  | ({ readonly task: "encode" } & EncodeRequest);

/** From a worker: samples or a codestream, as was asked; the buffer is transferred. */
export type CodecReply = { readonly result: Bytes } | { readonly code: ErrorCode; readonly message: string };
