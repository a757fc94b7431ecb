/** What a sealer beside a modality found; plain JSON data. */

/** Why a sealer did not seal what its modality sent; the object itself may be what it says. */
export interface SealerEvidence {
  readonly problem: /** It carries a seal, or a device's mark: a modality sends neither. */
    | "sealed-already"
    /** Its entries about the equipment are not those of the modality that the sealer stands beside. */
    | "other-device"
    /** Patient and order are not on the worklist. */
    | "not-scheduled"
    | "worklist-away"
    /** Another object with its SOP Instance UID was sealed or admitted before. */
    | "another-instance"
    | "failed";
  /** One sentence for an engineer, without values of the object. */
  readonly detail: string;
  /** "(0018,1000)": entries that differ. */
  readonly tags?: readonly string[];
}
