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

/** What the gate did. `here already`: it passed, and the archive has the same sealed object: nothing was sent twice. */
export type GateAnswer = "passed" | "held" | "here already";

/** What went to the gate, and what came through. */
export interface GateTraffic {
  /** "127.0.0.1:40123" */
  readonly address: string;
  readonly sent: number;
  readonly passed: number;
  readonly held: number;
  readonly hereAlready: number;
  /** What the archive behind the gate received, and how many of these are, byte for byte, what was sealed. */
  readonly arrived: number;
  readonly asSealed: number;
}

export interface Exhibit {
  readonly title: string;
  /** What the attacker did, in one sentence. */
  readonly attack: string;
  readonly original: readonly Picture[];
  readonly forged: readonly Picture[];
  /** What the watermark says of it; empty where it says nothing. */
  readonly where: readonly Picture[];
  readonly answer: GateAnswer;
  readonly verdict: Verdict;
  readonly findings: readonly ExhibitFinding[];
}

export interface RoundTrip {
  readonly operation: string;
  readonly answer: GateAnswer;
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
  readonly gate: GateTraffic;
  readonly exhibits: readonly Exhibit[];
  readonly roundTrips: readonly RoundTrip[];
}
