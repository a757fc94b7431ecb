/** The receipts of an object without a trusted seal, each checked in full; the one that fits best is kept. Numbers are the steps of spec/receipts.md. */
import type { DicomObject } from "../../dicom/model.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { type OpenedReceipt, openReceipt } from "../../provenance/manifest/receipt-check.ts";
import type { DetachedRecord } from "../../provenance/manifest/record.ts";
import { contentSince, isUnchanged } from "./claimed-content.ts";
import type { EvidencePorts } from "./collect.ts";
import type { Evidence, FormatFacts, ReceiptEvidence, RecordFault } from "./evidence.ts";
import { recordSigner } from "./record-signer.ts";

/** Of receipts by trusted signers, this many are compared with the object; a site gives one, and another for what a correction made of it. */
const comparedMax = 64;

/** Empty where there is none at all. @throws ScansealError `io` */
export async function receiptEvidence(
  object: DicomObject,
  format: FormatFacts,
  ports: EvidencePorts,
): Promise<Pick<Evidence, "receipt" | "supersededBy" | "recordFaults">> {
  const checked = await receiptOf(object, format, ports);
  return checked ? { receipt: checked.receipt, ...checked.beside } : {};
}

interface CheckedReceipt {
  readonly receipt: ReceiptEvidence;
  /** What corrections say of an object that is as it was received. */
  readonly beside: Pick<Evidence, "supersededBy" | "recordFaults">;
}

async function receiptOf(
  object: DicomObject,
  { sopInstanceUid, deviceSerialNumber, studyInstanceUid }: FormatFacts,
  ports: EvidencePorts,
): Promise<CheckedReceipt | undefined> {
  if (!ports.records || sopInstanceUid === undefined) return undefined;
  const records = await ports.records.about({ kind: "instance", name: sopInstanceUid });
  const since = deviceSerialNumber === undefined ? undefined : ports.trust.enrolledSince(deviceSerialNumber);
  const checked: CheckedReceipt[] = [];
  let compared = 0;
  for (const record of records) {
    if (record.kind !== "receipt") continue;
    const isFull = compared >= comparedMax;
    const one = await checkRecord(object, record, { ports, since, studyInstanceUid, isFull });
    if (one.receipt.content) compared++;
    checked.push(one);
  }
  const [best] = checked.toSorted(
    ({ receipt: a }, { receipt: b }) => rankOf(a) - rankOf(b) || weightOf(a) - weightOf(b),
  );
  const disagreeing = checked.filter(
    (one) => one !== best && isTrusted(one.receipt) && rankOf(one.receipt) > 2,
  ).length;
  return best && { ...best, receipt: { ...best.receipt, disagreeing } };
}

interface CheckContext {
  readonly ports: EvidencePorts;
  /** The device's enrolment. */
  readonly since: number | undefined;
  readonly studyInstanceUid: string | undefined;
  readonly isFull: boolean;
}

async function checkRecord(
  object: DicomObject,
  record: DetachedRecord,
  { ports, since, studyInstanceUid, isFull }: CheckContext,
): Promise<CheckedReceipt> {
  const { crypto, decoder } = ports;
  const portsForChecking = { crypto, decoder, spkiOf: (der: Uint8Array) => ports.trust.spkiOf(der) };
  let opened: OpenedReceipt;
  try {
    opened = await openReceipt(record, portsForChecking); // 1 to 6
  } catch (error) {
    if (!(error instanceof ScansealError) || error.code !== "seal-structure") throw error;
    const faults = ["record-structure"] as const;
    return { receipt: { ...unreadable, record: record.digest, faults, detail: error.message }, beside: {} };
  }
  const { statement, received, digest } = opened;
  // 7. The signer may give receipts, with that hash.
  const trust = await recordSigner(opened.envelope.certificates[0]!, "receipt", digest, ports);
  const isHashWrong = trust.result === "trusted" && !trust.hashes.includes(statement.signer.hash);
  const faults = faultsOf(opened, isHashWrong);
  const isSound = faults.length === 0 && trust.result === "trusted";
  // 8. The object is what was received; not asked of a receipt that counts for nothing.
  const about = { committedAs: statement.pixels.transferSyntax, studyInstanceUid };
  const compared =
    isSound && received && !isFull ? await contentSince(object, received, about, ports) : undefined;
  const { content, ...beside } = compared ?? { content: undefined };
  if (content && !isUnchanged(content)) faults.push("record-content");
  const { source, basis, operator, asUnsealed, receivedAt } = statement;
  const receipt: ReceiptEvidence = {
    record: digest,
    faults,
    trust,
    claim: { source, basis, operator, asUnsealed, receivedAt },
    content,
    beforeEnrolment: since !== undefined && Date.parse(receivedAt) < since,
    disagreeing: 0,
  };
  return { receipt, beside };
}

const unreadable: Omit<ReceiptEvidence, "record" | "faults"> = {
  trust: undefined,
  claim: undefined,
  content: undefined,
  beforeEnrolment: false,
  disagreeing: 0,
};

function faultsOf({ signature, received }: OpenedReceipt, isHashWrong: boolean): RecordFault[] {
  const faults: RecordFault[] = [];
  if (signature === "signer-not-named" || signature === "key-unusable" || isHashWrong)
    faults.push("record-signer");
  if (signature === "invalid") faults.push("record-signature-invalid");
  if (!received) faults.push("record-opening");
  return faults;
}

/** The best first: unchanged, changed administratively, changed, and those that count for nothing. */
function rankOf(receipt: ReceiptEvidence): number {
  const { content } = receipt;
  if (!isTrusted(receipt)) return receipt.claim ? 4 : 5;
  if (!content) return 4;
  if (!isUnchanged(content)) return 3;
  return content.attributes.length === 0 ? 1 : 2;
}

/** Of receipts that fit alike, the one that says most: a person answered for it, or it is older than the device's enrolment; a gate's comes last. */
function weightOf({ claim, beforeEnrolment }: ReceiptEvidence): number {
  if (claim?.basis === "admission") return 2;
  return claim?.asUnsealed || beforeEnrolment ? 0 : 1;
}

/** Sound in itself, whatever it says of this object. */
function isTrusted({ trust, faults }: ReceiptEvidence): boolean {
  return trust?.result === "trusted" && faults.every((fault) => fault === "record-content");
}
