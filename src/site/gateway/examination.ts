/** What the examiner and its threads say to each other: plain data. */
import type { ErrorCode } from "../../foundation/errors.ts";
import type { ExaminedEvidence, ExaminedObject } from "../../zero-trust/gateway/ports.ts";
import type { TimeSettings } from "../provenance/time-file.ts";
import type { TrustSnapshot } from "./trust-watch.ts";

export interface Examination {
  readonly object: ExaminedObject;
  /** Milliseconds since 1970: certificates and clocks are judged at this time. */
  readonly now: number;
  /** Where it is another than at the thread's examination before. */
  readonly trust: Omit<TrustSnapshot, "version"> | undefined;
}

/** What a thread has from its start. */
export interface ExaminerData {
  /** As `VerifierOptions` has it. */
  readonly provenance: string | undefined;
  readonly logPolicy: string | undefined;
  readonly time: TimeSettings | undefined;
}

export type ExaminationReply =
  | { readonly kind: "ready" }
  | { readonly kind: "evidence"; readonly evidence: ExaminedEvidence }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string };
