/** Verdicts, dispositions and findings: the closed vocabulary of DESIGN section 4 (spec/verdicts.md). */
import type { ErrorCode } from "../../foundation/errors.ts";
import type { ManifestFault, TrustResult } from "../evidence/evidence.ts";

export type Verdict =
  | "verified"
  | "verified-with-changes"
  | "received"
  | "altered"
  | "untrusted"
  | "unsealed"
  | "superseded"
  | "malformed"
  /** A gate made it to say what it withheld, and it is as the gate made it: no image of a patient, and no archive's. */
  | "notice";

export type Disposition = "delivered" | "delivered-with-notice" | "held";

/** How close to the moment of capture the seal was made; never overstated. */
export type Assurance = "in-device" | "beside-device" | "on-receipt";

export type Severity = "error" | "warning" | "info";

/** Which mechanism found it. */
export type Layer = "parser" | "seal" | "manifest" | "trust" | "format" | "arrival" | "watermark" | "record";

export type FindingCode =
  | ErrorCode
  | ManifestFault
  | Exclude<TrustResult, "trusted">
  | "attribute-changed"
  | "attribute-added"
  | "attribute-removed"
  | "pixels-changed"
  | "frames-added"
  | "frames-removed"
  | "pixels-lossy"
  | "pixels-not-checkable"
  | "content-changed"
  | "signature-altered"
  | "signature-malformed"
  | "signature-missing"
  | "signature-not-bound"
  | "signature-transcoded"
  | "signature-vr-lost"
  | "signature-not-checkable"
  | "signature-weak"
  | "foreign-signature"
  | "time-implausible"
  | "time-stamp-invalid"
  | "time-stamp-unknown"
  | "revocation-status-invalid"
  | "stands-by-time"
  | "time-proven-late"
  | "transcoded-losslessly"
  | "seal-missing"
  | "seal-expected"
  | "seal-stripped"
  | "watermark-foreign"
  | "watermark-unreadable"
  | "watermark-intact"
  | "preamble-suspicious"
  | "hidden-bytes"
  | "tolerated"
  | "counter-equivocation"
  | "log-proof-invalid"
  | "log-missing"
  | "log-unknown"
  | "instance-conflict"
  | "another-instance-returned"
  | "another-seal-returned"
  | "seal-missing-since-admission"
  | "seal-missing-since-sealing"
  | "older-version-returned"
  | "gate-notice"
  | "sealer-sealed-already"
  | "sealer-other-device"
  | "sealer-not-scheduled"
  | "sealer-worklist-away"
  | "sealer-failed"
  | "received-unchanged"
  | "received-changed"
  | "receipt-not-accepted"
  | "receipt-of-admission"
  | "superseded"
  | "derived"
  | "derived-changed"
  | "record-unusable"
  | "original-attributes"
  | "refers-to"
  | "receipt-unusable"
  | "receipts-disagree"
  | "check-incomplete";

/** A rectangle of samples of one frame (index from 0); x1 and y1 are the first outside. */
export interface FrameRegion {
  readonly frame: number;
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}

export interface FindingLocation {
  /** "(0010,0010)"; for a nested attribute the path's last tag. */
  readonly tag?: string;
  /** "00081140/0/00081155" where the tag alone does not say it. */
  readonly path?: string;
  /** Byte offset in the file. */
  readonly offset?: number;
  /** Indices from 0. */
  readonly frames?: readonly number[];
  /** Where in those frames, as far as it is known: the first 200. */
  readonly regions?: readonly FrameRegion[];
}

export interface Finding {
  readonly code: FindingCode;
  readonly severity: Severity;
  readonly layer: Layer;
  readonly location: FindingLocation;
  /** One plain sentence for a radiologist. */
  readonly message: string;
  /** One sentence for an engineer. */
  readonly detail: string;
}

/** What is decided where the checks could not be completed: nothing is known, so it is held. */
export interface IncompleteDecision {
  readonly verdict: undefined;
  readonly disposition: "held";
  readonly assurance: undefined;
  readonly findings: readonly Finding[];
}

export interface Decision {
  readonly verdict: Verdict;
  readonly disposition: Disposition;
  readonly assurance: Assurance | undefined;
  readonly findings: readonly Finding[];
}
