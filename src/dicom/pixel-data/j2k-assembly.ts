/**
 * JPEG 2000 and HTJ2K codestreams from codestreams of single signed components. What a codec's own interface does not offer or gets
 * wrong (no component transform, samples of 9 to 15 bits, colour of more than 8) is done here: the level shift and the reversible
 * component transform (ITU-T T.800 annex G) before, and the common headers after.
 */
import { type Bytes, concatBytes, viewOf } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { StoredValues } from "./stored-values.ts";

/** Bits of the planes: signed. */
export const planeBits = 16;

export interface J2kFrame {
  readonly rows: number;
  readonly columns: number;
  readonly components: number;
  /** 1 to 16. */
  readonly precision: number;
  readonly signed: boolean;
  /** The reversible component transform: three components of at most 15 bits. */
  readonly componentTransform: boolean;
}

/**
 * The samples of each component, after level shift and component transform.
 * @throws ScansealError `unsupported` for a component transform of anything but three components of at most 15 bits
 */
export function j2kPlanes(stored: StoredValues, frame: J2kFrame): Int16Array[] {
  const { components, precision, signed } = frame;
  const { values } = stored;
  const count = values.length / components;
  // T.800 G.1.1: unsigned samples are moved around zero. Signed ones are extended from their width.
  const half = 1 << (precision - 1);
  const planes = Array.from({ length: components }, (_, c) => {
    const plane = new Int16Array(count);
    for (let i = 0, at = c; i < count; i++, at += components)
      plane[i] = signed ? (values[at]! ^ half) - half : values[at]! - half;
    return plane;
  });
  if (frame.componentTransform) {
    if (components !== 3 || precision >= planeBits)
      throw new ScansealError("unsupported", "a reversible component transform of such samples");
    transformComponents(planes as [Int16Array, Int16Array, Int16Array]);
  }
  return planes;
}

/** T.800 G.2.1, in place: luminance, blue difference, red difference. */
function transformComponents([first, second, third]: [Int16Array, Int16Array, Int16Array]): void {
  for (let i = 0; i < first.length; i++) {
    const red = first[i]!;
    const green = second[i]!;
    const blue = third[i]!;
    first[i] = (red + 2 * green + blue) >> 2;
    second[i] = blue - green;
    third[i] = red - green;
  }
}

const markers = {
  soc: 0xff4f,
  siz: 0xff51,
  cod: 0xff52,
  tlm: 0xff55,
  com: 0xff64,
  sot: 0xff90,
  sod: 0xff93,
  eoc: 0xffd9,
} as const;

interface Segment {
  readonly marker: number;
  readonly parameters: Bytes;
}

interface PlaneCodestream {
  readonly main: readonly Segment[];
  /** The packets of each tile-part. */
  readonly tileParts: readonly Bytes[];
}

/**
 * Joins codestreams of `j2kPlanes`, of one codec and one set of options: one tile, the progression either by component, or by
 * resolution with a tile-part for each and one precinct in each. In both, the packets of the whole are those of the components one
 * after the other within each tile-part (T.800 B.12.1.3 and B.12.1.5).
 * @param tileLengths a TLM marker segment is written, as 1.2.840.10008.1.2.4.202 asks
 * @throws ScansealError `codec-failed` for codestreams that do not go together
 */
export function assembledJ2k(codestreams: readonly Bytes[], frame: J2kFrame, tileLengths: boolean): Bytes {
  const planes = codestreams.map(planeCodestream);
  const [first] = planes;
  if (first === undefined || planes.length !== frame.components) throw failed("components are missing");
  if (planes.some((plane) => !goesWith(plane, first))) throw failed("components of different coding");
  const parts = first.tileParts.map((_, i) => concatBytes(planes.map((plane) => plane.tileParts[i]!)));
  const header = first.main
    .filter(({ marker }) => marker !== markers.tlm)
    .map((segment) => encoded(adapted(segment, frame)));
  return concatBytes([
    mark(markers.soc),
    ...header,
    tileLengths ? encoded(tilePartLengths(parts)) : new Uint8Array(0),
    ...parts.flatMap((part, i) => [tilePartHeader(part, i, parts.length), mark(markers.sod), part]),
    mark(markers.eoc),
  ]);
}

