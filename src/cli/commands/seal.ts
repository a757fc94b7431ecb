/** `scanseal seal`: seals files as a device of this site would at capture. */
import { ScansealError } from "../../foundation/errors.ts";
import type { CaptureCounter } from "../../keys/custody/capture-counter.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import { openDeviceSealing } from "../../site/device-sealing.ts";
import { openHome } from "../../site/home.ts";
import { OutputFolder } from "../../site/output-folder.ts";
import { feedParts } from "../../site/provenance/feeding.ts";
import { queueSeries } from "../../site/provenance/log-feed.ts";
import { sealFile, UnreadableOriginal } from "../../site/sealing-run.ts";
import { reportExpiry } from "../expiry-notice.ts";
import { findInputs } from "../inputs.ts";
import { packageVersion } from "../package-version.ts";
import { reportProblem } from "../problem.ts";
import { reportSkipped } from "../skipped.ts";
import { ProgressBar } from "../terminal/progress-bar.ts";
import { logSeals } from "./log-feeding.ts";
import { stapleSeals } from "./ocsp.ts";
import { stampSeals } from "./time.ts";

export interface SealOptions {
  readonly home: string;
  readonly device: string;
  readonly out: string;
  /** False with --no-watermark. */
  readonly watermark: boolean;
}

/** @returns 0 when every object was sealed, 1 when one could not be, 2 when a file could not be read @throws ScansealError when key or disk failed */
export async function seal(paths: readonly string[], options: SealOptions): Promise<number> {
  const inputs = await findInputs(paths);
  const home = openHome(options.home);
  reportExpiry(home);
  const output = await OutputFolder.open(options.out);
  const bar = new ProgressBar(process.stderr, systemClock, inputs.files.length);
  let current = { index: 0, path: "" };
  const onFrame = (done: number, frames: number): void => {
    if (frames > 1) bar.show(current.index + done / frames, current.path);
  };
  const { device, counter, seals, ports, provenance, close } = await openDeviceSealing(home, options.device, {
    softwareVersion: packageVersion(),
    watermark: options.watermark,
    onFrame,
  });
  const run = {
    device,
    nextCounter: counterOf(counter, inputs.files.length),
    ports,
    seals,
    provenance,
    output,
  };
  let sealed = 0;
  let reused = 0;
  let refused = 0;
  let unreadable = inputs.unreadable.length;
  const seen = new Map<string, string>();
  const sealedSeries = new Set<string>();
  try {
    for (const [index, path] of inputs.files.entries()) {
      current = { index, path };
      bar.show(index, path);
      try {
        const { sopInstanceUid, seriesInstanceUid, reused: isReused } = await sealFile(path, run);
        sealedSeries.add(seriesInstanceUid);
        const first = seen.get(sopInstanceUid);
        if (first !== undefined)
          throw new ScansealError("duplicate-instance", `has the SOP Instance UID of ${first}`);
        seen.set(sopInstanceUid, path);
        sealed++;
        if (isReused) reused++;
      } catch (error) {
        if (!(error instanceof ScansealError) || stopsTheRun(error)) throw error;
        if (error instanceof UnreadableOriginal) unreadable++;
        else refused++;
        bar.clear();
        reportProblem(`${path}: not sealed: ${error.message} (${error.code})`);
      }
    }
    if (sealed > 0) await output.sync();
    bar.clear();
    await logSeals(home, provenance, async () => {
      for (const series of sealedSeries) await queueSeries(feedParts(provenance), series);
    });
    await stampSeals(home, provenance);
    await stapleSeals(home, provenance, seen.keys());
  } finally {
    bar.clear();
    await close();
  }
  reportSkipped(inputs, "sealed");
  process.stdout.write(
    `${sealed} ${sealed === 1 ? "object" : "objects"} sealed by ${options.device} into ${options.out}${beforeText(reused, sealed)}\n`,
  );
  if (unreadable > 0) return 2;
  return refused > 0 ? 1 : 0;
}

/** Sealing an original again gives the same bytes. */
function beforeText(reused: number, sealed: number): string {
  if (reused === 0) return "";
  return `: ${reused === sealed ? (sealed === 1 ? "it was" : "all of them") : reused} sealed before, the same seal again`;
}

/** Numbers are reserved for all files at once, when the first is needed: one durable write for a series; gaps are fine. */
function counterOf(counter: CaptureCounter, count: number): () => number {
  let next = 0;
  let end = 0;
  return () => {
    if (next === end) {
      const reservation = counter.reserve(count);
      next = reservation.first;
      end = next + reservation.count;
    }
    return next++;
  };
}

/** A full disk or an unusable key would fail for every file. */
function stopsTheRun(error: ScansealError): boolean {
  if (error instanceof UnreadableOriginal) return false;
  const { code } = error;
  return code === "io" || code === "key-unusable" || code === "counter-conflict" || code === "internal";
}
