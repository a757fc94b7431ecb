/** Run as a child process: reads the files named on standard input and prints, as JSON, what came of each and what it took. */
import { readFileSync } from "node:fs";
import { readDicom } from "../../src/dicom/read.ts";
import { ScansealError } from "../../src/foundation/errors.ts";
import { openFileSource } from "../../src/platform/node/file-source.ts";

for (const path of readFileSync(0, "utf8").trimEnd().split("\n")) {
  const started = performance.now();
  const source = await openFileSource(path);
  let code = "accepted";
  try {
    await readDicom(source);
  } catch (error) {
    if (!(error instanceof ScansealError)) throw error;
    code = error.code;
  }
  const milliseconds = performance.now() - started;
  await source.close();
  // maxRSS, in KiB, is the most so far.
  const megabytes = process.resourceUsage().maxRSS / 1024;
  console.log(JSON.stringify({ code, milliseconds, megabytes }));
}
