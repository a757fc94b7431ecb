/** The receipts of an object without a trusted seal, each checked in full; the one that fits best is kept. Numbers are the steps of spec/receipts.md. */
import type { DicomObject } from "../../dicom/model.ts";
import { ScansealError } from "../../foundation/errors.ts";
import {
  compareWithReceived,
  type OpenedReceipt,
  openReceipt,
  type ReceivedContent,
} from "../../provenance/manifest/receipt-check.ts";
import type { DetachedRecord } from "../../provenance/manifest/record.ts";
import { sealedValueTest } from "../../provenance/manifest/sealed-values.ts";
import type { EvidencePorts } from "./collect.ts";
import { contentOf } from "./content-check.ts";
import type {
  AttributeChange,
  ContentEvidence,
  Evidence,
  FormatFacts,
  ReceiptEvidence,
  RecordFault,
} from "./evidence.ts";
import { exemptPartChanges } from "./exempt-parts.ts";

/** Of receipts by trusted signers, this many are compared with the object; a site gives one, and another for what a correction made of it. */
const comparedMax = 64;

/** Empty where there is none at all. @throws ScansealError `io` */
export async function receiptEvidence(
  object: DicomObject,
  format: FormatFacts,
  ports: EvidencePorts,
): Promise<Pick<Evidence, "receipt">> {
  const receipt = await receiptOf(object, format, ports);
  return receipt ? { receipt } : {};
}

async function receiptOf(
  object: DicomObject,
  { sopInstanceUid, deviceSerialNumber }: FormatFacts,
  ports: EvidencePorts,
): Promise<ReceiptEvidence | undefined> {
  if (!ports.records || sopInstanceUid === undefined) return undefined;
  const records = await ports.records.about({ kind: "instance", name: sopInstanceUid });
  const since = deviceSerialNumber === undefined ? undefined : ports.trust.enrolledSince(deviceSerialNumber);
  const checked: ReceiptEvidence[] = [];
  let compared = 0;
  for (const record of records) {
    if (record.kind !== "receipt") continue;
    const evidence = await checkRecord(object, record, { ports, since, isFull: compared >= comparedMax });
    if (evidence.content) compared++;
    checked.push(evidence);
  }
  const [best] = checked.toSorted((a, b) => rankOf(a) - rankOf(b));
  const disagreeing = checked.filter((one) => one !== best && isTrusted(one) && rankOf(one) > 2).length;
  return best && { ...best, disagreeing };
}

interface CheckContext {
  readonly ports: EvidencePorts;
  /** The device's enrolment. */
  readonly since: number | undefined;
  readonly isFull: boolean;
}

async function checkRecord(
  object: DicomObject,
  record: DetachedRecord,
  { ports, since, isFull }: CheckContext,
): Promise<ReceiptEvidence> {
  const { crypto, decoder } = ports;
  const portsForChecking = { crypto, decoder, spkiOf: (der: Uint8Array) => ports.trust.spkiOf(der) };
  let opened: OpenedReceipt;
  try {
    opened = await openReceipt(record, portsForChecking); // 1 to 6
  } catch (error) {
    if (!(error instanceof ScansealError) || error.code !== "seal-structure") throw error;
    return { ...unreadable, record: record.digest, faults: ["record-structure"], detail: error.message };
  }
  const { statement, received, digest } = opened;
  // 7. The signer may give receipts, with that hash.
  const trust = await ports.trust.judge(opened.envelope.certificates[0]!, "receipt");
  const isHashWrong = trust.result === "trusted" && !trust.hashes.includes(statement.signer.hash);
  const faults = faultsOf(opened, isHashWrong);
  const isSound = faults.length === 0 && trust.result === "trusted";
  // 8. The object is what was received; not asked of a receipt that counts for nothing.
  const content =
    isSound && received && !isFull
      ? await contentSince(object, received, statement.pixels.transferSyntax, ports)
      : undefined;
  if (content && !isUnchanged(content)) faults.push("record-content");
  const { source, basis, operator, asUnsealed, receivedAt } = statement;
  return {
    record: digest,
    faults,
    trust,
    claim: { source, basis, operator, asUnsealed, receivedAt },
    content,
    beforeEnrolment: since !== undefined && Date.parse(receivedAt) < since,
    disagreeing: 0,
  };
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

async function contentSince(
  object: DicomObject,
  received: ReceivedContent,
  committedAs: string,
  ports: EvidencePorts,
): Promise<ContentEvidence | undefined> {
  const { crypto, decoder, trust } = ports;
  const comparison = await compareWithReceived(object, received, committedAs, {
    crypto,
    decoder,
    spkiOf: (der) => trust.spkiOf(der),
  });
  const content = await contentOf({
    object,
    facts: { comparison, rootBy: "table", seed: "fits" },
    committedAs,
    sealedValues: () => sealedValueTest(crypto, received.opening),
    decoder,
  });
  // What no commitment covers, unless it was so when it was received.
  const known = new Set(received.opening.irregular.map(({ kind, path }) => `${kind} ${path}`));
  const irregular = irregularParts(object, committedAs).filter(
    ({ kind, path }) => !known.has(`${kind} ${path}`),
  );
  return content && { ...content, attributes: [...content.attributes, ...irregular] };
}

/** What no commitment covers, and is not as software usually writes it (spec/commitments.md). */
export function irregularParts(object: DicomObject, committedAs: string): AttributeChange[] {
  return exemptPartChanges({
    object,
    statement: { pixels: { transferSyntax: committedAs } },
    binding: undefined,
  });
}

/** The best first: unchanged, changed administratively, changed, and those that count for nothing. */
function rankOf(receipt: ReceiptEvidence): number {
  const { content } = receipt;
  if (!isTrusted(receipt)) return receipt.claim ? 4 : 5;
  if (!content) return 4;
  if (!isUnchanged(content)) return 3;
  return content.attributes.length === 0 ? 1 : 2;
}

/** Sound in itself, whatever it says of this object. */
function isTrusted({ trust, faults }: ReceiptEvidence): boolean {
  return trust?.result === "trusted" && faults.every((fault) => fault === "record-content");
}

/** Nothing but what may change: administrative entries, by-products of lossless transcoding, and what a trusted record explains. */
function isUnchanged(content: ContentEvidence): boolean {
  const frames = [
    content.framesChanged,
    content.framesAdded,
    content.framesRemoved,
    content.framesUncheckable,
  ];
  return (
    !content.unlocalised &&
    frames.every((list) => list.length === 0) &&
    content.attributes.every(
      (change) =>
        change.attributeClass === "administrative" ||
        change.transcodeByProduct ||
        change.explainedBy !== undefined,
    )
  );
}
