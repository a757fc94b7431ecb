/** An association with an archive that is kept for a burst of objects. */
import type { DimseStatus } from "../../dicom-network/dimse/service.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import type { JudgedObject } from "../../store/journal/journal.ts";

/** What an object needs of its presentation context: exactly its class, in exactly its stored transfer syntax. */
export type ContextNeed = Pick<JudgedObject, "sopClassUid" | "transferSyntaxUid">;

export interface ArchiveLink {
  /** False once it ended, for whatever reason. */
  readonly isOpen: boolean;
  /** It was proposed, and whether the archive took it. */
  answerTo(need: ContextNeed): "taken" | "refused" | "not-proposed";
  /**
   * C-STORE. A failure of `dataSet` aborts the association.
   * @throws ScansealError `network`, `timeout`, `peer-aborted`, `peer-protocol`; what `dataSet` threw
   */
  store(object: JudgedObject, dataSet: AsyncIterable<Bytes>): Promise<DimseStatus>;
  release(): Promise<void>;
  abort(why: string): void;
}
