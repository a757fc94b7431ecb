/** How an object came: kept in its row, as JSON. */

/** Facts only the receiver can know; part of the evidence. */
export interface ArrivalFacts {
  /** Command and data set name different instances or classes. */
  readonly uidDiffers: boolean;
  /** It came from no sender: an archive returned it to a reader, who did not get it. `source` is the archive's name. */
  readonly returned?: ReturnFacts | undefined;
  /** It was sealed here, of the object with this id: `source` is who sent that. */
  readonly sealedFrom?: string | undefined;
}

export interface ReturnFacts {
  /** Let pass in what this archive returns: codes. */
  readonly tolerate: readonly string[];
  /** How it compared with what was admitted, as `ExpectationEvidence` has it. */
  readonly expectation: {
    readonly instance: "same" | "other";
    readonly seal: "same" | "other" | "missing" | "none-admitted" | "not-admitted" | "stripped";
    readonly isOlder: boolean;
  };
}