function goesWith(a: PlaneCodestream, b: PlaneCodestream): boolean {
  const head = (plane: PlaneCodestream): Bytes =>
    concatBytes(plane.main.filter(({ marker }) => marker !== markers.tlm).map(encoded));
  const [one, other] = [head(a), head(b)];
  return (
    a.tileParts.length === b.tileParts.length &&
    one.length === other.length &&
    one.every((byte, i) => byte === other[i])
  );
}

/** A codestream of the codec's own making: only what it writes is understood. */
function planeCodestream(codestream: Bytes): PlaneCodestream {
  const view = viewOf(codestream);
  const main: Segment[] = [];
  const tileParts: Bytes[] = [];
  let at = 2;
  while (at + 4 <= codestream.length) {
    const marker = view.getUint16(at);
    const parameters = codestream.subarray(at + 4, at + 2 + view.getUint16(at + 2));
    if (marker !== markers.sot) {
      if (tileParts.length > 0) throw failed("an unexpected marker");
      main.push({ marker, parameters });
      at += 4 + parameters.length;
      continue;
    }
    // T.800 A.4.2: tile 0, and nothing but the start of data after it.
    const length = view.getUint32(at + 6);
    if (parameters.length !== 8 || view.getUint16(at + 4) !== 0 || view.getUint16(at + 12) !== markers.sod)
      throw failed("an unexpected tile-part");
    if (length < 14 || at + length > codestream.length) throw failed("a tile-part leaves the codestream");
    tileParts.push(codestream.subarray(at + 14, at + length));
    at += length;
  }
  if (view.getUint16(0) !== markers.soc || tileParts.length === 0 || view.getUint16(at) !== markers.eoc)
    throw failed("not a whole codestream");
  return { main, tileParts };
}

/** The header of one signed component becomes that of the frame. */
function adapted({ marker, parameters }: Segment, frame: J2kFrame): Segment {
  if (marker === markers.siz) {
    // T.800 A.5.1: Csiz, then Ssiz, XRsiz and YRsiz of each component.
    const size = new Uint8Array(36 + 3 * frame.components);
    size.set(parameters.subarray(0, 34));
    viewOf(size).setUint16(34, frame.components);
    for (let c = 0; c < frame.components; c++)
      size.set([(frame.precision - 1) | (frame.signed ? 0x80 : 0), 1, 1], 36 + 3 * c);
    return { marker, parameters: size };
  }
  if (marker === markers.cod) {
    const style = parameters.slice();
    // T.800 table A.14: multiple component transformation.
    style[4] = frame.componentTransform ? 1 : 0;
    return { marker, parameters: style };
  }
  return { marker, parameters };
}

/** T.800 A.7.1: 16-bit tile indices, 32-bit lengths. */
function tilePartLengths(parts: readonly Bytes[]): Segment {
  const parameters = new Uint8Array(2 + 6 * parts.length);
  parameters[1] = 0x60;
  parts.forEach((part, i) => {
    viewOf(parameters).setUint32(4 + 6 * i, 14 + part.length);
  });
  return { marker: markers.tlm, parameters };
}

/** T.800 A.4.2. */
function tilePartHeader(part: Bytes, index: number, count: number): Bytes {
  const parameters = new Uint8Array(8);
  viewOf(parameters).setUint32(2, 14 + part.length);
  parameters[6] = index;
  parameters[7] = count;
  return encoded({ marker: markers.sot, parameters });
}

function encoded({ marker, parameters }: Segment): Bytes {
  const head = new Uint8Array(4);
  viewOf(head).setUint16(0, marker);
  viewOf(head).setUint16(2, parameters.length + 2);
  return concatBytes([head, parameters]);
}

function mark(marker: number): Bytes {
  return Uint8Array.of(marker >> 8, marker & 0xff);
}

function failed(problem: string): ScansealError {
  return new ScansealError("codec-failed", `JPEG 2000 encoder: ${problem}`);
}
