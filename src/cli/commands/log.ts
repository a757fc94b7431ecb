/** `scanseal log init`, `log serve`. */
import { createLog, openLog } from "../../site/transparency-log/log-folder.ts";
import { serveLog } from "../../site/transparency-log/log-service.ts";
import { wholeNumber } from "../number-option.ts";
import { problemText, reportProblem } from "../problem.ts";
import { untilSignal } from "../until-signal.ts";

function say(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}

/** @returns 0 */
export async function initLog(
  folder: string,
  options: { readonly origin: string; readonly journal?: string },
): Promise<number> {
  const vkey = await createLog(folder, { origin: options.origin, journal: options.journal });
  say(
    `Log ${options.origin} made in ${folder}. Its key, for whoever verifies:`,
    vkey,
    "It has no witnesses: it is not protected from site administrators. Name some in its policy file.",
  );
  return 0;
}

interface ServeOptions {
  readonly host: string;
  readonly port: string;
  readonly interval: string;
}

/** @returns 0 when a signal ended it; 1 when the log is read-only at its start */
export async function serveLogCommand(folder: string, options: ServeOptions): Promise<number> {
  const port = wholeNumber(options.port, "--port", 0, 65_535);
  const intervalMs = wholeNumber(options.interval, "--interval", 1, 3_600) * 1_000;
  const token = process.env.SCANSEAL_LOG_TOKEN || undefined;
  const log = await openLog(folder);
  try {
    const service = await serveLog(log, {
      host: options.host,
      port,
      intervalMs,
      token,
      onProblem: (error) => reportProblem(problemText(error)),
    });
    const stopped = untilSignal();
    const { problem } = log.sequencer;
    const what = problem
      ? "reading only"
      : token === undefined
        ? "appending from this machine only"
        : "appending with the token";
    say(`Log at http://${options.host}:${service.port}, ${log.sequencer.size} entries, ${what}.`);
    await stopped;
    await service.close();
    return problem ? 1 : 0;
  } finally {
    await log.close();
  }
}
