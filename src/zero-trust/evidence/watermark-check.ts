/** What the marks in an object's frames say. Facts only; the letters are the steps of spec/verdicts.md, The watermark. */
import type { DicomObject } from "../../dicom/model.ts";
import type { FrameDecoder } from "../../dicom/pixel-data/decoder.ts";
import { framesOf, type PixelFrames } from "../../dicom/pixel-data/frames.ts";
import { type Bytes, fromHex, toHex } from "../../foundation/bytes.ts";
import type { Crypto } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { WatermarkFacts } from "../../invisible-watermark/check.ts";
import { keyIdOf } from "../../invisible-watermark/keys.ts";
import type { ManifestFacts, OpenedManifest } from "../../provenance/manifest/check.ts";
import type { WatermarkClaim } from "../../provenance/manifest/statement.ts";
import { decodeWatermarkTable, type FrameMarkRecord } from "../../provenance/manifest/watermark-table.ts";
import type {
  ContentEvidence,
  FrameChanges,
  ManifestEvidence,
  ManifestFault,
  SignatureEvidence,
  TrustFact,
  WatermarkEvidence,
} from "./evidence.ts";
import { type CheckedFrame, isProblemOfObject, MarkedFrames } from "./marked-frames.ts";
import type { TrustJudge } from "./trust-check.ts";

/** The certificate (DER) of a device that may have marked, by the 16 hexadecimal digits of its key id. */
export type MarkSigner = (keyId: string) => Bytes | undefined;

export interface WatermarkPorts {
  readonly crypto: Crypto;
  readonly trust: TrustJudge;
  readonly decoder?: FrameDecoder | undefined;
  readonly deep?: boolean;
  /** Without it only the manifest's own signer is known. */
  readonly markSigner?: MarkSigner | undefined;
}

/** A manifest that could be read, and what was found out about it. */
export interface CheckedSeal {
  readonly manifest: OpenedManifest;
  readonly facts: ManifestFacts;
  readonly evidence: ManifestEvidence;
  readonly content: ContentEvidence | undefined;
  readonly signatures: readonly SignatureEvidence[];
}

type MarkedClaim = Extract<WatermarkClaim, { readonly scheme: "MTW1" }>;

/** The manifest's own faults, with which nothing that it says counts. */
const brokenManifest: ReadonlySet<ManifestFault> = new Set<ManifestFault>([
  "envelope-invalid",
  "manifest-signature-invalid",
  "statement-invalid",
]);

/** Of one object, unless all is asked for: some 20 seconds of work. An object with more is looked at up to here. */
const samplesMax: number = 2 ** 30;
/** However small they are. */
const framesMax = 10_000;
/** Of all frames together. */
export const objectRegionsMax = 2000;

/**
 * @param seal undefined: there is no manifest, or it cannot be read
 * @returns undefined: the marks were not asked, or there is none
 * @throws ScansealError `io`, `internal`
 */
export async function watermarkOf(
  object: DicomObject,
  seal: CheckedSeal | undefined,
  ports: WatermarkPorts,
): Promise<WatermarkEvidence | undefined> {
  if (seal && isBelieved(seal.evidence)) {
    const claim = seal.facts.statement.watermark;
    const wanted = claim.scheme === "MTW1" ? framesAsked(seal, ports.deep === true) : [];
    if (claim.scheme !== "MTW1" || (wanted !== "all" && wanted.length === 0)) return undefined;
    return new ClaimedMarks(object, seal, claim, ports).check(wanted);
  }
  if (!seal && !ports.markSigner) return undefined;
  return new UnclaimedMarks(object, seal, ports).check();
}

function isBelieved({ trust, faults }: ManifestEvidence): boolean {
  return trust?.result === "trusted" && !faults.some((fault) => brokenManifest.has(fault));
}

/** b. and c. Nothing where signature or commitments prove the pixels. */
function framesAsked({ content, signatures }: CheckedSeal, deep: boolean): "all" | readonly number[] {
  if (deep || content === undefined || content.unlocalised) return "all";
  if (isBindingBroken(content, signatures)) return "all";
  const { framesChanged, framesAdded, framesUncheckable } = content;
  return [...new Set([...framesChanged, ...framesAdded, ...framesUncheckable])].sort((a, b) => a - b);
}

/** It is missing; or it does not fit, and that is not only for named frames and for attributes that may change. */
function isBindingBroken(content: ContentEvidence, signatures: readonly SignatureEvidence[]): boolean {
  const binding = signatures.filter(({ bindsManifest }) => bindsManifest);
  if (binding.length === 0) return true;
  if (!binding.some(({ result }) => result === "altered" || result === "malformed")) return false;
  const { attributes, framesChanged, framesAdded, framesRemoved, framesUncheckable } = content;
  const frames = framesChanged.length + framesAdded.length + framesRemoved.length + framesUncheckable.length;
  const isBenign = attributes.every(
    (one) => one.attributeClass === "administrative" || one.transcodeByProduct,
  );
  return !isBenign || attributes.length + frames === 0;
}

