/** What `watermark stats` shows: a row for each file, over its frames. */
import type { FrameStatistics, ObjectStatistics } from "../site/watermark-statistics.ts";
import type { Column } from "./terminal/table.ts";

export interface StatisticsOfFile {
  readonly path: string;
  readonly measured: ObjectStatistics;
}

type Marked = Extract<FrameStatistics, { markable: true }>;

export const statisticsColumns: readonly Column[] = [
  { title: "File", shrinks: true, keeps: "end" },
  { title: "Frames", align: "right" },
  { title: "PSNR dB", align: "right" },
  { title: "Largest change", align: "right" },
  { title: "Change/noise", align: "right" },
  { title: "Recovery", align: "right" },
  { title: "Sidecar", align: "right" },
  { title: "Size", align: "right" },
  { title: "Restored" },
];

function isMarked(frame: FrameStatistics): frame is Marked {
  return frame.markable;
}

/** The worst of the frames, but for the sums. */
export function statisticsRow({ path, measured: { frames, size } }: StatisticsOfFile): string[] {
  const marked = frames.filter(isMarked);
  if (marked.length === 0)
    return [path, `0/${frames.length}`, "", "", "", "", "", "", `not marked: ${reasonsOf(frames)}`];
  const sum = (of: (frame: Marked) => number): number =>
    marked.reduce((total, frame) => total + of(frame), 0);
  const invisibility = marked.map((frame) => frame.invisibility);
  const sidecarBits = sum((frame) => frame.sidecarBits);
  const refused = marked.length < frames.length ? `; others: ${reasonsOf(frames)}` : "";
  return [
    path,
    `${marked.length}/${frames.length}`,
    Math.min(...invisibility.map(({ psnr }) => psnr)).toFixed(1),
    `${Math.max(...invisibility.map(({ maxChange }) => maxChange))}`,
    Math.max(...invisibility.map(({ changeToNoise }) => changeToNoise)).toFixed(2),
    `${(sum((frame) => frame.recoveryBits) / sum((frame) => frame.samples)).toFixed(3)} bit/sample`,
    sidecarBits === 0 ? "none" : `${Math.ceil(sidecarBits / 8)} bytes`,
    growthOf(size),
    marked.every(({ restored }) => restored) ? `bit for bit${refused}` : "NOT RESTORED",
  ];
}

function growthOf(size: ObjectStatistics["size"]): string {
  if (!size) return "";
  const percent = (100 * (size.after - size.before)) / size.before;
  return percent === 0 ? "same" : `${percent < 0 ? "" : "+"}${percent.toFixed(1)} %`;
}

function reasonsOf(frames: readonly FrameStatistics[]): string {
  const reasons = new Set(frames.flatMap((frame) => (frame.markable ? [] : [frame.reason])));
  return [...reasons].join(", ");
}

/** "3 files, 30 frames: 28 can be marked; all 28 came back bit for bit" */
export function statisticsSummary(files: readonly StatisticsOfFile[]): string {
  const frames = files.flatMap(({ measured }) => measured.frames);
  const marked = frames.filter(isMarked);
  const restored = marked.filter((frame) => frame.restored).length;
  const back =
    restored === marked.length
      ? `all ${restored} came back bit for bit`
      : `${marked.length - restored} DID NOT COME BACK`;
  const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`;
  return `${count(files.length, "file")}, ${count(frames.length, "frame")}: ${marked.length} can be marked; ${back}`;
}
