/** `scanseal send`: C-STORE of files to any DICOM receiver. */
import { describeStatus } from "../../dicom-network/dimse/status.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import { findInputs } from "../inputs.ts";
import { problemText, reportProblem } from "../problem.ts";
import {
  type NetworkTarget,
  networkTarget,
  type TargetOptions,
  targetText,
} from "../sending/network-target.ts";
import { inspectFile, type OutgoingFile } from "../sending/outgoing-file.ts";
import { type Sent, transmit } from "../sending/transmission.ts";
import { reportSkipped } from "../skipped.ts";
import { jsonLine } from "../terminal/json-line.ts";
import { ProgressBar } from "../terminal/progress-bar.ts";

export interface SendOptions extends TargetOptions {
  readonly to: string;
  readonly associations: number;
  readonly json: boolean;
}

/** @returns 0 when the peer accepted every object, 1 when it refused one, 2 when one could not be read or sent */
export async function send(paths: readonly string[], options: SendOptions): Promise<number> {
  const target = networkTarget(options.to, options);
  const inputs = await findInputs(paths);
  const bar = new ProgressBar(process.stderr, systemClock, inputs.files.length);
  let done = 0;
  const problem = (path: string, text: string): void => {
    bar.clear();
    reportProblem(`${path}: ${text}`);
  };
  const files: OutgoingFile[] = [];
  const counts = { accepted: 0, refused: 0, failed: inputs.unreadable.length };
  const statuses = new Map<string, number>();
  const left = new Map<string, number>();
  const report = (sent: Sent): void => {
    counts[sent.result]++;
    const text = "status" in sent ? describeStatus(sent.status.code) : sent.problem;
    // Of what went as it should nothing is said.
    if (!("status" in sent && sent.status.code === 0)) {
      const key = `${sent.result}: ${text}`;
      statuses.set(key, (statuses.get(key) ?? 0) + 1);
      if ("isLeft" in sent) left.set(text, (left.get(text) ?? 0) + 1);
      else if (sent.result !== "accepted") problem(sent.file.path, `${sent.result}: ${text}`);
    }
    if (options.json) process.stdout.write(`${jsonLine(sentJson(sent, text))}\n`);
    bar.show(++done, sent.file.path);
  };
  try {
    for (const path of inputs.files) {
      try {
        files.push(await inspectFile(path));
      } catch (error) {
        counts.failed++;
        problem(path, `not sent: ${problemText(error)}`);
        bar.show(++done, path);
      }
    }
    await transmit(files, target, options.associations, report);
  } finally {
    bar.clear();
  }
  for (const [text, count] of left)
    reportProblem(`${text}; ${count === 1 ? "1 file was" : `${count} files were`} not sent`);
  reportSkipped(inputs, "sent");
  if (!options.json) printSummary(counts, statuses, target);
  return counts.failed > 0 ? 2 : counts.refused > 0 ? 1 : 0;
}

function sentJson(sent: Sent, text: string): Record<string, unknown> {
  const { path, sopClassUid, sopInstanceUid, transferSyntaxUid } = sent.file;
  const status = "status" in sent ? sent.status.code.toString(16).toUpperCase().padStart(4, "0") : undefined;
  return { path, result: sent.result, status, text, sopClassUid, sopInstanceUid, transferSyntaxUid };
}

function printSummary(
  {
    accepted,
    refused,
    failed,
  }: { readonly accepted: number; readonly refused: number; readonly failed: number },
  statuses: ReadonlyMap<string, number>,
  target: NetworkTarget,
): void {
  const objects = accepted === 1 ? "object" : "objects";
  const rest = [refused > 0 ? `${refused} refused` : "", failed > 0 ? `${failed} not sent` : ""].filter(
    Boolean,
  );
  process.stdout.write(
    `${[`${accepted} ${objects} accepted by ${targetText(target)}`, ...rest].join(", ")}\n`,
  );
  for (const [text, count] of statuses) process.stdout.write(`  ${count} ${text}\n`);
}