/** Who may have marked, and what is found out about the frames of one object. */
class MarkReport {
  readonly #ports: WatermarkPorts;
  readonly #boundTo: WatermarkEvidence["boundTo"];
  /** The manifest's own certificate counts by its key id. */
  readonly #own: { readonly keyId: string; readonly certificate: Bytes } | undefined;
  #signer: TrustFact | undefined;
  #contentId: string | undefined;
  #checked = 0;
  #intact = 0;
  readonly foreign: number[] = [];
  readonly unreadable: number[] = [];
  readonly #changes: FrameChanges[] = [];
  #regions = 0;
  #samples = 0;
  #frames = 0;

  constructor(
    boundTo: WatermarkEvidence["boundTo"],
    manifest: OpenedManifest | undefined,
    ports: WatermarkPorts,
  ) {
    this.#ports = ports;
    this.#boundTo = boundTo;
    const certificate = manifest?.envelope.certificates[0];
    this.#own = certificate && { keyId: toHex(keyIdOf(certificate, ports.crypto)), certificate };
  }

  certificateOf(keyId: string): Bytes | undefined {
    return keyId === this.#own?.keyId ? this.#own.certificate : this.#ports.markSigner?.(keyId);
  }

  /** A certificate that cannot be read is nobody's. */
  spkiOf(keyId: string): Bytes | undefined {
    const certificate = this.certificateOf(keyId);
    try {
      return certificate && this.#ports.trust.spkiOf(certificate);
    } catch (error) {
      if (error instanceof ScansealError && error.code === "certificate-invalid") return undefined;
      throw error;
    }
  }

