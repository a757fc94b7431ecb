/** Whether a seal's number of its key was used for another manifest: DESIGN's rule that (key, epoch, counter) names one payload. */
import type { RecordLookup } from "../../provenance/manifest/record.ts";
import type { Evidence, ManifestEvidence } from "./evidence.ts";

/**
 * The same manifest again is a re-send, and a late one is fine. Only seals by trusted signers are remembered, so that nobody without the key can
 * blacken a number. @throws ScansealError `io`
 */
export async function counterEvidence(
  { trust, payloadDigest, keyFingerprint, keyEpoch, counter }: ManifestEvidence,
  records: Pick<RecordLookup, "counterUses"> | undefined,
): Promise<Pick<Evidence, "counter">> {
  if (!records || trust?.result !== "trusted") return {};
  if (payloadDigest === undefined || keyFingerprint === undefined) return {};
  if (keyEpoch === undefined || counter === undefined) return {};
  const uses = await records.counterUses({ keyFingerprint, keyEpoch, counter });
  const others = uses.filter((digest) => digest !== payloadDigest);
  return others.length === 0 ? {} : { counter: { others } };
}
