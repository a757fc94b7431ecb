/** What the gateway needs from outside and does not make itself. */
import type { MalformedCode } from "../../foundation/errors.ts";
import type { FileExtent } from "../../store/spool/spool.ts";
import type { Evidence } from "../evidence/evidence.ts";

/** One object to be examined: where its Part 10 file lies. Plain data. */
export interface ExaminedObject {
  readonly extents: readonly FileExtent[];
  readonly bytes: number;
  /** SHA-256 of the file, hexadecimal: what is examined must be what was acknowledged. */
  readonly digest: string;
  readonly tolerate: readonly MalformedCode[];
}

/** Collects evidence off the network thread, in workers that can be ended. */
export interface Examiner {
  /**
   * @throws ScansealError `timeout`, `internal` (a worker died), `io`, `peer-protocol` never: what is wrong with the object is evidence
   */
  examine(object: ExaminedObject): Promise<Evidence>;
  /** How many objects are examined at once. */
  readonly width: number;
  close(): Promise<void>;
}
