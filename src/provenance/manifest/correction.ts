/** Makes a correction: spec/derivations.md. What the values were has been proven before. */
import type { Clock, Crypto, Random, Signer } from "../../foundation/crypto.ts";
import { seedBytes } from "../disclosure/commitment.ts";
import { type Correction, commitCorrection, encodeCorrectionOpening } from "./correction-opening.ts";
import { type CorrectionBasis, encodeCorrection } from "./correction-statement.ts";
import type { DetachedRecord, RecordSubject } from "./record.ts";
import { signerOf, signRecord } from "./record-envelope.ts";

export interface CorrectionRequest {
  /** Study Instance UIDs, each with its place in its chain. */
  readonly studies: readonly { readonly uid: string; readonly version: number; readonly previous?: string }[];
  /** Ascending by path. */
  readonly corrections: readonly Correction[];
  readonly basis: CorrectionBasis;
  readonly approvedBy: readonly string[];
}

export interface CorrectionPorts {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly clock: Clock;
  /** Of role `derive`. */
  readonly signer: Signer;
}

/** @throws ScansealError `seal-structure` for a request that is not as specified, and what the signer throws */
export async function makeCorrection(
  { studies, corrections, basis, approvedBy }: CorrectionRequest,
  { crypto, random, clock, signer }: CorrectionPorts,
): Promise<{ readonly record: DetachedRecord; readonly subjects: readonly RecordSubject[] }> {
  const seed = random.bytes(seedBytes);
  const uids = studies.map(({ uid }) => uid);
  const committed = commitCorrection(crypto, seed, uids, corrections);
  const payload = encodeCorrection({
    signer: signerOf(crypto, signer),
    root: committed.root,
    seed: committed.seed,
    studies: studies.map(({ version, previous }, i) => ({
      study: committed.studies[i]!,
      version,
      ...(previous === undefined ? {} : { previous }),
    })),
    changes: committed.changes,
    basis,
    approvedBy,
    correctedAt: new Date(clock.now()).toISOString(),
  });
  const opening = encodeCorrectionOpening({ seed, studies: uids, values: corrections });
  const record = await signRecord("correction", payload, opening, { crypto, signer });
  const before = new Set(studies.flatMap(({ previous }) => (previous === undefined ? [] : [previous])));
  const subjects: RecordSubject[] = [
    ...uids.map((name): RecordSubject => ({ kind: "study", name })),
    ...[...before].map((name): RecordSubject => ({ kind: "statement", name })),
  ];
  return { record, subjects };
}
