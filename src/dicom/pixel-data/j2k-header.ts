/** The headers of a JPEG 2000 (ITU-T T.800 annex A) or HTJ2K (ITU-T T.814) codestream: main header and every tile-part's. */
import { type Bytes, latin1, viewOf } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { CodestreamHeader } from "./codestream-header.ts";

const markers = {
  soc: 0xff4f,
  siz: 0xff51,
  cod: 0xff52,
  coc: 0xff53,
  sot: 0xff90,
  sod: 0xff93,
  eoc: 0xffd9,
} as const;

/** T.800 A.5.1: 16,384; images have at most 4 samples, and part 2 array transforms are not supported. */
const componentsMax = 4;
/** T.800 table A.20: the reversible 5/3 transform. */
const reversibleTransform = 1;
/** T.800 A.4.2: a tile index has 16 bits. */
const tilesMax = 65_535;
/** T.800 A.5.1, Rsiz: bit 15 announces part 2 extensions. */
const partTwo = 0x8000;

/** JP2 signature box, ITU-T T.800 annex I.5.1. */
const jp2Signature = Uint8Array.of(0, 0, 0, 12, 0x6a, 0x50, 0x20, 0x20);
/**
 * Boxes that change no sample. With a palette (pclr, cmap), channels in another order (cdef) or anything unknown, readers that heed it
 * show another image than those that do not.
 */
const plainBoxes: ReadonlySet<string> = new Set(["jP  ", "ftyp", "rreq", "uuid", "xml ", "jp2i"]);
const plainHeaderBoxes: ReadonlySet<string> = new Set(["ihdr", "bpcc", "colr", "res "]);
/** Boxes before the codestream: nothing real comes near. */
const boxesMax = 64;
/** Padding behind an end mark; too little for another image. */
const trailingBytesMax = 16;

/**
 * The codestream alone. PS3.5 annex A.4.4 rules a JP2 wrapper out, some writers leave it on. It may say nothing that changes samples.
 * @throws ScansealError `codec-failed` for a wrapper without a codestream, `unsupported` for one with a palette or anything unknown
 */
export function unwrappedJ2k(codestream: Bytes): Bytes {
  if (codestream.length < jp2Signature.length || !jp2Signature.every((byte, i) => codestream[i] === byte))
    return codestream;
  for (const { name, content, end } of jp2Boxes(codestream)) {
    if (name === "jp2c") {
      if (codestream.length - end > trailingBytesMax) throw failed("data after the codestream");
      return content;
    }
    const isHeader = name === "jp2h";
    const isPlain = isHeader
      ? jp2Boxes(content).every((inner) => plainHeaderBoxes.has(inner.name))
      : plainBoxes.has(name);
    if (!isPlain)
      throw new ScansealError("unsupported", "JPEG 2000: a JP2 wrapper that says more than a codestream may");
  }
  throw failed("a JP2 wrapper without a codestream");
}

interface Jp2Box {
  /** Four characters, T.800 table I.2. */
  readonly name: string;
  readonly content: Bytes;
  readonly end: number;
}

/** T.800 I.4: u32 length (0 is up to the end), u32 type, content. */
function jp2Boxes(bytes: Bytes): Jp2Box[] {
  const view = viewOf(bytes);
  const found: Jp2Box[] = [];
  for (let at = 0; at + 8 <= bytes.length; ) {
    if (found.length === boxesMax) throw failed("too many JP2 boxes");
    const length = view.getUint32(at);
    const end = length === 0 ? bytes.length : at + length;
    if ((length !== 0 && length < 8) || end > bytes.length) throw failed("a malformed JP2 box");
    const name = latin1(bytes.subarray(at + 4, at + 8));
    found.push({ name, content: bytes.subarray(at + 8, end), end });
    if (name === "jp2c") break;
    at = end;
  }
  return found;
}

/**
 * @throws ScansealError `codec-failed` when malformed or cut short (a tile-part ends behind the codestream), `unsupported`
 */
