/** Makes a derivation of an object that is in hands, and opens one again: spec/derivations.md. The object's bytes stay as they are. */
import { nameTextOf } from "../../dicom/elements.ts";
import type { DicomObject } from "../../dicom/model.ts";
import { tags } from "../../dicom/tags.ts";
import { toHex } from "../../foundation/bytes.ts";
import { commitContent } from "./content-commitment.ts";
import { type DerivationStatement, decodeDerivation, encodeDerivation } from "./derivation-statement.ts";
import type { ReceiptPorts } from "./receipt.ts";
import { type ReceiptPortsForChecking, type ReceivedContent, receivedContent } from "./receipt-check.ts";
import { encodeReceiptOpening, type IrregularPart } from "./receipt-opening.ts";
import type { DetachedRecord, RecordSubject } from "./record.ts";
import { type OpenedRecord, openRecord, signerOf, signRecord } from "./record-envelope.ts";

export interface DerivationRequest
  extends Pick<DerivationStatement, "action" | "product" | "operator" | "supersedes" | "parents"> {
  /** The result. */
  readonly object: DicomObject;
  /** What no commitment covers and is not as usual, as it is now. */
  readonly irregular: readonly IrregularPart[];
}

export interface Derivation {
  readonly record: DetachedRecord;
  /** The result, and each parent's manifest or record. */
  readonly subjects: readonly RecordSubject[];
}

/**
 * @param ports with a signer of role `derive`
 * @throws ScansealError `usage`, `seal-structure` for labels, `not-sealable` and limits for the object, `io`, and what the signer throws
 */
export async function makeDerivation(request: DerivationRequest, ports: ReceiptPorts): Promise<Derivation> {
  const { object, action, product, operator, supersedes, parents, irregular } = request;
  const { crypto, clock, signer } = ports;
  const { claim, seed, table } = await commitContent(object, ports);
  const sopInstanceUid = nameTextOf(object.elements, tags.sopInstanceUid) ?? "";
  const opening = encodeReceiptOpening({ sopInstanceUid, origin: "", irregular, seed, table });
  const named = new Map(parents.map((parent) => [parent.digest, parent]));
  const payload = encodeDerivation({
    signer: signerOf(crypto, signer),
    action,
    parents: [...named.values()].sort((a, b) => (a.digest < b.digest ? -1 : 1)),
    ...(product === undefined ? {} : { product }),
    ...(operator === undefined ? {} : { operator }),
    supersedes,
    opening: toHex(crypto.hash("SHA-256", opening)),
    ...claim,
    derivedAt: new Date(clock.now()).toISOString(),
  });
  const record = await signRecord("derivation", payload, opening, { crypto, signer });
  const statements = [...named.keys()].map((name): RecordSubject => ({ kind: "statement", name }));
  return { record, subjects: [{ kind: "instance", name: sopInstanceUid }, ...statements] };
}

export interface OpenedDerivation extends OpenedRecord<DerivationStatement> {
  /** What was made; undefined where the opening is none of the statement. */
  readonly made: ReceivedContent | undefined;
}

/** Steps 1 to 6. @throws ScansealError `seal-structure` when envelope or statement are not as specified */
export async function openDerivation(
  record: Pick<DetachedRecord, "envelope" | "opening">,
  ports: ReceiptPortsForChecking,
): Promise<OpenedDerivation> {
  const opened = await openRecord(record, decodeDerivation, ports); // 1 to 4
  // 5. and 6. Opening, seed, table and root.
  return { ...opened, made: receivedContent(record.opening, opened.statement, ports.crypto) };
}
