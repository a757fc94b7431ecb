/** `scanseal locate`: the picture of a frame, with what was changed in red. */

import type { DicomObject } from "../../dicom/model.ts";
import { framesOf } from "../../dicom/pixel-data/frames.ts";
import { readDicom } from "../../dicom/read.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { isLimit, isMalformed, ScansealError } from "../../foundation/errors.ts";
import type { Rectangle } from "../../invisible-watermark/frame.ts";
import { CodecPool } from "../../platform/node/codecs/codec-pool.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { readSmallFile } from "../../platform/node/file-source.ts";
import { readPng, writePng } from "../../platform/node/png.ts";
import { openManifest } from "../../provenance/manifest/check.ts";
import { withFile } from "../../site/file-input.ts";
import { openHome, type SiteHome } from "../../site/home.ts";
import { looksLikePng } from "../../site/image-file.ts";
import { imageFileBytesMax } from "../../site/image-verification.ts";
import { FileVerifier, type Judgement } from "../../site/verification.ts";
import { changedRectangles, objectLines, regionsText } from "../located-changes.ts";
import { certificatesIn, imageVerifierOf } from "../mark-certificates.ts";
import { writeNewFile } from "../new-file.ts";
import { isSealBelieved, isUnchanged, pixelChangesOf } from "../pixel-changes.ts";
import { framePicture } from "../rendering/frame-picture.ts";
import { type ColourImage, heatMap } from "../rendering/heat-map.ts";
import { pngPicture } from "../rendering/png-picture.ts";
import { visibleText } from "../terminal/visible-text.ts";

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
  readonly isUnchanged: boolean;
}

/** @returns 0 when every pixel is proven to be as it was, 1 when one is not @throws ScansealError when there is no picture */
export async function locate(path: string, options: LocateOptions): Promise<number> {
  const home = openHome(options.home);
  const certificates = certificatesIn(options.certificate);
  const located = await locatedIn(path, home, certificates, options.frame);
  const { rows, columns, rgb } = located.picture;
  const png = writePng({ width: columns, height: rows, depth: 8, channels: 3, samples: rgb });
  await writeNewFile(options.out, pieces(png));
  process.stdout.write(`${located.lines.join("\n")}\nPicture: ${visibleText(options.out)}\n`);
  return located.isUnchanged ? 0 : 1;
}

async function* pieces(bytes: Bytes): AsyncGenerator<Bytes> {
  yield bytes;
}

async function locatedIn(
  path: string,
  home: SiteHome,
  certificates: readonly Bytes[],
  frame: number | undefined,
): Promise<Located> {
  try {
    if (!looksLikePng(path)) return await locateInObject(path, home, certificates, frame);
    if (frame !== undefined && frame !== 1) throw new ScansealError("usage", "an image file has 1 frame");
    return await locateInImage(path, home, certificates);
  } catch (error) {
    // Status 1 would say that pixels changed: of what cannot be read there is no picture, and nothing is said.
    if (error instanceof ScansealError && (isMalformed(error.code) || isLimit(error.code)))
      throw new ScansealError("unsupported", error.message, { cause: error });
    throw error;
  }
}

async function locateInObject(
  path: string,
  home: SiteHome,
  certificates: readonly Bytes[],
  frame: number | undefined,
): Promise<Located> {
  const markSigners = [...home.deviceCertificates(), ...certificates];
  const verifier = new FileVerifier(home.trust(), {
    deep: true,
    markSigners,
    ...home.beside(),
  });
  const decoder = new CodecPool();
  try {
    const judgement = await verifier.verify(path);
    const { unreadable } = judgement.evidence;
    if (unreadable) throw new ScansealError(unreadable.code, unreadable.message);
    return await withFile(path, async (source) =>
      pictured(await readDicom(source), judgement, frame, decoder),
    );
  } finally {
    await Promise.all([verifier.close(), decoder.close()]);
  }
}

async function pictured(
  object: DicomObject,
  judgement: Judgement,
  frame: number | undefined,
  decoder: CodecPool,
): Promise<Located> {
  const { evidence, decision } = judgement;
  const count = (await framesOf(object))?.attributes.numberOfFrames ?? 0;
  const changes = pixelChangesOf(evidence, decision, count);
  const firstChanged = changes.frames.findIndex(({ kind }) => kind === "located" || kind === "changed");
  const index = frame === undefined ? Math.max(0, firstChanged) : frame - 1;
  const picture = await framePicture(object, index, decoder);
  return {
    lines: objectLines(changes, {
      index,
      verdict: decision.verdict,
      notMarkedReason: await notMarkedReason(object, judgement),
    }),
    picture: heatMap(picture, changedRectangles(changes.frames[index]!, picture)),
    isUnchanged: isUnchanged(changes),
  };
}

/** What a manifest that counts says; undefined where frames are marked. */
async function notMarkedReason(object: DicomObject, judgement: Judgement): Promise<string | undefined> {
  if (!isSealBelieved(judgement.evidence, judgement.decision)) return undefined;
  const claim = (await openManifest(object, nodeCrypto))?.statement.watermark;
  return claim?.scheme === "none" ? claim.reason : undefined;
}

async function locateInImage(path: string, home: SiteHome, certificates: readonly Bytes[]): Promise<Located> {
  const file = readSmallFile(path, imageFileBytesMax, (size) => new Uint8Array(size));
  if (file === undefined) throw new ScansealError("limit-decode", "the image file is too large");
  const { result, reason, located } = await imageVerifierOf(home, certificates).verify(path, file);
  const rectangles: readonly Rectangle[] = located?.rectangles ?? [];
  return {
    lines: [`${result}: ${visibleText(reason)}`, ...regionsText(rectangles, 0)],
    picture: heatMap(pngPicture(readPng(file)), rectangles),
    isUnchanged: result === "pixels-intact",
  };
}
