/** Image files without metadata: all there is to check is the watermark in their pixels. Never "verified": nobody says whose image it is. */
import { type Bytes, fromHex } from "../foundation/bytes.ts";
import { ScansealError } from "../foundation/errors.ts";
import {
  checkStrippedFrame,
  type FormTransform,
  type StrippedCheck,
  type StrippedFrame,
} from "../invisible-watermark/canonical-form.ts";
import type { Place, ReadMark, WatermarkFacts } from "../invisible-watermark/check.ts";
import type { Rectangle } from "../invisible-watermark/frame.ts";
import { type LocatingBasis, locateChanges } from "../invisible-watermark/locate.ts";
import { watermarkKeysOf } from "../keys/custody/watermark-master.ts";
import { parseCertificate } from "../keys/trust/certificate.ts";
import { createTrustStore, type TrustStoreContent } from "../keys/trust/trust-store.ts";
import { nodeCrypto, systemClock } from "../platform/node/crypto.ts";
import { readSmallFile } from "../platform/node/file-source.ts";
import { type PngImage, readPng } from "../platform/node/png.ts";
import type { TrustFact } from "../zero-trust/evidence/evidence.ts";
import { TrustJudge } from "../zero-trust/evidence/trust-check.ts";
import { markSignerOf } from "./mark-signers.ts";

/** `no-watermark` also where there is one of a signer that this site cannot believe: it says nothing then. */
export type ImageResult = "pixels-intact" | "pixels-altered" | "no-watermark";

/** Plain data. */
export interface ImageOutcome {
  readonly path: string;
  readonly result: ImageResult;
  /** In one plain sentence. */
  readonly reason: string;
  /** What the watermark says of itself; believable with `pixels-intact` and `pixels-altered`. */
  readonly mark?: {
    readonly contentId: string;
    /** From 0. */
    readonly frame: number;
    readonly keyId: string;
    readonly signer?: TrustFact;
    readonly transform: FormTransform;
  };
  /** With `pixels-altered`: where, and how that was found out. */
  readonly located?: { readonly basis: LocatingBasis; readonly rectangles: readonly Rectangle[] };
}

export interface ImageTrust {
  readonly trust: TrustStoreContent;
  /** Certificates, in DER, of devices whose watermarks may be met: an image file carries none. */
  readonly certificates: readonly Bytes[];
  /** The site's own master locates tiles; without it whole superblocks are named. */
  readonly master?: Bytes | undefined;
}

/** The largest that can hold 64 million samples of 16 bits, three of a pixel. */
export const imageFileBytesMax: number = 400 << 20;

export class ImageVerifier {
  readonly #judge: TrustJudge;
  readonly #certificateOf: (keyId: string) => Bytes | undefined;
  readonly #master: Bytes | undefined;

  /** @throws ScansealError `certificate-invalid` */
  constructor({ trust, certificates, master }: ImageTrust) {
    this.#judge = new TrustJudge(createTrustStore(trust, nodeCrypto), nodeCrypto, systemClock.now());
    this.#certificateOf = markSignerOf(certificates) ?? (() => undefined);
    this.#master = master;
  }

  /** `verify` for one of many: that it cannot be read is no reason to stop. */
  async outcomeOf(path: string): Promise<ImageOutcome | { readonly path: string; readonly problem: string }> {
    try {
      const file = readSmallFile(path, imageFileBytesMax, (size) => new Uint8Array(size));
      if (file === undefined) return { path, problem: "the image file is too large" };
      return await this.verify(path, file);
    } catch (error) {
      if (!(error instanceof ScansealError)) throw error;
      return { path, problem: error.message };
    }
  }

  /** @throws ScansealError `codec-failed`, `unsupported`, `limit-decode` */
  async verify(path: string, file: Bytes): Promise<ImageOutcome> {
    const check = await checkStrippedFrame(planesOf(readPng(file)), nodeCrypto, (keyId) =>
      this.#spkiOf(keyId),
    );
    const { facts, mark, transform } = check;
    if (!facts.found || !mark || !transform)
      return { path, result: "no-watermark", reason: noMarkReason(check) };
    const { contentId, frameNo, keyId } = facts;
    const certificate = this.#certificateOf(keyId);
    const signer = certificate && (await this.#judge.judge(certificate));
    const said = { contentId, frame: frameNo, keyId, ...(signer ? { signer } : {}), transform };
    const distrust = distrustOf(facts, signer);
    if (distrust !== undefined) return { path, result: "no-watermark", reason: distrust, mark: said };
    if (facts.intact)
      return {
        path,
        result: "pixels-intact",
        reason: "No pixel has changed since this image was marked.",
        mark: said,
      };
    const located = this.#locate(mark, keyId);
    const reason = "Pixels have changed since this image was marked; do not rely on it.";
    return { path, result: "pixels-altered", reason, mark: said, located };
  }

  #spkiOf(keyId: string): Bytes | undefined {
    const certificate = this.#certificateOf(keyId);
    return certificate && parseCertificate(certificate, nodeCrypto).key.spki;
  }

  #locate(mark: ReadMark, keyId: string): NonNullable<ImageOutcome["located"]> {
    const keys = this.#master && watermarkKeysOf(this.#master, fromHex(keyId), nodeCrypto);
    const { basis, tiles, superblocks } = locateChanges(mark, nodeCrypto, { locatorKey: keys?.locatorKey });
    // Tiles are only some of the places where superblocks alone are known.
    const places: readonly Place[] = basis === "superblocks" ? superblocks : tiles;
    return { basis, rectangles: places.map(({ x0, y0, x1, y1 }) => ({ x0, y0, x1, y1 })) };
  }
}

function noMarkReason({ facts }: StrippedCheck): string {
  return facts.found || facts.reason === "unreadable"
    ? "No watermark can be read: there never was one, or too much is changed."
    : "An image of this size carries no watermark.";
}

/** Why the watermark is not believed; undefined where it is. */
function distrustOf(facts: WatermarkFacts, signer: TrustFact | undefined): string | undefined {
  if (signer === undefined)
    return `There is a watermark by a signer this site does not know (key ${facts.keyId}): give its certificate.`;
  if (signer.result !== "trusted")
    return `There is a watermark, but its signer is not trusted: ${signer.result}.`;
  if (facts.signature !== "valid")
    return "There is a watermark, but its signature does not fit: it proves nothing.";
  return undefined;
}

function planesOf({ width, height, channels, samples }: PngImage): StrippedFrame {
  const planes = Array.from({ length: channels }, () => new Int32Array(width * height));
  for (const [c, plane] of planes.entries()) {
    for (let i = 0; i < plane.length; i++) plane[i] = samples[i * channels + c]!;
  }
  return { width, height, planes };
}

/** PEM or DER. @throws ScansealError `certificate-invalid` */
export function requireCertificate(der: Bytes): Bytes {
  try {
    return parseCertificate(der, nodeCrypto).der;
  } catch (cause) {
    throw new ScansealError("certificate-invalid", "the device's certificate cannot be read", { cause });
  }
}
