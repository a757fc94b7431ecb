/** `scanseal import`: takes what a person brought: a CD, a stick, a folder, a zip archive. Judged first, then vouched for by name, then handed on. */
import { join } from "node:path";
import { readDicom } from "../../dicom/read.ts";
import type { ByteSource } from "../../foundation/byte-source.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import { openHome } from "../../site/home.ts";
import { OutputFolder } from "../../site/output-folder.ts";
import { type Media, type MediaItem, openMedia } from "../../site/receipts/media.ts";
import { type Received, ReceivingOffice, requireLabel } from "../../site/receipts/receiving-office.ts";
import { withStaging } from "../../site/receipts/staging.ts";
import { reportExpiry } from "../expiry-notice.ts";
import { packageVersion } from "../package-version.ts";
import { reportProblem } from "../problem.ts";
import {
  count,
  noCounts,
  type ReceivingCounts,
  receivingStatus,
  receivingSummary,
  refusalText,
  stopsReceiving,
} from "../receiving-report.ts";
import {
  type NetworkTarget,
  networkTarget,
  type TargetOptions,
  targetText,
} from "../sending/network-target.ts";
import { inspectFile } from "../sending/outgoing-file.ts";
import { transmit } from "../sending/transmission.ts";
import { ProgressBar } from "../terminal/progress-bar.ts";

export interface ImportOptions extends TargetOptions {
  readonly home: string;
  readonly operator: string;
  readonly origin: string;
  /** A name for people of where such media come from. */
  readonly source: string;
  readonly asUnsealed: boolean;
  readonly out?: string;
  readonly send?: string;
}

/** @returns 0 when every object was taken, 1 when one was refused here or by the receiver, 2 when one could not be read or sent */
export async function importMedia(paths: readonly string[], options: ImportOptions): Promise<number> {
  const { operator, origin, source, asUnsealed, out, send } = options;
  requireLabel("--source", source);
  requireLabel("--operator", operator);
  if (origin.trim() === "") throw new ScansealError("usage", "--origin is empty: say where it comes from");
  if ((out === undefined) === (send === undefined))
    throw new ScansealError("usage", "say where it goes: --out or --send, one of them");
  const target = send === undefined ? undefined : networkTarget(send, options);
  const home = openHome(options.home);
  reportExpiry(home);
  // What is unpacked, and what waits to be sent.
  return withStaging(options.home, async (staging) => {
    const folder = out ?? join(staging, "outgoing");
    const software = { name: "scanseal", version: packageVersion() };
    const reception = { basis: "import" as const, source, operator, origin, asUnsealed, software };
    const media = await openMedia(paths, staging);
    const counts = noCounts();
    const taken = await takeAll({ media, folder, counts }, () => ReceivingOffice.open(home, reception));
    if (media.others > 0)
      reportProblem(`${media.others} links or devices were left alone: what they name was not imported`);
    if (counts.others === media.items.length) throw new ScansealError("usage", "no DICOM file was found");
    process.stdout.write(`${receivingSummary(counts)}\n`);
    const sent = target === undefined ? 0 : await sendAll(taken, target);
    if (out !== undefined) process.stdout.write(`${objectsText(taken.length)} in ${out}\n`);
    return Math.max(receivingStatus(counts), sent);
  });
}

interface Taking {
  readonly media: Media;
  readonly folder: string;
  readonly counts: ReceivingCounts;
}

/** @returns the paths of what was taken */
async function takeAll(
  { media, folder, counts }: Taking,
  openOffice: () => Promise<ReceivingOffice>,
): Promise<string[]> {
  const bar = new ProgressBar(process.stderr, systemClock, media.items.length);
  const output = await OutputFolder.open(folder);
  const office = await openOffice();
  const taken = new Set<string>();
  const take = async (source: ByteSource): Promise<Received> => {
    const received = await office.receive(source);
    if (received.outcome === "refused" || received.outcome === "directory") return received;
    // Vouched for before it is handed on: what arrives somewhere else has its receipt here.
    await office.settle();
    const { path } = await output.write(received.sopInstanceUid, await readDicom(source), []);
    taken.add(path);
    return received;
  };
  try {
    for (const [index, item] of media.items.entries()) {
      bar.show(index, item.name);
      await takeOne(item, take, counts, (text) => {
        bar.clear();
        reportProblem(`${item.name}: not imported: ${text}`);
      });
    }
    await output.sync();
  } finally {
    bar.clear();
    await media.close();
    await office.close();
  }
  return [...taken];
}

async function takeOne(
  item: MediaItem,
  take: (source: ByteSource) => Promise<Received>,
  counts: ReceivingCounts,
  problem: (text: string) => void,
): Promise<void> {
  try {
    const received = await item.withBytes(take);
    count(counts, received);
    if (received?.outcome === "refused") problem(refusalText(received.decision));
  } catch (error) {
    if (!(error instanceof ScansealError) || stopsReceiving(error)) throw error;
    if (error.code === "io") counts.unreadable++;
    else counts.refused++;
    problem(`${error.message} (${error.code})`);
  }
}

/** One association: a stick's worth of images. */
async function sendAll(paths: readonly string[], target: NetworkTarget): Promise<number> {
  if (paths.length === 0) return 0;
  const files = [];
  for (const path of paths) files.push(await inspectFile(path));
  const counts = { accepted: 0, refused: 0, failed: 0 };
  await transmit(files, target, 1, (sent) => {
    counts[sent.result]++;
    if (sent.result !== "accepted") {
      const why = "problem" in sent ? sent.problem : `status ${sent.status.code.toString(16)}`;
      reportProblem(`${sent.file.sopInstanceUid}: ${sent.result}: ${why}`);
    }
  });
  process.stdout.write(`${objectsText(counts.accepted)} accepted by ${targetText(target)}\n`);
  return counts.failed > 0 ? 2 : counts.refused > 0 ? 1 : 0;
}

function objectsText(count: number): string {
  return count === 1 ? "1 object" : `${count} objects`;
}
