/** What the marking pool and its threads say to each other. */
import type { Bytes } from "../../foundation/bytes.ts";
import type { ErrorCode } from "../../foundation/errors.ts";
import type { MarkedSamples, MarkingJob, NotMarkedReason } from "../../sealing/frame-marking.ts";

/** `prepare`, then `finish` with the signature, or `drop` where there is none. The samples' buffer is transferred. */
export type MarkingQuestion =
  | { readonly task: "prepare"; readonly job: MarkingJob }
  | { readonly task: "finish"; readonly signature: Bytes }
  | { readonly task: "drop" };

/** One for each question; the buffers of marked frames are transferred. */
export type MarkingAnswer =
  | { readonly toBeSigned: Bytes }
  | { readonly marked: MarkedSamples }
  | { readonly reason: NotMarkedReason }
  | { readonly dropped: true }
  | { readonly code: ErrorCode; readonly message: string };
