/** What is marked: one frame as planes of unsigned samples. Knows no DICOM. */

/** RGB's carrier plane is blue, YBR's is Cb: changes are least visible there. */
export type PlaneColour = "mono" | "rgb" | "ybr";

/**
 * Samples as they are stored, moved to begin at 0: u = v - lo, where lo = -2^(bits-1) if signed, else 0. The mapping from a file's bytes to this form must
 * cover every bit: what lies above `bits` is refused by whoever makes the planes.
 */
export interface PlanarFrame {
  /** 8 to 65,535 samples. */
  readonly width: number;
  readonly height: number;
  /** Bits Stored, 8 to 16. */
  readonly bits: number;
  /** Stored values are two's complement. Part of what is signed, as is the colour. */
  readonly signed: boolean;
  readonly colour: PlaneColour;
  /** One plane (mono) or three, each width x height, row by row; values 0 to 2^bits - 1. */
  readonly planes: readonly Uint16Array[];
}

/** A rectangle of samples; x1 and y1 are the first outside. */
export interface Rectangle {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
}
