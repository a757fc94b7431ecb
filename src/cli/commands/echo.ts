/** `scanseal echo`: C-ECHO, to see whether somebody is there and takes our association. */
import { implicitLittleEndianUid } from "../../dicom/transfer-syntax.ts";
import { connectDimse } from "../../dicom-network/dimse/client.ts";
import { verificationSopClass } from "../../dicom-network/dimse/presentation.ts";
import { describeStatus } from "../../dicom-network/dimse/status.ts";
import { networkTarget, type TargetOptions } from "../sending/network-target.ts";

/** @returns 0 when the peer answered with success, 1 for another status */
export async function echo(address: string, options: TargetOptions): Promise<number> {
  const context = {
    id: 1,
    abstractSyntax: verificationSopClass,
    transferSyntaxes: [implicitLittleEndianUid],
  };
  const client = await connectDimse({ ...networkTarget(address, options), contexts: [context] });
  const { code } = await client.echo();
  await client.release().catch(() => undefined);
  const answer = code === 0 ? "answered" : `answered: ${describeStatus(code)}`;
  process.stdout.write(`${options.called} at ${address} ${answer}\n`);
  return code === 0 ? 0 : 1;
}
