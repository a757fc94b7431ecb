/** What the demonstration found, as plain data: the page is made of this and nothing else. */
import type { Bytes } from "../../../foundation/bytes.ts";
import type { Verdict } from "../../../zero-trust/policy/verdict.ts";

export interface Picture {
  readonly caption: string;
  readonly png: Bytes;
}

export interface ExhibitFinding {
  readonly code: string;
  /** For a radiologist. */
  readonly message: string;
  /** Where, and one sentence for an engineer. */
  readonly where: string;
  readonly detail: string;
}

export interface Exhibit {
  readonly title: string;
  /** What the attacker did, in one sentence. */
  readonly attack: string;
  readonly original: readonly Picture[];
  readonly forged: readonly Picture[];
  readonly verdict: Verdict;
  readonly findings: readonly ExhibitFinding[];
}

export interface RoundTrip {
  readonly operation: string;
  readonly verdict: Verdict;
  readonly note: string;
}

export interface DemoReport {
  readonly title: string;
  /** What was sealed: "24 slices of a generated chest CT". */
  readonly subject: string;
  readonly generatedAt: string;
  readonly device: string;
  readonly assurance: string;
  readonly sealedObjects: number;
  readonly verifiedObjects: number;
  readonly exhibits: readonly Exhibit[];
  readonly roundTrips: readonly RoundTrip[];
}
