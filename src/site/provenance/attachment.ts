/** Puts what became known after sealing into the sealed object: container xx01. Every other byte stays. */
import { nameTextOf } from "../../dicom/elements.ts";
import { readDicom } from "../../dicom/read.ts";
import { tags } from "../../dicom/tags.ts";
import { equalBytes, toHex } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { openManifest } from "../../provenance/manifest/check.ts";
import { lateEvidenceElement } from "../../provenance/manifest/containers.ts";
import type { LateEntry } from "../../provenance/manifest/late-evidence.ts";
import type { RecordLookup } from "../../provenance/manifest/record.ts";
import { withFile } from "../file-input.ts";
import type { OutputFolder } from "../output-folder.ts";

export interface Attached {
  readonly path: string;
  /** In the object now. */
  readonly entries: number;
  /** Of them, those that were not there. */
  readonly added: number;
}

/**
 * What the site keeps of a seal, beside what is there already. Nothing of it is judged here: whoever verifies does.
 * @throws ScansealError `not-sealable` for an object without a seal, `limit-length`, `duplicate-instance`, `io`
 */
export function attachLateEvidence(
  path: string,
  records: Pick<RecordLookup, "lateEvidence">,
  output: OutputFolder,
): Promise<Attached> {
  return withFile(path, async (source) => {
    const object = await readDicom(source);
    const manifest = await openManifest(object, nodeCrypto);
    const sopInstanceUid = nameTextOf(object.elements, tags.sopInstanceUid);
    if (!manifest || sopInstanceUid === undefined)
      throw new ScansealError("not-sealable", "it has no seal that evidence could be attached to");
    const { creatorTag, lateEvidence: present = [] } = manifest.containers;
    const digest = toHex(nodeCrypto.hash("SHA-256", manifest.envelope.payload));
    const kept = newestStatus(await records.lateEvidence(digest));
    const added = kept.filter((entry) => !isAmong(present, entry));
    const entries = [...present, ...added];
    const edits =
      added.length === 0 ? [] : [{ kind: "put" as const, element: lateEvidenceElement(creatorTag, entries) }];
    const written = await output.write(sopInstanceUid, object, edits);
    return { path: written.path, entries: entries.length, added: added.length };
  });
}

/** A device that is asked about often would fill the container; the last answer says what the others did, or more. */
function newestStatus(entries: readonly LateEntry[]): LateEntry[] {
  const last = entries.findLast(({ type }) => type === "revocation-status");
  return entries.filter((entry) => entry.type !== "revocation-status" || entry === last);
}

function isAmong(entries: readonly LateEntry[], { type, bytes }: LateEntry): boolean {
  return entries.some((one) => one.type === type && equalBytes(one.bytes, bytes));
}
