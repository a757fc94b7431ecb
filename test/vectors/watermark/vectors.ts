/** The form of frames.json. Raw files hold samples as spec/invisible-watermark.md hashes them (D6): plane after plane, u = v - lo, 1 byte each or 2. */
import type { PlanarFrame, PlaneColour } from "../../../src/invisible-watermark/frame.ts";
import { planeCount } from "../../../src/invisible-watermark/layout.ts";

export interface WatermarkVectors {
  readonly $comment: string;
  /** DER SubjectPublicKeyInfo, base64: the key of all signatures. */
  readonly publicKey: string;
  readonly frames: readonly FrameVector[];
}

export interface FrameVector {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  readonly signed: boolean;
  readonly colour: PlaneColour;
  /** What is shown by it. */
  readonly why: string;
  /** Hexadecimal, as all bytes are here. */
  readonly keyId: string;
  readonly contentId: string;
  readonly frameNo: number;
  /** Absent: not keyed. */
  readonly locatorKey?: string;
  readonly recoveryKey?: string;
  /** r || s, over the bytes to be signed. Injected: another signature of the same key gives another frame. */
  readonly signature: string;
  readonly expected: {
    readonly context: string;
    readonly root: string;
    readonly originalHash: string;
    readonly toBeSigned: string;
    readonly tileDigests: string;
    readonly sidecar?: { readonly bits: number; readonly bytes: string };
    /** SHA-256 of the marked frame's raw file. */
    readonly markedHash: string;
  };
  readonly altered: readonly AlteredVector[];
}

export interface AlteredVector {
  readonly attack: string;
  /** [plane, sample, new value]. */
  readonly changes: readonly (readonly [number, number, number])[];
  readonly found: boolean;
  readonly corrections: number;
  readonly outOfRange: number;
  readonly rootMatches: boolean;
  readonly superblocks: readonly number[];
  /** By the tile digests. */
  readonly tiles: readonly number[];
}

export type FrameForm = Pick<FrameVector, "width" | "height" | "bits" | "signed" | "colour">;

export function toRaw({ bits, planes }: PlanarFrame): Uint8Array {
  const samples = planes.flatMap((plane) => Array.from(plane));
  return Uint8Array.from(bits === 8 ? samples : samples.flatMap((sample) => [sample & 255, sample >> 8]));
}

export function fromRaw(raw: Uint8Array, form: FrameForm): PlanarFrame {
  const { width, height, bits, signed, colour } = form;
  const samples = width * height;
  const planes = Array.from({ length: planeCount(colour) }, (_, plane) =>
    Uint16Array.from({ length: samples }, (_, i) => {
      const at = plane * samples + i;
      return bits === 8 ? raw[at]! : raw[2 * at]! | (raw[2 * at + 1]! << 8);
    }),
  );
  return { width, height, bits, signed, colour, planes };
}
