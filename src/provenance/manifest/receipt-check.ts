/** Checks a receipt, and an object against it: the numbered steps of spec/receipts.md. Facts only; policy judges them. */
import type { DicomObject } from "../../dicom/model.ts";
import type { FrameDecoder } from "../../dicom/pixel-data/decoder.ts";
import { type Bytes, toHex } from "../../foundation/bytes.ts";
import type { Crypto } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { type LeafRecord, rootOf } from "../disclosure/commitment.ts";
import { decodeLeafTable } from "../disclosure/leaf-table.ts";
import { compareLeaves, type LeafComparison } from "./comparison.ts";
import { decodeReceiptOpening, type ReceiptOpening } from "./receipt-opening.ts";
import { decodeReceipt, type ReceiptStatement } from "./receipt-statement.ts";
import type { DetachedRecord } from "./record.ts";
import { type OpenedRecord, openRecord } from "./record-envelope.ts";

export interface ReceiptPortsForChecking {
  readonly crypto: Crypto;
  /** DER SubjectPublicKeyInfo of a DER certificate. @throws ScansealError `certificate-invalid` */
  readonly spkiOf: (certificate: Bytes) => Bytes;
  readonly decoder?: FrameDecoder | undefined;
}

/** What was received, once it is known to be what the statement commits to. */
export interface ReceivedContent {
  readonly opening: ReceiptOpening;
  readonly leaves: readonly LeafRecord[];
}

export interface OpenedReceipt extends OpenedRecord<ReceiptStatement> {
  /** Undefined where step 5 or 6 fails. */
  readonly received: ReceivedContent | undefined;
}

/** Steps 1 to 6. @throws ScansealError `seal-structure` when envelope or statement are not as specified */
export async function openReceipt(
  record: Pick<DetachedRecord, "envelope" | "opening">,
  ports: ReceiptPortsForChecking,
): Promise<OpenedReceipt> {
  // 1. to 4. Envelope, statement, one signer, the signature.
  const opened = await openRecord(record, decodeReceipt, ports);
  return { ...opened, received: receivedContent(record.opening, opened.statement, ports.crypto) };
}

/** Undefined where the opening is none of the statement. */
export function receivedContent(
  bytes: Bytes,
  statement: Pick<ReceiptStatement, "opening" | "seed" | "table" | "leaves" | "root">,
  crypto: Crypto,
): ReceivedContent | undefined {
  const digest = (of: Bytes): string => toHex(crypto.hash("SHA-256", of));
  // 5. The opening is the one of the statement, and so are seed and table in it.
  if (digest(bytes) !== statement.opening) return undefined;
  try {
    const opening = decodeReceiptOpening(bytes);
    if (digest(opening.seed) !== statement.seed || digest(opening.table) !== statement.table)
      return undefined;
    // 6. The table's leaves are as many as stated, and give the root.
    const leaves = decodeLeafTable(opening.table);
    const isWhole = leaves.length === statement.leaves.count && rootOf(crypto, leaves) === statement.root;
    return isWhole ? { opening, leaves } : undefined;
  } catch (error) {
    if (error instanceof ScansealError && error.code === "seal-structure") return undefined;
    throw error;
  }
}

/** Step 8. @throws ScansealError `io`, or a limit code */
export function compareWithReceived(
  object: DicomObject,
  { opening, leaves }: ReceivedContent,
  committedAs: string,
  { crypto, decoder }: ReceiptPortsForChecking,
): Promise<LeafComparison> {
  const sealedTransferSyntax = committedAs;
  return compareLeaves({
    crypto,
    object,
    records: leaves,
    seed: opening.seed,
    sealedTransferSyntax,
    decoder,
  });
}
