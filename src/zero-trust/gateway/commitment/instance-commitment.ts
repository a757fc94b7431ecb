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

/** `kept`: by nobody but the gate, under this id; its bytes are to be looked at before it is said. */
export type InstanceCommitment =
  | "committed"
  | "waits"
  | { readonly failed: number }
  | { readonly kept: string };

export interface KnownObject {
  readonly object: Pick<JudgedObject, "id" | "state" | "sopClassUid" | "source" | "relatedId" | "arrival">;
  readonly deliveries: readonly Pick<Delivery, "state" | "released">[];
  /** Of archives that are asked whether they keep it. */
  readonly commitments?: readonly Pick<ObjectCommitment, "state">[];
}

/**
 * What the source itself sent last under this UID: another object that was admitted under it is not what it is about to delete.
 * @param known rows of this SOP Instance UID, oldest first
 * @param source who asks; one that never sent it asks for what there is
 */
export function instanceCommitment(
  { sopClassUid }: SopReference,
  known: readonly KnownObject[],
  source: string,
): InstanceCommitment {
  // What the gate sealed of it is no object of the source's.
  const sent = known.findLast(
    ({ object }) => object.source === source && object.arrival.sealedFrom === undefined,
  );
  const kept = sent ? keptFor(sent, known) : known.findLast(({ object }) => object.state === "admitted");
  if (kept?.object.state === "admitted") return admittedCommitment(sopClassUid, kept);
  const of = kept ? [kept] : known;
  if (of.some(({ object }) => object.state === "received")) return "waits";
  // Held, purged: here, and not under the policy. Nothing at all: never received.
  const failed = known.length > 0 ? commitmentFailure.processingFailure : commitmentFailure.noSuchInstance;
  return { failed };
}

function admittedCommitment(sopClassUid: string, admitted: KnownObject): InstanceCommitment {
  if (admitted.object.sopClassUid !== sopClassUid) return { failed: commitmentFailure.classConflict };
  // What two people released to a reading place is in no archive.
  const owed = admitted.deliveries.filter(({ released }) => !released);
  if (owed.some(({ state }) => state === "dead")) return { failed: commitmentFailure.processingFailure };
  const asked = admitted.commitments ?? [];
  if (asked.some(({ state }) => state === "failed")) return { failed: commitmentFailure.processingFailure };
  if (owed.length === 0) return { kept: admitted.object.id };
  const isKept = asked.every(({ state }) => state === "committed");
  return isKept && owed.every(({ state }) => state === "delivered") ? "committed" : "waits";
}

/** Its bytes are here already, or what was sealed of it is in its place. */
function keptFor(sent: KnownObject, known: readonly KnownObject[]): KnownObject | undefined {
  let kept: KnownObject | undefined = sent;
  // A row leads to a later or an earlier one, and never back: no more steps than rows.
  for (let steps = 0; kept && steps < known.length; steps++) {
    const { state, relatedId }: KnownObject["object"] = kept.object;
    if (state !== "resent" && state !== "resolved" && state !== "sealed") return kept;
    kept = known.find(({ object }) => object.id === relatedId);
  }
  return kept;
}
