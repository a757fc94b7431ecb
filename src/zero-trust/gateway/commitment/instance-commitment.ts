/** Whether one instance is committed here: admitted under the policy, and in every archive that was to get it. Pure. */
import type { SopReference } from "../../../dicom-network/dimse/storage-commitment.ts";
import type { ObjectCommitment } from "../../../store/journal/commitments.ts";
import type { Delivery, JudgedObject } from "../../../store/journal/journal.ts";

/** PS3.3 C.14.1.1, (0008,1197). */
export const commitmentFailure = {
  processingFailure: 0x0110,
  noSuchInstance: 0x0112,
  classConflict: 0x0119,
} as const;

export type InstanceCommitment = "committed" | "waits" | { readonly failed: number };

export interface KnownObject {
  readonly object: Pick<JudgedObject, "state" | "sopClassUid">;
  readonly deliveries: readonly Pick<Delivery, "state" | "released">[];
  /** Of archives that are asked whether they keep it. */
  readonly commitments?: readonly Pick<ObjectCommitment, "state">[];
}

/** @param known rows of this SOP Instance UID */
export function instanceCommitment(
  { sopClassUid }: SopReference,
  known: readonly KnownObject[],
): InstanceCommitment {
  const admitted = known.find(({ object }) => object.state === "admitted");
  if (admitted) {
    if (admitted.object.sopClassUid !== sopClassUid) return { failed: commitmentFailure.classConflict };
    // What two people released to a reading place is in no archive.
    const owed = admitted.deliveries.filter(({ released }) => !released);
    if (owed.some(({ state }) => state === "dead")) return { failed: commitmentFailure.processingFailure };
    const asked = admitted.commitments ?? [];
    if (asked.some(({ state }) => state === "failed")) return { failed: commitmentFailure.processingFailure };
    const isKept = asked.every(({ state }) => state === "committed");
    return isKept && owed.every(({ state }) => state === "delivered") ? "committed" : "waits";
  }
  if (known.some(({ object }) => object.state === "received")) return "waits";
  // Held, purged: here, and not under the policy. Nothing at all: never received.
  const failed = known.length > 0 ? commitmentFailure.processingFailure : commitmentFailure.noSuchInstance;
  return { failed };
}
