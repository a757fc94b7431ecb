/** `scanseal echo`: C-ECHO, to see whether somebody is there and takes our association. */
import { implicitLittleEndianUid } from "../../dicom/transfer-syntax.ts";
import type { PresentationContext } from "../../dicom-network/dimse/association.ts";
import { connectDimse } from "../../dicom-network/dimse/client.ts";
import { verificationSopClass } from "../../dicom-network/dimse/presentation.ts";
import { describeStatus } from "../../dicom-network/dimse/status.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { connectionProblem } from "../sending/connection-words.ts";
import {
  type NetworkTarget,
  networkTarget,
  type TargetOptions,
  targetText,
} from "../sending/network-target.ts";

/** @returns 0 when the peer answered with success, 1 for another status */
export async function echo(address: string, options: TargetOptions): Promise<number> {
  const context = {
    id: 1,
    abstractSyntax: verificationSopClass,
    transferSyntaxes: [implicitLittleEndianUid],
  };
  const target = networkTarget(address, options);
  const code = await answerOf(target, context);
  const answer = code === 0 ? "answered" : `answered: ${describeStatus(code)}`;
  process.stdout.write(`${targetText(target)} ${answer}\n`);
  return code === 0 ? 0 : 1;
}

async function answerOf(target: NetworkTarget, context: PresentationContext): Promise<number> {
  try {
    const client = await connectDimse({ ...target, contexts: [context] });
    const { code } = await client.echo();
    await client.release().catch(() => undefined);
    return code;
  } catch (error) {
    if (!(error instanceof ScansealError)) throw error;
    throw new ScansealError(error.code, connectionProblem(error), { cause: error });
  }
}
