/**
 * Port: storage commitment asked of archives. What is owed is written in the transaction that completes a delivery; a request is durable before it is
 * sent; what an archive says counts only for what it was asked. In the journal's database.
 */
import type { CommitmentReport, CommitmentRequest } from "../../dicom-network/dimse/storage-commitment.ts";

/** `waits` for its request or the answer; `resent`: refused once, and due again at the archive; `failed`: a person decides. */
export type CommitmentState = "waits" | "resent" | "committed" | "failed";

/** How one object stands at one destination. */
export interface ObjectCommitment {
  readonly objectId: string;
  readonly destination: string;
  readonly state: CommitmentState;
  /** Requests without an answer. */
  readonly asks: number;
  readonly owedAt: number;
  /** (0008,1197) of the last refusal. */
  readonly reason: number | undefined;
}

/** What is not committed at one destination. */
export interface OpenCommitments {
  readonly destination: string;
  /** Asked, to be asked, or to be delivered again. */
  readonly waits: number;
  readonly failed: number;
  readonly oldestAt: number;
}

export interface CommitmentAsk extends CommitmentRequest {
  /** Of the instance that was asked for most often, this request counted. */
  readonly asks: number;
}

export type ReportOutcome =
  | {
      readonly result: "taken";
      /** Object ids. */
      readonly committed: readonly string[];
      readonly resent: readonly string[];
      readonly failed: readonly { readonly id: string; readonly reason: number }[];
      /** Instances that were asked for and are not named: they are asked for again. */
      readonly missing: number;
    }
  /** The request was answered before; nothing changes. */
  | { readonly result: "repeated" }
  /** Nothing counts: no such request to this destination, an instance that was not asked for, or one that is in both lists. */
  | { readonly result: "refused"; readonly why: "unknown transaction" | "not asked" | "contradicts itself" };

/** Every method: @throws ScansealError `io` (the database), `storage-full`, `usage` (a value that cannot be kept). */
export interface Commitments {
  /**
   * From now on what these destinations get is asked for. @param not destinations that are not asked any more: what waits there is owed no longer;
   * of others that are not named it stays
   */
  askAt(destinations: readonly string[], not: readonly string[]): Promise<void>;
  /**
   * Takes what is due to be asked, writes the request down, and lets each of them rest for `pauseMs(asks)`, when it is due again: whoever claims and
   * is gone has asked in vain. Undefined when nothing is due. @param limit 1 to 500 instances
   */
  claim(
    destination: string,
    transactionUid: string,
    limit: number,
    now: number,
    pauseMs: (asks: number) => number,
  ): Promise<CommitmentAsk | undefined>;
  /** The request was not sent, or refused: nobody may answer it. What it names is due at `nextAt` at the latest. */
  unasked(transactionUid: string, nextAt: number): Promise<void>;
  /** @param resendsMax how often a refused instance is delivered again */
  report(
    destination: string,
    report: CommitmentReport,
    resendsMax: number,
    now: number,
  ): Promise<ReportOutcome>;
  /** Of one object, at each destination that owes it. */
  of(objectId: string): Promise<readonly ObjectCommitment[]>;
  /** By destination; those that owe nothing are left out. */
  open(): Promise<readonly OpenCommitments[]>;
  /** The oldest that failed. 1 to 1,000. */
  failed(limit: number): Promise<readonly ObjectCommitment[]>;
  /** What failed is asked for anew. @returns how many */
  revive(destination: string | undefined, now: number): Promise<number>;
}
