/** `scanseal watermark stats`: what marking would do to files. */
import { ScansealError } from "../../foundation/errors.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import { WatermarkStatistics } from "../../site/watermark-statistics.ts";
import { findInputs } from "../inputs.ts";
import { reportProblem } from "../problem.ts";
import { reportSkipped } from "../skipped.ts";
import { jsonLine } from "../terminal/json-line.ts";
import { ProgressBar } from "../terminal/progress-bar.ts";
import { formatTable } from "../terminal/table.ts";
import {
  type StatisticsOfFile,
  statisticsColumns,
  statisticsRow,
  statisticsSummary,
} from "../watermark-report.ts";

export interface StatsOptions {
  readonly json: boolean;
}

/** @returns 0; 1 when a marked frame did not come back bit for bit; 2 when a file cannot be read */
export async function stats(paths: readonly string[], { json }: StatsOptions): Promise<number> {
  const inputs = await findInputs(paths);
  const bar = new ProgressBar(process.stderr, systemClock, inputs.files.length);
  const statistics = new WatermarkStatistics();
  const measured: StatisticsOfFile[] = [];
  let unreadable = inputs.unreadable.length;
  try {
    for (const [done, path] of inputs.files.entries()) {
      bar.show(done, path);
      try {
        const object = await statistics.measure(path, (frame, frames) =>
          bar.show(done + frame / frames, path),
        );
        measured.push({ path, measured: object });
        const { frames, size } = object;
        if (json) for (const frame of frames) process.stdout.write(`${jsonLine({ path, ...frame, size })}\n`);
      } catch (error) {
        if (!(error instanceof ScansealError)) throw error;
        unreadable++;
        bar.clear();
        reportProblem(`${path}: ${error.message}`);
      }
    }
  } finally {
    bar.clear();
    await statistics.close();
  }
  if (!json) {
    const rows = measured.map(statisticsRow);
    for (const line of formatTable(statisticsColumns, rows, process.stdout.columns))
      process.stdout.write(`${line}\n`);
    process.stdout.write(`\n${statisticsSummary(measured)}\n`);
  }
  reportSkipped(inputs, "measured");
  if (unreadable > 0) return 2;
  const frames = measured.flatMap((one) => one.measured.frames);
  return frames.every((frame) => !frame.markable || frame.restored) ? 0 : 1;
}
