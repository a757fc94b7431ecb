/** `scanseal locate`: the picture of a frame, with what was changed in red. */
import { readDicom } from "../../dicom/read.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { Rectangle } from "../../invisible-watermark/frame.ts";
import { CodecPool } from "../../platform/node/codecs/codec-pool.ts";
import { readSmallFile } from "../../platform/node/file-source.ts";
import { type PngImage, readPng, writePng } from "../../platform/node/png.ts";
import { withFile } from "../../site/file-input.ts";
import { openHome, type SiteHome } from "../../site/home.ts";
import { looksLikePng } from "../../site/image-file.ts";
import { imageFileBytesMax } from "../../site/image-verification.ts";
import { FileVerifier, type Judgement } from "../../site/verification.ts";
import { certificatesIn, imageVerifierOf } from "../mark-certificates.ts";
import { writeNewFile } from "../new-file.ts";
import { framePicture } from "../rendering/frame-picture.ts";
import { type ColourImage, coloured, heatMap } from "../rendering/heat-map.ts";
import { regionLines } from "../verdict-report.ts";

export interface LocateOptions {
  readonly home: string;
  readonly out: string;
  /** From 1. */
  readonly frame?: number;
  readonly certificate: readonly string[];
}

/** What is said, and shown. */
interface Located {
  readonly lines: readonly string[];
  readonly picture: ColourImage;
  readonly isChanged: boolean;
}

/** @returns 0 when no pixel is known to have changed, 1 when one has or nothing can be said @throws ScansealError when there is no picture */
export async function locate(path: string, options: LocateOptions): Promise<number> {
  const home = openHome(options.home);
  const certificates = certificatesIn(options.certificate);
  const located = looksLikePng(path)
    ? await locateInImage(path, home, certificates)
    : await locateInObject(path, home, certificates, options.frame);
  const { rows, columns, rgb } = located.picture;
  const png = writePng({ width: columns, height: rows, depth: 8, channels: 3, samples: rgb });
  await writeNewFile(options.out, pieces(png));
  process.stdout.write(`${located.lines.join("\n")}\nPicture: ${options.out}\n`);
  return located.isChanged ? 1 : 0;
}

async function* pieces(bytes: Bytes): AsyncGenerator<Bytes> {
  yield bytes;
}

async function locateInObject(
  path: string,
  home: SiteHome,
  certificates: readonly Bytes[],
  frame: number | undefined,
): Promise<Located> {
  const markSigners = [...home.deviceCertificates(), ...certificates];
  const verifier = new FileVerifier(home.trust(), { deep: true, markSigners });
  const decoder = new CodecPool();
  try {
    const judgement = await verifier.verify(path);
    if (judgement.evidence.unreadable)
      throw new ScansealError(judgement.evidence.unreadable.code, judgement.evidence.unreadable.message);
    const changes = judgement.evidence.watermark?.changes ?? [];
    const whole = framesChangedWhole(judgement);
    const index = frame === undefined ? (changes[0]?.frame ?? whole[0] ?? 0) : frame - 1;
    const picture = await withFile(path, async (source) =>
      framePicture(await readDicom(source), index, decoder),
    );
    const here = changes.find((one) => one.frame === index);
    const everything = { x0: 0, y0: 0, x1: picture.columns, y1: picture.rows };
    const rectangles = here?.regions ?? (whole.includes(index) ? [everything] : []);
    return {
      lines: [
        `${judgement.decision.verdict}, frame ${index + 1}: ${sentenceOf(judgement, here !== undefined, rectangles.length > 0)}`,
        ...(here ? linesOf(here.regions, index) : []),
        ...othersLine([...changes.map((one) => one.frame), ...whole], index),
      ],
      picture: heatMap(picture, rectangles),
      isChanged: changes.length + whole.length > 0 || !isKnownIntact(judgement),
    };
  } finally {
    await Promise.all([verifier.close(), decoder.close()]);
  }
}

/** Frames that are not what they were, with nothing that says where. */
function framesChangedWhole({ evidence: { content, watermark } }: Judgement): number[] {
  const named = new Set(watermark?.changes.map(({ frame }) => frame));
  const changed = [
    ...(content?.framesChanged ?? []),
    ...(content?.framesAdded ?? []),
    ...(watermark?.framesForeign ?? []),
    ...(watermark?.framesUnreadable ?? []),
  ];
  return [...new Set(changed)].filter((frame) => !named.has(frame)).sort((a, b) => a - b);
}

/** By the manifest, or by marks alone. */
function isKnownIntact({ decision: { verdict }, evidence: { watermark, content } }: Judgement): boolean {
  if (verdict === "verified" || verdict === "verified-with-changes") return true;
  const isAllMarked = watermark !== undefined && watermark.framesIntact === watermark.framesChecked;
  return (isAllMarked && watermark.framesChecked > 0) || (content !== undefined && !content.unlocalised);
}

function sentenceOf(judgement: Judgement, isLocated: boolean, isChanged: boolean): string {
  if (isLocated) return "the red places were changed after capture.";
  if (isChanged)
    return "it was changed after capture; nothing says where, because no watermark of it can be read.";
  if (isKnownIntact(judgement)) return "no pixel has changed since capture.";
  return "nothing is known: there is no seal, and no watermark by a device this site knows.";
}

function linesOf(regions: readonly Rectangle[], frame: number): string[] {
  return regionLines({ regions: regions.map((region) => ({ ...region, frame })) });
}

function othersLine(frames: readonly number[], shown: number): string[] {
  const others = [...new Set(frames)].filter((frame) => frame !== shown).map((frame) => frame + 1);
  if (others.length === 0) return [];
  const more = others.length > 10 ? `, and ${others.length - 10} more` : "";
  return [`Changed too: frame ${others.slice(0, 10).join(", ")}${more} (--frame).`];
}

async function locateInImage(path: string, home: SiteHome, certificates: readonly Bytes[]): Promise<Located> {
  const file = readSmallFile(path, imageFileBytesMax, (size) => new Uint8Array(size));
  if (file === undefined) throw new ScansealError("limit-decode", "the image file is too large");
  const { result, reason, located } = await imageVerifierOf(home, certificates).verify(path, file);
  return {
    lines: [`${result}: ${reason}`, ...(located ? linesOf(located.rectangles, 0) : [])],
    picture: heatMap(pictureOf(readPng(file)), located?.rectangles ?? []),
    isChanged: result !== "pixels-intact",
  };
}

function pictureOf({ width, height, depth, channels, samples }: PngImage): ColourImage {
  const bytes = depth === 8 ? Uint8Array.from(samples) : eightBits(samples);
  const size = { rows: height, columns: width };
  return channels === 3 ? { ...size, rgb: bytes } : coloured({ ...size, grey: bytes });
}

/** From the darkest to the brightest there is: exports of 12 bits would be black. */
function eightBits(samples: ArrayLike<number>): Uint8Array {
  let low = Number.POSITIVE_INFINITY;
  let high = 0;
  for (let i = 0; i < samples.length; i++) {
    low = Math.min(low, samples[i]!);
    high = Math.max(high, samples[i]!);
  }
  const scale = high > low ? 255 / (high - low) : 0;
  return Uint8Array.from(samples, (value) => Math.round((value - low) * scale));
}
