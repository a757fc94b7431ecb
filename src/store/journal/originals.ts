/**
 * Port: what a modality sent and a sealer sealed. The original's row is `sealed` while its bytes are kept, and `resolved` once whoever should have the
 * sealed object has it. In the journal's database, so that a sealing is one transaction.
 */
import type { SpoolLocation } from "../spool/spool.ts";
import type { JudgedObject, ObjectState, ReceivedObject } from "./journal.ts";

/** An original that was sealed here. */
export interface SealedOriginal {
  readonly id: string;
  readonly digest: string;
  /** What its sealed object, or the one with the same bytes that came first, is now. */
  readonly sealedState: ObjectState;
}

export type SealingOutcome =
  /** `freed`: nothing refers to the original's place in the spool any more. */
  | { readonly result: "committed"; readonly freed: SpoolLocation | undefined }
  | { readonly result: "lease-lost" };

/** Every method: @throws ScansealError `io` (the database), `storage-full`, `usage` (a value that cannot be kept). */
export interface Originals {
  /** Of one SOP Instance UID, oldest first. */
  ofInstance(sopInstanceUid: string): Promise<readonly SealedOriginal[]>;
  /**
   * The sealed object becomes a row to be judged, and the original, whose bytes the object store has, `sealed`: one transaction. The same original in
   * quarantine is resolved.
   */
  commitSealing(
    original: Pick<JudgedObject, "id">,
    fence: number,
    sealed: ReceivedObject,
    at: number,
  ): Promise<SealingOutcome>;
  /** It was sealed before, as `by` or another: its bytes are kept there, or were. */
  commitResent(id: string, fence: number, by: string, at: number): Promise<SealingOutcome>;
  /**
   * Of these kept originals, lets go of those whose sealed object every archive has, or two people had deleted. Bytes in the object store are to be
   * deleted (`Journal.claimDeletions`). @returns how many
   */
  letGo(ids: readonly string[]): Promise<number>;
  /** Kept originals by id: of these sealed objects, or after an id. 1 to 1,000. */
  kept(filter: {
    readonly sealed?: readonly string[] | undefined;
    readonly after?: string | undefined;
    readonly limit: number;
  }): Promise<readonly string[]>;
}
