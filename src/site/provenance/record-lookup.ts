/** The site's provenance as the verifier asks for it. */
import { lateEntryTypes } from "../../provenance/manifest/late-evidence.ts";
import { type DetachedRecord, type RecordLookup, recordKinds } from "../../provenance/manifest/record.ts";
import type { KeptRecord, ProvenanceJournal } from "../../store/provenance/provenance-journal.ts";

export function recordLookup(journal: ProvenanceJournal): RecordLookup {
  return {
    about: async (subject) => (await journal.recordsAbout(subject)).flatMap(detachedRecord),
    lateEvidence: async (payloadDigest) =>
      (await journal.lateEvidence(payloadDigest)).flatMap(({ type, bytes }) => {
        const known = lateEntryTypes.find((one) => one === type);
        return known ? [{ type: known, bytes }] : [];
      }),
    firstSeen: async (payloadDigest) =>
      (await journal.firstSeen(payloadDigest)) ?? (await journal.recordKeptAt(payloadDigest)),
    counterUses: (use) => journal.usesOf(use),
  };
}

/** A newer program's kinds are none of ours. */
export function detachedRecord({ kind, ...record }: KeptRecord): DetachedRecord[] {
  const known = recordKinds.find((one) => one === kind);
  return known ? [{ kind: known, ...record }] : [];
}
