/** What the site keeps of a seal that it made. */
import { integerStringOf, nameTextOf } from "../../dicom/elements.ts";
import type { DicomObject } from "../../dicom/model.ts";
import type { Edit } from "../../dicom/splice.ts";
import { tags } from "../../dicom/tags.ts";
import { toHex } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { parseCertificate } from "../../keys/trust/certificate.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { envelopeIn } from "../../provenance/manifest/containers.ts";
import { decodeEnvelope } from "../../provenance/manifest/envelope.ts";
import { decodeStatement } from "../../provenance/manifest/statement.ts";
import type { SealRecord } from "../../store/provenance/provenance-journal.ts";

/**
 * @param edits of the seal, also of one that was stored
 * @param device its name at this site
 */
export function sealRecordOf(object: DicomObject, edits: readonly Edit[], device: string): SealRecord {
  const elements = edits.flatMap((edit) => (edit.kind === "put" ? [edit.element] : []));
  const bytes = envelopeIn(elements);
  if (!bytes) throw new ScansealError("internal", "a seal without its envelope");
  const envelope = decodeEnvelope(bytes);
  const { key, sealedAt } = decodeStatement(envelope.payload);
  const certificate = envelope.certificates[0]!;
  const uid = (tag: number): string => nameTextOf(object.elements, tag) ?? "";
  return {
    payloadDigest: toHex(nodeCrypto.hash("SHA-256", envelope.payload)),
    sopInstanceUid: uid(tags.sopInstanceUid),
    seriesInstanceUid: uid(tags.seriesInstanceUid),
    studyInstanceUid: uid(tags.studyInstanceUid),
    device,
    keyFingerprint: parseCertificate(certificate, nodeCrypto).keyFingerprint,
    keyEpoch: key.epoch,
    counter: key.counter,
    sealedAt: Date.parse(sealedAt),
    instanceNumber: integerStringOf(object.elements, tags.instanceNumber),
    signature: envelope.signatures[0]!.signature,
    certificate,
  };
}
