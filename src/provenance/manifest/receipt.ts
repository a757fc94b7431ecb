/** Makes the receipt of an object that is in hands: spec/receipts.md. The object's bytes stay as they are. */
import { nameTextOf } from "../../dicom/elements.ts";
import type { DicomObject } from "../../dicom/model.ts";
import { tags } from "../../dicom/tags.ts";
import { toHex } from "../../foundation/bytes.ts";
import type { Clock, Signer } from "../../foundation/crypto.ts";
import { type CommitPorts, commitContent } from "./content-commitment.ts";
import { encodeReceiptOpening, type IrregularPart } from "./receipt-opening.ts";
import { encodeReceipt, type ReceiptStatement } from "./receipt-statement.ts";
import type { DetachedRecord, RecordSubject } from "./record.ts";
import { signerOf, signRecord } from "./record-envelope.ts";

export interface ReceiptRequest
  extends Pick<ReceiptStatement, "source" | "basis" | "operator" | "asUnsealed" | "software"> {
  readonly object: DicomObject;
  /** Private: it is in the opening only. */
  readonly origin?: string;
  /** What `exemptPartChanges` says of it now. */
  readonly irregular: readonly IrregularPart[];
}

export interface ReceiptPorts extends CommitPorts {
  readonly clock: Clock;
  /** Of role `receipt`. */
  readonly signer: Signer;
}

export interface Receipt {
  readonly record: DetachedRecord;
  readonly subjects: readonly RecordSubject[];
}

/**
 * @throws ScansealError `usage` for an origin, `seal-structure` for a label that is not as specified, `not-sealable` and limits for the object, `io`,
 *   and what the signer throws
 */
export async function makeReceipt(request: ReceiptRequest, ports: ReceiptPorts): Promise<Receipt> {
  const { object, source, basis, operator, asUnsealed, software, irregular, origin = "" } = request;
  const { crypto, clock, signer } = ports;
  const { claim, seed, table } = await commitContent(object, ports);
  const sopInstanceUid = nameTextOf(object.elements, tags.sopInstanceUid) ?? "";
  const opening = encodeReceiptOpening({ sopInstanceUid, origin, irregular, seed, table });
  const payload = encodeReceipt({
    signer: signerOf(crypto, signer),
    source,
    basis,
    ...(operator === undefined ? {} : { operator }),
    asUnsealed,
    opening: toHex(crypto.hash("SHA-256", opening)),
    ...claim,
    software,
    receivedAt: new Date(clock.now()).toISOString(),
  });
  const record = await signRecord("receipt", payload, opening, { crypto, signer });
  return { record, subjects: [{ kind: "instance", name: sopInstanceUid }] };
}
