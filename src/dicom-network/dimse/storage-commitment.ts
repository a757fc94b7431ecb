/** The data sets of the Storage Commitment Push Model (PS3.4 J.3.2.1 and J.3.3.1). */
import { findElement, plainTextOf, unsignedShort } from "../../dicom/elements.ts";
import { type NewElement, numberElement, textElement } from "../../dicom/encode.ts";
import type { DataElement } from "../../dicom/model.ts";
import type { Tag } from "../../dicom/tags.ts";
import { isWellFormedUid } from "../../dicom/uid.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { encodeIdentifier, readIdentifier } from "../query/identifier.ts";

export interface SopReference {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
}

export interface CommitmentRequest {
  readonly transactionUid: string;
  /** At least one. */
  readonly instances: readonly SopReference[];
}

/** PS3.3 C.14.1.1: Failure Reason (0008,1197), such as 0x0112, no such object instance. */
export interface FailedReference extends SopReference {
  readonly reason: number;
}

export interface CommitmentReport {
  readonly transactionUid: string;
  readonly committed: readonly SopReference[];
  readonly failed: readonly FailedReference[];
}

/** PS3.4 J.3.2: request storage commitment. */
export const commitmentActionType = 1;
/** PS3.4 J.3.3: 1 all are committed, 2 failures exist. */
export type CommitmentEventType = 1 | 2;

const transactionUidTag: Tag = 0x00081195;
const referencedSequence: Tag = 0x00081199;
const failedSequence: Tag = 0x00081198;
const referencedClass: Tag = 0x00081150;
const referencedInstance: Tag = 0x00081155;
const failureReason: Tag = 0x00081197;
/** PS3.3 C.14.1.1: for a failure without a reason. */
const processingFailure = 0x0110;

export function eventTypeOf({ failed }: CommitmentReport): CommitmentEventType {
  return failed.length > 0 ? 2 : 1;
}

/** @throws ScansealError `unsupported` for the transfer syntax */
export function encodeCommitmentRequest(request: CommitmentRequest, transferSyntaxUid: string): Bytes {
  const { transactionUid, instances } = request;
  return encodeIdentifier(
    [textElement(transactionUidTag, "UI", transactionUid), sequenceOf(referencedSequence, instances)],
    transferSyntaxUid,
  );
}

/** @throws ScansealError `unsupported` for the transfer syntax */
export function encodeCommitmentReport(report: CommitmentReport, transferSyntaxUid: string): Bytes {
  const { transactionUid, committed, failed } = report;
  const elements = [textElement(transactionUidTag, "UI", transactionUid)];
  if (committed.length > 0) elements.push(sequenceOf(referencedSequence, committed));
  if (failed.length > 0) elements.push(sequenceOf(failedSequence, failed));
  return encodeIdentifier(elements, transferSyntaxUid);
}

function sequenceOf(tag: Tag, references: readonly (SopReference | FailedReference)[]): NewElement {
  const items = references.map((reference) => [
    textElement(referencedClass, "UI", reference.sopClassUid),
    textElement(referencedInstance, "UI", reference.sopInstanceUid),
    ...("reason" in reference ? [numberElement(failureReason, "US", reference.reason)] : []),
  ]);
  return {
    tag,
    vr: "SQ",
    items: items.map((item) => [...item].sort((a, b) => a.tag - b.tag)),
  };
}

/** @throws ScansealError `peer-protocol` for what is none; malformed and limit codes */
export async function readCommitmentRequest(
  bytes: Bytes,
  transferSyntaxUid: string,
): Promise<CommitmentRequest> {
  const { elements } = await readIdentifier(bytes, transferSyntaxUid);
  const instances = referencesAt(elements, referencedSequence).map(({ reference }) => reference);
  if (instances.length === 0) throw fault("no instance");
  return { transactionUid: uidAt(elements, transactionUidTag), instances };
}

/** @throws ScansealError `peer-protocol` for what is none; malformed and limit codes */
export async function readCommitmentReport(
  bytes: Bytes,
  transferSyntaxUid: string,
): Promise<CommitmentReport> {
  const { elements } = await readIdentifier(bytes, transferSyntaxUid);
  return {
    transactionUid: uidAt(elements, transactionUidTag),
    committed: referencesAt(elements, referencedSequence).map(({ reference }) => reference),
    failed: referencesAt(elements, failedSequence).map(({ reference, item }) => ({
      ...reference,
      reason: unsignedShort(findElement(item, failureReason)) ?? processingFailure,
    })),
  };
}

function referencesAt(
  elements: readonly DataElement[],
  tag: Tag,
): { readonly reference: SopReference; readonly item: readonly DataElement[] }[] {
  const items = findElement(elements, tag)?.items ?? [];
  return items.map(({ elements: item }) => ({
    reference: {
      sopClassUid: uidAt(item, referencedClass),
      sopInstanceUid: uidAt(item, referencedInstance),
    },
    item,
  }));
}

function uidAt(elements: readonly DataElement[], tag: Tag): string {
  const uid = plainTextOf(elements, tag);
  if (uid === undefined || !isWellFormedUid(uid)) throw fault("no UID where one belongs");
  return uid;
}

function fault(message: string): ScansealError {
  return new ScansealError("peer-protocol", `storage commitment: ${message}`);
}
