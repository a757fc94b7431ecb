/** `scanseal correct`: says in a signed record what a study's identity attributes become. */
import { readDicom } from "../../dicom/read.ts";
import { formatTag } from "../../dicom/tags.ts";
import { uidForm } from "../../dicom/uid.ts";
import { isLimit, isMalformed, ScansealError } from "../../foundation/errors.ts";
import { readPublicFile } from "../../platform/node/private-files.ts";
import { CorrectionDesk, type SignedCorrection } from "../../site/corrections/correction-desk.ts";
import { hl7Correction } from "../../site/corrections/hl7-correction.ts";
import { messageBytesMax } from "../../site/corrections/hl7-message.ts";
import {
  personalCorrection,
  type RequestedCorrection,
  worklistCorrection,
} from "../../site/corrections/requested-correction.ts";
import { withFile } from "../../site/file-input.ts";
import { openHome } from "../../site/home.ts";
import { OutputFolder } from "../../site/output-folder.ts";
import { findInputs } from "../inputs.ts";
import { reportProblem } from "../problem.ts";
import { reportSkipped } from "../skipped.ts";
import { provenApprover } from "./approver.ts";

export interface CorrectOptions {
  readonly home: string;
  readonly study?: readonly string[];
  readonly set?: readonly string[];
  readonly by?: string;
  readonly hl7?: string;
  readonly worklist?: string;
  readonly out?: string;
}

/** @returns 0 when a correction was signed, or none is needed; 1 when an object is not proven; 2 when a file cannot be read */
export async function correct(paths: readonly string[], options: CorrectOptions): Promise<number> {
  const inputs = await findInputs(paths);
  const request = await requestOf(options);
  const desk = await CorrectionDesk.open(openHome(options.home), request);
  const concerned: string[] = [];
  let others = 0;
  let unproven = 0;
  try {
    for (const path of inputs.files) {
      try {
        const looked = await desk.look(path);
        if (looked.outcome === "concerned") concerned.push(path);
        else if (looked.outcome === "other") others++;
        else {
          unproven++;
          reportProblem(
            `${path}: it is ${looked.verdict}: what it had cannot be proven, so it is not corrected`,
          );
        }
      } catch (error) {
        const isObjects = error instanceof ScansealError && (isMalformed(error.code) || isLimit(error.code));
        if (!isObjects) throw error;
        unproven++;
        reportProblem(`${path}: ${error.message}`);
      }
    }
    if (concerned.length === 0 && unproven === 0)
      throw new ScansealError("usage", "none of these objects is one that the correction is about");
    const signed = await desk.sign();
    print(signed, concerned.length, others);
    if (options.out !== undefined && concerned.length > 0) await writeCopies(desk, concerned, options.out);
  } finally {
    await desk.close();
  }
  reportSkipped(inputs, "looked at");
  if (inputs.unreadable.length > 0) return 2;
  return unproven > 0 ? 1 : 0;
}

async function requestOf({
  home,
  study,
  set,
  by,
  hl7,
  worklist,
}: CorrectOptions): Promise<RequestedCorrection> {
  const sources = [set, hl7, worklist].filter((source) => source !== undefined).length;
  if (sources !== 1) throw new ScansealError("usage", "say what is corrected: --set, --hl7 or --worklist");
  if (study?.some((uid) => !uidForm.test(uid))) throw new ScansealError("usage", "--study is no UID");
  if (hl7 !== undefined) return hl7Correction(readPublicFile(hl7, messageBytesMax), study);
  if (worklist !== undefined) {
    const request = await withFile(worklist, async (source) => worklistCorrection(await readDicom(source)));
    if (study && !study.includes(request.studies![0]!))
      throw new ScansealError("usage", "the worklist item is about another study than --study");
    return request;
  }
  if (!study || by === undefined)
    throw new ScansealError(
      "usage",
      "a correction by hand names its --study, and who approves it: --by NAME",
    );
  // Before anybody types a passphrase.
  personalCorrection(study, set!, by);
  openHome(home);
  return personalCorrection(study, set!, await provenApprover(home, by, "correct"));
}

/** Attributes and numbers, no values: they are a patient's. */
function print(signed: readonly SignedCorrection[], objects: number, others: number): void {
  const lines = signed.map(({ digest, studies, paths }) => {
    const what = paths.map((path) => formatTag(Number.parseInt(path, 16))).join(" ");
    const where = studies.length === 1 ? "1 study" : `${studies.length} studies`;
    return `Correction ${digest} signed: ${what} of ${where}.`;
  });
  if (signed.length === 0 && objects > 0)
    lines.push("Nothing to correct: these values are in force already.");
  const count = (n: number): string => (n === 1 ? "1 object" : `${n} objects`);
  const rest = others > 0 ? `, ${count(others)} not concerned` : "";
  lines.push(`${count(objects)} looked at${rest}. The archive's objects were not written.`);
  process.stdout.write(`${lines.join("\n")}\n`);
}

async function writeCopies(desk: CorrectionDesk, paths: readonly string[], folder: string): Promise<void> {
  const output = await OutputFolder.open(folder);
  for (const path of paths) await desk.writeCopy(path, output);
  await output.sync();
  process.stdout.write(`${paths.length} corrected ${paths.length === 1 ? "copy" : "copies"} in ${folder}.\n`);
}
