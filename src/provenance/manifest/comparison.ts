/** Which attributes and frames differ from what was sealed: steps 10 to 12 of spec/capture-manifest.md. Names only, never values. */
import type { DicomObject } from "../../dicom/model.ts";
import type { FrameDecoder } from "../../dicom/pixel-data/decoder.ts";
import { transferSyntaxOf } from "../../dicom/transfer-syntax.ts";
import { type Bytes, equalBytes } from "../../foundation/bytes.ts";
import type { Crypto } from "../../foundation/crypto.ts";
import { type ErrorCode, ScansealError } from "../../foundation/errors.ts";
import { Committer, type Leaf, type LeafRecord } from "../disclosure/commitment.ts";
import { attributeLeaves } from "./attribute-leaves.ts";
import {
  encodedName,
  encodedValue,
  type FramedForm,
  frameCountOf,
  frameName,
  frameValue,
  type PixelForm,
  parseFramePath,
  pixelFormOf,
} from "./frame-leaves.ts";

export interface LeafComparison {
  /** Leaves whose value is what was sealed, frames included. */
  readonly matched: number;
  /** Paths of attributes (spec/commitments.md), ascending. */
  readonly changed: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly frames: FrameComparison;
}

export interface FrameComparison {
  readonly sealed: number;
  readonly present: number;
  readonly matched: number;
  /** Indices from 0, ascending, in every list. */
  readonly changed: readonly number[];
  readonly added: readonly number[];
  readonly removed: readonly number[];
  /** Nothing can be said: another compression of a lossy original, or a codestream that could not be decoded. */
  readonly uncheckable: readonly number[];
  /** Why, for the first uncheckable frame: `lossy-original`, or the code of the decoder's error. */
  readonly reason?: "lossy-original" | ErrorCode;
  /** native: bytes as they are; encoded: every codestream as sealed; decoded: at least one frame had to be decoded; whole: no frames were told apart. */
  readonly route: "native" | "encoded" | "decoded" | "whole" | "none";
  /** Native bytes after the last frame. Benign is one zero byte that makes the length even. */
  readonly tail: { readonly bytes: number; readonly zero: boolean };
}

export interface CompareRequest {
  readonly crypto: Crypto;
  readonly object: DicomObject;
  /** The sealed leaves, in order. */
  readonly records: readonly LeafRecord[];
  readonly seed: Bytes;
  /** At capture: a codestream of the same syntax that differs was changed, one of another syntax was transcoded. */
  readonly sealedTransferSyntax: string;
  readonly decoder?: FrameDecoder | undefined;
}

/** @throws ScansealError `io`, or a limit code for an object beyond the limits of leaves */
export async function compareLeaves(request: CompareRequest): Promise<LeafComparison> {
  const comparer = new Comparer(request);
  const form = await pixelFormOf(request.object);
  await comparer.attributes(form);
  const frames = await comparer.frames(form);
  return comparer.result(frames);
}

/** What says how many bytes a frame has: Samples per Pixel, Rows, Columns, Bits Allocated. */
const frameSizeTags: readonly string[] = ["00280002", "00280010", "00280011", "00280100"];

/** Of a native tail, no more than a pad is ever benign; longer ones are read only up to here. */
const tailBytesRead = 4096;

class Comparer {
  readonly #request: CompareRequest;
  readonly #committer: Committer;
  readonly #index = new Map<string, number>();
  readonly #seen: Bytes;
  #matched = 0;
  readonly #changed: string[] = [];
  readonly #added: string[] = [];

  constructor(request: CompareRequest) {
    this.#request = request;
    this.#committer = new Committer(request.crypto, request.seed, request.records.length);
    this.#seen = new Uint8Array(request.records.length);
    for (const [i, { path }] of request.records.entries()) this.#index.set(path, i);
  }

  /** 10. Every attribute present is compared under the sealed VR text, so that another edition of the dictionary changes nothing. */
  async attributes(form: PixelForm): Promise<void> {
    const { object, records } = this.#request;
    const leaves = await attributeLeaves(object, {
      vrAt: (path) => {
        const index = this.#index.get(path);
        return index === undefined ? undefined : records[index]!.vr;
      },
    });
    if (form.kind === "whole") leaves.push(form.leaf);
    for (const leaf of leaves) {
      const index = this.#index.get(leaf.path);
      if (index === undefined) {
        this.#added.push(leaf.path);
        continue;
      }
      const same = leaf.path.startsWith("7FE0") && this.#isRelabelled(form) ? false : this.#fits(index, leaf);
      if (!(typeof same === "boolean" ? same : await same)) this.#changed.push(leaf.path);
      else this.#matched++;
      this.#seen[index] = 1;
    }
  }

