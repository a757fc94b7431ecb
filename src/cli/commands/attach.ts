/** `scanseal attach`: log proofs and time stamps into the sealed objects they are about. */
import { ScansealError } from "../../foundation/errors.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import { openHome } from "../../site/home.ts";
import { OutputFolder } from "../../site/output-folder.ts";
import { attachLateEvidence } from "../../site/provenance/attachment.ts";
import { recordLookup } from "../../site/provenance/record-lookup.ts";
import { openProvenanceJournal } from "../../store/provenance/open-provenance-journal.ts";
import { findInputs } from "../inputs.ts";
import { reportProblem } from "../problem.ts";
import { reportSkipped } from "../skipped.ts";
import { ProgressBar } from "../terminal/progress-bar.ts";

export interface AttachOptions {
  readonly home: string;
  readonly out: string;
}

/** @returns 0 when every object was written, 1 when one could not be, 2 when a file could not be read */
export async function attach(paths: readonly string[], options: AttachOptions): Promise<number> {
  const inputs = await findInputs(paths);
  const output = await OutputFolder.open(options.out);
  const journal = await openProvenanceJournal(openHome(options.home).provenancePath);
  const records = recordLookup(journal);
  const bar = new ProgressBar(process.stderr, systemClock, inputs.files.length);
  let written = 0;
  let added = 0;
  try {
    for (const [index, path] of inputs.files.entries()) {
      bar.show(index, path);
      try {
        added += (await attachLateEvidence(path, records, output)).added;
        written++;
      } catch (error) {
        if (!(error instanceof ScansealError) || error.code === "io" || error.code === "storage-full")
          throw error;
        bar.clear();
        reportProblem(`${path}: not written: ${error.message}`);
      }
    }
    if (written > 0) await output.sync();
  } finally {
    bar.clear();
    await journal.close();
  }
  reportSkipped(inputs, "written");
  process.stdout.write(
    `${written} ${written === 1 ? "object" : "objects"} written into ${options.out}, ${added} ${added === 1 ? "piece" : "pieces"} of late evidence attached\n`,
  );
  if (inputs.unreadable.length > 0) return 2;
  return written < inputs.files.length ? 1 : 0;
}
