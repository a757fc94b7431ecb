/** `scanseal restore`: the originals of marked images, for whoever has the site's keys. */
import { ScansealError } from "../../foundation/errors.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import { openHome } from "../../site/home.ts";
import { OutputFolder } from "../../site/output-folder.ts";
import { Restorer } from "../../site/restoration-run.ts";
import { findInputs } from "../inputs.ts";
import { reportProblem } from "../problem.ts";
import { reportSkipped } from "../skipped.ts";
import { ProgressBar } from "../terminal/progress-bar.ts";

export interface RestoreOptions {
  readonly home: string;
  readonly out: string;
}

/** @returns 0 when every original is there, 1 when one could not be restored, 2 when a file could not be read @throws ScansealError when keys or disk failed */
export async function restore(paths: readonly string[], options: RestoreOptions): Promise<number> {
  const inputs = await findInputs(paths);
  const output = await OutputFolder.open(options.out);
  const restorer = new Restorer(openHome(options.home), output);
  const bar = new ProgressBar(process.stderr, systemClock, inputs.files.length);
  let restored = 0;
  let recorded = 0;
  try {
    for (const [index, path] of inputs.files.entries()) {
      bar.show(index, path);
      try {
        const done = await restorer.restore(path);
        restored++;
        if (done.recorded) recorded++;
      } catch (error) {
        if (!(error instanceof ScansealError) || error.code === "io" || error.code === "key-unusable")
          throw error;
        bar.clear();
        reportProblem(`${path}: not restored: ${error.message}`);
      }
    }
    if (restored > 0) await output.sync();
  } finally {
    bar.clear();
    await restorer.close();
  }
  reportSkipped(inputs, "restored");
  process.stdout.write(
    `${restored} ${restored === 1 ? "object" : "objects"} restored into ${options.out}${restored > 0 ? ": every pixel as it was captured" : ""}.\n` +
      (restored > 0 ? "They carry no seal: keep the sealed ones, which prove what these are.\n" : "") +
      (recorded > 0 ? "This site recorded what they were restored from, and knows them as received.\n" : ""),
  );
  if (inputs.unreadable.length > 0) return 2;
  return restored < inputs.files.length ? 1 : 0;
}