  /** Compressed data that is not told apart into frames (a video), under another name than at sealing: no reader can decode it. */
  #isRelabelled(form: PixelForm): boolean {
    const { object, sealedTransferSyntax } = this.#request;
    const { encapsulated, uid } = object.transferSyntax;
    return form.kind === "whole" && encapsulated && uid !== sealedTransferSyntax;
  }

  #fits(index: number, leaf: Leaf): boolean | Promise<boolean> {
    const record = this.#request.records[index]!;
    if (record.vr !== leaf.vr) return false;
    if (leaf.value instanceof Uint8Array)
      return equalBytes(this.#committer.commit(index, leaf, leaf.value), record.commitment);
    return this.#committer.commitLeaf(index, leaf).then((found) => equalBytes(found, record.commitment));
  }

  /** 11. Every frame, by its codestream where that is as sealed, otherwise decoded. */
  async frames(form: PixelForm): Promise<FrameComparison> {
    const framed = form.kind === "native" || form.kind === "encapsulated" ? form : undefined;
    const present = framed ? frameCountOf(framed) : 0;
    const sealed = this.#sealedFrames(framed);
    const lists = { changed: [] as number[], added: [] as number[], uncheckable: [] as number[] };
    let matched = 0;
    let decoded = false;
    let reason: FrameComparison["reason"];
    for (let index = 0; framed && index < present; index++) {
      if (!sealed.has(index)) {
        lists.added.push(index);
        continue;
      }
      const outcome = await this.#frame(framed, index);
      decoded ||= outcome.decoded;
      if (outcome.kind === "matched") matched++;
      else lists[outcome.kind].push(index);
      if (outcome.kind === "uncheckable") reason ??= outcome.reason;
    }
    this.#matched += matched;
    return {
      sealed: sealed.size,
      present,
      matched,
      ...lists,
      removed: [...sealed].filter((index) => index >= present).sort((a, b) => a - b),
      ...(reason === undefined ? {} : { reason }),
      route: form.kind === "encapsulated" ? (decoded ? "decoded" : "encoded") : form.kind,
      tail: await this.#tail(form),
    };
  }

  /** Indices of sealed frames of the pixel data element that is present; those of another element are removed leaves. */
  #sealedFrames(framed: FramedForm | undefined): Set<number> {
    const sealed = new Set<number>();
    for (const [i, { path }] of this.#request.records.entries()) {
      const frame = parseFramePath(path);
      if (!frame || (framed && frame.tag !== framed.tag)) continue;
      sealed.add(frame.index);
      this.#seen[i] = 1;
    }
    return sealed;
  }

  async #frame(form: FramedForm, index: number): Promise<FrameOutcome> {
    const encodedLeaf = encodedName(form.tag, index);
    const decodedLeaf = frameName(form.tag, index);
    const encodedAt = this.#index.get(encodedLeaf.path);
    const decodedAt = this.#index.get(decodedLeaf.path);
    if (form.kind === "encapsulated" && encodedAt !== undefined && this.#sameCodec(form)) {
      if (await this.#fits(encodedAt, { ...encodedLeaf, value: encodedValue(form, index) }))
        return { kind: "matched", decoded: false };
      // Compressed data is judged on its bytes: a decoder returns pixels, even the same, for many a corrupted stream, another decoder others.
      if (form.pixels.object.transferSyntax.uid === this.#request.sealedTransferSyntax)
        return { kind: "changed", decoded: false };
    }
    if (decodedAt === undefined) return { kind: "uncheckable", decoded: false, reason: "lossy-original" };
    // A frame of another size is not the sealed one: codestreams of some bytes that claim gigabytes are not decoded to learn that.
    if (form.kind === "encapsulated" && this.#changed.some((path) => frameSizeTags.includes(path)))
      return { kind: "changed", decoded: false };
    const decoded = form.kind === "encapsulated";
    try {
      const value = frameValue(form, index, this.#request.decoder);
      const same = await this.#fits(decodedAt, { ...decodedLeaf, value });
      return { kind: same ? "matched" : "changed", decoded };
    } catch (error) {
      // What the decoder says of the object is a fact; I/O and our own faults are not.
      if (!(error instanceof ScansealError) || error.code === "io" || error.code === "internal") throw error;
      return { kind: "uncheckable", decoded, reason: error.code };
    }
  }

  /** A codestream under the name of another codec is one that no reader can decode. */
  #sameCodec({ pixels }: FramedForm): boolean {
    const sealed = transferSyntaxOf(this.#request.sealedTransferSyntax);
    return sealed?.codec === pixels.object.transferSyntax.codec;
  }

  /** 12. The pad after native frames. */
  async #tail(form: PixelForm): Promise<FrameComparison["tail"]> {
    if (form.kind !== "native") return { bytes: 0, zero: true };
    const { object, layout } = form.pixels;
    const { offset, length, trailingBytes } = layout;
    if (trailingBytes === 0) return { bytes: 0, zero: true };
    const tail = await object.dataSource.read(offset + length, Math.min(trailingBytes, tailBytesRead));
    return { bytes: trailingBytes, zero: trailingBytes <= tailBytesRead && tail.every((b) => b === 0) };
  }

  result(frames: FrameComparison): LeafComparison {
    const removed = this.#request.records.filter((_, i) => this.#seen[i] === 0).map(({ path }) => path);
    return {
      matched: this.#matched,
      changed: this.#changed.sort(),
      added: this.#added.sort(),
      removed,
      frames,
    };
  }
}

type FrameOutcome =
  | { readonly kind: "matched" | "changed"; readonly decoded: boolean }
  | {
      readonly kind: "uncheckable";
      readonly decoded: boolean;
      readonly reason: "lossy-original" | ErrorCode;
    };