export function readJ2kHeader(codestream: Bytes): CodestreamHeader {
  const view = viewOf(codestream);
  const u16 = (at: number): number => {
    if (at + 2 > codestream.length) throw failed("cut short");
    return view.getUint16(at);
  };
  if (u16(0) !== markers.soc || u16(2) !== markers.siz) throw failed("no start of codestream");
  const size = readSize(codestream);
  const transforms: number[] = [];
  let at = 2;
  let tilePart: { end: number } | undefined;
  let tileParts = 0;
  for (;;) {
    const marker = u16(at);
    if (marker === markers.eoc) {
      if (codestream.length - at - 2 > trailingBytesMax) throw failed("data after the end of the codestream");
      break;
    }
    if (marker === markers.sod) {
      if (tilePart === undefined) throw failed("data outside a tile-part");
      at = tilePart.end;
      tilePart = undefined;
      tileParts++;
      // Some writers leave out the end of codestream.
      if (at + 1 >= codestream.length) break;
      continue;
    }
    const length = u16(at + 2);
    const end = at + 2 + length;
    if (length < 2 || end > codestream.length || marker < 0xff00) throw failed("a malformed marker segment");
    const parameters = codestream.subarray(at + 4, end);
    if (marker === markers.sot) tilePart = { end: tilePartEnd(codestream, at, parameters) };
    if (marker === markers.cod) transforms.push(transformAt(parameters, 9));
    if (marker === markers.coc) transforms.push(transformAt(parameters, 6));
    at = end;
  }
  if (tileParts === 0) throw failed("no tile");
  if (transforms.length === 0) throw failed("no coding style");
  return { ...size, reversible: transforms.every((transform) => transform === reversibleTransform) };
}

/** T.800 A.5.1. */
function readSize(codestream: Bytes): Omit<CodestreamHeader, "reversible"> {
  if (codestream.length < 42) throw failed("cut short");
  const view = viewOf(codestream);
  const word = (i: number): number => view.getUint32(8 + 4 * i);
  const [x, y, x0, y0, tileX, tileY, tileX0, tileY0] = [0, 1, 2, 3, 4, 5, 6, 7].map(word) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const components = view.getUint16(40);
  if ((view.getUint16(6) & partTwo) !== 0)
    throw new ScansealError("unsupported", "JPEG 2000 part 2 extensions");
  if (components < 1 || components > componentsMax || view.getUint16(4) !== 38 + 3 * components) {
    throw failed("a malformed image size");
  }
  if (codestream.length < 42 + 3 * components) throw failed("cut short");
  if (x <= x0 || y <= y0 || tileX === 0 || tileY === 0 || tileX0 > x0 || tileY0 > y0)
    throw failed("a malformed image size");
  if (Math.ceil((x - tileX0) / tileX) * Math.ceil((y - tileY0) / tileY) > tilesMax)
    throw failed("too many tiles");
  const depth = codestream[42]!;
  for (let i = 0; i < components; i++) {
    const at = 42 + 3 * i;
    if (codestream[at] !== depth)
      throw new ScansealError("unsupported", "JPEG 2000: components of different depth");
    if (codestream[at + 1] !== 1 || codestream[at + 2] !== 1) {
      throw new ScansealError("unsupported", "JPEG 2000: subsampled components");
    }
  }
  return {
    rows: y - y0,
    columns: x - x0,
    components,
    precision: (depth & 0x7f) + 1,
    signed: (depth & 0x80) !== 0,
  };
}

/** T.800 A.4.2; Psot 0 reaches to the end of codestream. */
function tilePartEnd(codestream: Bytes, at: number, parameters: Bytes): number {
  if (parameters.length !== 8) throw failed("a malformed tile-part");
  const length = viewOf(parameters).getUint32(2);
  const end = length === 0 ? codestream.length : at + length;
  if (length !== 0 && (length < 14 || end > codestream.length))
    throw failed("a tile-part leaves the codestream");
  return end;
}

/** The transform is the fifth byte of the SPcod and SPcoc parameters (T.800 tables A.15 and A.23). */
function transformAt(parameters: Bytes, offset: number): number {
  // COC of up to 256 components: one byte of index, one of style.
  const transform = parameters[offset];
  if (transform === undefined) throw failed("a malformed coding style");
  return transform;
}

function failed(problem: string): ScansealError {
  return new ScansealError("codec-failed", `JPEG 2000: ${problem}`);
}
