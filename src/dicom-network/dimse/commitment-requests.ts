/** What a peer asks of, or tells about, Storage Commitment: N-ACTION and N-EVENT-REPORT (PS3.7 10.1.1 and 10.1.4, PS3.4 J.3). */
import { ScansealError } from "../../foundation/errors.ts";
import type { AgreedContext } from "./association.ts";
import { commandField } from "./command-set.ts";
import { GatheredDataSet } from "./gathered-data-set.ts";
import type { DataSetTaker, RequestCommand } from "./message-acceptor.ts";
import type { DimseProvider, DimseStatus, OpenAssociation } from "./service.ts";
import { storageCommitmentClass, storageCommitmentInstance } from "./sop-classes.ts";
import { dimseStatus } from "./status.ts";
import {
  commitmentActionType,
  eventTypeOf,
  readCommitmentReport,
  readCommitmentRequest,
} from "./storage-commitment.ts";

/** 20,000 instances, read in a tenth of a second; the largest studies have some thousands. */
const referencesBytesMax = 2 << 20;

/** The status that refuses it, or who takes its data set. */
export function commitmentTaker(
  provider: Pick<DimseProvider, "commit" | "report">,
  open: OpenAssociation,
  { transferSyntax }: AgreedContext,
  command: RequestCommand,
): DataSetTaker | DimseStatus {
  const { field } = command;
  const isAction = field === commandField.actionRequest;
  const isHandled = isAction ? provider.commit : field === commandField.eventReportRequest && provider.report;
  if (!isHandled) return { code: dimseStatus.unrecognizedOperation };
  const [classUid, instanceUid] = isAction
    ? [command.requestedSopClassUid, command.requestedSopInstanceUid]
    : [command.sopClassUid, command.sopInstanceUid];
  if (classUid !== storageCommitmentClass) return { code: dimseStatus.classNotSupported };
  if (instanceUid !== storageCommitmentInstance) return { code: dimseStatus.noSuchInstance };
  const { actionTypeId, eventTypeId, hasDataSet } = command;
  if (isAction && actionTypeId !== commitmentActionType) return { code: dimseStatus.noSuchAction };
  if (!isAction && eventTypeId !== 1 && eventTypeId !== 2) return { code: dimseStatus.noSuchEventType };
  if (!hasDataSet) return { code: dimseStatus.mistypedArgument };
  return new GatheredDataSet(referencesBytesMax, { code: dimseStatus.resourceLimitation }, async (bytes) => {
    try {
      if (isAction) return await provider.commit!(await readCommitmentRequest(bytes, transferSyntax), open);
      const report = await readCommitmentReport(bytes, transferSyntax);
      if (eventTypeOf(report) !== eventTypeId) return { code: dimseStatus.invalidArgument };
      return await provider.report!(report, open);
    } catch (error) {
      if (!(error instanceof ScansealError)) throw error;
      return { code: dimseStatus.invalidArgument, comment: error.message };
    }
  });
}
