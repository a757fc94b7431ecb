/** `scanseal demo` and `scanseal try`: seal, forge, verify, and one page that shows it. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Disc } from "../../attack-lab/pixel-forgeries.ts";
import { readDicom } from "../../dicom/read.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { generateChestSeries } from "../../phantom/chest-ct.ts";
import { requireSealable } from "../../sealing/seal.ts";
import { withFile } from "../../site/file-input.ts";
import { demonstrate, prepareFolder } from "../demonstration/demonstrate.ts";
import { TargetImage } from "../demonstration/target-image.ts";
import { findInputs } from "../inputs.ts";
import { reportSkipped } from "../skipped.ts";

export interface DemoOptions {
  readonly out: string;
}

const seed = 7;
const slices = 24;

/** @returns 0 when every forgery was held and nothing else was */
export async function demo({ out }: DemoOptions): Promise<number> {
  await prepareFolder(out, ["captured"]);
  const captured = join(out, "captured");
  await mkdir(captured);
  const files: string[] = [];
  let target = "";
  let disc: Disc | undefined;
  const studyDate = new Date().toISOString().slice(0, 10).replaceAll("-", "");
  for (const { sopInstanceUid, file, nodule } of generateChestSeries({ seed, slices, studyDate })) {
    const path = join(captured, `${sopInstanceUid}.dcm`);
    await writeFile(path, file);
    files.push(path);
    if (nodule && (disc === undefined || nodule.radiusPx > disc.radius / noduleMargin)) {
      target = path;
      disc = { row: nodule.row, column: nodule.column, radius: nodule.radiusPx * noduleMargin };
    }
  }
  return demonstrate({
    title: "Scanseal: a scan that proves itself",
    subject: `${slices} slices of a generated chest CT (no real patient)`,
    files,
    target,
    spot: { name: "the nodule", window: lungWindow, ...(disc ? { disc } : {}) },
    out,
  });
}

/** Hounsfield units: what a reader looks for nodules with. */
const lungWindow = { center: -550, width: 1500 };
/** The whole nodule and its blurred rim. */
const noduleMargin = 1.7;
/** A demonstration on a large folder takes a part of it. */
const filesMax = 60;

/** @returns as `demo` */
export async function tryFolder(folder: string, { out }: DemoOptions): Promise<number> {
  const inputs = await findInputs([folder]);
  await prepareFolder(out);
  const files: string[] = [];
  const seen = new Set<string>();
  let target: string | undefined;
  for (const path of inputs.files) {
    if (files.length === filesMax) break;
    const found = await inspect(path);
    if (!found || seen.has(found.sopInstanceUid)) continue;
    seen.add(found.sopInstanceUid);
    files.push(path);
    if (found.forgeable) target ??= path;
  }
  if (files.length === 0) {
    reportSkipped(inputs, "tried");
    throw new ScansealError("usage", "none of the DICOM files in the folder can be sealed");
  }
  if (files.length < inputs.files.length) {
    process.stderr.write(`scanseal: ${files.length} of ${inputs.files.length} DICOM files are used\n`);
  }
  return demonstrate({
    title: "Scanseal on your own scans",
    subject: `${files.length} of your objects`,
    files,
    target: target ?? files[0]!,
    spot: { name: "a spot" },
    out,
  });
}

/** Undefined for what cannot be sealed: malformed, sealed already, or no instance. */
async function inspect(path: string): Promise<{ sopInstanceUid: string; forgeable: boolean } | undefined> {
  return withFile(path, async (source) => {
    try {
      const object = await readDicom(source);
      const sopInstanceUid = requireSealable(object);
      return { sopInstanceUid, forgeable: (await TargetImage.of(object)) !== undefined };
    } catch (error) {
      if (error instanceof ScansealError && (error.fault === "input" || error.fault === "caller"))
        return undefined;
      throw error;
    }
  });
}
