/** `scanseal demo` and `scanseal try`: seal, forge, send through a live gate, and one page that shows it. */
import { mkdir, realpath, writeFile } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import type { Disc } from "../../attack-lab/pixel-forgeries.ts";
import { readDicom } from "../../dicom/read.ts";
import { explicitBigEndianUid } from "../../dicom/transfer-syntax.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { generateChestSeries } from "../../phantom/chest-ct.ts";
import { requireSealable } from "../../sealing/seal.ts";
import { withFile } from "../../site/file-input.ts";
import { demonstrate, prepareFolder } from "../demonstration/demonstrate.ts";
import { TargetImage } from "../demonstration/target-image.ts";
import { findInputs } from "../inputs.ts";
import { reportProblem } from "../problem.ts";
import { reportSkipped } from "../skipped.ts";

export interface DemoOptions {
  readonly out: string;
}

const seed = 7;
const slices = 24;

/** @returns 0 when every forgery was held, and nothing else was */
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

/** Copies of larger ones would fill a disk for a demonstration. */
const fileBytesMax = 256 << 20;

/** @returns as `demo` */
export async function tryFolder(folder: string, { out }: DemoOptions): Promise<number> {
  const inputs = await findInputs([folder]);
  const between = await wayFrom(folder, out);
  // What an earlier run made and this one will empty.
  const own = join(folder, between) + sep;
  const { files, target, leftOut } = await chooseFiles(inputs.files.filter((path) => !path.startsWith(own)));
  if (files.length === 0) {
    reportSkipped(inputs, "tried");
    throw new ScansealError("usage", `none of the DICOM files there can be sealed: ${leftOut}`);
  }
  if (leftOut !== "")
    reportProblem(`${files.length} of ${inputs.files.length} DICOM files are used: ${leftOut}`);
  await prepareFolder(out, ["captured"]);
  return demonstrate({
    title: "Scanseal on your own scans",
    subject: `${files.length} of your objects`,
    files,
    target,
    spot: { name: "a spot" },
    out,
  });
}

interface Chosen {
  readonly files: readonly string[];
  readonly target: string;
  /** "3 sealed already, 2 too large"; empty when all are used. */
  readonly leftOut: string;
}

/** The first ones that can be sealed; of these the first that can be forged visibly, or else the smallest. */
async function chooseFiles(paths: readonly string[]): Promise<Chosen> {
  const files: string[] = [];
  const seen = new Set<string>();
  const leftOut = new Map<string, number>();
  const leave = (why: string, count = 1): void => void leftOut.set(why, (leftOut.get(why) ?? 0) + count);
  let target: string | undefined;
  let smallest: { path: string; size: number } | undefined;
  for (const [index, path] of paths.entries()) {
    if (files.length === filesMax) {
      leave("more than a demonstration needs", paths.length - index);
      break;
    }
    const found = await inspect(path, target === undefined);
    if (typeof found === "string") leave(found);
    else if (seen.has(found.sopInstanceUid)) leave("with the SOP Instance UID of another");
    else {
      seen.add(found.sopInstanceUid);
      files.push(path);
      if (found.forgeable) target ??= path;
      if (!smallest || found.size < smallest.size) smallest = { path, size: found.size };
    }
  }
  const reasons = [...leftOut].map(([why, count]) => `${count} ${why}`);
  return { files, target: target ?? smallest?.path ?? "", leftOut: reasons.join(", ") };
}

/**
 * The path of `out` as seen from the scans. They are only read: the folder that is emptied must not hold them.
 * @throws ScansealError `usage`
 */
async function wayFrom(scans: string, out: string): Promise<string> {
  const [from, to] = [await realPathOf(scans), await realPathOf(out)];
  const inside = relative(to, from);
  if (inside === "" || (inside.split(sep)[0] !== ".." && !isAbsolute(inside)))
    throw new ScansealError("usage", `the scans are in ${out}: choose another folder with --out`);
  return relative(from, to);
}

/** Of what is not there yet: by the nearest folder that is. */
async function realPathOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const whole = resolve(path);
    const parent = dirname(whole);
    return parent === whole ? whole : join(await realPathOf(parent), basename(whole));
  }
}

/** Words for what cannot be sealed: malformed, sealed already, or no instance. */
async function inspect(
  path: string,
  asksForgeable: boolean,
): Promise<string | { sopInstanceUid: string; forgeable: boolean; size: number }> {
  try {
    return await withFile(path, async (source) => {
      if (source.size > fileBytesMax) return "too large";
      const object = await readDicom(source);
      // PS3.5 2006 retired it, and no gate takes it.
      if (object.transferSyntax.uid === explicitBigEndianUid) return "in big endian";
      const sopInstanceUid = requireSealable(object);
      const forgeable = asksForgeable && (await TargetImage.of(object)) !== undefined;
      return { sopInstanceUid, forgeable, size: source.size };
    });
  } catch (error) {
    if (!(error instanceof ScansealError) || error.code === "internal") throw error;
    if (error.code === "io") return "unreadable";
    return error.code === "already-sealed" ? "sealed already" : "not well-formed images or records";
  }
}