  /** Undefined where pixels cannot be told into frames: that is said elsewhere. */
  async framesOf(object: DicomObject): Promise<MarkedFrames | undefined> {
    let frames: PixelFrames | undefined;
    try {
      frames = await framesOf(object);
    } catch (error) {
      if (!isProblemOfObject(error)) throw error;
    }
    const isDeep = this.#ports.deep === true;
    return frames && new MarkedFrames(frames, this.#ports, (keyId) => this.spkiOf(keyId), isDeep);
  }

  /** False: more would take too long. */
  mayRead(samples: number): boolean {
    this.#samples += samples;
    this.#frames++;
    if (this.#ports.deep === true || this.#frames === 1) return true;
    return this.#samples <= samplesMax && this.#frames <= framesMax;
  }

  /** e. Of a device that seals, in whichever of the two roles. */
  async signerOf(keyId: string): Promise<TrustFact | undefined> {
    const certificate = this.certificateOf(keyId);
    if (certificate === undefined) return undefined;
    const fact = await this.#ports.trust.judge(certificate, "capture");
    return fact.result === "certificate-wrong-role"
      ? this.#ports.trust.judge(certificate, "beside-device")
      : fact;
  }

  async read(facts: WatermarkFacts): Promise<void> {
    this.#contentId ??= facts.contentId;
    if (facts.signature === "valid") this.#signer ??= await this.signerOf(facts.keyId);
  }

  checked(isIntact: boolean): void {
    this.#checked++;
    if (isIntact) this.#intact++;
  }

  changed(changes: FrameChanges): void {
    const regions = changes.regions.slice(0, objectRegionsMax - this.#regions);
    this.#regions += regions.length;
    this.#changes.push({ ...changes, regions });
  }

  evidence(): WatermarkEvidence {
    return {
      boundTo: this.#boundTo,
      signer: this.#signer,
      contentId: this.#contentId,
      framesChecked: this.#checked,
      framesIntact: this.#intact,
      framesForeign: this.foreign,
      framesUnreadable: this.unreadable,
      changes: this.#changes,
    };
  }
}

/** Marks that a sound manifest says are there. */
class ClaimedMarks {
  readonly #object: DicomObject;
  readonly #claim: MarkedClaim;
  readonly #report: MarkReport;
  /** Of the table, where it is the one that was signed for. */
  readonly #records: readonly (FrameMarkRecord | undefined)[] | undefined;
  /** Frames at capture. */
  readonly #sealed: number;

  constructor(object: DicomObject, seal: CheckedSeal, claim: MarkedClaim, ports: WatermarkPorts) {
    this.#object = object;
    this.#claim = claim;
    this.#report = new MarkReport("manifest", seal.manifest, ports);
    this.#records = recordsOf(seal);
    this.#sealed = seal.facts.statement.pixels.frames;
  }

  async check(wanted: "all" | readonly number[]): Promise<WatermarkEvidence | undefined> {
    const report = this.#report;
    const frames = await report.framesOf(this.#object);
    if (frames === undefined) return undefined;
    const count = wanted === "all" ? frames.count : wanted.length;
    for (let i = 0; i < count && report.mayRead(frames.samples); i++) {
      const index = wanted === "all" ? i : wanted[i]!;
      if (index < frames.count) await this.#checkFrame(frames, index);
    }
    return report.evidence();
  }

  async #checkFrame(frames: MarkedFrames, index: number): Promise<void> {
    const report = this.#report;
    const reading = await frames.read(index);
    if (reading === "not-decoded") return;
    const facts = reading === "no-samples" ? undefined : reading.check.facts;
    if (reading === "no-samples" || !facts?.found || facts.signature !== "valid") {
      await this.#checkWithoutMark(frames, index, reading);
      return;
    }
    await report.read(facts);
    // f. A whole frame from elsewhere has a mark that fits itself, and nothing else.
    const isOwn = this.#isOwn(facts, index);
    report.checked(isOwn && facts.intact);
    if (!isOwn) report.foreign.push(index);
    else if (!facts.intact)
      report.changed(frames.changesOf(index, reading, this.#records?.[index]?.tileDigests)); // g
  }

  /** h. */
  async #checkWithoutMark(
    frames: MarkedFrames,
    index: number,
    reading: CheckedFrame | "no-samples",
  ): Promise<void> {
    if (!this.#isMarked(index)) return;
    const report = this.#report;
    report.checked(false);
    const { keyId, contentId } = this.#claim;
    const identity = { keyId: fromHex(keyId), contentId: fromHex(contentId), frameNo: index };
    const tileDigests = this.#records?.[index]?.tileDigests;
    const changes =
      tileDigests && reading !== "no-samples"
        ? await frames.changesWithoutMark(reading, identity, tileDigests, (facts) =>
            this.#isOwn(facts, index),
          )
        : undefined;
    if (changes) report.changed(changes);
    else report.unreadable.push(index);
  }

  #isOwn({ contentId, keyId, frameNo }: WatermarkFacts, index: number): boolean {
    return contentId === this.#claim.contentId && keyId === this.#claim.keyId && frameNo === index;
  }

  /** Whether the manifest says so. Without a table it says so only where every frame is. */
  #isMarked(index: number): boolean {
    if (this.#records) return this.#records[index] !== undefined;
    return this.#claim.frames === this.#sealed && index < this.#sealed;
  }
}

/** Its digest is signed, so that only a sealer's own mistake makes it unreadable. */
function recordsOf({ facts, manifest }: CheckedSeal): readonly (FrameMarkRecord | undefined)[] | undefined {
  const { watermarkTable } = manifest.containers;
  if (facts.watermarkTable !== "fits" || watermarkTable === undefined) return undefined;
  try {
    return decodeWatermarkTable(watermarkTable).frames;
  } catch (error) {
    if (error instanceof ScansealError && error.code === "seal-structure") return undefined;
    throw error;
  }
}

/** d. Marks of an object that has no manifest, or none that counts: only a trusted device's say something. */
class UnclaimedMarks {
  readonly #object: DicomObject;
  readonly #report: MarkReport;

  constructor(object: DicomObject, seal: CheckedSeal | undefined, ports: WatermarkPorts) {
    this.#object = object;
    this.#report = new MarkReport("marks", seal?.manifest, ports);
  }

  async check(): Promise<WatermarkEvidence | undefined> {
    const frames = await this.#report.framesOf(this.#object);
    if (frames === undefined) return undefined;
    const first = await this.#firstMark(frames);
    if (first === undefined) return undefined;
    if (first.isTrusted) await this.#checkAll(frames, first.facts);
    return this.#report.evidence();
  }

  /** Of the first, the middle and the last frame: nearly every object without a seal has no marks, and is not to be slow for it. */
  async #firstMark(
    frames: MarkedFrames,
  ): Promise<{ readonly facts: WatermarkFacts; readonly isTrusted: boolean } | undefined> {
    const report = this.#report;
    let stranger: WatermarkFacts | undefined;
    for (const index of new Set([0, frames.count >> 1, frames.count - 1])) {
      const reading = await frames.read(index);
      if (typeof reading === "string" || !reading.check.facts.found) continue;
      const { facts } = reading.check;
      const isTrusted =
        facts.signature === "valid" && (await report.signerOf(facts.keyId))?.result === "trusted";
      if (isTrusted) {
        await report.read(facts);
        return { facts, isTrusted };
      }
      stranger ??= facts;
    }
    if (stranger) await report.read(stranger);
    return stranger && { facts: stranger, isTrusted: false };
  }

  async #checkAll(frames: MarkedFrames, first: WatermarkFacts): Promise<void> {
    const report = this.#report;
    for (let index = 0; index < frames.count && report.mayRead(frames.samples); index++) {
      const reading = await frames.read(index);
      if (reading === "not-decoded") continue;
      const facts = reading === "no-samples" ? undefined : reading.check.facts;
      if (reading === "no-samples" || !facts?.found || facts.signature !== "valid") {
        report.checked(false);
        report.unreadable.push(index);
        continue;
      }
      const isOwn =
        facts.contentId === first.contentId && facts.keyId === first.keyId && facts.frameNo === index;
      report.checked(isOwn && facts.intact);
      if (!isOwn)
        report.foreign.push(index); // f
      else if (!facts.intact) report.changed(frames.changesOf(index, reading, undefined)); // g
    }
  }
}
