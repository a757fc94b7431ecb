/** Port: who seals for a modality beside which this gateway stands (DESIGN 3, beside-device). */
import type { Bytes } from "../../../foundation/bytes.ts";
import type { MalformedCode } from "../../../foundation/errors.ts";
import type { FileExtent } from "../../../store/spool/spool.ts";
import type { SealerEvidence } from "../../evidence/sealer-evidence.ts";
import type { SealingSettings } from "../settings.ts";

/** An original, where it lies. */
export interface ObjectToSeal {
  readonly extents: readonly FileExtent[];
  readonly bytes: number;
  /** SHA-256, hexadecimal: what is sealed is what was acknowledged and examined. */
  readonly digest: string;
  readonly tolerate: readonly MalformedCode[];
}

/** Not durable yet; whoever has it frees it. */
export interface SealedBytes {
  readonly bytes: number;
  /** SHA-256, hexadecimal. */
  readonly digest: string;
  /** File offset of the data set. */
  readonly dataSetOffset: number;
  /** @throws ScansealError `io` */
  read(): AsyncIterable<Bytes>;
  /** Never throws. */
  free(): Promise<void>;
}

export type SealingResult =
  | { readonly kind: "sealed"; readonly sealed: SealedBytes }
  | { readonly kind: "not-sealed"; readonly sealer: SealerEvidence };

export interface Sealer {
  /**
   * The seal is durable in the device's store before it resolves: the same original gives the same bytes again, whatever crashed in between. What
   * keeps it from sealing is a result; it never throws.
   */
  seal(object: ObjectToSeal, settings: SealingSettings): Promise<SealingResult>;
}
